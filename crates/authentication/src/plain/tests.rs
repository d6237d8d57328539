use proptest::prelude::*;

use super::Plain;

#[test]
fn plain_messages_hold_names_and_a_password() {
    type Fields = (&'static str, &'static str, &'static str);
    let cases: [(&[u8], Option<Fields>); 9] = [
        // RFC 4616 §4.
        (b"\0tim\0tanstaaftanstaaf", Some(("", "tim", "tanstaaftanstaaf"))),
        (b"Ursel\0Kurt\0xipj3plmq", Some(("Ursel", "Kurt", "xipj3plmq"))),
        (b"tim\0tim\0secret", Some(("tim", "tim", "secret"))),
        (b"\0tim\0", None),
        (b"\0\0secret", None),
        (b"tim\0secret", None),
        (b"\0tim\0secret\0", None),
        (b"", None),
        (b"\0t\xffm\0secret", None),
    ];
    for (message, expected) in cases {
        let parsed = Plain::parse(message).ok().map(|plain| (plain.authzid, plain.authcid, plain.password));
        assert_eq!(parsed, expected, "{:?}", message.escape_ascii().to_string());
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(fields in "[^\0]{0,9}\0[^\0]{1,9}\0[^\0]{1,9}") {
        let plain = Plain::parse(fields.as_bytes()).ok().unwrap();
        prop_assert_eq!(format!("{}\0{}\0{}", plain.authzid, plain.authcid, plain.password), fields);
    }

    #[test]
    fn no_bytes_break_the_parser(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let nul = bytes.iter().filter(|byte| **byte == 0).count();
        prop_assert!(Plain::parse(&bytes).is_err() || nul == 2);
    }
}
