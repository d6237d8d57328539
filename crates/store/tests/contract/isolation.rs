//! ARCHITECTURE.md, invariant 8: another's id answers exactly as one that does not exist.

use std::fmt::Debug;

use store::{
    Access, Entry, FlagChange, Flags, MailboxId, MessageId, ModSeq, NewPushSubscription, PushKind,
    PushSubscriptionId, Store, Target, Uid, UnixTime,
};

use crate::home::{ALL, Home, mailbox_name, message};

/// Every call that takes an id, asked by this access for these ids: what each answered.
async fn ask(store: &Store, access: &Access, ids: &Ids) -> Vec<String> {
    fn said<T: Debug>(outcome: store::Result<T>) -> String {
        // The MODSEQ of an answer is the asker's own.
        format!("{outcome:?}")
    }
    let (mailbox, message_id) = (ids.mailbox, ids.message);
    let uids = || vec![Uid(1), Uid(2)];
    let entry = Entry { uid: Uid(1), message: message_id, flags: Flags::default(), modseq: ModSeq(1) };
    let own = store.mailbox_named(access, &mailbox_name("INBOX")).await.unwrap().id;
    let mut into = message("INBOX", "Subject: x\r\n\r\n");
    into.target = Target::Id(mailbox);
    let change = FlagChange { add: Flags::SEEN, ..FlagChange::default() };
    vec![
        said(store.mailbox(access, mailbox).await),
        said(store.view(access, mailbox).await),
        said(store.mailbox_changes(access, mailbox, ModSeq(0)).await),
        said(store.messages(access, mailbox, uids(), ALL).await),
        said(store.messages_of_view(access, vec![entry], ALL).await.map(|rows| rows.len())),
        said(store.raw(access, message_id).await),
        said(store.open_raw(access, message_id, 0..9).await.map(|(reader, first)| (reader.size(), first))),
        said(store.append(access, into.clone()).await),
        said(store.append_many(access, vec![into]).await),
        said(store.store_flags(access, mailbox, uids(), change, None).await),
        said(store.copy(access, mailbox, uids(), own).await),
        said(store.copy(access, own, uids(), mailbox).await),
        said(store.move_messages(access, mailbox, uids(), own).await),
        said(store.move_messages(access, own, uids(), mailbox).await),
        said(store.expunge(access, mailbox, None).await),
        said(store.delete_mailbox(access, mailbox).await),
        said(store.silence_push_subscription(access, ids.subscription, None).await),
        said(store.remove_push_subscription(access, PushKind::ImapWebPush, &ids.client_id).await),
        said(store.acknowledge_push_subscription(access, &ids.token, "key", UnixTime(0)).await),
        said(store.revoke_credential(access.owner(), ids.credential).await),
        said(store.access_of_credential(access.owner(), ids.credential).await),
    ]
}

struct Ids {
    mailbox: MailboxId,
    message: MessageId,
    subscription: PushSubscriptionId,
    client_id: String,
    token: String,
    credential: store::CredentialId,
}

pub(crate) fn subscription(client_id: &str) -> NewPushSubscription {
    NewPushSubscription {
        account_max: 50,
        kind: PushKind::ImapWebPush,
        client_id: client_id.into(),
        endpoint: "https://push.example.org/1".into(),
        public_key: vec![4; 65],
        auth: vec![1; 16],
        enabled: vec!["CONDSTORE".into()],
        vapid_key: "key".into(),
        token: format!("token of {client_id}"),
        expires_at: UnixTime(600),
    }
}

#[tokio::test]
async fn anothers_ids_answer_as_those_that_are_nobodys() {
    let home = Home::new().await;
    home.account("alice").await;
    let bob = home.account("bob").await;
    let alice = home.store.authenticate("alice", "secret").await.unwrap().unwrap();
    let phone = home.store.add_app_password(bob.id, "phone", "of the phone").await.unwrap();
    let bobs = home.store.authenticate("bob", "of the phone").await.unwrap().unwrap();
    // Bob has more of everything, so that his last ids are ones that Alice does not have.
    let mut placed = home.append(&bobs, "INBOX", "Subject: 0\r\n\r\n").await.placed;
    for name in ["one", "two"] {
        let _ = home.store.create_mailbox(&bobs, &mailbox_name(name), None).await.unwrap();
        placed = home.append(&bobs, name, "Subject: secret\r\n\r\n").await.placed;
    }
    let put = home.store.put_push_subscription(&bobs, subscription("his")).await.unwrap().subscription;
    let his = Ids {
        mailbox: placed.mailbox,
        message: placed.message,
        subscription: put.id,
        client_id: "his".into(),
        token: "token of his".into(),
        credential: phone.id,
    };
    let nobodys = Ids {
        mailbox: MailboxId(1 << 40),
        message: MessageId(1 << 40),
        subscription: PushSubscriptionId(1 << 40),
        client_id: "none".into(),
        token: "none".into(),
        credential: store::CredentialId(1 << 40),
    };
    let before = home.store.modseq(&bobs).await.unwrap();
    let asked_for_his = ask(&home.store, &alice, &his).await;
    assert_eq!(asked_for_his, ask(&home.store, &alice, &nobodys).await);
    assert!(asked_for_his.iter().all(|answer| !answer.contains("secret")));
    // Nothing of Bob's has changed, and he himself gets answers.
    assert_eq!(home.store.modseq(&bobs).await.unwrap(), before);
    assert_eq!(home.store.push_subscriptions(&bobs).await.unwrap(), [put]);
    assert!(home.store.raw(&bobs, his.message).await.is_ok());
    assert_ne!(ask(&home.store, &bobs, &his).await, asked_for_his);
}
