use store::{Error, FlagChange, Flags, MailboxId, Uid};

use crate::home::{Home, message};

const MAIL: &str = "Subject: x\r\n\r\n";

#[tokio::test]
async fn a_copy_is_the_same_message_and_costs_no_quota() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let placed = home.append(&alice, "INBOX", MAIL).await.placed;
    home.store.set_quota(alice.owner(), Some(MAIL.len() as u64)).await.unwrap();
    let sent = home.mailbox(&alice, "Sent").await;
    let (pairs, _) = home.store.copy(&alice, placed.mailbox, vec![Uid(1), Uid(9)], sent.id).await.unwrap();
    assert_eq!(pairs.len(), 1);
    let (from, to) = pairs[0];
    assert_eq!((from, to.mailbox, to.uid_validity, to.uid), (Uid(1), sent.id, sent.uid_validity, Uid(1)));
    assert_eq!((to.message, to.thread), (placed.message, placed.thread));
    // A second copy into the same mailbox is a place of its own.
    let (pairs, _) = home.store.copy(&alice, placed.mailbox, vec![Uid(1)], sent.id).await.unwrap();
    assert_eq!(pairs[0].1.uid, Uid(2));
    assert_eq!(home.store.account(alice.owner()).await.unwrap().used_bytes, MAIL.len() as u64);
    assert!(matches!(home.store.append(&alice, message("INBOX", MAIL)).await, Err(Error::OverQuota)));
}

#[tokio::test]
async fn a_message_lives_until_it_has_gone_from_its_last_mailbox() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let placed = home.append(&alice, "INBOX", MAIL).await.placed;
    let sent = home.mailbox(&alice, "Sent").await.id;
    let _ = home.store.copy(&alice, placed.mailbox, vec![Uid(1)], sent).await.unwrap();
    let delete = FlagChange { add: Flags::DELETED, ..FlagChange::default() };
    for (mailbox, there_after) in [(placed.mailbox, true), (sent, false)] {
        let _ = home.store.store_flags(&alice, mailbox, vec![Uid(1)], delete.clone(), None).await.unwrap();
        assert_eq!(home.store.expunge(&alice, mailbox, None).await.unwrap().0, [Uid(1)]);
        assert_eq!(home.store.raw(&alice, placed.message).await.is_ok(), there_after);
    }
    assert_eq!(home.store.account(alice.owner()).await.unwrap().used_bytes, 0);
}

#[tokio::test]
async fn expunge_takes_only_what_is_marked_and_only_what_is_named() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    for _ in 0..4 {
        home.append(&alice, "INBOX", MAIL).await;
    }
    let inbox = home.mailbox(&alice, "INBOX").await.id;
    let delete = FlagChange { add: Flags::DELETED, ..FlagChange::default() };
    let _ = home.store.store_flags(&alice, inbox, vec![Uid(1), Uid(2), Uid(4)], delete, None).await.unwrap();
    let only = Some(vec![Uid(4), Uid(3), Uid(2), Uid(99)]);
    assert_eq!(home.store.expunge(&alice, inbox, only).await.unwrap().0, [Uid(2), Uid(4)]);
    assert_eq!(home.store.expunge(&alice, inbox, None).await.unwrap().0, [Uid(1)]);
    let before = home.store.modseq(&alice).await.unwrap();
    let (gone, changes) = home.store.expunge(&alice, inbox, None).await.unwrap();
    assert_eq!((gone, changes.modseq), (vec![], before));
}

#[tokio::test]
async fn a_move_keeps_message_flags_and_order() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let mut messages = Vec::new();
    for _ in 0..3 {
        messages.push(home.append(&alice, "INBOX", MAIL).await.placed.message);
    }
    let (inbox, trash) = (home.mailbox(&alice, "INBOX").await.id, home.mailbox(&alice, "Trash").await.id);
    let seen = FlagChange { add: Flags::SEEN, ..FlagChange::default() };
    let _ = home.store.store_flags(&alice, inbox, vec![Uid(3)], seen, None).await.unwrap();
    let (pairs, changes) =
        home.store.move_messages(&alice, inbox, vec![Uid(3), Uid(1)], trash).await.unwrap();
    let moved: Vec<_> = pairs.iter().map(|(from, to)| (from.0, to.uid.0, to.message)).collect();
    assert_eq!(moved, [(1, 1, messages[0]), (3, 2, messages[2])]);
    let there = home.store.view(&alice, trash).await.unwrap();
    assert_eq!(there.entries[1].flags, Flags::SEEN);
    assert!(there.entries.iter().all(|entry| entry.modseq == changes.modseq));
    assert_eq!(
        (home.mailbox(&alice, "INBOX").await.messages, home.mailbox(&alice, "Trash").await.unseen),
        (1, 1)
    );
}

#[tokio::test]
async fn nothing_goes_to_or_from_a_mailbox_that_is_not_there() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let placed = home.append(&alice, "INBOX", MAIL).await.placed;
    let none = MailboxId(99);
    for (from, to) in [(placed.mailbox, none), (none, placed.mailbox)] {
        let copied = home.store.copy(&alice, from, vec![Uid(1)], to).await;
        assert!(matches!(copied, Err(Error::NotFound("mailbox"))));
        let moved = home.store.move_messages(&alice, from, vec![Uid(1)], to).await;
        assert!(matches!(moved, Err(Error::NotFound("mailbox"))));
    }
    assert!(matches!(home.store.expunge(&alice, none, None).await, Err(Error::NotFound("mailbox"))));
    assert_eq!(home.mailbox(&alice, "INBOX").await.messages, 1);
}
