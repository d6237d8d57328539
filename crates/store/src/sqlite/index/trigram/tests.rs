use std::collections::BTreeSet;

use super::*;

fn asked(text: &str) -> Option<BTreeSet<String>> {
    query(text).map(|query| query.split(" AND ").map(str::to_owned).collect())
}

#[test]
fn a_text_has_a_word_for_each_of_its_trigrams() {
    let cases = [
        ("", 0),
        ("ab", 0),
        ("äö", 0),
        ("abc", 1),
        ("äöü", 1),
        ("abcd", 2),
        ("aaaaa", 1),
        ("AND OR NOT", 8),
        ("ab\u{1}cd", 0),
        ("abc\u{1}abc\u{1}bcd", 2),
        ("a\"b*", 2),
    ];
    for (text, expected) in cases {
        let words = words(text);
        assert_eq!(words.split_whitespace().count(), expected, "{text}: {words}");
        assert!(words.chars().all(|c| c == ' ' || c.is_ascii_lowercase() || c.is_ascii_digit()), "{words}");
    }
}

#[test]
fn a_text_is_asked_for_by_its_own_words() {
    for text in ["abc", "äöü", "abcd", "Grüße aus 東京", "a\"b* OR c", "aaaaa"] {
        let words: BTreeSet<String> = words(text).split_whitespace().map(str::to_owned).collect();
        assert_eq!(asked(text), Some(words), "{text}");
    }
    for text in ["", "ab", "äö", "ab\u{1}cd"] {
        assert_eq!(asked(text), None, "{text}");
    }
}

#[test]
fn a_long_text_asks_for_a_few_of_them_its_ends_among_them() {
    let text: String = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
    for length in 3..=text.len() {
        let asked = asked(&text[..length]).unwrap();
        assert!(asked.len() <= TRIGRAMS_MAX, "{asked:?}");
        for end in ["abc", &text[length - 3..length]] {
            assert!(asked.contains(words(end).trim_end()), "{end} in {asked:?}");
        }
    }
}
