//! Emails with all their mailboxes, as JMAP reads and changes them.

use std::collections::BTreeSet;

use store::{
    Access, ArrivalOrder, Arrivals, Columns, EmailEdit, Error, Expected, FlagChange, Flags, MailboxId,
    MailboxesEdit, MessageId, NewEmail, UnixTime,
};

use crate::home::{Home, mailbox_name, message, raw};

const NARROW: Columns = Columns { envelope: false, structure: false, summary: false };

async fn mailboxes_of(home: &Home, access: &Access, id: MessageId) -> Vec<MailboxId> {
    let emails = home.store.emails(access, vec![id], NARROW).await.unwrap();
    emails.first().map(|email| email.mailboxes.clone()).unwrap_or_default()
}

fn add(flags: Flags) -> EmailEdit {
    EmailEdit { flags: Some(FlagChange { add: flags, ..FlagChange::default() }), mailboxes: None }
}

#[tokio::test]
async fn an_email_is_made_moved_and_destroyed_in_all_its_mailboxes() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let (inbox, sent, trash) = (
        home.mailbox(&alice, "INBOX").await.id,
        home.mailbox(&alice, "Sent").await.id,
        home.mailbox(&alice, "Trash").await.id,
    );
    let new = NewEmail {
        raw: raw("Subject: a\r\n\r\nb\r\n"),
        mailboxes: vec![sent, inbox, sent],
        received_at: UnixTime(5),
        flags: Flags::SEEN,
        keywords: vec!["own".to_owned()],
    };
    let (placed, _) = home.store.create_email(&alice, new.clone()).await.unwrap();
    assert_eq!(mailboxes_of(&home, &alice, placed.message).await, [inbox, sent]);
    let edit = async |mailboxes| {
        let edit = EmailEdit { flags: None, mailboxes: Some(mailboxes) };
        home.store.update_emails(&alice, vec![(placed.message, edit)]).await.remove(0)
    };
    let _ = edit(MailboxesEdit::Patch { add: vec![trash], remove: vec![sent] }).await.unwrap();
    assert_eq!(mailboxes_of(&home, &alice, placed.message).await, [inbox, trash]);
    let nowhere = edit(MailboxesEdit::Replace(Vec::new())).await;
    assert!(matches!(nowhere, Err(Error::Invalid { what: "mailboxes", .. })));
    let unknown = edit(MailboxesEdit::Replace(vec![MailboxId(999)])).await;
    assert!(matches!(unknown, Err(Error::NotFound("mailbox"))));
    assert_eq!(mailboxes_of(&home, &alice, placed.message).await, [inbox, trash]);
    let destroyed = home.store.destroy_emails(&alice, vec![placed.message, placed.message]).await;
    assert!(destroyed[0].is_ok() && matches!(destroyed[1], Err(Error::NotFound("message"))));
    let missing = NewEmail { mailboxes: vec![inbox, MailboxId(999)], ..new };
    assert!(home.store.create_email(&alice, missing).await.is_err());
    assert!(home.store.email_places(&alice, None).await.unwrap().is_empty(), "all or nothing");
    assert!(home.store.check().await.unwrap().problems.is_empty());
}

#[tokio::test]
async fn a_moved_email_is_not_a_new_one_and_one_that_goes_is_told_once() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let first = home.append(&alice, "INBOX", "Subject: 1\r\n\r\n").await.placed;
    let since = home.store.modseq(&alice).await.unwrap();
    let second = home.append(&alice, "INBOX", "Subject: 2\r\n\r\n").await.placed;
    let trash = home.mailbox(&alice, "Trash").await.id;
    for placed in [first, second] {
        let _ = home.store.move_messages(&alice, placed.mailbox, vec![placed.uid], trash).await.unwrap();
    }
    let changes = home.store.email_changes(&alice, since, 1).await.unwrap();
    let told = |id: MessageId| *changes.changes.iter().find(|change| change.id == id).unwrap();
    assert!(changes.complete && !changes.more && changes.changes.len() == 2);
    assert!(told(first.message).created <= since && told(first.message).is_there);
    assert!(told(second.message).created > since && told(second.message).is_there);
    let deleted = home.store.update_emails(&alice, vec![(first.message, add(Flags::DELETED))]).await;
    assert!(deleted[0].is_ok());
    assert_eq!(mailboxes_of(&home, &alice, first.message).await, [trash], "\\Deleted is IMAP's");
    let entries = home.store.view(&alice, trash).await.unwrap().entries.clone();
    let uid = entries.iter().find(|entry| entry.message == first.message).unwrap().uid;
    let mark = FlagChange { add: Flags::DELETED, ..FlagChange::default() };
    let _ = home.store.store_flags(&alice, trash, vec![uid], mark, None).await.unwrap();
    let marked = home.store.modseq(&alice).await.unwrap();
    assert!(mailboxes_of(&home, &alice, first.message).await.is_empty());
    let _ = home.store.expunge(&alice, trash, None).await.unwrap();
    let of = async |since| home.store.email_changes(&alice, since, 1).await.unwrap().changes;
    let gone = of(since).await.into_iter().find(|change| change.id == first.message).unwrap();
    assert!(!gone.is_there && !gone.was_gone);
    let gone = of(marked).await.into_iter().find(|change| change.id == first.message).unwrap();
    assert!(!gone.is_there && gone.was_gone);
}

#[tokio::test]
async fn states_of_types_change_with_what_they_stand_for() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let states = async || home.store.type_states(&alice).await.unwrap();
    let differing = async |before: store::TypeStates| {
        let now = states().await;
        let types = [
            ("email", before.email, now.email),
            ("mailbox", before.mailbox, now.mailbox),
            ("thread", before.thread, now.thread),
            ("delivery", before.delivery, now.delivery),
        ];
        types
            .into_iter()
            .filter(|(_, before, now)| before != now)
            .map(|(name, ..)| name)
            .collect::<BTreeSet<_>>()
    };
    let before = states().await;
    let email = home.append(&alice, "INBOX", "Subject: 1\r\n\r\n").await.placed.message;
    assert_eq!(differing(before).await, ["delivery", "email", "mailbox", "thread"].into());
    let before = states().await;
    home.append(&alice, "Sent", "Subject: 2\r\n\r\n").await;
    assert_eq!(differing(before).await, ["email", "mailbox", "thread"].into(), "one's own");
    for (flags, expected) in [(Flags::FLAGGED, vec!["email"]), (Flags::SEEN, vec!["email", "mailbox"])] {
        let before = states().await;
        assert!(home.store.update_emails(&alice, vec![(email, add(flags))]).await[0].is_ok());
        assert_eq!(differing(before).await, expected.into_iter().collect());
    }
    let before = states().await;
    let _ = home.store.create_mailbox(&alice, &mailbox_name("New"), None).await.unwrap();
    assert_eq!(differing(before).await, ["mailbox"].into());
    let before = states().await;
    assert!(home.store.destroy_emails(&alice, vec![email]).await[0].is_ok());
    assert_eq!(differing(before).await, ["email", "mailbox", "thread"].into());
}

#[tokio::test]
async fn uploads_are_their_accounts_own_and_the_oldest_go_first() {
    let home = Home::new().await;
    let (alice, bob) = (home.access("alice").await, home.access("bob").await);
    let content = |text: &'static str| bytes::Bytes::from_static(text.as_bytes());
    let (first, upload) = home.store.upload(&alice, content("first"), 12).await.unwrap();
    assert_eq!((upload.size, &home.store.uploaded(&alice, &first).await.unwrap()[..]), (5, &b"first"[..]));
    assert!(matches!(home.store.uploaded(&bob, &first).await, Err(Error::NotFound("upload"))));
    let (same, _) = home.store.upload(&bob, content("first"), 12).await.unwrap();
    assert_ne!(first, same, "an id says nothing of the content");
    let (second, _) = home.store.upload(&alice, content("second but longer"), 12).await.unwrap();
    assert!(home.store.uploaded(&alice, &first).await.is_err());
    assert!(home.store.uploaded(&alice, &second).await.is_ok(), "what was just sent stays");
    assert!(home.store.check().await.unwrap().problems.is_empty());
}

#[tokio::test]
async fn a_write_that_expects_a_state_is_refused_in_another() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let inbox = home.mailbox(&alice, "INBOX").await.id;
    let mut ids = Vec::new();
    for subject in ["a", "b", "c"] {
        let text = format!("Subject: {subject}\r\n\r\nb\r\n");
        ids.push(home.append(&alice, "INBOX", &text).await.placed.message);
    }
    let state = home.store.type_states(&alice).await.unwrap().email;
    let seen = || ids.iter().map(|id| (*id, add(Flags::SEEN))).collect::<Vec<_>>();
    // Somebody else changes the second.
    let _ = home.store.update_emails(&alice, vec![(ids[1], add(Flags::FLAGGED))]).await.remove(0).unwrap();
    let refused = home.store.update_emails_if(&alice, seen(), Expected::State(state)).await;
    assert!(refused.iter().all(|outcome| matches!(outcome, Err(Error::Changed))));
    let new = NewEmail {
        raw: raw("Subject: d\r\n\r\nb\r\n"),
        mailboxes: vec![inbox],
        received_at: UnixTime(5),
        flags: Flags::default(),
        keywords: Vec::new(),
    };
    let refused = home.store.create_email_if(&alice, new.clone(), Expected::State(state)).await;
    assert!(matches!(refused, Err(Error::Changed)));
    let apart = home.store.update_emails_if(&alice, seen(), Expected::Unchanged(state)).await;
    let done: Vec<bool> = apart.iter().map(Result::is_ok).collect();
    assert_eq!(done, [true, false, true], "only what has not changed since");
    let state = home.store.type_states(&alice).await.unwrap().email;
    let (made, _) = home.store.create_email_if(&alice, new, Expected::State(state)).await.unwrap();
    // What was made later is expected to be new; the others are as they were.
    let all = ids.iter().copied().chain([made.message]).collect();
    let destroyed = home.store.destroy_emails_if(&alice, all, Expected::Unchanged(state)).await;
    assert!(destroyed.iter().all(Result::is_ok), "{destroyed:?}");
    assert!(home.store.email_places(&alice, None).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_newest_of_a_mailbox_are_read_with_the_state_they_are_of() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let inbox = home.mailbox(&alice, "INBOX").await.id;
    let mut ids = Vec::new();
    for (subject, received_at) in [("a", 30), ("b", 10), ("c", 20)] {
        let mut new = message("INBOX", &format!("Subject: {subject}\r\n\r\nb\r\n"));
        new.received_at = UnixTime(received_at);
        ids.push(home.store.append(&alice, new).await.unwrap().placed.message);
    }
    let page = async |order, after, limit| {
        let wanted = Arrivals { mailbox: inbox, order, after, limit };
        let page = home.store.email_arrivals(&alice, wanted).await.unwrap();
        assert_eq!(page.states, home.store.type_states(&alice).await.unwrap());
        (page.places.iter().map(|place| place.email).collect::<Vec<_>>(), page.more)
    };
    let newest = ArrivalOrder::NewestFirst;
    assert_eq!(page(newest, None, 2).await, (vec![ids[0], ids[2]], true));
    assert_eq!(page(newest, Some((UnixTime(20), ids[2])), 2).await, (vec![ids[1]], false));
    assert_eq!(page(ArrivalOrder::OldestFirst, None, 5).await, (vec![ids[1], ids[2], ids[0]], false));
    let bob = home.access("bob").await;
    let wanted = Arrivals { mailbox: MailboxId(999), order: newest, after: None, limit: 1 };
    assert!(matches!(home.store.email_arrivals(&bob, wanted).await, Err(Error::NotFound("mailbox"))));
}
