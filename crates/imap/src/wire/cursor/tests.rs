use bytes::Bytes;

use super::*;

fn at<'f>(frame: &'f Bytes) -> Cursor<'f> {
    Cursor::new(frame, Names::ModifiedUtf7)
}

fn astring_of(input: &'static [u8]) -> Result<Vec<u8>, String> {
    let frame = Bytes::from_static(input);
    let mut cursor = at(&frame);
    let value = cursor.astring().map_err(|e| e.to_string())?;
    cursor.end().map_err(|e| e.to_string())?;
    Ok(value.to_vec())
}

#[test]
fn strings_are_read_in_every_form() {
    let cases: [(&'static [u8], &[u8]); 9] = [
        (b"INBOX", b"INBOX"),
        (b"a]b", b"a]b"),
        (b"\"\"", b""),
        (b"\"a b\"", b"a b"),
        (br#""say \"no\" \\ yes""#, br#"say "no" \ yes"#),
        (b"{3}\r\na\r\n", b"a\r\n"),
        (b"{3+}\r\nabc", b"abc"),
        (b"{0}\r\n", b""),
        ("\"Fü\"".as_bytes(), "Fü".as_bytes()),
    ];
    for (input, expected) in cases {
        assert_eq!(astring_of(input).as_deref(), Ok(expected), "{:?}", input.escape_ascii().to_string());
    }
}

#[test]
fn broken_strings_name_what_was_due_and_where() {
    let cases: [(&'static [u8], &str); 7] = [
        (b"", "expected an atom or a string at byte 0"),
        (b"a(b", "expected the end of the command at byte 1"),
        (b"\"abc", "expected the closing quote at byte 4"),
        (br#""a\n""#, "expected a quote or backslash after a backslash at byte 3"),
        (b"{5}\r\nabc", "expected the literal's bytes at byte 5"),
        (b"{5 }\r\nabc", "expected the end of the literal's length at byte 2"),
        (b"{3}\r\na\0c", "a NUL byte needs a literal8 (~{..}) (at byte 8)"),
    ];
    for (input, expected) in cases {
        assert_eq!(astring_of(input), Err(expected.to_owned()), "{:?}", input.escape_ascii().to_string());
    }
}

#[test]
fn numbers_stop_at_their_bounds() {
    let number = |input: &'static str| at(&Bytes::from_static(input.as_bytes())).number().ok();
    assert_eq!(number("4294967295"), Some(u32::MAX));
    assert_eq!(number("4294967296"), None);
    assert_eq!(number("99999999999999999999999999"), None);
    let number64 = |input: &'static str| at(&Bytes::from_static(input.as_bytes())).number64().ok();
    assert_eq!(number64("9223372036854775807"), Some(i64::MAX.unsigned_abs()));
    assert_eq!(number64("9223372036854775808"), None);
    assert_eq!(at(&Bytes::from_static(b"0")).nz_number().ok(), None);
}

#[test]
fn a_literal_shares_the_frame() {
    let frame = Bytes::from_static(b"{4}\r\nbody");
    let body = at(&frame).literal().unwrap();
    assert_eq!(body.as_ptr(), frame.slice(5..).as_ptr());
}

#[test]
fn lists_know_their_bounds() {
    let list = |input: &'static str, bounds| {
        at(&Bytes::from_static(input.as_bytes())).list(bounds, Cursor::number).ok()
    };
    let some = ListBounds { max: 2, empty: Empty::Refused };
    assert_eq!(list("(1 2)", some), Some(vec![1, 2]));
    assert_eq!(list("(1 2 3)", some), None, "too many");
    assert_eq!(list("()", some), None);
    assert_eq!(list("()", ListBounds { max: 2, empty: Empty::Allowed }), Some(vec![]));
    assert_eq!(list("(1  2)", some), None, "two spaces");
    assert_eq!(list("(1 )", some), None);
    assert_eq!(list("(1", some), None);
}

#[test]
fn a_word_ends_where_the_atom_does() {
    let frame = Bytes::from_static(b"NILS");
    assert!(!at(&frame).eat_word("NIL"));
    let frame = Bytes::from_static(b"nil)");
    assert!(at(&frame).eat_word("NIL"));
}
