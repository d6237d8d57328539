use store::{Access, Error, MailboxName, SpecialUse, Uid};

use crate::home::{Home, mailbox_name};

async fn names(home: &Home, access: &Access) -> Vec<String> {
    let mailboxes = home.store.mailboxes(access).await.unwrap();
    let made = mailboxes.into_iter().filter(|mailbox| mailbox.special_use.is_none());
    made.map(|mailbox| mailbox.name.as_str().to_owned()).collect()
}

async fn create(home: &Home, access: &Access, name: &str) -> store::Result<store::Mailbox> {
    Ok(home.store.create_mailbox(access, &mailbox_name(name), None).await?.0)
}

async fn rename(home: &Home, access: &Access, from: &str, to: &str) -> store::Result<()> {
    home.store.rename_mailbox(access, &mailbox_name(from), &mailbox_name(to)).await.map(|_| ())
}

#[tokio::test]
async fn making_a_mailbox_makes_those_above_it() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    create(&home, &alice, "a/b/c").await.unwrap();
    assert_eq!(names(&home, &alice).await, ["INBOX", "a", "a/b", "a/b/c"]);
    for taken in ["a", "a/b/c", "inbox"] {
        assert!(matches!(create(&home, &alice, taken).await, Err(Error::Exists(_))), "{taken}");
    }
    let special =
        home.store.create_mailbox(&alice, &mailbox_name("Spam"), Some(SpecialUse::Junk)).await.unwrap().0;
    assert_eq!((special.special_use, special.subscribed), (Some(SpecialUse::Junk), false));
}

#[tokio::test]
async fn a_rename_takes_children_and_subscriptions_along_and_keeps_ids() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let made = create(&home, &alice, "a/b").await.unwrap();
    create(&home, &alice, "ab").await.unwrap();
    let _ = home.store.set_subscribed(&alice, &mailbox_name("a/b"), true).await.unwrap();
    rename(&home, &alice, "a", "x/y").await.unwrap();
    assert_eq!(names(&home, &alice).await, ["INBOX", "ab", "x", "x/y", "x/y/b"]);
    let now = home.mailbox(&alice, "x/y/b").await;
    assert_eq!((now.id, now.uid_validity, now.subscribed), (made.id, made.uid_validity, true));
    for (from, to) in [("x/y", "ab"), ("x/y", "x/y"), ("ab", "INBOX")] {
        assert!(matches!(rename(&home, &alice, from, to).await, Err(Error::Exists(_))), "{from} to {to}");
    }
    assert!(matches!(rename(&home, &alice, "x", "x/y/z").await, Err(Error::Invalid { .. })));
    assert!(matches!(rename(&home, &alice, "a", "b").await, Err(Error::NotFound(_))));
    assert_eq!(names(&home, &alice).await, ["INBOX", "ab", "x", "x/y", "x/y/b"]);
}

#[tokio::test]
async fn renaming_inbox_moves_its_messages_and_leaves_it_empty() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let placed = home.append(&alice, "INBOX", "Subject: x\r\n\r\n").await.placed;
    create(&home, &alice, "INBOX/child").await.unwrap();
    rename(&home, &alice, "INBOX", "old/mail").await.unwrap();
    assert_eq!(names(&home, &alice).await, ["INBOX", "INBOX/child", "old", "old/mail"]);
    let inbox = home.mailbox(&alice, "INBOX").await;
    assert_eq!((inbox.id, inbox.messages, inbox.uid_next), (placed.mailbox, 0, 2));
    let there = home.mailbox(&alice, "old/mail").await;
    let view = home.store.view(&alice, there.id).await.unwrap();
    assert_eq!(
        (view.entries.len(), view.entries[0].message, view.entries[0].uid),
        (1, placed.message, Uid(1))
    );
}

#[tokio::test]
async fn a_mailbox_that_comes_back_under_its_name_is_another_one() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let old = create(&home, &alice, "a").await.unwrap();
    let placed = home.append(&alice, "a", "Subject: x\r\n\r\n").await.placed;
    let _ = home.store.set_subscribed(&alice, &mailbox_name("a"), true).await.unwrap();
    let _ = home.store.delete_mailbox(&alice, old.id).await.unwrap();
    assert!(matches!(home.store.mailbox(&alice, old.id).await, Err(Error::NotFound(_))));
    assert!(matches!(home.store.raw(&alice, placed.message).await, Err(Error::NotFound(_))));
    assert!(matches!(home.store.view(&alice, old.id).await, Err(Error::NotFound(_))));
    let subscribed = home.store.subscribed_names(&alice).await.unwrap();
    assert!(subscribed.contains(&mailbox_name("a")), "the name stays subscribed");
    let new = create(&home, &alice, "a").await.unwrap();
    assert!(new.id != old.id && new.uid_validity > old.uid_validity && new.subscribed);
    assert_eq!(home.store.check().await.unwrap().problems, [""; 0]);
}

#[tokio::test]
async fn inbox_and_what_has_children_are_not_deleted() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    create(&home, &alice, "a/b").await.unwrap();
    for name in ["INBOX", "a"] {
        let id = home.mailbox(&alice, name).await.id;
        assert!(matches!(home.store.delete_mailbox(&alice, id).await, Err(Error::Forbidden(_))), "{name}");
    }
}

#[tokio::test]
async fn names_are_subscribed_to_whether_or_not_there_is_a_mailbox() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let name = mailbox_name("not/there");
    let first = home.store.set_subscribed(&alice, &name, true).await.unwrap();
    let again = home.store.set_subscribed(&alice, &name, true).await.unwrap();
    assert_eq!(first.modseq, again.modseq, "nothing changed");
    assert!(home.store.subscribed_names(&alice).await.unwrap().contains(&name));
    let _ = home.store.set_subscribed(&alice, &name, false).await.unwrap();
    assert!(!home.store.subscribed_names(&alice).await.unwrap().contains(&name));
}

#[test]
fn names_that_can_not_be_are_refused() {
    let (long, deep) = ("x".repeat(1001), vec!["x"; 21].join("/"));
    for bad in ["", "/a", "a/", "a//b", "a\nb", "a\u{7f}", &long, &deep] {
        assert!(MailboxName::new(bad).is_err(), "{bad:?}");
    }
    for (given, kept) in
        [("inbox", "INBOX"), ("Inbox/a", "INBOX/a"), ("inboxes", "inboxes"), ("a/inbox", "a/inbox")]
    {
        assert_eq!(MailboxName::new(given).unwrap().as_str(), kept);
    }
}
