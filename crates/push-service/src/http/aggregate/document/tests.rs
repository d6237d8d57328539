use super::*;
use crate::clock::Instant;

// draft-thomson-webpush-aggregate-00 §3.2, RFC 7396 §2
#[test]
fn a_document_names_push_resources_and_their_terms() {
    let document = br#"{
        "a": {},
        "b": {"expires": "1970-01-01T00:01:00Z", "ttl": 30, "unknown": [1]},
        "c": {"expires": null, "ttl": null},
        "d": null
    }"#;
    let put = |expires, ttl_max| Entry::Put(Terms { expires, ttl_max });
    let minute = Instant::from_micros(60_000_000);
    let expected = [
        ("a", put(Setting::Unchanged, Setting::Unchanged)),
        ("b", put(Setting::To(Some(minute)), Setting::To(Some(Duration::from_secs(30))))),
        ("c", put(Setting::To(None), Setting::To(None))),
        ("d", Entry::Remove),
    ];
    assert_eq!(parse(document).unwrap(), expected.map(|(name, entry)| (name.to_owned(), entry)));
}

#[test]
fn what_is_no_document_is_refused() {
    let cases = [
        "",
        "[]",
        "1",
        r#"{"a": 1}"#,
        r#"{"a": []}"#,
        r#"{"a": {"expires": 1}}"#,
        r#"{"a": {"expires": "tomorrow"}}"#,
        r#"{"a": {"ttl": -1}}"#,
        r#"{"a": {"ttl": "1"}}"#,
        r#"{"a": {"encrypted_key": "x"}}"#,
        r#"{"a": {}"#,
    ];
    for document in cases {
        assert!(matches!(parse(document.as_bytes()), Err(Refusal::Field(_))), "{document}");
    }
}

#[test]
fn terms_are_listed_as_they_are_read() {
    let membership = Membership {
        expires: Some(Instant::from_micros(0).plus_seconds(1_800_000_000)),
        ttl_max: Some(Duration::from_secs(7)),
    };
    let listed = terms(&membership);
    assert_eq!(listed, json!({"expires": "2027-01-15T08:00:00Z", "ttl": 7}));
    let read = entry(&listed).unwrap();
    let expected =
        Terms { expires: Setting::To(membership.expires), ttl_max: Setting::To(membership.ttl_max) };
    assert_eq!(read, Entry::Put(expected));
}
