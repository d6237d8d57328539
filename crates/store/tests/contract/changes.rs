use store::{Cause, FlagChange, Flags, MailboxId, ModSeq, SessionId, Uid};

use crate::home::{Home, mailbox_name, message};
use crate::replay::Replay;

const MAIL: &str = "Subject: x\r\n\r\n";

#[tokio::test]
async fn a_change_knows_why_and_by_whom() {
    let home = Home::new().await;
    home.account("alice").await;
    let alice = home.store.authenticate("alice", "secret").await.unwrap().unwrap().in_session(SessionId(7));
    let since = home.store.modseq(&alice).await.unwrap();
    let system = home.store.system_access(alice.owner());
    let mut mail = message("INBOX", MAIL);
    mail.cause = Cause::Delivery;
    let placed = home.store.append(&system, mail).await.unwrap().placed;
    let seen = FlagChange { add: Flags::SEEN, add_keywords: vec!["new".into()], ..FlagChange::default() };
    let _ = home.store.store_flags(&alice, placed.mailbox, vec![Uid(1)], seen, None).await.unwrap();
    let changes = home.store.changes_since(&alice, since, 100).await.unwrap();
    let [change] = &changes.memberships[..] else { panic!("{changes:?}") };
    assert_eq!((change.cause, change.arrived), (Cause::Flags, Some(Cause::Delivery)));
    assert_eq!((change.origin.credential, change.origin.session), (alice.credential(), Some(SessionId(7))));
    assert_eq!((change.message, change.thread), (placed.message, Some(placed.thread)));
    assert_eq!(changes.keywords, ["new".to_owned()].into());
    let trash = home.mailbox(&alice, "Trash").await.id;
    let (_, moved) = home.store.move_messages(&alice, placed.mailbox, vec![Uid(1)], trash).await.unwrap();
    let changes = home.store.changes_since(&alice, changes.modseq, 100).await.unwrap();
    let found: Vec<_> = changes
        .memberships
        .iter()
        .map(|change| (change.mailbox, change.cause, change.arrived, change.now.is_some(), change.modseq))
        .collect();
    let expected = [
        (placed.mailbox, Cause::Move, None, false, moved.modseq),
        (trash, Cause::Move, Some(Cause::Move), true, moved.modseq),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn what_happens_to_mailboxes_is_told_with_old_and_last_names() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let (old, new) = (mailbox_name("old"), mailbox_name("new"));
    let id = home.store.create_mailbox(&alice, &old, None).await.unwrap().0.id;
    let since = home.store.modseq(&alice).await.unwrap();
    let _ = home.store.rename_mailbox(&alice, &old, &new).await.unwrap();
    let changes = home.store.changes_since(&alice, since, 100).await.unwrap();
    let [change] = &changes.mailboxes[..] else { panic!("{changes:?}") };
    assert_eq!((change.created, &change.name, change.old_name.as_ref()), (false, &new, Some(&old)));
    // One who has not seen the mailbox at all has seen no old name.
    let changes = home.store.changes_since(&alice, ModSeq(0), 100).await.unwrap();
    let change = changes.mailboxes.iter().find(|change| change.id == id).unwrap();
    assert_eq!((change.created, change.old_name.as_ref()), (true, None));
    let since = changes.modseq;
    let _ = home.store.set_subscribed(&alice, &new, true).await.unwrap();
    let changes = home.store.changes_since(&alice, since, 100).await.unwrap();
    assert!(changes.mailboxes[0].now.as_ref().unwrap().subscribed);
    let _ = home.store.delete_mailbox(&alice, id).await.unwrap();
    let changes = home.store.changes_since(&alice, since, 100).await.unwrap();
    let [change] = &changes.mailboxes[..] else { panic!("{changes:?}") };
    assert!(change.now.is_none() && change.name == new && change.id == id);
}

#[tokio::test]
async fn pages_are_cut_between_commits_and_miss_nothing() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    for _ in 0..5 {
        home.append(&alice, "INBOX", MAIL).await;
    }
    let inbox = home.mailbox(&alice, "INBOX").await.id;
    let trash = home.mailbox(&alice, "Trash").await.id;
    // One commit with more changes than any of the limits below.
    let all: Vec<_> = (1..=5).map(Uid).collect();
    let _ = home.store.move_messages(&alice, inbox, all, trash).await.unwrap();
    for _ in 0..3 {
        home.append(&alice, "INBOX", MAIL).await;
    }
    for limit in [0, 1, 2, 4, 100] {
        let mut replay = Replay::default();
        let mut pages = 1;
        while replay.read(&home.store, &alice, limit).await {
            pages += 1;
        }
        assert_eq!(replay.cursor, home.store.modseq(&alice).await.unwrap());
        assert_eq!(replay.members.len(), 8, "limit {limit}");
        assert!(limit == 100 || pages > 1, "limit {limit}");
    }
}

#[tokio::test]
async fn a_view_and_the_changes_since_it_make_the_next_view() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    for _ in 0..3 {
        home.append(&alice, "INBOX", MAIL).await;
    }
    let inbox = home.mailbox(&alice, "INBOX").await.id;
    let before = home.store.view(&alice, inbox).await.unwrap();
    let delete = FlagChange { add: Flags::DELETED, ..FlagChange::default() };
    let _ = home.store.store_flags(&alice, inbox, vec![Uid(2)], delete, None).await.unwrap();
    let _ = home.store.expunge(&alice, inbox, None).await.unwrap();
    home.append(&alice, "INBOX", MAIL).await;
    let changes = home.store.mailbox_changes(&alice, inbox, before.modseq).await.unwrap();
    assert_eq!(changes.vanished, [Uid(2)]);
    assert_eq!(changes.changed.iter().map(|entry| entry.uid).collect::<Vec<_>>(), [Uid(4)]);
    let after = home.store.view(&alice, inbox).await.unwrap();
    assert_eq!(after.entries.iter().map(|entry| entry.uid.0).collect::<Vec<_>>(), [1, 3, 4]);
    assert_eq!((after.modseq, after.uid_next), (changes.modseq, 5));
    assert_eq!(before.entries.len(), 3, "a view that somebody holds does not change under them");
}

#[tokio::test]
async fn idle_sessions_share_one_view() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    home.append(&alice, "INBOX", MAIL).await;
    let inbox = home.mailbox(&alice, "INBOX").await.id;
    let first = home.store.view(&alice, inbox).await.unwrap();
    // A change elsewhere leaves it as it is.
    home.append(&alice, "Sent", MAIL).await;
    let second = home.store.view(&alice, inbox).await.unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &second));
}

#[tokio::test]
async fn the_view_of_a_large_mailbox_outlives_those_who_held_it() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let _ = home.store.append_many(&alice, vec![message("INBOX", MAIL); 1000]).await.unwrap();
    home.append(&alice, "Sent", MAIL).await;
    let inbox = home.mailbox(&alice, "INBOX").await.id;
    let sent = home.mailbox(&alice, "Sent").await.id;
    let held = async |mailbox| std::sync::Arc::downgrade(&home.store.view(&alice, mailbox).await.unwrap());
    let (large, small) = (held(inbox).await, held(sent).await);
    assert!(large.upgrade().is_some());
    assert!(small.upgrade().is_none(), "a small one is read again");

    // What comes later is told beside the view that was kept.
    home.append(&alice, "INBOX", MAIL).await;
    let opened = home.store.open_view(&alice, inbox).await.unwrap();
    assert!(large.upgrade().is_some_and(|kept| std::sync::Arc::ptr_eq(&kept, &opened.view)));
    assert_eq!(opened.changes.changed.iter().map(|entry| entry.uid).collect::<Vec<_>>(), [Uid(1001)]);
    // A whole view of now takes its place.
    drop(opened);
    assert_eq!(home.store.view(&alice, inbox).await.unwrap().entries.len(), 1001);
    assert!(large.upgrade().is_none());
}

#[tokio::test]
async fn an_unknown_mailbox_has_neither_view_nor_changes() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    assert!(home.store.view(&alice, MailboxId(99)).await.is_err());
    assert!(home.store.mailbox_changes(&alice, MailboxId(99), ModSeq(0)).await.is_err());
}

#[tokio::test]
async fn a_commit_of_more_rows_than_a_page_is_told_whole() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let inbox = home.append(&alice, "INBOX", MAIL).await.placed.mailbox;
    let before = home.store.modseq(&alice).await.unwrap();
    let mut places = 1;
    while places <= 8192 {
        let uids = (1..=places).map(Uid).collect();
        let _copied = home.store.copy(&alice, inbox, uids, inbox).await.unwrap();
        places *= 2;
    }
    let since = home.store.modseq(&alice).await.unwrap();
    let seen = FlagChange { add: Flags::SEEN, ..FlagChange::default() };
    let (_, _, stored) = home.store.store_flags(&alice, inbox, vec![Uid(1)], seen, None).await.unwrap();
    for start in [before, since] {
        let (mut from, mut told, mut more) = (start, 0, true);
        while more {
            let page = home.store.email_changes(&alice, from, 1).await.unwrap();
            assert!(page.modseq > from, "each page leads on from {from:?}");
            (from, more) = (page.modseq, page.more);
            told += page.changes.len();
        }
        assert_eq!((from, told), (stored.modseq, 1), "from {start:?}");
    }
}
