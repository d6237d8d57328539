use store::{CredentialKind, Error, NewAccount};

use crate::home::Home;

#[tokio::test]
async fn a_new_account_has_its_mailboxes_subscribed() {
    let home = Home::new().await;
    let alice = home.access("alice").await;
    let mailboxes = home.store.mailboxes(&alice).await.unwrap();
    let names: Vec<_> = mailboxes.iter().map(|mailbox| mailbox.name.as_str()).collect();
    assert_eq!(names, ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"]);
    assert!(
        mailboxes.iter().all(|mailbox| mailbox.subscribed && mailbox.messages == 0 && mailbox.uid_next == 1)
    );
    let without_use = mailboxes.iter().filter(|mailbox| mailbox.special_use.is_none());
    assert_eq!(without_use.map(|mailbox| mailbox.name.as_str()).collect::<Vec<_>>(), ["INBOX"]);
}

#[tokio::test]
async fn a_name_is_taken_once_whatever_its_case_and_whether_name_or_alias() {
    let home = Home::new().await;
    let (alice, bob) = (home.account("alice").await, home.account("bob@example.org").await);
    home.store.add_alias(alice.id, "postmaster@example.org").await.unwrap();
    let new = |name| NewAccount { name, password: "secret", quota_bytes: None };
    for taken in ["alice", "ALICE", "Bob@Example.ORG", "Postmaster@example.org"] {
        assert!(matches!(home.store.create_account(new(taken)).await, Err(Error::Exists(_))), "{taken}");
        assert!(matches!(home.store.add_alias(bob.id, taken).await, Err(Error::Exists(_))), "{taken}");
    }
    let found = home.store.account_named("POSTMASTER@example.org").await.unwrap().unwrap();
    assert_eq!((found.id, found.aliases), (alice.id, vec!["postmaster@example.org".to_owned()]));
    assert!(matches!(
        home.store.remove_alias(bob.id, "postmaster@example.org").await,
        Err(Error::NotFound(_))
    ));
    home.store.remove_alias(alice.id, "Postmaster@example.org").await.unwrap();
    assert_eq!(home.store.account_named("postmaster@example.org").await.unwrap(), None);
}

#[tokio::test]
async fn names_and_passwords_that_can_not_be_are_refused() {
    let home = Home::new().await;
    let long = "x".repeat(256);
    let huge = "x".repeat(1001);
    for (name, password) in
        [("", "p"), ("a b", "p"), ("a\0", "p"), ("a\u{2003}b", "p"), (&long, "p"), ("a", ""), ("a", &huge)]
    {
        let made = home.store.create_account(NewAccount { name, password, quota_bytes: None }).await;
        assert!(matches!(made, Err(Error::Invalid { .. })), "{name:?}");
    }
    assert_eq!(home.store.accounts().await.unwrap(), []);
}

#[tokio::test]
async fn a_password_opens_its_own_account_only() {
    let home = Home::new().await;
    let alice = home.account("alice").await;
    home.account("bob").await;
    home.store.add_alias(alice.id, "al").await.unwrap();
    home.store.set_password(alice.id, "right").await.unwrap();
    // Twice, so that what is remembered is asked, too.
    for _ in 0..2 {
        for (name, password, opens) in [
            ("alice", "right", true),
            ("ALICE", "right", true),
            ("al", "right", true),
            ("alice", "secret", false),
            ("alice", "", false),
            ("bob", "right", false),
            ("nobody", "right", false),
        ] {
            let access = home.store.authenticate(name, password).await.unwrap();
            assert_eq!(access.map(|access| access.owner()), opens.then_some(alice.id), "{name} {password}");
        }
    }
}

#[tokio::test]
async fn a_changed_password_and_a_revoked_one_end_at_once_also_in_another_process() {
    let home = Home::new().await;
    let alice = home.account("alice").await;
    let phone = home.store.add_app_password(alice.id, "phone", "of the phone").await.unwrap();
    let access = home.store.authenticate("alice", "of the phone").await.unwrap().unwrap();
    assert_eq!((access.credential(), access.is_main()), (Some(phone.id), false));
    assert!(home.store.authenticate("alice", "secret").await.unwrap().unwrap().is_main());

    let command_line = home.beside().await;
    command_line.set_password(alice.id, "other").await.unwrap();
    command_line.revoke_credential(alice.id, phone.id).await.unwrap();
    assert_eq!(home.store.authenticate("alice", "secret").await.unwrap(), None);
    assert_eq!(home.store.authenticate("alice", "of the phone").await.unwrap(), None);
    assert!(matches!(home.store.access_of_credential(alice.id, phone.id).await, Err(Error::NotFound(_))));
    assert!(home.store.authenticate("alice", "other").await.unwrap().is_some());
}

#[tokio::test]
async fn credentials_are_listed_with_their_last_use() {
    let home = Home::new().await;
    let alice = home.account("alice").await;
    home.store.add_app_password(alice.id, "phone", "of the phone").await.unwrap();
    assert!(matches!(home.store.add_app_password(alice.id, "phone", "x").await, Err(Error::Exists(_))));
    home.store.authenticate("alice", "of the phone").await.unwrap().unwrap();
    let credentials = home.store.credentials(alice.id).await.unwrap();
    let seen: Vec<_> =
        credentials.iter().map(|one| (one.kind, one.name.as_str(), one.last_used_at.is_some())).collect();
    assert_eq!(seen, [(CredentialKind::Main, "main", false), (CredentialKind::App, "phone", true)]);
    let main = credentials[0].id;
    assert!(matches!(home.store.revoke_credential(alice.id, main).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_removed_account_is_gone_for_every_call_and_its_name_is_free() {
    let home = Home::new().await;
    let alice = home.account("alice").await;
    let access = home.store.authenticate("alice", "secret").await.unwrap().unwrap();
    home.append(&access, "INBOX", "Subject: x\r\n\r\n").await;
    home.store.remove_account(alice.id).await.unwrap();
    assert!(matches!(home.store.mailboxes(&access).await, Err(Error::NotFound(_))));
    assert!(matches!(home.store.account(alice.id).await, Err(Error::NotFound(_))));
    assert_eq!(home.store.authenticate("alice", "secret").await.unwrap(), None);
    assert!(matches!(home.store.remove_account(alice.id).await, Err(Error::NotFound(_))));
    let again = home.account("alice").await;
    assert_ne!(again.id, alice.id);
    assert_eq!(home.store.check().await.unwrap().problems, [""; 0]);
}

#[tokio::test]
async fn what_ends_a_right_is_listed_for_those_whose_sessions_stand_on_it() {
    let home = Home::new().await;
    let (alice, bob) = (home.account("alice").await, home.account("bob").await);
    let command_line = home.beside().await;
    let main = home.store.credentials(alice.id).await.unwrap()[0].id;
    let phone = home.store.add_app_password(alice.id, "phone", "of the phone").await.unwrap().id;
    let mark = home.store.revocation_mark().await.unwrap();
    assert_eq!(home.store.revocations_since(mark).await.unwrap(), []);
    command_line.set_password(alice.id, "other").await.unwrap();
    command_line.revoke_credential(alice.id, phone).await.unwrap();
    command_line.remove_account(bob.id).await.unwrap();
    let listed = home.store.revocations_since(mark).await.unwrap();
    let what: Vec<_> = listed.iter().map(|one| (one.account, one.credential)).collect();
    assert_eq!(what, [(alice.id, Some(main)), (alice.id, Some(phone)), (bob.id, None)]);
    assert!(listed.is_sorted_by(|a, b| a.mark < b.mark));
    assert_eq!(home.store.revocations_since(listed[0].mark).await.unwrap(), listed[1..]);
    assert_eq!(home.store.revocation_mark().await.unwrap(), listed[2].mark);
}

#[tokio::test]
async fn a_changed_password_takes_the_push_subscriptions_made_with_the_old_one() {
    let home = Home::new().await;
    let alice = home.account("alice").await;
    home.store.add_app_password(alice.id, "phone", "of the phone").await.unwrap();
    for (name, password) in [("desk", "secret"), ("phone", "of the phone")] {
        let access = home.store.authenticate("alice", password).await.unwrap().unwrap();
        home.store.put_push_subscription(&access, crate::isolation::subscription(name)).await.unwrap();
    }
    home.store.set_password(alice.id, "other").await.unwrap();
    let left = home.store.account_push_subscriptions(alice.id).await.unwrap();
    assert_eq!(left.iter().map(|one| one.client_id.as_str()).collect::<Vec<_>>(), ["phone"]);
}
