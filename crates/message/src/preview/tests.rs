use super::PREVIEW_CHARS_MAX;
use crate::Parsed;

fn preview(header: &str, body: &str) -> String {
    Parsed::parse(format!("{header}\r\n\r\n{body}").as_bytes()).summary.preview
}

#[test]
fn the_sender_s_own_words_come_first() {
    let cases: &[(&str, &str)] = &[
        ("Hello\r\n  there,\r\n\r\nworld", "Hello there, world"),
        ("> quoted\r\n> more\r\nAnswer", "Answer"),
        ("On Monday Bob wrote:\r\n\r\n> quoted\r\n\r\nAnswer", "Answer"),
        ("Note:\r\nno quotation", "Note: no quotation"),
        ("Text\r\n-- \r\nSignature", "Text"),
        ("> only quoted", "> only quoted"),
        ("-- \r\nonly signature", "-- only signature"),
        ("", ""),
        (" \r\n\t\r\n", ""),
        ("\u{200c} a\u{200c}b \u{200c} c", "a\u{200c}b c"),
        ("a\u{200b}b \u{feff} \u{ad}c\u{7}", "ab c"),
    ];
    for (body, expected) in cases {
        assert_eq!(preview("Content-Type: text/plain; charset=utf-8", body), *expected, "{body:?}");
    }
}

#[test]
fn html_is_read_where_there_is_no_plain_text() {
    let html = "Content-Type: text/html; charset=utf-8";
    assert_eq!(preview(html, "<style>x</style><p>Hello&nbsp;<b>you</b></p>"), "Hello you");
    assert_eq!(preview(html, "<blockquote>old</blockquote>new"), "new");
    let alternative = "Content-Type: multipart/alternative; boundary=b";
    let parts = "--b\r\n\r\n \r\n--b\r\nContent-Type: text/html\r\n\r\n<p>From HTML\r\n--b--";
    assert_eq!(preview(alternative, parts), "From HTML");
    assert_eq!(preview("Content-Type: image/png", "Hello"), "");
}

#[test]
fn a_preview_has_at_most_its_characters() {
    let typed = "Content-Type: text/plain; charset=utf-8";
    for word in ["\u{e9}", "\u{1f600} ", "word word word "] {
        let preview = preview(typed, &word.repeat(PREVIEW_CHARS_MAX * 2));
        let count = preview.chars().count();
        assert!((PREVIEW_CHARS_MAX - 1..=PREVIEW_CHARS_MAX).contains(&count), "{word}: {count}");
    }
}
