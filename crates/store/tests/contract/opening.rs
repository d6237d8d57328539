use std::sync::Arc;

use store::{Error, NewAccount, Uid};

use crate::home::{Home, message};

const MAIL: &str = "Subject: x\r\n\r\n";

#[tokio::test]
async fn a_mailbox_is_opened_over_what_others_hold_of_it_until_too_much_has_changed() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let inbox = home.append(&alice, "INBOX", MAIL).await.placed.mailbox;
    let held = home.store.view(&alice, inbox).await.unwrap();
    let at_once = home.store.open_view(&alice, inbox).await.unwrap();
    assert!(Arc::ptr_eq(&at_once.view, &held) && at_once.changes.changed.is_empty());
    for _ in 0..10 {
        home.append(&alice, "INBOX", MAIL).await;
    }
    let _ =
        home.store.move_messages(&alice, inbox, vec![Uid(1)], home.mailbox(&alice, "Trash").await.id).await;
    let later = home.store.open_view(&alice, inbox).await.unwrap();
    // The view itself: nothing that grows with the mailbox has been copied.
    assert!(Arc::ptr_eq(&later.view, &held));
    let changed: Vec<u32> = later.changes.changed.iter().map(|entry| entry.uid.0).collect();
    assert_eq!((changed, later.changes.vanished), ((2..=11).collect(), vec![Uid(1)]));
    assert_eq!((later.mailbox.uid_next, later.mailbox.messages), (12, 10));
    assert_eq!(later.mailbox.highest_modseq, later.changes.modseq);
    let many = (0..60).map(|_| message("INBOX", MAIL)).collect();
    let _ = home.store.append_many(&alice, many).await.unwrap();
    let fresh = home.store.open_view(&alice, inbox).await.unwrap();
    assert_eq!((fresh.view.entries.len(), fresh.changes.changed.len()), (70, 0));
    assert!(Arc::ptr_eq(&fresh.view, &home.store.view(&alice, inbox).await.unwrap()), "others share it");
}

#[tokio::test]
async fn a_message_takes_anothers_place_in_one_piece_and_its_room() {
    let home = Home::new().await;
    let room = u64::try_from(MAIL.len()).unwrap();
    let new = NewAccount { name: "bob", password: "secret", quota_bytes: Some(room) };
    let bob = home.store.system_access(home.store.create_account(new).await.unwrap().id);
    let inbox = home.append(&bob, "INBOX", MAIL).await.placed.mailbox;
    let since = home.store.modseq(&bob).await.unwrap();
    let replaced = home.store.replace(&bob, (inbox, Uid(1)), message("Drafts", MAIL)).await.unwrap();
    assert_eq!(replaced.placed.mailbox, home.mailbox(&bob, "Drafts").await.id);
    assert!(since < replaced.replaced_at && replaced.replaced_at < replaced.changes.modseq);
    let gone = home.store.mailbox_changes(&bob, inbox, since).await.unwrap();
    assert_eq!((gone.vanished, gone.changed.len()), (vec![Uid(1)], 0));
    // What is refused leaves the old one where it was.
    let drafts = (replaced.placed.mailbox, replaced.placed.uid);
    let large = message("Drafts", "Subject: longer\r\n\r\n");
    assert!(matches!(home.store.replace(&bob, drafts, large).await, Err(Error::OverQuota)));
    let again = home.store.replace(&bob, (inbox, Uid(1)), message("INBOX", MAIL)).await;
    assert!(matches!(again, Err(Error::NotFound("message"))), "{again:?}");
    assert_eq!(home.mailbox(&bob, "Drafts").await.messages, 1);
    assert_eq!(home.mailbox(&bob, "INBOX").await.messages, 0);
    assert!(home.store.check().await.unwrap().problems.is_empty());
}
