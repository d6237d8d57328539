use super::*;

#[test]
fn bare_line_feeds_become_line_ends() {
    let cases: [(&[u8], &[u8]); 6] = [
        (b"a\r\nb\r\n", b"a\r\nb\r\n"),
        (b"a\nb\n", b"a\r\nb\r\n"),
        (b"\n\r\n\n", b"\r\n\r\n\r\n"),
        (b"a\rb", b"a\rb"),
        (b"", b""),
        (b"\r\n\nx", b"\r\n\r\nx"),
    ];
    for (given, expected) in cases {
        assert_eq!(with_crlf(given), expected, "{:?}", given.escape_ascii().to_string());
    }
    assert!(matches!(with_crlf(b"a\r\n"), Cow::Borrowed(_)), "what is right is not copied");
}
