use super::*;

fn written(write: impl FnOnce(&mut BytesMut)) -> String {
    let mut out = BytesMut::new();
    write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn numbers_are_decimal() {
    for value in [0, 7, 10, 4_294_967_295, u64::MAX] {
        assert_eq!(written(|out| number(out, value)), value.to_string());
    }
    assert_eq!(written(|out| number_padded(out, 7, 4)), "0007");
    assert_eq!(written(|out| number_padded(out, 12345, 4)), "12345");
    assert_eq!(written(|out| number_padded(out, 0, 2)), "00");
}

#[test]
fn strings_are_quoted_where_they_can_be() {
    let long = "x".repeat(QUOTED_BYTES_MAX + 1);
    let long_literal = format!("{{{}}}\r\n{long}", long.len());
    let cases: [(&[u8], Quoting, &str); 9] = [
        (b"plain text", Quoting::Ascii, "\"plain text\""),
        (b"", Quoting::Ascii, "\"\""),
        (br#"a "b" \c"#, Quoting::Ascii, r#""a \"b\" \\c""#),
        (b"a\r\nb", Quoting::Utf8, "{4}\r\na\r\nb"),
        (b"a\0b", Quoting::Utf8, "{3}\r\na?b"),
        ("Zoë".as_bytes(), Quoting::Ascii, "{4}\r\nZoë"),
        ("Zoë".as_bytes(), Quoting::Utf8, "\"Zoë\""),
        (b"caf\xe9", Quoting::Utf8, "{4}\r\ncaf\u{fffd}"),
        (long.as_bytes(), Quoting::Utf8, &long_literal),
    ];
    for (value, quoting, expected) in cases {
        assert_eq!(written(|out| string(out, value, quoting)), expected);
    }
}

#[test]
fn an_atom_that_reads_as_something_else_is_quoted() {
    for (value, expected) in [("INBOX", "INBOX"), ("NIL", "\"NIL\""), ("", "\"\""), ("a b", "\"a b\"")] {
        assert_eq!(written(|out| astring(out, value.as_bytes(), Quoting::Ascii)), expected);
    }
}

#[test]
fn mailbox_names_follow_the_client() {
    assert_eq!(written(|out| mailbox(out, "Entwürfe", Names::ModifiedUtf7)), "Entw&APw-rfe");
    assert_eq!(written(|out| mailbox(out, "Entwürfe", Names::Utf8)), "\"Entwürfe\"");
    assert_eq!(written(|out| mailbox(out, "R&D", Names::ModifiedUtf7)), "R&-D");
    assert_eq!(written(|out| mailbox(out, "R&D", Names::Utf8)), "R&D");
    assert_eq!(written(|out| mailbox(out, "New Messages", Names::ModifiedUtf7)), "\"New Messages\"");
}
