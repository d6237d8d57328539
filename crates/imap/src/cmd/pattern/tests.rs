use super::*;

#[test]
fn patterns_match_as_rfc_9051_says() {
    let cases = [
        ("", "*", "INBOX", true),
        ("", "*", "a/b/c", true),
        ("", "%", "a", true),
        ("", "%", "a/b", false),
        ("", "%/%", "a/b", true),
        ("", "a%", "abc", true),
        ("", "a%", "abc/d", false),
        ("", "a*d", "abc/d", true),
        ("", "*b*", "a/b/c", true),
        ("", "%b%", "a/b/c", false),
        ("a/", "%", "a/b", true),
        ("a/", "%", "a/b/c", false),
        ("a/", "/b", "b", true),
        ("a", "b", "ab", true),
        ("", "inbox", "INBOX", true),
        ("", "inbox/%", "INBOX/a", true),
        ("", "abc", "ABC", false),
        ("", "%*%", "a/b", true),
        ("", "Entw%fe", "Entwürfe", true),
    ];
    for (reference, pattern, name, expected) in cases {
        assert_eq!(
            Pattern::new(reference, pattern).matches(name),
            expected,
            "{reference:?} {pattern:?} {name:?}"
        );
    }
}

#[test]
fn a_pattern_of_wildcards_costs_little() {
    // Backtracking would take longer than the universe has time.
    let pattern = Pattern::new("", &"*a".repeat(200));
    assert!(!pattern.matches(&"a".repeat(199)));
    assert!(pattern.matches(&"a".repeat(200)));
}
