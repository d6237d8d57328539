use store::{
    Access, EditedJmapSubscription, Error, JmapSubscriptionEdit, ModSeq, NewJmapSubscription, PushKind,
    PushState, PushSubscription, UnixTime, WRONG_CODES_MAX,
};

use crate::home::Home;
use crate::isolation::subscription;

const NOW: UnixTime = UnixTime(100);
const CODE_ENDS: UnixTime = UnixTime(500);
const END: UnixTime = UnixTime(1_000);

async fn login(home: &Home) -> Access {
    home.account("alice").await;
    home.store.authenticate("alice", "secret").await.unwrap().unwrap()
}

fn phone(id: &str) -> NewJmapSubscription {
    NewJmapSubscription {
        account_max: 5,
        id: id.into(),
        device: "phone".into(),
        endpoint: "https://push.example/1".into(),
        public_key: vec![4; 65],
        auth: vec![1; 16],
        request: "{}".into(),
        vapid_key: "key".into(),
        code: format!("code of {id}"),
        code_expires_at: CODE_ENDS,
        expires_at: END,
    }
}

async fn create(home: &Home, access: &Access, new: NewJmapSubscription) -> PushSubscription {
    home.store.create_jmap_subscription(access, new).await.unwrap()
}

/// Shows a code; what it became, if it was right.
async fn show(home: &Home, access: &Access, id: &str, code: &str, now: UnixTime) -> Option<PushSubscription> {
    let edit = JmapSubscriptionEdit { code: Some(code.into()), ..JmapSubscriptionEdit::default() };
    match home.store.edit_jmap_subscription(access, id, edit, now).await.unwrap() {
        Some(EditedJmapSubscription::Done(subscription)) => Some(*subscription),
        Some(EditedJmapSubscription::WrongCode) | None => None,
    }
}

async fn verified(home: &Home, access: &Access, new: NewJmapSubscription) -> PushSubscription {
    let (id, code) = (new.id.clone(), new.code.clone());
    create(home, access, new).await;
    show(home, access, &id, &code, NOW).await.unwrap()
}

async fn listed(home: &Home, access: &Access, now: UnixTime) -> Vec<String> {
    let all = home.store.jmap_subscriptions(access, now).await.unwrap();
    all.into_iter().map(|subscription| subscription.client_id).collect()
}

#[tokio::test]
async fn a_subscription_is_proven_by_its_code_and_told_of_what_comes_then() {
    let home = Home::new().await;
    let alice = login(&home).await;
    let new = create(&home, &alice, phone("a")).await;
    assert_eq!((new.kind, new.cursor, &*new.code), (PushKind::Jmap, ModSeq(0).max(new.cursor), ""));
    assert!(matches!(&new.state, PushState::Pending { vapid_key, .. } if vapid_key == "key"));
    home.append(&alice, "INBOX", "Subject: x\r\n\r\n").await;
    assert_eq!(show(&home, &alice, "a", "code of b", NOW).await, None);
    assert_eq!(show(&home, &alice, "a", "code of a", CODE_ENDS).await, None, "too late");
    let proven = show(&home, &alice, "a", "code of a", NOW).await.unwrap();
    assert_eq!(proven.state, PushState::Active { vapid_key: "key".into() });
    assert_eq!(proven.cursor, home.store.modseq(&alice).await.unwrap());
    assert_eq!((&*proven.code, proven.expires_at), ("code of a", Some(END)));
    assert!(show(&home, &alice, "a", "code of a", CODE_ENDS).await.is_some(), "it stays right");
    assert_eq!(show(&home, &alice, "a", "wrong", NOW).await, None);
    let as_web_push =
        home.store.acknowledge_push_subscription(&alice, "code of a", "key", NOW).await.unwrap();
    assert_eq!(as_web_push, None);
}

#[tokio::test]
async fn a_code_can_be_guessed_at_only_so_often() {
    let home = Home::new().await;
    let alice = login(&home).await;
    create(&home, &alice, phone("a")).await;
    create(&home, &alice, phone("b")).await;
    for wrong in 1..=WRONG_CODES_MAX {
        assert_eq!(listed(&home, &alice, NOW).await.len(), 2, "before wrong code {wrong}");
        assert_eq!(show(&home, &alice, "a", "wrong", NOW).await, None);
    }
    assert_eq!(listed(&home, &alice, NOW).await, ["b"]);
    assert_eq!(show(&home, &alice, "a", "code of a", NOW).await, None);
    // Who has proven it can't lose it so.
    assert!(show(&home, &alice, "b", "code of b", NOW).await.is_some());
    for _ in 0..=WRONG_CODES_MAX {
        assert_eq!(show(&home, &alice, "b", "wrong", NOW).await, None);
    }
    assert_eq!(listed(&home, &alice, NOW).await, ["b"]);
}

#[tokio::test]
async fn only_the_same_devices_older_ones_of_the_same_credential_are_replaced() {
    let home = Home::new().await;
    let alice = login(&home).await;
    home.store.add_app_password(alice.owner(), "app", "app secret").await.unwrap();
    let app = home.store.authenticate("alice", "app secret").await.unwrap().unwrap();
    verified(&home, &alice, phone("old")).await;
    verified(&home, &alice, NewJmapSubscription { device: "tablet".into(), ..phone("tablet") }).await;
    verified(&home, &app, phone("of the app")).await;
    create(&home, &alice, phone("new")).await;
    create(&home, &alice, phone("newest")).await;
    assert!(show(&home, &alice, "new", "code of new", NOW).await.is_some());
    assert_eq!(listed(&home, &alice, NOW).await, ["tablet", "new", "newest"]);
    assert_eq!(listed(&home, &app, NOW).await, ["of the app"]);
    assert!(!home.store.remove_jmap_subscription(&alice, "of the app").await.unwrap(), "another's");
    assert!(home.store.remove_jmap_subscription(&alice, "new").await.unwrap());
    home.store.revoke_credential(alice.owner(), app.credential().unwrap()).await.unwrap();
    let left = home.store.account_push_subscriptions(alice.owner()).await.unwrap();
    assert_eq!(left.iter().map(|row| &*row.client_id).collect::<Vec<_>>(), ["tablet", "newest"]);
}

#[tokio::test]
async fn what_has_ended_is_neither_shown_nor_due_and_is_swept_away() {
    let home = Home::new().await;
    let alice = login(&home).await;
    create(&home, &alice, phone("pending")).await;
    verified(&home, &alice, NewJmapSubscription { device: "other".into(), ..phone("verified") }).await;
    home.store.put_push_subscription(&alice, subscription("of imap")).await.unwrap();
    home.append(&alice, "INBOX", "Subject: x\r\n\r\n").await;
    let due = async |now| home.store.due_push_subscriptions(now, None, 10).await.unwrap().len();
    // (now, shown, due, swept)
    let cases = [
        (NOW, vec!["pending", "verified"], 3, 0),
        (CODE_ENDS, vec!["verified"], 2, 1),
        (UnixTime(999), vec!["verified"], 1, 0),
        (END, vec![], 0, 1),
        (UnixTime(2_000), vec![], 0, 0),
    ];
    for (now, shown, expected_due, swept) in cases {
        assert_eq!(listed(&home, &alice, now).await, shown, "{now:?}");
        assert_eq!(due(now).await, expected_due, "{now:?}");
        assert_eq!(home.store.remove_expired_push_subscriptions(now).await.unwrap(), swept, "{now:?}");
    }
    let left = home.store.account_push_subscriptions(alice.owner()).await.unwrap();
    assert_eq!(left.iter().map(|row| &*row.client_id).collect::<Vec<_>>(), ["of imap"]);
}

#[tokio::test]
async fn a_subscription_stays_with_its_vapid_key_and_ends_with_it() {
    let home = Home::new().await;
    let alice = login(&home).await;
    verified(&home, &alice, phone("verified")).await;
    create(&home, &alice, NewJmapSubscription { device: "other".into(), ..phone("pending") }).await;
    assert_eq!(home.store.rotate_vapid("key", "new key").await.unwrap(), 0, "the session tells of it");
    assert_eq!(listed(&home, &alice, NOW).await, ["verified", "pending"]);
    let pending = show(&home, &alice, "pending", "code of pending", NOW).await.unwrap();
    assert_eq!(pending.state, PushState::Active { vapid_key: "key".into() });
    assert_eq!(home.store.drop_vapid("key").await.unwrap(), 2);
    assert_eq!(listed(&home, &alice, NOW).await, [""; 0]);
}

#[tokio::test]
async fn what_is_too_long_or_belongs_to_nobody_is_refused() {
    let home = Home::new().await;
    let alice = login(&home).await;
    let system = home.store.system_access(alice.owner());
    let refused = home.store.create_jmap_subscription(&system, phone("a")).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    for wrong in [
        NewJmapSubscription { device: String::new(), ..phone("a") },
        NewJmapSubscription { device: "x".repeat(256), ..phone("a") },
        NewJmapSubscription { endpoint: "x".repeat(2049), ..phone("a") },
        NewJmapSubscription { public_key: Vec::new(), ..phone("a") },
        NewJmapSubscription { request: "x".repeat(16 * 1024 + 1), ..phone("a") },
    ] {
        let refused = home.store.create_jmap_subscription(&alice, wrong).await;
        assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
    }
    let without_keys = NewJmapSubscription { public_key: Vec::new(), auth: Vec::new(), ..phone("a") };
    create(&home, &alice, without_keys).await;
    let too_long =
        JmapSubscriptionEdit { request: Some("x".repeat(17_000)), ..JmapSubscriptionEdit::default() };
    let refused = home.store.edit_jmap_subscription(&alice, "a", too_long, NOW).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })));
    let full = NewJmapSubscription { account_max: 1, ..phone("b") };
    assert!(matches!(home.store.create_jmap_subscription(&alice, full).await, Err(Error::Limit(_))));
}
