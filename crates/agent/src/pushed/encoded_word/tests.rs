use super::*;

// RFC 2047 §8 and words as mailers write them.
#[test]
fn encoded_words_are_shown_as_what_they_stand_for() {
    let cases = [
        ("plain", "plain"),
        ("=?UTF-8?Q?Gr=C3=BC=C3=9Fe?= aus", "Grüße aus"),
        ("=?utf-8?b?R3LDvMOfZQ==?=", "Grüße"),
        ("=?ISO-8859-1?Q?a?=", "a"),
        ("=?ISO-8859-1?Q?a?= b", "a b"),
        ("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
        ("=?ISO-8859-1?Q?a_b?=", "a b"),
        ("=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),
        ("=?iso-8859-1?q?=E9?=", "é"),
        ("=?koi8-r?B?8A==?=", "=?koi8-r?B?8A==?="),
        ("=?utf-8?Q?open", "=?utf-8?Q?open"),
        ("=?utf-8?X?a?= =? 1 =? 2", "=?utf-8?X?a?= =? 1 =? 2"),
        ("=?utf-8?Q?=G0?=", "=?utf-8?Q?=G0?="),
        ("a =? b", "a =? b"),
        ("", ""),
    ];
    for (text, expected) in cases {
        assert_eq!(decode(text), expected, "{text}");
    }
}
