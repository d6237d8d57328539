use super::*;

#[test]
fn names_are_tried_from_the_most_specific_one() {
    for (local_part, domain, expected) in [
        ("alice", None, &["alice", "alice@host.example"][..]),
        ("alice", Some("host.example"), &["alice@host.example", "alice"]),
        ("alice", Some("HOST.example"), &["alice@HOST.example", "alice"]),
        ("alice", Some("other.example"), &["alice@other.example"]),
        ("alice", Some("[192.0.2.1]"), &["alice@[192.0.2.1]"]),
        ("grün", Some("bücher.example"), &["grün@bücher.example", "grün@xn--bcher-kva.example"]),
        ("a", Some("XN--bcher-kva.example"), &["a@XN--bcher-kva.example", "a@bücher.example"]),
        ("a@other.example", Some("host.example"), &["a@other.example@host.example"]),
        ("a@other.example", None, &["a@other.example@host.example"]),
    ] {
        assert_eq!(names(local_part, domain, "host.example"), expected, "{local_part:?} {domain:?}");
    }
}

#[test]
fn an_internationalised_host_knows_itself_in_both_forms() {
    for domain in ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example"] {
        for hostname in ["bücher.example", "xn--bcher-kva.example"] {
            let names = names("alice", Some(domain), hostname);
            assert!(names.contains(&"alice".to_owned()), "{domain} {hostname}: {names:?}");
        }
    }
}
