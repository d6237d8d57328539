use super::{BASE_SUBJECT_BYTES_MAX, base_subject};

/// RFC 5256 §2.1, each step.
#[test]
fn base_subjects_follow_the_steps_of_the_rfc() {
    let cases: &[(&str, &str, bool)] = &[
        ("", "", false),
        ("Hello", "Hello", false),
        ("Hello \t\t world", "Hello world", false),
        ("=?utf-8?q?Re:_caf=C3=A9?=", "caf\u{e9}", true),
        ("Re: Hello", "Hello", true),
        ("RE : Hello", "Hello", true),
        ("re:re: FW: Fwd:Hello", "Hello", true),
        ("Re[2]: Hello", "Hello", true),
        ("Re [2] : Hello", "Hello", true),
        ("[list] Hello", "Hello", false),
        ("[list] [other] Re: [again] Hello", "Hello", true),
        ("[list]", "[list]", false),
        ("Re: [list]", "[list]", true),
        ("Hello (fwd)", "Hello", true),
        ("Hello (FWD) (fwd)  ", "Hello", true),
        ("[Fwd: Hello]", "Hello", true),
        ("[fwd: [fwd: Re: Hello (fwd)]]", "Hello", true),
        ("Re: [Fwd: [list] Hello]", "Hello", true),
        ("[unclosed Hello", "[unclosed Hello", false),
        ("Regarding: Hello", "Regarding: Hello", false),
        ("Re Hello", "Re Hello", false),
        ("Re:", "", true),
        ("[[nested]] Hello", "[[nested]] Hello", false),
    ];
    for (subject, expected, is_reply_or_forward) in cases {
        let base = base_subject(subject.as_bytes());
        assert_eq!(
            (base.text.as_str(), base.is_reply_or_forward),
            (*expected, *is_reply_or_forward),
            "{subject}"
        );
    }
}

#[test]
fn a_base_subject_is_cut_at_a_character() {
    for subject in ["\u{e9}".repeat(BASE_SUBJECT_BYTES_MAX), "caf\u{e9} ".repeat(BASE_SUBJECT_BYTES_MAX)] {
        let base = base_subject(subject.as_bytes()).text;
        assert!(
            base.len() <= BASE_SUBJECT_BYTES_MAX && base.len() > BASE_SUBJECT_BYTES_MAX - 8,
            "{}",
            base.len()
        );
        assert!(subject.starts_with(&base));
    }
}

#[test]
fn thousands_of_blobs_take_no_time_to_speak_of() {
    let subject = "[a]".repeat(80_000) + "Re: x";
    assert!(!base_subject(subject.as_bytes()).text.is_empty());
}
