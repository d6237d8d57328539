use bytes::Bytes;

use super::*;
use crate::wire::mailbox::Names;

fn parsed(arguments: &str) -> Result<Fetch, String> {
    let frame = Bytes::copy_from_slice(arguments.as_bytes());
    fetch(&mut Cursor::new(&frame, Names::ModifiedUtf7), Numbering::Seq).map_err(|e| e.to_string())
}

fn label(item: &FetchItem) -> String {
    let mut out = BytesMut::new();
    match item {
        FetchItem::Section(section) => section.encode_label(&mut out),
        FetchItem::Binary(binary) => binary.encode_label(&mut out),
        other => panic!("{other:?} has no label"),
    }
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn macros_stand_for_their_items() {
    use FetchItem::{Body, Envelope, Flags, InternalDate, Size};
    assert_eq!(parsed("1 FAST").unwrap().items, [Flags, InternalDate, Size]);
    assert_eq!(parsed("1 all").unwrap().items, [Flags, InternalDate, Size, Envelope]);
    assert_eq!(parsed("1 FULL").unwrap().items, [Flags, InternalDate, Size, Envelope, Body]);
    assert!(parsed("1 (FAST)").is_err(), "a macro stands alone");
}

#[test]
fn plain_items_keep_their_order() {
    use FetchItem::*;
    let items = parsed(
        "1:* (UID FLAGS ENVELOPE INTERNALDATE RFC822.SIZE BODY BODYSTRUCTURE MODSEQ EMAILID THREADID \
         SAVEDATE PREVIEW PREVIEW (LAZY) BINARY.SIZE[1.2])",
    );
    let expected = [
        Uid,
        Flags,
        Envelope,
        InternalDate,
        Size,
        Body,
        BodyStructure,
        ModSeq,
        EmailId,
        ThreadId,
        SaveDate,
        Preview,
        Preview,
        BinarySize(PartPath(vec![1, 2])),
    ];
    assert_eq!(items.unwrap().items, expected);
}

#[test]
fn an_answer_spells_a_section_as_it_was_asked() {
    let cases = [
        ("BODY[]", "BODY[]"),
        ("body.peek[header]", "BODY[HEADER]"),
        ("BODY[TEXT]<0.100>", "BODY[TEXT]<0>"),
        ("BODY[1]", "BODY[1]"),
        ("BODY.PEEK[4.2.HEADER]", "BODY[4.2.HEADER]"),
        ("BODY[3.MIME]", "BODY[3.MIME]"),
        ("BODY[HEADER.FIELDS (Date \"From\")]<5.2>", "BODY[HEADER.FIELDS (Date From)]<5>"),
        ("BODY[2.HEADER.FIELDS.NOT (X-A)]", "BODY[2.HEADER.FIELDS.NOT (X-A)]"),
        ("RFC822", "RFC822"),
        ("rfc822.header", "RFC822.HEADER"),
        ("RFC822.TEXT", "RFC822.TEXT"),
        ("BINARY[]", "BINARY[]"),
        ("BINARY.PEEK[1.3]<10.20>", "BINARY[1.3]<10>"),
    ];
    for (asked, answered) in cases {
        assert_eq!(label(&parsed(&format!("1 {asked}")).unwrap().items[0]), answered, "{asked}");
    }
}

#[test]
fn only_peek_and_the_header_leave_a_message_unseen() {
    for (asked, expected) in [
        ("BODY[]", Seen::Set),
        ("BODY.PEEK[]", Seen::Keep),
        ("RFC822", Seen::Set),
        ("RFC822.TEXT", Seen::Set),
        ("RFC822.HEADER", Seen::Keep),
        ("BINARY[1]", Seen::Set),
        ("BINARY.PEEK[1]", Seen::Keep),
    ] {
        let seen = match &parsed(&format!("1 {asked}")).unwrap().items[0] {
            FetchItem::Section(section) => section.seen,
            FetchItem::Binary(binary) => binary.seen,
            other => panic!("{other:?}"),
        };
        assert_eq!(seen, expected, "{asked}");
    }
}

#[test]
fn changedsince_is_read() {
    let fetch = parsed("1:5 (UID FLAGS) (CHANGEDSINCE 12345)").unwrap();
    assert_eq!(fetch.changed_since, Some(12345));
    assert_eq!(parsed("1 FLAGS").unwrap().changed_since, None);
    let fetch = parsed("1:* FLAGS (partial -1:-30 CHANGEDSINCE 98305)").unwrap();
    assert_eq!(fetch.page.map(|page| page.of(100)), Some(70..100));
    assert_eq!(fetch.changed_since, Some(98305));
}

#[test]
fn broken_items_are_refused() {
    let deep = format!("1 BODY[{}]", vec!["1"; PART_DEPTH_MAX + 1].join("."));
    let many = format!("1 ({})", vec!["UID"; FETCH_ITEMS_MAX + 1].join(" "));
    let cases = [
        "1",
        "1 ",
        "FLAGS",
        "1 ()",
        "1 NOPE",
        "1 (FLAGS",
        "1 FLAGS)",
        "1 BODY[",
        "1 BODY[0]",
        "1 BODY[1.]",
        "1 BODY[.1]",
        "1 BODY[1.0]",
        "1 BODY[MIME]",
        "1 BODY[HEADER.FIELDS]",
        "1 BODY[HEADER.FIELDS ()]",
        "1 BODY[HEADER.FIELDS (a:b)]",
        "1 BODY[TEXT]<0>",
        "1 BODY[TEXT]<0.0>",
        "1 BODY[TEXT]<1.2",
        "1 BODY[1]x",
        "1 BINARY",
        "1 BINARY[TEXT]",
        "1 BINARY.SIZE[1]<0.1>",
        "1 FLAGS[]",
        "1 RFC822[]",
        "1 FLAGS (CHANGEDSINCE)",
        "1 FLAGS (PARTIAL)",
        "1 FLAGS (PARTIAL 1:*)",
        "1 FLAGS (PARTIAL 1:2 PARTIAL 3:4)",
        "1 FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 2)",
        "1 FLAGS (VANISHED)",
        "1 (FLAGS) extra",
        &deep,
        &many,
    ];
    for case in cases {
        assert!(parsed(case).is_err(), "{case}");
    }
}

#[test]
fn a_partial_never_reaches_outside() {
    let whole = b"0123456789";
    let of = |offset, length| Partial { offset, length }.of(whole);
    assert_eq!(of(0, 3), b"012");
    assert_eq!(of(8, 100), b"89");
    assert_eq!(of(10, 1), b"");
    assert_eq!(of(u64::MAX, u64::MAX), b"");
}
