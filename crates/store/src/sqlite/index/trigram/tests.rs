use super::*;

#[test]
fn a_text_becomes_its_trigrams() {
    let cases = [
        ("", None),
        ("ab", None),
        ("äö", None),
        ("abc", Some(r#""abc""#)),
        ("äöü", Some(r#""äöü""#)),
        ("abcd", Some(r#""abc" AND "bcd""#)),
        ("aaaaa", Some(r#""aaa""#)),
        ("a\"b", Some(r#""a""b""#)),
        ("ab\u{1}cd", None),
    ];
    for (text, expected) in cases {
        assert_eq!(query(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn a_long_text_asks_for_a_few_of_them_its_ends_among_them() {
    let text: String = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
    for length in 3..=text.len() {
        let query = query(&text[..length]).unwrap();
        assert!(query.split(" AND ").count() <= TRIGRAMS_MAX, "{query}");
        assert!(query.contains("\"abc\""), "{query}");
        assert!(query.contains(&format!("\"{}\"", &text[length - 3..length])), "{query}");
    }
}
