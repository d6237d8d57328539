use super::plain;

#[test]
fn plain_messages_hold_a_name_and_a_password() {
    type NameAndPassword = (&'static str, &'static str);
    let cases: [(&[u8], Option<NameAndPassword>); 9] = [
        (b"\0tim\0tanstaaftanstaaf", Some(("tim", "tanstaaftanstaaf"))),
        (b"tim\0tim\0secret", Some(("tim", "secret"))),
        (b"\0tim\0", Some(("tim", ""))),
        // RFC 4616 §4: the second example acts as another user.
        (b"Ursel\0Kurt\0xipj3plmq", None),
        (b"\0\0secret", None),
        (b"tim\0secret", None),
        (b"\0tim\0secret\0", None),
        (b"", None),
        (b"\0t\xffm\0secret", None),
    ];
    for (message, expected) in cases {
        assert_eq!(plain(message), expected, "{:?}", message.escape_ascii().to_string());
    }
}
