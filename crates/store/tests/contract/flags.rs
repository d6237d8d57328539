use store::{Access, Error, FlagChange, Flags, MailboxId, ModSeq, Uid};

use crate::home::{Home, message};

const MAIL: &str = "Subject: x\r\n\r\n";

fn add(flags: Flags) -> FlagChange {
    FlagChange { add: flags, ..FlagChange::default() }
}

/// Flags of the first message of a mailbox.
async fn first(home: &Home, access: &Access, mailbox: MailboxId) -> Flags {
    home.store.view(access, mailbox).await.unwrap().entries[0].flags
}

#[tokio::test]
async fn flags_are_set_cleared_and_replaced() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let inbox = home.append(&alice, "INBOX", MAIL).await.placed.mailbox;
    for (change, expected) in [
        (add(Flags::SEEN.union(Flags::FLAGGED)), Flags::SEEN.union(Flags::FLAGGED)),
        (FlagChange { remove: Flags::SEEN, ..FlagChange::default() }, Flags::FLAGGED),
        (FlagChange { remove: Flags(u128::MAX), ..add(Flags::DRAFT) }, Flags::DRAFT),
        // Bits that are no flag's are not kept.
        (add(Flags(u128::MAX)), Flags(0b1_1111)),
    ] {
        let (entries, modified, changes) =
            home.store.store_flags(&alice, inbox, vec![Uid(1)], change, None).await.unwrap();
        assert_eq!((entries[0].flags, entries[0].modseq, modified), (expected, changes.modseq, vec![]));
        assert_eq!(first(&home, &alice, inbox).await, expected);
    }
    let counted = home.mailbox(&alice, "INBOX").await;
    assert_eq!((counted.messages, counted.unseen, counted.deleted), (1, 0, 1));
}

#[tokio::test]
async fn what_changes_nothing_raises_no_modseq_and_is_answered_all_the_same() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let delivered = home.append(&alice, "INBOX", MAIL).await;
    let inbox = delivered.placed.mailbox;
    let uids = vec![Uid(1), Uid(7)];
    let none = FlagChange { remove: Flags::SEEN, ..FlagChange::default() };
    let (entries, _, changes) = home.store.store_flags(&alice, inbox, uids, none, None).await.unwrap();
    assert_eq!((entries.len(), changes.modseq), (1, delivered.changes.modseq));
    let (entries, _, _) =
        home.store.store_flags(&alice, inbox, vec![], add(Flags::SEEN), None).await.unwrap();
    assert_eq!(entries, []);
}

#[tokio::test]
async fn flags_belong_to_the_message_and_deleted_to_its_place() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let inbox = home.append(&alice, "INBOX", MAIL).await.placed.mailbox;
    let sent = home.mailbox(&alice, "Sent").await.id;
    let (_, copied) = home.store.copy(&alice, inbox, vec![Uid(1)], sent).await.unwrap();
    let both = Flags::SEEN.union(Flags::DELETED);
    let (_, _, changes) = home.store.store_flags(&alice, inbox, vec![Uid(1)], add(both), None).await.unwrap();
    assert!(changes.modseq > copied.modseq);
    assert_eq!(first(&home, &alice, inbox).await, both);
    assert_eq!(first(&home, &alice, sent).await, Flags::SEEN);
    let there = home.mailbox(&alice, "Sent").await;
    assert_eq!((there.unseen, there.deleted, there.highest_modseq), (0, 0, changes.modseq));
}

#[tokio::test]
async fn what_has_changed_since_is_left_alone() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let old = home.append(&alice, "INBOX", MAIL).await;
    home.append(&alice, "INBOX", MAIL).await;
    let both = vec![Uid(1), Uid(2)];
    let since = Some(old.changes.modseq);
    let (entries, modified, _) =
        home.store.store_flags(&alice, old.placed.mailbox, both, add(Flags::SEEN), since).await.unwrap();
    assert_eq!((entries.len(), entries[0].uid, modified), (1, Uid(1), vec![Uid(2)]));
    let zero = Some(ModSeq(0));
    let (entries, modified, _) = home
        .store
        .store_flags(&alice, old.placed.mailbox, vec![Uid(1)], add(Flags::DRAFT), zero)
        .await
        .unwrap();
    assert_eq!((entries, modified), (vec![], vec![Uid(1)]));
}

#[tokio::test]
async fn keywords_are_known_by_name_without_regard_to_case_and_there_are_at_most_120() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let inbox = home.append(&alice, "INBOX", MAIL).await.placed.mailbox;
    let named = |names: Vec<String>| FlagChange { add_keywords: names, ..FlagChange::default() };
    let store = async |change| home.store.store_flags(&alice, inbox, vec![Uid(1)], change, None).await;
    let all: Vec<_> = (0..120).map(|number| format!("K{number}")).collect();
    let _ = store(named(all.clone())).await.unwrap();
    let _ = store(named(vec!["k7".into()])).await.unwrap();
    assert!(matches!(store(named(vec!["one-too-many".into()])).await, Err(Error::Limit(_))));
    for bad in ["", "a b", "a(b", "\\Seen", "a\u{e9}", &"x".repeat(101)] {
        assert!(matches!(store(named(vec![bad.into()])).await, Err(Error::Invalid { .. })), "{bad:?}");
    }
    let keywords = home.store.keywords(&alice).await.unwrap();
    assert_eq!(keywords.of(first(&home, &alice, inbox).await).collect::<Vec<_>>(), all);
    let clear =
        FlagChange { remove_keywords: vec!["k119".into(), "unknown".into()], ..FlagChange::default() };
    let _ = store(clear).await.unwrap();
    assert_eq!(keywords.of(first(&home, &alice, inbox).await).count(), 119);
    assert_eq!(home.store.keywords(&alice).await.unwrap().iter().count(), 120);
}

#[tokio::test]
async fn thousands_of_messages_change_in_one_call() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let many: Vec<_> = (0..1000).map(|_| message("INBOX", MAIL)).collect();
    let inbox = home.store.append_many(&alice, many.clone()).await.unwrap().0[0].mailbox;
    let _ = home.store.append_many(&alice, many).await.unwrap();
    let uids: Vec<_> = (1..=2000).map(Uid).collect();
    let (entries, _, _) =
        home.store.store_flags(&alice, inbox, uids.clone(), add(Flags::DELETED), None).await.unwrap();
    assert!(entries.iter().map(|entry| entry.uid).eq(uids.iter().copied()));
    assert_eq!(home.mailbox(&alice, "INBOX").await.deleted, 2000);
    let (gone, _) = home.store.expunge(&alice, inbox, None).await.unwrap();
    assert_eq!(gone, uids);
    assert_eq!(home.store.account(alice.owner()).await.unwrap().used_bytes, 0);
    assert_eq!(home.store.check().await.unwrap().problems, [""; 0]);
}
