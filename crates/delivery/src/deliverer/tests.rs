use super::*;

fn recipient(account: u64, mailbox: Option<&str>) -> Recipient {
    let mailbox = mailbox.map(|name| MailboxName::new(name).unwrap());
    Recipient { account: AccountId(account), mailbox, quota_bytes: None }
}

#[test]
fn recipients_that_mean_the_same_mailbox_share_a_copy() {
    let recipients = [
        recipient(1, None),
        recipient(2, None),
        recipient(1, Some("Lists")),
        recipient(1, None),
        recipient(1, Some("INBOX")),
    ];
    let unmarked = copies(&recipients, Spam::Unmarked);
    assert_eq!(unmarked.of, [0, 1, 2, 0, 0]);
    assert_eq!(unmarked.first.len(), 3);
    let marked = copies(&recipients, Spam::Marked);
    assert_eq!(marked.of, [0, 1, 0, 0, 0], "Junk, whatever the sub-address");
    assert!(marked.places.iter().all(|place| *place == Place::Junk));
}
