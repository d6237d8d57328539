use super::*;

/// 2023-11-14T22:13:20Z
const NOW: i64 = 1_700_000_000;

fn edit(body: &str) -> Result<PushEdit, &'static str> {
    parse(body.as_bytes(), UnixTime(NOW))
}

#[test]
fn what_is_said_is_changed_and_nothing_else() {
    let until = |seconds| Some(PushSilence::Until(UnixTime(NOW + seconds)));
    let cases = [
        ("{}", None, None),
        (r#"{"name":"Phone"}"#, Some("Phone"), None),
        (r#"{"name":null}"#, Some(""), None),
        (r#"{"silentFor":3600}"#, None, until(3600)),
        (r#"{"silentFor":4294967295,"name":" "}"#, Some(" "), until(4_294_967_295)),
        (r#"{"silentFor":0}"#, None, Some(PushSilence::Over)),
        (r#"{"silentUntil":null}"#, None, Some(PushSilence::Over)),
        (r#"{"silentUntil":"2023-11-14T22:14:20Z"}"#, None, until(60)),
        (r#"{"silentUntil":"2023-11-15T00:14:20.5+02:00"}"#, None, until(60)),
    ];
    for (body, name, silence) in cases {
        assert_eq!(edit(body), Ok(PushEdit { name: name.map(str::to_owned), silence }), "{body}");
    }
}

#[test]
fn what_can_not_be_meant_is_refused() {
    for body in [
        "",
        "[]",
        "null",
        "{",
        r#"{"name":"a","name":"b"}"#,
        r#"{"name":""}"#,
        r#"{"name":7}"#,
        r#"{"nickname":"a"}"#,
        r#"{"endpoint":"https://push.example"}"#,
        r#"{"silentFor":-1}"#,
        r#"{"silentFor":1.5}"#,
        r#"{"silentFor":"60"}"#,
        r#"{"silentFor":4294967296}"#,
        r#"{"silentFor":1e300}"#,
        r#"{"silentFor":null}"#,
        r#"{"silentUntil":"tomorrow"}"#,
        r#"{"silentUntil":1700000060}"#,
        r#"{"silentUntil":"2023-11-14T22:13:20Z"}"#,
        r#"{"silentUntil":"9999-12-31T23:59:59Z"}"#,
        r#"{"silentUntil":null,"silentFor":0}"#,
    ] {
        assert!(edit(body).is_err(), "{body}");
    }
}
