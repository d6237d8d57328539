use super::{MESSAGE_ID_BYTES_MAX, MESSAGE_IDS_MAX, message_ids};

#[test]
fn identifiers_are_taken_out_of_their_brackets() {
    let cases: &[(&str, &[&str])] = &[
        ("<a@b>", &["a@b"]),
        ("<a@b> <c@d>\t<e@f>", &["a@b", "c@d", "e@f"]),
        ("<a@b><c@d>", &["a@b", "c@d"]),
        ("<a@b> <c@d> <a@b>", &["a@b", "c@d"]),
        ("< a @ b >", &["a@b"]),
        ("Your message of \"Monday\" <a@b> (was <x@y>)", &["a@b"]),
        ("<a@b", &[]),
        ("<a <c@d>", &["c@d"]),
        ("<>", &[]),
        ("a@b", &["a@b"]),
        ("words only", &[]),
        ("alice@example.org wrote", &[]),
        ("<Case@Kept>", &["Case@Kept"]),
        ("<\"a.b\"@x> <a.b@x> <\"a\\.b\"@x>", &["a.b@x"]),
        ("<\"a..b\"@x> <\"a,b\"@x> <\"\"@x>", &["\"a..b\"@x", "\"a,b\"@x", "\"\"@x"]),
        ("<\"a\".b@x> <\"a@x> <\"a\\", &["\"a\".b@x", "\"a@x"]),
    ];
    for (value, expected) in cases {
        assert_eq!(message_ids(value.as_bytes()), *expected, "{value}");
    }
}

#[test]
fn of_many_the_first_and_the_last_are_kept() {
    let value: String = (0..MESSAGE_IDS_MAX + 50).map(|number| format!("<{number}@x> ")).collect();
    let ids = message_ids(value.as_bytes());
    assert_eq!(ids.len(), MESSAGE_IDS_MAX);
    assert_eq!(ids[0], "0@x");
    assert_eq!(ids[1], "51@x");
    assert_eq!(ids[MESSAGE_IDS_MAX - 1], format!("{}@x", MESSAGE_IDS_MAX + 49));
    let long = format!("<{}> <a@b>", "x".repeat(MESSAGE_ID_BYTES_MAX + 1));
    assert_eq!(message_ids(long.as_bytes()), ["a@b"]);
}
