//! RFC 4314: what each right opens, and that nothing opens without it.

use std::fmt::Debug;

use store::{
    ANYONE, Access, Error, FlagChange, Flags, Identifier, MailboxId, MessageId, ModSeq, Rights, RightsChange,
    Sign, Store, Target, Uid,
};

use crate::home::{ALL, Home, mailbox_name, message};

/// Alice with a mailbox that has a message, Bob with mail of his own, and his way to hers.
struct Shared {
    home: Home,
    alice: Access,
    bob: Access,
    way: Access,
    mailbox: MailboxId,
    message: MessageId,
}

impl Shared {
    async fn new() -> Self {
        let home = Home::new().await;
        let (alice, bob) = (home.access("alice").await, home.access("bob").await);
        let (mailbox, _) = home.store.create_mailbox(&alice, &mailbox_name("Shared"), None).await.unwrap();
        let message = home.append(&alice, "Shared", "Subject: hers\r\n\r\n").await.placed.message;
        home.append(&bob, "INBOX", "Subject: his\r\n\r\n").await;
        let (way, owner) = home.store.access_to(&bob, "ALICE").await.unwrap();
        assert_eq!(owner, "alice");
        Self { home, alice, bob, way, mailbox: mailbox.id, message }
    }

    async fn set(&self, name: &str, sign: Sign, rights: Rights) {
        let identifier = Identifier { name: name.to_owned(), sign };
        let change = RightsChange::Replace(rights);
        self.home.store.set_acl(&self.alice, self.mailbox, identifier, change).await.unwrap();
    }

    async fn give(&self, rights: Rights) {
        self.set("bob", Sign::Positive, rights).await;
    }
}

/// How an answer ended: "done", or the class of its refusal.
fn end<T: Debug>(outcome: store::Result<T>) -> String {
    match outcome {
        Ok(_) => "done".to_owned(),
        Err(Error::NotFound(_)) => "not found".to_owned(),
        Err(Error::Forbidden(_)) => "forbidden".to_owned(),
        Err(other) => other.to_string(),
    }
}

/// Tries one call that needs a right.
async fn attempt(shared: &Shared, call: &str) -> String {
    let Shared { home: Home { store, .. }, alice, bob, way, mailbox, message: id } = shared;
    let (mailbox, uids) = (*mailbox, || vec![Uid(1)]);
    let mut new = message("Shared", "Subject: new\r\n\r\n");
    new.target = Target::Id(mailbox);
    let flag = |add| FlagChange { add, ..FlagChange::default() };
    let own = store.mailbox_named(bob, &mailbox_name("INBOX")).await.unwrap().id;
    let change = RightsChange::Add(Rights::NONE);
    let bobs = Identifier { name: "bob".to_owned(), sign: Sign::Positive };
    match call {
        "look up" => end(store.mailbox(way, mailbox).await),
        "look up by name" => end(store.mailbox_named(way, &mailbox_name("Shared")).await),
        "rights" => end(store.rights(way, mailbox).await),
        "view" => end(store.view(way, mailbox).await),
        "changes" => end(store.mailbox_changes(way, mailbox, ModSeq(0)).await),
        "messages" => end(store.messages(way, mailbox, uids(), ALL).await),
        "raw" => end(store.raw(way, *id).await),
        "open" => end(store.open_raw(way, *id, 0..9).await.map(|(_, first)| first)),
        "keywords" => end(store.keywords(way).await),
        "deleted bytes" => end(store.deleted_bytes(way, mailbox).await),
        "copy from" => end(store.copy_across((way, mailbox), uids(), (bob, own)).await),
        "copy to" => end(store.copy_across((bob, own), uids(), (way, mailbox)).await),
        "append" => end(store.append(way, new).await),
        "append many" => end(store.append_many(way, vec![new]).await),
        "seen" => end(store.store_flags(way, mailbox, uids(), flag(Flags::SEEN), None).await),
        "flagged" => end(store.store_flags(way, mailbox, uids(), flag(Flags::FLAGGED), None).await),
        "deleted" => end(store.store_flags(way, mailbox, uids(), flag(Flags::DELETED), None).await),
        "expunge" => end(store.expunge(way, mailbox, Some(Vec::new())).await),
        "move from" => end(store.move_across((way, mailbox), Vec::new(), (bob, own)).await),
        "create below" => {
            let made = store.create_mailbox(way, &mailbox_name("Shared/new"), None).await;
            if let Ok((made, _)) = &made {
                let _changes = store.delete_mailbox(alice, made.id).await.unwrap();
            }
            end(made)
        }
        "delete" => end(store.delete_mailbox(way, mailbox).await),
        "acl" => end(store.acl(way, mailbox).await),
        "set acl" => end(store.set_acl(way, mailbox, bobs, change).await),
        other => format!("there is no call {other}"),
    }
}

#[tokio::test]
async fn every_call_needs_its_right_and_that_is_enough() {
    let (none, read) = (Rights::NONE, Rights::READ);
    let take = read.union(Rights::DELETE_MESSAGES).union(Rights::EXPUNGE);
    let cases = [
        ("look up", none),
        ("look up by name", none),
        ("rights", none),
        ("view", read),
        ("changes", read),
        ("messages", read),
        ("raw", read),
        ("open", read),
        ("keywords", read),
        ("deleted bytes", read),
        ("copy from", read),
        ("copy to", Rights::INSERT),
        ("append", Rights::INSERT),
        ("append many", Rights::INSERT),
        ("seen", Rights::SEEN),
        ("flagged", Rights::WRITE),
        ("deleted", Rights::DELETE_MESSAGES),
        ("expunge", Rights::EXPUNGE),
        ("move from", take),
        ("create below", Rights::CREATE),
        ("acl", Rights::ADMINISTER),
        ("set acl", Rights::ADMINISTER),
        ("delete", Rights::DELETE),
    ];
    let shared = Shared::new().await;
    for (call, needed) in cases {
        // A mailbox that may be made in spite of all is refused as such: that it could not be looked up does not show.
        let hidden = if call == "create below" { "forbidden" } else { "not found" };
        shared.give(Rights::ALL.without(Rights::LOOKUP)).await;
        assert_eq!(attempt(&shared, call).await, hidden, "{call} without l");
        if needed != none {
            shared.give(Rights::ALL.without(needed)).await;
            let expected =
                if ["raw", "open", "keywords"].contains(&call) { "not found" } else { "forbidden" };
            assert_eq!(attempt(&shared, call).await, expected, "{call} with all but its right");
        }
        shared.give(needed.union(Rights::LOOKUP)).await;
        assert_eq!(attempt(&shared, call).await, "done", "{call} with its right alone");
    }
    assert_eq!(shared.home.store.check().await.unwrap().problems, [""; 0]);
}

/// What of a mailbox shows through an access: the answers to all calls, as they print.
async fn probe(store: &Store, way: &Access, mailbox: MailboxId, id: MessageId) -> Vec<String> {
    let mut new = message("Secret", "Subject: new\r\n\r\n");
    new.target = Target::Id(mailbox);
    let name = mailbox_name("Secret");
    vec![
        format!("{:?}", store.mailboxes(way).await),
        format!("{:?}", store.mailbox(way, mailbox).await),
        format!("{:?}", store.mailbox_named(way, &name).await),
        format!("{:?}", store.view(way, mailbox).await),
        format!("{:?}", store.raw(way, id).await),
        format!("{:?}", store.modseq(way).await),
        format!("{:?}", store.keywords(way).await),
        format!("{:?}", store.append(way, new).await),
        format!("{:?}", store.expunge(way, mailbox, None).await),
        format!("{:?}", store.create_mailbox(way, &name, None).await),
        format!("{:?}", store.rename_mailbox(way, &name, &mailbox_name("Mine")).await),
        format!("{:?}", store.delete_mailbox(way, mailbox).await),
        format!("{:?}", store.annotations(way, Some(mailbox)).await),
        format!("{:?}", store.annotations(way, None).await),
        format!("{:?}", store.acl(way, mailbox).await),
        format!("{:?}", store.push_subscriptions(way).await),
        format!("{:?}", store.subscribed_names(way).await),
    ]
}

#[tokio::test]
async fn an_account_that_shares_nothing_answers_as_one_that_is_not_there() {
    let shared = Shared::new().await;
    let store = &shared.home.store;
    let _ = store.create_mailbox(&shared.alice, &mailbox_name("Secret"), None).await.unwrap();
    let secret = shared.home.append(&shared.alice, "Secret", "Subject: secret\r\n\r\n").await.placed;
    let (nowhere, _) = store.access_to(&shared.bob, "nobody").await.unwrap();
    let (itself, _) = store.access_to(&shared.bob, "bob").await.unwrap();
    let hidden = probe(store, &shared.way, secret.mailbox, secret.message).await;
    assert_eq!(hidden, probe(store, &nowhere, secret.mailbox, secret.message).await);
    assert_eq!(hidden, probe(store, &itself, secret.mailbox, secret.message).await);
    assert!(store.shared_mailboxes(&shared.bob).await.unwrap().is_empty());
}

#[tokio::test]
async fn rights_are_what_is_given_less_what_is_taken_until_they_are_taken_away() {
    let shared = Shared::new().await;
    let read = Rights::LOOKUP.union(Rights::READ);
    let cases = [
        ("anyone", Sign::Positive, Rights::LOOKUP, Some(Rights::LOOKUP)),
        ("bob", Sign::Positive, Rights::READ.union(Rights::WRITE), Some(read.union(Rights::WRITE))),
        ("anyone", Sign::Negative, Rights::WRITE, Some(read)),
        ("bob", Sign::Negative, Rights::LOOKUP, None),
        ("BOB", Sign::Negative, Rights::NONE, Some(read)),
        (ANYONE, Sign::Positive, Rights::NONE, None),
    ];
    for (name, sign, rights, expected) in cases {
        shared.set(name, sign, rights).await;
        let found = shared.home.store.rights(&shared.way, shared.mailbox).await.ok();
        assert_eq!(found, expected, "{name} {sign:?} {rights:?}");
    }
    // A new account of the old one's name is another one.
    shared.give(Rights::ALL).await;
    shared.home.store.remove_account(shared.bob.owner()).await.unwrap();
    let bob = shared.home.access("bob").await;
    let (way, _) = shared.home.store.access_to(&bob, "alice").await.unwrap();
    assert_eq!(end(shared.home.store.mailbox(&way, shared.mailbox).await), "not found");
    assert_eq!(shared.home.store.acl(&shared.alice, shared.mailbox).await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_log_and_the_messages_of_others_show_only_what_may_be_read() {
    let shared = Shared::new().await;
    let store = &shared.home.store;
    shared.give(Rights::LOOKUP.union(Rights::READ)).await;
    let secret = shared.home.append(&shared.alice, "INBOX", "Subject: secret\r\n\r\n").await.placed;
    let changes = store.changes_since(&shared.way, ModSeq(0), 1000).await.unwrap();
    assert!(changes.memberships.iter().all(|change| change.mailbox == shared.mailbox));
    assert_eq!((changes.memberships.len(), changes.mailboxes.len()), (1, 1));
    assert_eq!(end(store.raw(&shared.way, secret.message).await), "not found");
    let view = store.view(&shared.alice, secret.mailbox).await.unwrap();
    assert!(store.messages_of_view(&shared.way, view.entries.clone(), ALL).await.unwrap().is_empty());
    let shown = store.shared_mailboxes(&shared.bob).await.unwrap();
    let shown: Vec<_> = shown.iter().map(|one| (one.owner.as_str(), one.mailbox.name.as_str())).collect();
    assert_eq!(shown, [("alice", "Shared")]);
}

#[tokio::test]
async fn keywords_names_and_subscriptions_of_the_owner_show_no_further_than_the_mailbox_does() {
    let shared = Shared::new().await;
    let Shared { home: Home { store, .. }, alice, way, mailbox, .. } = &shared;
    shared.give(Rights::LOOKUP.union(Rights::READ)).await;
    shared.home.append(alice, "INBOX", "Subject: secret\r\n\r\n").await;
    let inbox = store.mailbox_named(alice, &mailbox_name("INBOX")).await.unwrap().id;
    for (mailbox, keyword) in [(inbox, "$Hidden"), (*mailbox, "$Shown"), (inbox, "$HiddenToo")] {
        let change = FlagChange { add_keywords: vec![keyword.to_owned()], ..FlagChange::default() };
        let _stored = store.store_flags(alice, mailbox, vec![Uid(1)], change, None).await.unwrap();
    }
    let shown = store.keywords(way).await.unwrap();
    assert_eq!(shown.iter().collect::<Vec<_>>(), ["$Shown"]);
    assert_eq!(shown.bit("$Shown"), store.keywords(alice).await.unwrap().bit("$Shown"));
    assert_eq!(store.keywords(alice).await.unwrap().iter().count(), 3);
    let flags = store.view(way, *mailbox).await.unwrap().entries[0].flags;
    assert!(shown.name_all(flags) && !shown.name_all(Flags::keyword(0)));

    let since = store.modseq(alice).await.unwrap();
    let _renamed = store.rename_mailbox(alice, &mailbox_name("Shared"), &mailbox_name("Team")).await.unwrap();
    let _subscribed = store.set_subscribed(alice, &mailbox_name("Team"), true).await.unwrap();
    let seen = store.changes_since(way, since, 100).await.unwrap().mailboxes;
    let now = seen[0].now.as_ref().unwrap();
    assert_eq!((seen.len(), &seen[0].old_name, now.subscribed), (1, &None, false));
    assert_eq!(now.name.as_str(), "Team");

    store.index_now(alice).await.unwrap();
    assert!(store.text_candidates(alice, "secret").await.is_some());
    assert!(store.text_candidates(way, "secret").await.is_none(), "how long it takes would tell of her mail");
}

#[tokio::test]
async fn no_own_mailbox_stands_where_others_are_shown() {
    let shared = Shared::new().await;
    let store = &shared.home.store;
    for name in ["Other Users", "Other Users/bob", "Other Users/bob/INBOX"] {
        let name = mailbox_name(name);
        assert_eq!(end(store.create_mailbox(&shared.alice, &name, None).await), "forbidden");
        assert_eq!(
            end(store.rename_mailbox(&shared.alice, &mailbox_name("Shared"), &name).await),
            "forbidden"
        );
        assert_eq!(
            end(store.rename_mailbox(&shared.alice, &mailbox_name("INBOX"), &name).await),
            "forbidden"
        );
    }
    assert_eq!(
        end(store.create_mailbox(&shared.alice, &mailbox_name("Other Users too"), None).await),
        "done"
    );
}
