use bytes::Bytes;
use proptest::prelude::*;

use super::*;

fn encoded(name: &str) -> String {
    let mut out = BytesMut::new();
    push_modified_utf7(&mut out, name);
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn the_examples_of_rfc_3501_hold_in_both_directions() {
    // RFC 3501 §5.1.3, and RFC 9051's own spelling of "Entwürfe".
    let cases = [
        ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("Entwürfe", "Entw&APw-rfe"),
        ("R&D", "R&-D"),
        ("&", "&-"),
        ("🎉", "&2DzfiQ-"),
        ("a☺b☺", "a&Jjo-b&Jjo-"),
        ("☺&☺", "&Jjo-&-&Jjo-"),
    ];
    for (name, wire) in cases {
        assert_eq!(encoded(name), wire);
        assert_eq!(from_modified_utf7(wire).as_deref(), Some(name));
    }
}

#[test]
fn a_name_has_one_encoding_and_broken_ones_are_refused() {
    // RFC 3501 §5.1.3: printable ASCII must not be in base64; a shift must end.
    for wire in ["&Jjo", "&AGE-", "&2Dw-", "&Jj-", "&****-", "&AA0-", "&Jjo=-", "&U,BTFw-&ZeVnLIqe-", "&Jjp-"]
    {
        assert_eq!(from_modified_utf7(wire), None, "{wire}");
    }
}

#[test]
fn arguments_become_utf8_names() {
    let name = |input: &'static str, names| {
        let frame = Bytes::from_static(input.as_bytes());
        let mut cursor = Cursor::new(&frame, names);
        mailbox(&mut cursor).map_err(|e| e.to_string())
    };
    assert_eq!(name("inBox", Names::ModifiedUtf7).as_deref(), Ok("INBOX"));
    assert_eq!(name("\"Entw&APw-rfe\"", Names::ModifiedUtf7).as_deref(), Ok("Entwürfe"));
    assert_eq!(name("\"Entw&APw-rfe\"", Names::Utf8).as_deref(), Ok("Entw&APw-rfe"));
    assert_eq!(name("\"Entwürfe\"", Names::ModifiedUtf7).as_deref(), Ok("Entwürfe"));
    assert!(name("\"\"", Names::Utf8).is_err());
    assert!(name("{3}\r\na\rb", Names::Utf8).is_err(), "control characters");
}

proptest! {
    #[test]
    fn modified_utf7_loses_nothing(name in "[^\\p{Cc}]{0,40}") {
        prop_assert_eq!(from_modified_utf7(&encoded(&name)), Some(name));
    }
}
