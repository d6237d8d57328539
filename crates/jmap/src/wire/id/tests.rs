use super::*;

#[test]
fn an_id_is_read_back_and_has_one_form() {
    assert_eq!(email(&of_email(MessageId(5))), Some(MessageId(5)));
    assert_eq!(mailbox(&of_mailbox(MailboxId(0))), Some(MailboxId(0)));
    assert_eq!(thread(&of_thread(ThreadId(77))), Some(ThreadId(77)));
    assert_eq!(account(&of_account(AccountId(1))), Some(AccountId(1)));
    for text in [
        "",
        "M",
        "M05",
        "M+5",
        "M-5",
        "m5",
        "T5",
        "M5 ",
        "M18446744073709551616",
        "M9223372036854775808",
        "M٣",
    ] {
        assert_eq!(email(text), None, "{text:?}");
    }
}

#[test]
fn an_id_has_only_safe_characters() {
    for (text, expected) in
        [("a", true), ("A-_9", true), ("", false), ("a b", false), ("#a", false), ("ä", false)]
    {
        assert_eq!(is_id(text), expected, "{text:?}");
    }
    assert!(is_id(&"x".repeat(255)) && !is_id(&"x".repeat(256)));
}
