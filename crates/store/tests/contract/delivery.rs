use store::{Cause, Delivery, Error, FlagChange, Flags, MailboxId, Target, Uid};

use crate::home::{ALL, Home, message};

const MAIL: &str = "Subject: hello\r\nFrom: a@example.org\r\nMessage-ID: <1@example.org>\r\n\r\nbody\r\n";

#[tokio::test]
async fn a_message_is_read_back_as_it_was_put_in() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let placed = home.append(&alice, "INBOX", MAIL).await.placed;
    assert_eq!(home.store.raw(&alice, placed.message).await.unwrap(), MAIL);
    let rows = home.store.messages(&alice, placed.mailbox, vec![placed.uid], ALL).await.unwrap();
    let parsed = message::Parsed::parse(MAIL.as_bytes());
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].envelope, parsed.envelope.encode());
    assert_eq!(rows[0].structure, parsed.structure.encode());
    assert_eq!(rows[0].summary, parsed.summary.encode());
    assert_eq!(usize::try_from(rows[0].size).unwrap(), MAIL.len());
}

#[tokio::test]
async fn content_of_every_size_comes_back() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    for length in [0, 1, 4096, 256 * 1024, 256 * 1024 + 1, 3_000_000] {
        let text = "x".repeat(length);
        let placed = home.append(&alice, "INBOX", &text).await.placed;
        let back = home.store.raw(&alice, placed.message).await.unwrap();
        assert!(back == text.as_bytes(), "{length} bytes");
    }
}

#[tokio::test]
async fn content_of_every_size_is_read_in_stretches() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    for length in [0, 1, 5_000, 256 * 1024, 256 * 1024 + 1, 1_000_000] {
        let text: String = (b'a'..=b'y').cycle().take(length).map(char::from).collect();
        let placed = home.append(&alice, "INBOX", &text).await.placed;
        let size = length as u64;
        for range in [0..size, 0..1, 1..size, 4_000..9_000, size.saturating_sub(3)..size + 9, size..size + 1]
        {
            let expected = text.get(
                usize::try_from(range.start).unwrap().min(length)
                    ..usize::try_from(range.end).unwrap().min(length),
            );
            let (reader, first) = home.store.open_raw(&alice, placed.message, range.clone()).await.unwrap();
            assert_eq!(reader.size(), size);
            assert!(Some(first.as_ref()) == expected.map(str::as_bytes), "{range:?} of {length} bytes");
            assert!(reader.read(range.clone()).await.unwrap() == first, "{range:?} of {length} bytes");
        }
        let (reader, _) = home.store.open_raw(&alice, placed.message, 0..0).await.unwrap();
        #[expect(clippy::reversed_empty_ranges, reason = "what a caller may get wrong")]
        let backwards = reader.read(9..2).await.unwrap();
        assert!(backwards.is_empty());
    }
}

#[tokio::test]
async fn who_reads_a_message_in_stretches_reads_on_when_it_is_expunged() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    for length in [10_000, 300_000] {
        let placed = home.append(&alice, "INBOX", &"z".repeat(length)).await.placed;
        let (reader, first) = home.store.open_raw(&alice, placed.message, 0..1_000).await.unwrap();
        let change = store::FlagChange { add: Flags::DELETED, ..Default::default() };
        let uids = vec![placed.uid];
        let _ = home.store.store_flags(&alice, placed.mailbox, uids, change, None).await.unwrap();
        let _ = home.store.expunge(&alice, placed.mailbox, None).await.unwrap();
        let gone = home.store.open_raw(&alice, placed.message, 0..1).await;
        assert!(matches!(gone.map(|_| ()), Err(Error::NotFound("message"))));
        let rest = reader.read(1_000..u64::MAX).await.unwrap();
        assert_eq!(first.len() + rest.len(), length);
    }
}

#[tokio::test]
async fn each_recipient_has_an_outcome_of_its_own() {
    let home = Home::new().await;
    let (alice, bob) = (home.account("alice").await, home.account("bob").await);
    home.store.set_quota(bob.id, Some(10)).await.unwrap();
    home.store.remove_account(home.account("gone").await.id).await.unwrap();
    let one = message("INBOX", MAIL);
    let to = |account| Delivery { account, message: one.clone() };
    let outcomes =
        home.store.deliver(vec![to(alice.id), to(bob.id), to(store::AccountId(3)), to(alice.id)]).await;
    assert!(matches!(outcomes[..], [Ok(_), Err(Error::OverQuota), Err(Error::NotFound("account")), Ok(_)]));
    let inbox = home.mailbox(&home.store.system_access(alice.id), "INBOX").await;
    assert_eq!((inbox.messages, inbox.unseen, inbox.uid_next), (2, 2, 3));
    assert_eq!(home.store.account(bob.id).await.unwrap().used_bytes, 0);
}

#[tokio::test]
async fn one_content_is_stored_once_for_all_recipients() {
    let home = Home::new().await;
    let large = "y".repeat(400_000);
    let mut deliveries = Vec::new();
    let shared = message("INBOX", &large);
    for name in ["a", "b", "c"] {
        deliveries.push(Delivery { account: home.account(name).await.id, message: shared.clone() });
    }
    // The same bytes once more, from elsewhere in memory.
    let again = Delivery { account: deliveries[0].account, message: message("INBOX", &large) };
    deliveries.push(again);
    for outcome in home.store.deliver(deliveries).await {
        outcome.unwrap();
    }
    let blobs = home.directory.path().join("data/blobs");
    let files: usize = std::fs::read_dir(blobs)
        .unwrap()
        .map(|directory| std::fs::read_dir(directory.unwrap().path()).unwrap().count())
        .sum();
    assert_eq!(files, 1);
}

#[tokio::test]
async fn messages_of_a_view_are_read_in_its_order_without_those_that_are_gone() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let mut placed = Vec::new();
    for number in 0..40 {
        placed.push(home.append(&alice, "Archive", &format!("Subject: {number}\r\n\r\n")).await.placed);
    }
    let (archive, inbox) = (placed[0].mailbox, home.mailbox(&alice, "INBOX").await.id);
    // By twos from the back, so that ids and UIDs are in different orders and have gaps; one is there twice.
    for uid in (1..=40).rev().step_by(2) {
        let _ = home.store.copy(&alice, archive, vec![Uid(uid)], inbox).await.unwrap();
    }
    let _ = home.store.copy(&alice, inbox, vec![Uid(2)], inbox).await.unwrap();
    let view = home.store.view(&alice, inbox).await.unwrap();
    let delete = FlagChange { add: Flags::DELETED, ..FlagChange::default() };
    for mailbox in [archive, inbox] {
        let view = home.store.view(&alice, mailbox).await.unwrap();
        let gone =
            view.entries.iter().filter(|entry| entry.message.0 % 3 == 0).map(|entry| entry.uid).collect();
        let _ = home.store.store_flags(&alice, mailbox, gone, delete.clone(), None).await.unwrap();
        let _ = home.store.expunge(&alice, mailbox, None).await.unwrap();
    }
    let of_view = home.store.messages_of_view(&alice, view.entries.clone(), ALL).await.unwrap();
    let uids = view.entries.iter().map(|entry| entry.uid).collect();
    let with_places = home.store.messages(&alice, inbox, uids, ALL).await.unwrap();
    assert_eq!(with_places.len(), 15);
    let told = |rows: &[store::MessageRow]| -> Vec<_> {
        let wide =
            |row: &store::MessageRow| (row.envelope.clone(), row.structure.clone(), row.summary.clone());
        rows.iter().map(|row| (row.entry, row.thread, row.received_at, row.size, wide(row))).collect()
    };
    assert_eq!(told(&of_view), told(&with_places));
}

#[tokio::test]
async fn a_target_that_is_not_there_means_inbox_but_an_unknown_id_is_refused() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let inbox = home.mailbox(&alice, "INBOX").await.id;
    let junk = home.mailbox(&alice, "Junk").await.id;
    assert_eq!(home.append(&alice, "No/Such", MAIL).await.placed.mailbox, inbox);
    let mut spam = message("INBOX", MAIL);
    spam.target = Target::UseOrInbox(store::SpecialUse::Junk);
    assert_eq!(home.store.append(&alice, spam.clone()).await.unwrap().placed.mailbox, junk);
    let _ = home.store.delete_mailbox(&alice, junk).await.unwrap();
    assert_eq!(home.store.append(&alice, spam.clone()).await.unwrap().placed.mailbox, inbox);
    spam.target = Target::Id(MailboxId(999));
    assert!(matches!(home.store.append(&alice, spam).await, Err(Error::NotFound("mailbox"))));
}

#[tokio::test]
async fn a_batch_is_put_in_whole_or_not_at_all() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    home.store.set_quota(alice.owner(), Some(2 * MAIL.len() as u64)).await.unwrap();
    let three = vec![message("INBOX", MAIL), message("Sent", MAIL), message("INBOX", MAIL)];
    let refused = home.store.append_many(&alice, three.clone()).await;
    assert!(matches!(refused, Err(Error::OverQuota)));
    assert_eq!(home.mailbox(&alice, "INBOX").await.uid_next, 1);
    home.store.set_quota(alice.owner(), None).await.unwrap();
    let (placed, changes) = home.store.append_many(&alice, three).await.unwrap();
    let uids: Vec<_> = placed.iter().map(|one| one.uid).collect();
    assert_eq!(uids, [Uid(1), Uid(1), Uid(2)]);
    assert_eq!(home.store.modseq(&alice).await.unwrap(), changes.modseq);
}

#[tokio::test]
async fn messages_that_share_an_identifier_and_the_base_subject_share_a_thread() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let mail = |subject: &str, id: &str, references: &str| {
        format!("Subject: {subject}\r\nMessage-ID: <{id}>\r\nReferences: {references}\r\n\r\n")
    };
    let mut threads = Vec::new();
    for text in [
        mail("Lunch", "1@x", ""),
        mail("Re: lunch", "2@x", "<1@x>"),
        mail("Dinner", "3@x", "<1@x>"),
        mail("RE: Lunch", "4@x", "<0@x> <1@x> <2@x>"),
        mail("Lunch", "5@x", ""),
    ] {
        threads.push(home.append(&alice, "INBOX", &text).await.placed.thread);
    }
    assert_eq!(threads[0], threads[1]);
    assert_eq!(threads[0], threads[3]);
    assert_ne!(threads[0], threads[2], "another subject");
    assert_ne!(threads[0], threads[4], "no common identifier");
}

#[tokio::test]
async fn first_flags_and_keywords_are_there_and_counted() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let mut sent = message("Sent", MAIL);
    sent.flags = Flags::SEEN.union(Flags::DELETED);
    sent.keywords = vec!["$Forwarded".into(), "$forwarded".into()];
    sent.cause = Cause::Import;
    let placed = home.store.append(&alice, sent).await.unwrap().placed;
    let view = home.store.view(&alice, placed.mailbox).await.unwrap();
    let keywords = home.store.keywords(&alice).await.unwrap();
    assert_eq!(keywords.of(view.entries[0].flags).collect::<Vec<_>>(), ["$Forwarded"]);
    let mailbox = home.mailbox(&alice, "Sent").await;
    assert_eq!((mailbox.messages, mailbox.unseen, mailbox.deleted), (1, 0, 1));
}

#[tokio::test]
async fn a_message_that_is_twice_in_a_mailbox_is_counted_right_when_both_change_at_once() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let inbox = home.append(&alice, "INBOX", MAIL).await.placed.mailbox;
    let (_placed, _changes) = home.store.copy(&alice, inbox, vec![Uid(1)], inbox).await.unwrap();
    let change = store::FlagChange { add: Flags::SEEN.union(Flags::DELETED), ..Default::default() };
    let both = vec![Uid(1), Uid(2)];
    let (entries, _modified, changes) =
        home.store.store_flags(&alice, inbox, both, change.clone(), None).await.unwrap();
    let told: Vec<_> = entries.iter().map(|entry| (entry.uid, entry.flags, entry.modseq)).collect();
    assert_eq!(told, [(Uid(1), change.add, changes.modseq), (Uid(2), change.add, changes.modseq)]);
    let mailbox = home.mailbox(&alice, "INBOX").await;
    assert_eq!((mailbox.messages, mailbox.unseen, mailbox.deleted), (2, 0, 2));
    assert!(home.store.check().await.unwrap().problems.is_empty());
}

#[tokio::test]
async fn what_was_answered_is_there_when_the_store_is_opened_again() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let placed = home.append(&alice, "INBOX", MAIL).await.placed;
    // Not closed: what a killed process leaves.
    let again = home.beside().await;
    assert_eq!(again.raw(&alice, placed.message).await.unwrap(), MAIL);
    home.store.close().await.unwrap();
    let closed = home.store.append(&alice, message("INBOX", MAIL)).await;
    assert!(matches!(closed, Err(Error::Unavailable(_))));
    assert_eq!(again.raw(&alice, placed.message).await.unwrap(), MAIL);
}

#[tokio::test]
async fn a_write_wakes_its_account_and_no_other() {
    let home = Home::new().await;
    let (alice, bob) = (home.access("alice").await, home.access("bob").await);
    let mut tap = home.bus.tap();
    home.append(&alice, "INBOX", MAIL).await;
    assert_eq!(tap.woken().await, [alice.owner().0].into());
    home.append(&bob, "INBOX", MAIL).await;
    assert_eq!(tap.woken().await, [bob.owner().0].into());
}
