use super::{PARAMETERS_MAX, decoded, parse};

fn listed(value: &str) -> String {
    let Some(parsed) = parse(value.as_bytes()) else { return "none".to_owned() };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut listed = text(&parsed.token);
    for parameter in &parsed.parameters {
        listed += &format!(" {}=[{}]", text(&parameter.name), text(&parameter.value));
    }
    listed
}

#[test]
fn tokens_and_parameters_are_read_leniently() {
    let cases: &[(&str, &str)] = &[
        ("text/plain", "text/plain"),
        ("text/plain; charset=us-ascii (Plain text)", "text/plain charset=[us-ascii]"),
        ("text/plain; charset=\"us-ascii\"", "text/plain charset=[us-ascii]"),
        ("(c) text/plain (c) ; (c) charset (c) = (c) x", "text/plain charset=[x]"),
        ("Text/Plain;Format=Flowed;DelSp=yes;", "Text/Plain Format=[Flowed] DelSp=[yes]"),
        ("a/b; name=my file.pdf; x=y", "a/b name=[my file.pdf] x=[y]"),
        ("a/b; name=\"semi;colon \\\"q\\\"\"", "a/b name=[semi;colon \"q\"]"),
        ("a/b; name=\"never closed", "a/b name=[never closed]"),
        ("a/b;;; x=1;; y=2", "a/b x=[1] y=[2]"),
        ("a/b x=1", "a/b x=[1]"),
        ("a/b; flag; x=1", "a/b x=[1]"),
        ("a/b; =1; x=", "a/b x=[]"),
        ("a/b; name*0*=utf-8''a; name*1=b", "a/b name*0*=[utf-8''a] name*1=[b]"),
        ("", "none"),
        ("; x=1", "none"),
        ("t\u{e9}xt/plain", "none"),
    ];
    for (value, expected) in cases {
        assert_eq!(listed(value), *expected, "{value}");
    }
}

#[test]
fn extended_parameters_are_decoded() {
    let cases: &[(&str, Option<&str>)] = &[
        ("a; title=plain", Some("plain")),
        // RFC 2231 §4.
        ("a; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", Some("This is ***fun***")),
        // RFC 2231 §4.1.
        (
            "a; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
            Some("This is even more ***fun*** isn't it!"),
        ),
        ("a; title*1=b; title*0=a", Some("ab")),
        ("a; title*0=a; title*2=c", Some("a")),
        ("a; title*1=b", None),
        ("a; title*=iso-8859-1''caf%E9; title=cafe", Some("caf\u{e9}")),
        ("a; title*=caf%C3%A9", Some("caf\u{e9}")),
        ("a; title=\"=?utf-8?q?caf=C3=A9?=\"", Some("caf\u{e9}")),
        ("a; title*=utf-8''100%; TITLE=x", Some("100%")),
        ("a; titles=x", None),
    ];
    for (value, expected) in cases {
        let parameters = parse(value.as_bytes()).unwrap().parameters;
        assert_eq!(decoded(&parameters, "title").as_deref(), *expected, "{value}");
    }
}

#[test]
fn parameters_end_at_their_limit() {
    let value = format!("a/b{}", "; x=1".repeat(PARAMETERS_MAX + 5));
    assert_eq!(parse(value.as_bytes()).unwrap().parameters.len(), PARAMETERS_MAX);
}
