use super::decode;

#[test]
fn encoded_words_are_decoded() {
    let cases: &[(&str, &str)] = &[
        ("plain", "plain"),
        ("=?ISO-8859-1?Q?Andr=E9?= Pirard", "Andr\u{e9} Pirard"),
        ("=?iso-8859-1?q?this=20is=20some=20text?=", "this is some text"),
        ("=?utf-8?B?Y2Fmw6k=?=", "caf\u{e9}"),
        ("=?utf-8*en?q?a_b?=", "a b"),
        ("a =?utf-8?q?b?= c", "a b c"),
        // A character cut in half.
        ("=?utf-8?b?w6k=?= =?utf-8?b?w6k=?=", "\u{e9}\u{e9}"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "\u{e9}"),
        ("=?iso-2022-jp?b?GyRCJDMkcxsoQg==?=", "\u{3053}\u{3093}"),
    ];
    for (value, expected) in cases {
        assert_eq!(decode(value.as_bytes()), *expected, "{value}");
    }
}

/// RFC 2047 §8.
#[test]
fn white_space_counts_only_between_words_that_are_not_encoded() {
    let cases: &[(&str, &str)] = &[
        ("(=?ISO-8859-1?Q?a?=)", "(a)"),
        ("(=?ISO-8859-1?Q?a?= b)", "(a b)"),
        ("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"),
        ("(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"),
        ("(=?ISO-8859-1?Q?a_b?=)", "(a b)"),
        ("(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"),
    ];
    for (value, expected) in cases {
        assert_eq!(decode(value.as_bytes()), *expected, "{value}");
    }
}

#[test]
fn what_is_no_encoded_word_stays_as_it_stands() {
    let values = ["=?", "=??q?a?=", "=?utf-8?x?a?=", "=?utf-8?q?a", "=?utf-8?q?a?b", "a=?b", "=?a b?q?c?="];
    for value in values {
        assert_eq!(decode(value.as_bytes()), value);
    }
}

#[test]
fn bytes_outside_ascii_are_utf_8_or_else_windows_1252() {
    assert_eq!(decode(b"caf\xc3\xa9"), "caf\u{e9}");
    assert_eq!(decode(b"caf\xe9 =?utf-8?q?=C3=A9?="), "caf\u{e9} \u{e9}");
    assert_eq!(decode(b"=?\xe9"), "=?\u{e9}");
}
