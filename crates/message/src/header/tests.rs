use super::{HEADER_FIELDS_MAX, fields, header_value, scan, unfold};

fn check_fields(raw: &[u8], expected: &[(&str, &str)], body: &str) {
    let block = scan(raw, 0, HEADER_FIELDS_MAX, |_| false);
    let found: Vec<(String, String)> = block
        .fields
        .iter()
        .map(|field| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (text(field.name(raw)), text(field.value(raw)))
        })
        .collect();
    let expected: Vec<(String, String)> =
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(raw));
    assert_eq!(String::from_utf8_lossy(&raw[block.body..]), body, "{:?}", String::from_utf8_lossy(raw));
}

#[test]
fn fields_are_found_whatever_ends_the_lines() {
    check_fields(b"A: 1\r\nB:2\r\n\r\nbody", &[("A", " 1"), ("B", "2")], "body");
    check_fields(b"A: 1\nB: 2\n\nbody", &[("A", " 1"), ("B", " 2")], "body");
    check_fields(b"A: 1\n\r\nbody", &[("A", " 1")], "body");
    check_fields(b"A: 1", &[("A", " 1")], "");
    check_fields(b"A: 1\rB: 2\r\n\r\nbody", &[("A", " 1\rB: 2")], "body");
}

#[test]
fn continuations_belong_to_their_field() {
    check_fields(b"A: 1\r\n 2\r\n\t3\r\nB: 4\r\n\r\n", &[("A", " 1\r\n 2\r\n\t3"), ("B", " 4")], "");
    check_fields(b"A:\r\n \r\n x\r\n\r\nbody", &[("A", "\r\n \r\n x")], "body");
}

#[test]
fn a_line_that_is_no_field_ends_the_header() {
    check_fields(b"A: 1\r\nno field\r\nB: 2\r\n", &[("A", " 1")], "no field\r\nB: 2\r\n");
    check_fields(b"no header at all\r\n\r\nbody", &[], "no header at all\r\n\r\nbody");
    check_fields(b" continuation: of nothing\r\n", &[], " continuation: of nothing\r\n");
    check_fields(b": no name\r\n\r\n", &[], ": no name\r\n\r\n");
    check_fields(b"N\xc3\xa4me: 1\r\n\r\n", &[], "N\u{e4}me: 1\r\n\r\n");
    check_fields(b"A\0: 1\r\n\r\n", &[], "A\0: 1\r\n\r\n");
    check_fields(b"", &[], "");
    check_fields(b"\r\nbody", &[], "body");
}

#[test]
fn blanks_before_the_colon_and_junk_before_the_header_are_accepted() {
    check_fields(b"A : 1\r\nB \t: 2\r\n\r\n", &[("A", " 1"), ("B", " 2")], "");
    check_fields(b"From alice Mon Nov  2 10:00:00 2026\r\nA: 1\r\n\r\nbody", &[("A", " 1")], "body");
    check_fields(b">From bob\nA: 1\n\nbody", &[("A", " 1")], "body");
    check_fields(b"\xef\xbb\xbfA: 1\r\n\r\nbody", &[("A", " 1")], "body");
    check_fields(b"From nobody, and no header\r\ntext", &[], "From nobody, and no header\r\ntext");
}

#[test]
fn fields_beyond_the_limit_are_not_indexed_and_spoil_nothing() {
    let raw = "A: 1\r\n 2\r\n".repeat(HEADER_FIELDS_MAX + 3) + "\r\nbody";
    let block = scan(raw.as_bytes(), 0, HEADER_FIELDS_MAX, |_| false);
    assert_eq!(block.fields.len(), HEADER_FIELDS_MAX);
    assert_eq!(block.fields.last().unwrap().value(raw.as_bytes()), b" 1\r\n 2");
    assert_eq!(&raw[block.body..], "body");
    assert_eq!(fields(raw.as_bytes()).len(), HEADER_FIELDS_MAX);
}

#[test]
fn unfolding_leaves_no_line_end_and_no_nul() {
    let cases: &[(&[u8], &[u8])] = &[
        (b" plain ", b"plain"),
        (b" one\r\n two\n\tthree", b"one two\tthree"),
        (b"bare\rreturn", b"bare return"),
        (b"n\0ul", b"nul"),
        (b"\r\n \r\n", b""),
        (b"end\r\r\n", b"end"),
    ];
    for (value, expected) in cases {
        assert_eq!(unfold(value), *expected, "{:?}", String::from_utf8_lossy(value));
    }
}

#[test]
fn a_header_is_looked_up_by_name_in_any_case_and_only_in_the_header() {
    let raw = b"X-Spam-Flag:\r\n YES\r\nX-Spam-Flag: NO\r\n\r\nX-Other: body";
    assert_eq!(header_value(raw, "x-spam-flag").as_deref(), Some(&b"YES"[..]));
    assert_eq!(header_value(raw, "X-Other"), None);
}
