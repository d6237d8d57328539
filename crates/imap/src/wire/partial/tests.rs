use bytes::Bytes;

use super::*;
use crate::wire::mailbox::Names;

fn parsed(text: &str) -> Option<PartialRange> {
    let frame = Bytes::copy_from_slice(text.as_bytes());
    let mut cursor = Cursor::new(&frame, Names::ModifiedUtf7);
    let range = PartialRange::parse(&mut cursor).ok()?;
    cursor.end().ok().map(|()| range)
}

#[test]
fn a_range_is_written_as_it_was_read() {
    for text in ["1:10", "10:1", "-1:-10", "-100:-5", "4294967295:1"] {
        let mut out = BytesMut::new();
        parsed(text).unwrap().encode(&mut out);
        assert_eq!(out, text.as_bytes());
    }
}

#[test]
fn other_forms_are_refused() {
    for text in ["", "1", "0:1", "1:0", "*:1", "1:*", "-1:10", "1:-10", "-0:-1", "1:2:3", "4294967296:1"] {
        assert_eq!(parsed(text), None, "{text}");
    }
}

#[test]
fn a_page_is_counted_from_either_end() {
    let cases = [
        ("1:3", 10, 0..3),
        ("3:1", 10, 0..3),
        ("9:20", 10, 8..10),
        ("11:20", 10, 0..0),
        ("-1:-3", 10, 7..10),
        ("-9:-20", 10, 0..2),
        ("-11:-20", 10, 0..0),
        ("1:1", 0, 0..0),
        ("-1:-4294967295", 3, 0..3),
    ];
    for (text, length, expected) in cases {
        assert_eq!(parsed(text).unwrap().of(length), expected, "{text} of {length}");
    }
}
