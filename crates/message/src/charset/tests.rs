use super::to_utf8;

#[test]
fn charsets_become_utf_8() {
    let cases: &[(&str, &[u8], &str)] = &[
        ("utf-8", b"caf\xc3\xa9", "caf\u{e9}"),
        ("UTF-8", b"\xef\xbb\xbfmark", "mark"),
        ("iso-8859-1", b"caf\xe9", "caf\u{e9}"),
        ("ISO-8859-15", b"\xa4", "\u{20ac}"),
        ("windows-1251", b"\xcf\xf0\xe8\xe2\xe5\xf2", "\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}"),
        ("koi8-r", b"\xf0", "\u{41f}"),
        ("iso-2022-jp", b"\x1b$B$3$s\x1b(B", "\u{3053}\u{3093}"),
        ("shift_jis", b"\x82\xb1", "\u{3053}"),
        ("gb2312", b"\xc4\xe3", "\u{4f60}"),
        ("big5", b"\xa7A", "\u{4f60}"),
        ("euc-kr", b"\xb0\xa1", "\u{ac00}"),
        ("utf-16le", b"a\0\xe9\0", "a\u{e9}"),
        ("utf-7", b"a+AOk-b", "a\u{e9}b"),
        ("cp850", b"\x82", "\u{e9}"),
        ("us-ascii", b"plain", "plain"),
        ("", b"caf", "caf"),
    ];
    for (label, bytes, expected) in cases {
        let text = to_utf8(bytes, Some(label.as_bytes()));
        assert_eq!((text.text.as_ref(), text.is_damaged), (*expected, false), "{label}");
    }
}

#[test]
fn a_charset_that_is_unknown_or_lies_is_damage_and_hides_nothing() {
    let cases: &[(Option<&str>, &[u8], &str)] = &[
        (Some("x-unknown"), b"caf\xc3\xa9", "caf\u{e9}"),
        (Some("x-unknown"), b"caf\xe9", "caf\u{e9}"),
        (Some("us-ascii"), b"caf\xc3\xa9", "caf\u{e9}"),
        (Some("us-ascii"), b"caf\xe9", "caf\u{e9}"),
        (None, b"caf\xe9", "caf\u{e9}"),
        (Some("utf-8"), b"caf\xe9!", "caf\u{fffd}!"),
    ];
    for (label, bytes, expected) in cases {
        let text = to_utf8(bytes, label.map(str::as_bytes));
        assert_eq!((text.text.as_ref(), text.is_damaged), (*expected, true), "{label:?}");
    }
}
