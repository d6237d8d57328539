use super::*;

#[test]
fn what_is_valid_is_read_as_it_stands() {
    for text in
        ["null", "[1,-2,3.5,true]", r#"{"a":{"b":[]},"c":"\ud83d\ude00"}"#, "9007199254740993", "\"\\u0000\""]
    {
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(parse(text.as_bytes()).unwrap(), expected, "{text}");
    }
}

#[test]
fn what_two_readers_may_see_differently_is_refused() {
    let cases: [(&[u8], &str); 8] = [
        (br#"{"a":1,"a":2}"#, "twice"),
        (br#"[{"x":{"a":1,"b":2,"a":1}}]"#, "twice"),
        (b"\"\xff\"", "unicode"),
        (br#""\ud800""#, "hex escape"),
        (b"1e999", "out of range"),
        (b"{} {}", "trailing"),
        (b"{", "EOF"),
        (b"NaN", "expected value"),
    ];
    for (text, why) in cases {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(why), "{error:?} for {:?}", String::from_utf8_lossy(text));
    }
}

#[test]
fn depth_and_number_of_values_are_bounded() {
    let nested = |depth: usize| [b"[".repeat(depth), b"]".repeat(depth)].concat();
    assert!(parse(&nested(DEPTH_MAX)).is_ok());
    assert!(parse(&nested(DEPTH_MAX + 1)).is_err());
    assert!(parse(&nested(1_000_000)).is_err());
    let flat = |count: usize| format!("[{}0]", "0,".repeat(count - 2));
    assert!(parse(flat(VALUES_MAX).as_bytes()).is_ok());
    assert!(parse(flat(VALUES_MAX + 1).as_bytes()).is_err());
}
