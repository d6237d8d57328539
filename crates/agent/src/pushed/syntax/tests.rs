use proptest::prelude::*;

use super::*;

fn atom(text: &str) -> Value {
    Value::Atom(text.into())
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

#[test]
fn every_kind_of_value_is_read() {
    let cases = [
        ("A 1 NIL nil", vec![atom("A"), atom("1"), Value::Nil, Value::Nil]),
        (r#""a \"b\" \\ c" """#, vec![text(r#"a "b" \ c"#), text("")]),
        ("{5}\r\na\r\nb) x", vec![text("a\r\nb)"), atom("x")]),
        ("~{2+}\r\n\u{0}\u{1}", vec![text("\u{0}\u{1}")]),
        (
            "(A (B) ()) C",
            vec![Value::List(vec![atom("A"), Value::List(vec![atom("B")]), Value::List(vec![])]), atom("C")],
        ),
        ("(A(B)C)", vec![Value::List(vec![atom("A"), Value::List(vec![atom("B")]), atom("C")])]),
        (
            "BODY[HEADER.FIELDS (TO \"X\")]<0> \"v\"",
            vec![atom("BODY[HEADER.FIELDS (TO \"X\")]<0>"), text("v")],
        ),
        (r"\Seen $Forwarded", vec![atom(r"\Seen"), atom("$Forwarded")]),
        ("Entwürfe", vec![atom("Entwürfe")]),
        ("", vec![]),
    ];
    for (line, expected) in cases {
        assert_eq!(parse_line(line.as_bytes()), Ok(expected), "{line}");
    }
}

#[test]
fn broken_lines_are_refused() {
    let deep = format!("{}{}", "(".repeat(33), ")".repeat(33));
    let cases = [
        "(",
        ")",
        "A)",
        "(A",
        "\"open",
        "\"a\nb\"",
        "{5}\r\nabc",
        "{x}\r\n",
        "{5}",
        "{99999999999999999999999}\r\n",
        "BODY[",
        "a\"b",
        "a\u{1}",
        "{1{2}\r\nxx",
        deep.as_str(),
    ];
    for line in cases {
        assert_eq!(parse_line(line.as_bytes()), Err(SyntaxError), "{line:?}");
    }
}

#[test]
fn responses_are_split_where_they_end_and_not_where_a_literal_looks_like_it() {
    let push = b"* SELECT INBOX\r\n* 1 UIDFETCH (BINARY[1] {6}\r\n* a\r\nb)\r\n* SYNC\r\nplain\n";
    let expected: [&[u8]; 4] =
        [b"SELECT INBOX", b"1 UIDFETCH (BINARY[1] {6}\r\n* a\r\nb)", b"SYNC", b"plain"];
    assert_eq!(split_responses(push), expected);
    assert_eq!(split_responses(b"* SYNC"), [b"SYNC"]);
    assert_eq!(split_responses(b"* A {100}\r\nshort"), [b"A {100}\r\nshort"]);
    assert!(split_responses(b"\r\n\r\n").is_empty());
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for line in split_responses(&bytes) {
            let _judged = parse_line(line);
        }
    }

    #[test]
    fn any_text_survives_as_a_literal(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut line = format!("X {{{}}}\r\n", bytes.len()).into_bytes();
        line.extend_from_slice(&bytes);
        prop_assert_eq!(parse_line(&line).unwrap(), vec![atom("X"), Value::Text(bytes)]);
    }
}
