use store::{
    Access, AccountId, CursorsElsewhere, Error, ModSeq, NewPushSubscription, PushAttempts, PushEdit,
    PushKind, PushProgress, PushSilence, PushState, PushSubscription, PushSubscriptionId, PushVerdict,
    UnixTime,
};

use crate::home::{Home, mailbox_name};
use crate::isolation::subscription;

const MAIL: &str = "Subject: x\r\n\r\n";
const NOW: UnixTime = UnixTime(100);

async fn login(home: &Home) -> Access {
    home.account("alice").await;
    home.store.authenticate("alice", "secret").await.unwrap().unwrap()
}

async fn put(home: &Home, access: &Access, new: NewPushSubscription) -> store::PutPushSubscription {
    home.store.put_push_subscription(access, new).await.unwrap()
}

/// Puts and acknowledges.
async fn active(home: &Home, access: &Access, client_id: &str) -> PushSubscription {
    put(home, access, subscription(client_id)).await;
    let token = format!("token of {client_id}");
    home.store.acknowledge_push_subscription(access, &token, "key", NOW).await.unwrap().unwrap()
}

/// Judges it as it stands.
async fn judge(home: &Home, id: PushSubscriptionId, verdict: PushVerdict) {
    let now = home.store.push_subscription(id).await.unwrap();
    assert!(home.store.judge_push_subscription(&now, verdict).await.unwrap());
}

async fn due(home: &Home, now: UnixTime) -> Vec<String> {
    let due = home.store.due_push_subscriptions(now, None, 100).await.unwrap();
    due.into_iter().map(|subscription| subscription.client_id).collect()
}

fn none() -> CursorsElsewhere {
    CursorsElsewhere::default()
}

#[tokio::test]
async fn a_subscription_is_pending_until_its_token_comes_back() {
    let home = Home::new().await;
    let alice = login(&home).await;
    let new = put(&home, &alice, subscription("phone")).await;
    assert!(new.must_acknowledge);
    assert_eq!(format!("{:?}", new.subscription.state), "Pending(unsent)");
    home.append(&alice, "INBOX", MAIL).await;
    let modseq = home.store.modseq(&alice).await.unwrap();
    for (token, key, now) in [
        ("other", "key", NOW),
        ("token of phone", "another key", NOW),
        ("token of phone", "key", UnixTime(600)),
    ] {
        let refused = home.store.acknowledge_push_subscription(&alice, token, key, now).await.unwrap();
        assert_eq!(refused, None, "{token} {key} {now:?}");
    }
    let acknowledged = home.store.acknowledge_push_subscription(&alice, "token of phone", "key", NOW).await;
    let acknowledged = acknowledged.unwrap().unwrap();
    assert_eq!(acknowledged.state, PushState::Active { vapid_key: "key".into() });
    assert_eq!(acknowledged.cursor, modseq, "it is told what comes from now on");
    let again = home.store.acknowledge_push_subscription(&alice, "token of phone", "key", NOW).await.unwrap();
    assert_eq!(again, None, "a token is good for once");
}

#[tokio::test]
async fn the_same_again_stays_active_and_anything_else_has_to_be_acknowledged() {
    let home = Home::new().await;
    let alice = login(&home).await;
    let cursor = active(&home, &alice, "phone").await.cursor;
    home.append(&alice, "INBOX", MAIL).await;
    let same = put(&home, &alice, NewPushSubscription { enabled: vec![], ..subscription("phone") }).await;
    assert!(!same.must_acknowledge && same.subscription.enabled.is_empty());
    let given = subscription("phone");
    for altered in [
        NewPushSubscription { endpoint: "https://push.example.org/2".into(), ..given.clone() },
        NewPushSubscription { public_key: vec![5; 65], ..given.clone() },
        NewPushSubscription { auth: vec![2; 16], ..given.clone() },
        NewPushSubscription { vapid_key: "new key".into(), ..given.clone() },
    ] {
        let key = altered.vapid_key.clone();
        let changed = put(&home, &alice, altered).await;
        assert!(changed.must_acknowledge);
        let back =
            home.store.acknowledge_push_subscription(&alice, &given.token, &key, NOW).await.unwrap().unwrap();
        assert_eq!(back.cursor, cursor, "what it has not been told yet is still due");
    }
}

#[tokio::test]
async fn what_is_due_is_found_again_after_a_restart() {
    let home = Home::new().await;
    let alice = login(&home).await;
    for name in ["behind", "told", "backing off", "silent", "noticed", "inactive"] {
        active(&home, &alice, name).await;
    }
    put(&home, &alice, subscription("unsent")).await;
    let sent = put(&home, &alice, subscription("sent")).await.subscription.id;
    judge(&home, sent, PushVerdict::TokenSent).await;
    let all = home.store.push_subscriptions(&alice).await.unwrap();
    let id = |name: &str| all.iter().find(|one| one.client_id == name).unwrap().id;
    home.store.silence_push_subscription(&alice, id("silent"), Some(UnixTime(200))).await.unwrap();
    judge(&home, id("inactive"), PushVerdict::Deactivate).await;
    home.append(&alice, "INBOX", MAIL).await;
    let cursor = home.store.modseq(&alice).await.unwrap();
    let wait = PushAttempts { next_attempt_at: Some(UnixTime(150)), failures: 2, ..PushAttempts::default() };
    home.store
        .record_push_progress(vec![
            PushProgress { id: id("told"), cursor, elsewhere: none(), attempts: PushAttempts::default() },
            PushProgress { id: id("noticed"), cursor, elsewhere: none(), attempts: PushAttempts::default() },
            PushProgress { id: id("backing off"), cursor: ModSeq(0), elsewhere: none(), attempts: wait },
        ])
        .await
        .unwrap();
    home.store.close().await.unwrap();
    let again = Home { store: home.beside().await, bus: home.bus.clone(), directory: home.directory };
    assert_eq!(due(&again, NOW).await, ["behind", "unsent"]);
    assert_eq!(due(&again, UnixTime(150)).await, ["behind", "backing off", "unsent"]);
    assert_eq!(due(&again, UnixTime(200)).await, ["behind", "backing off", "silent", "unsent"]);
    assert_eq!(due(&again, UnixTime(700)).await, ["behind", "backing off", "silent"], "the token has ended");
    assert_eq!(again.store.rotate_vapid("key", "next").await.unwrap(), 5);
    assert!(due(&again, NOW).await.contains(&"noticed".to_owned()));
    let first = again.store.due_push_subscriptions(NOW, None, 1).await.unwrap();
    let rest = again.store.due_push_subscriptions(NOW, Some(first[0].id), 100).await.unwrap();
    assert_eq!((first.len(), rest.iter().all(|one| one.id > first[0].id)), (1, true));
}

#[tokio::test]
async fn a_cursor_never_goes_back_and_is_read_before_it_is_flushed() {
    let home = Home::new().await;
    let alice = login(&home).await;
    let id = active(&home, &alice, "phone").await.id;
    for (cursor, answer) in [(9, "201"), (4, "429")] {
        let attempts = PushAttempts {
            last_answer: Some(answer.into()),
            last_answer_at: Some(NOW),
            ..PushAttempts::default()
        };
        let progress = PushProgress { id, cursor: ModSeq(cursor), elsewhere: none(), attempts };
        home.store.record_push_progress(vec![progress]).await.unwrap();
        let now = home.store.push_subscription(id).await.unwrap();
        assert_eq!((now.cursor, now.attempts.last_answer.as_deref()), (ModSeq(9), Some(answer)));
    }
    // A durable change takes along what was lazy.
    judge(&home, id, PushVerdict::NoticeSent).await;
    let on_disk = home.beside().await.push_subscription(id).await.unwrap();
    assert_eq!((on_disk.cursor, on_disk.attempts.last_answer_at), (ModSeq(9), Some(NOW)));
}

#[tokio::test]
async fn a_silence_keeps_the_modseq_it_began_at_until_it_has_been_told() {
    let home = Home::new().await;
    let alice = login(&home).await;
    let id = active(&home, &alice, "phone").await.id;
    let began = home.store.modseq(&alice).await.unwrap();
    home.store.silence_push_subscription(&alice, id, Some(UnixTime(200))).await.unwrap();
    home.append(&alice, "INBOX", MAIL).await;
    let longer = home.store.silence_push_subscription(&alice, id, Some(UnixTime(300))).await.unwrap();
    assert_eq!((longer.silenced_until, longer.silenced_at), (Some(UnixTime(300)), Some(began)));
    let ended = home.store.silence_push_subscription(&alice, id, None).await.unwrap();
    assert_eq!((ended.silenced_until, ended.silenced_at), (None, Some(began)));
    judge(&home, id, PushVerdict::SilenceOver).await;
    assert_eq!(home.store.push_subscription(id).await.unwrap().silenced_at, None);
    judge(&home, id, PushVerdict::Deactivate).await;
    let inactive = home.store.silence_push_subscription(&alice, id, None).await;
    assert!(matches!(inactive, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn a_verdict_on_what_its_client_has_altered_meanwhile_changes_nothing() {
    let home = Home::new().await;
    let alice = login(&home).await;
    let elsewhere = |name: &str| NewPushSubscription {
        endpoint: "https://push.example.org/elsewhere".into(),
        token: "another token".into(),
        ..subscription(name)
    };
    let unsent = put(&home, &alice, subscription("unsent")).await.subscription;
    let told = active(&home, &alice, "told").await;
    for (then, verdict) in [
        (&unsent, PushVerdict::TokenSent),
        (&told, PushVerdict::Remove),
        (&told, PushVerdict::Deactivate),
        (&told, PushVerdict::NoticeSent),
    ] {
        let altered = put(&home, &alice, elsewhere(&then.client_id)).await.subscription;
        assert!(!home.store.judge_push_subscription(then, verdict).await.unwrap(), "{verdict:?}");
        assert_eq!(home.store.push_subscription(then.id).await.unwrap(), altered, "{verdict:?}");
    }

    let silent = active(&home, &alice, "silent").await.id;
    let first = home.store.silence_push_subscription(&alice, silent, Some(UnixTime(200))).await.unwrap();
    let second = home.store.silence_push_subscription(&alice, silent, Some(UnixTime(900))).await.unwrap();
    assert!(!home.store.judge_push_subscription(&first, PushVerdict::SilenceOver).await.unwrap());
    assert_eq!(home.store.push_subscription(silent).await.unwrap(), second);
}

#[tokio::test]
async fn subscriptions_belong_to_their_credential_and_end_with_it() {
    let home = Home::new().await;
    let alice = login(&home).await;
    let phone = home.store.add_app_password(alice.owner(), "phone", "of the phone").await.unwrap();
    let phones = home.store.authenticate("alice", "of the phone").await.unwrap().unwrap();
    put(&home, &alice, subscription("main")).await;
    let theirs = put(&home, &phones, subscription("phone")).await.subscription;
    assert_eq!(home.store.push_subscriptions(&phones).await.unwrap(), std::slice::from_ref(&theirs));
    assert_eq!(home.store.push_subscriptions(&alice).await.unwrap().len(), 2);
    let taken = home.store.put_push_subscription(&phones, subscription("main")).await;
    assert!(matches!(taken, Err(Error::Exists(_))));
    assert!(!home.store.remove_push_subscription(&phones, PushKind::ImapWebPush, "main").await.unwrap());
    let by_system =
        home.store.put_push_subscription(&home.store.system_access(alice.owner()), subscription("x")).await;
    assert!(matches!(by_system, Err(Error::Forbidden(_))));
    home.store.revoke_credential(alice.owner(), phone.id).await.unwrap();
    assert!(matches!(home.store.push_subscription(theirs.id).await, Err(Error::NotFound(_))));
    let too_late = home.store.put_push_subscription(&phones, subscription("phone")).await;
    assert!(matches!(too_late, Err(Error::NotFound(_))));
    assert!(home.store.remove_push_subscription(&alice, PushKind::ImapWebPush, "main").await.unwrap());
    assert_eq!(home.store.account_push_subscriptions(alice.owner()).await.unwrap(), []);
}

#[tokio::test]
async fn a_rotated_key_voids_tokens_and_a_dropped_one_deactivates() {
    let home = Home::new().await;
    let alice = login(&home).await;
    let old = active(&home, &alice, "old").await.id;
    let pending = put(&home, &alice, subscription("pending")).await.subscription.id;
    assert_eq!(home.store.rotate_vapid("key", "next").await.unwrap(), 1);
    assert_eq!(home.store.push_subscription(pending).await.unwrap().state, PushState::Inactive);
    let noticed = home.store.push_subscription(old).await.unwrap();
    assert_eq!(noticed.vapid_notice.as_deref(), Some("next"));
    judge(&home, old, PushVerdict::NoticeSent).await;
    assert_eq!(home.store.drop_vapid("key").await.unwrap(), 1);
    assert_eq!(home.store.push_subscription(old).await.unwrap().state, PushState::Inactive);
    let last = home.store.push_subscription(old).await.unwrap();
    judge(&home, old, PushVerdict::Remove).await;
    let gone = home.store.judge_push_subscription(&last, PushVerdict::TokenSent).await;
    assert!(matches!(gone, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn an_account_has_at_most_fifty_and_none_that_can_not_be() {
    let home = Home::new().await;
    let alice = login(&home).await;
    for number in 0..50 {
        put(&home, &alice, subscription(&number.to_string())).await;
    }
    let one_more = home.store.put_push_subscription(&alice, subscription("50")).await;
    assert!(matches!(one_more, Err(Error::Limit(_))));
    put(&home, &alice, subscription("7")).await;
    let given = subscription("8");
    for bad in [
        NewPushSubscription { client_id: String::new(), ..given.clone() },
        NewPushSubscription { endpoint: "x".repeat(2049), ..given.clone() },
        NewPushSubscription { public_key: vec![4; 64], ..given.clone() },
        NewPushSubscription { auth: vec![], ..given },
    ] {
        let refused = home.store.put_push_subscription(&alice, bad).await;
        assert!(matches!(refused, Err(Error::Invalid { .. })));
    }
}

#[tokio::test]
async fn what_a_user_calls_a_device_stays_with_it() {
    let home = Home::new().await;
    let alice = login(&home).await;
    let id = active(&home, &alice, "phone").await.id;
    let edit = async |access: &Access, name: &str, silence| {
        let edit = PushEdit { name: Some(name.to_owned()), silence };
        home.store.edit_push_subscription(access, id, edit).await
    };
    let named = edit(&alice, "Téléphone 📱", None).await.unwrap();
    assert_eq!((named.name.as_str(), named.silenced_until), ("Téléphone 📱", None));
    let until = UnixTime(200);
    let silent = edit(&alice, "", Some(PushSilence::Until(until))).await.unwrap();
    assert_eq!((silent.name.as_str(), silent.silenced_until), ("", Some(until)));
    let loud = edit(&alice, &"ü".repeat(100), Some(PushSilence::Over)).await.unwrap();
    assert_eq!((loud.name.chars().count(), loud.silenced_until), (100, None));
    for name in ["ü".repeat(101), "two\nlines".to_owned()] {
        assert!(matches!(edit(&alice, &name, None).await, Err(Error::Invalid { .. })), "{name}");
    }
    let altered = NewPushSubscription { auth: vec![2; 16], ..subscription("phone") };
    assert_eq!(put(&home, &alice, altered).await.subscription.name, loud.name, "it is the same device");

    // It is pending now: its silence is refused, and its name with it.
    let refused = edit(&alice, "phone", Some(PushSilence::Until(until))).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    assert_eq!(home.store.push_subscription(id).await.unwrap().name, loud.name);
    let bob = home.access("bob").await;
    home.store.add_app_password(alice.owner(), "laptop", "of the laptop").await.unwrap();
    let laptop = home.store.authenticate("alice", "of the laptop").await.unwrap().unwrap();
    for stranger in [bob, laptop] {
        assert!(matches!(edit(&stranger, "mine", None).await, Err(Error::NotFound(_))), "{stranger:?}");
    }
}

/// Who is told of an account's changes besides itself, and from where on.
async fn told_of(home: &Home, owner: AccountId) -> Vec<(String, Vec<(AccountId, ModSeq)>)> {
    let told = home.store.push_subscriptions_told_of(owner).await.unwrap();
    told.into_iter().map(|told| (told.client_id, told.elsewhere.iter().collect())).collect()
}

/// The device has been told of all of its own, and so much of others.
async fn reach(home: &Home, access: &Access, id: PushSubscriptionId, others: &[(AccountId, ModSeq)]) {
    let cursor = home.store.modseq(access).await.unwrap();
    let (elsewhere, attempts) = (others.iter().copied().collect(), PushAttempts::default());
    let progress = PushProgress { id, cursor, elsewhere, attempts };
    home.store.record_push_progress(vec![progress]).await.unwrap();
}

#[tokio::test]
async fn what_changed_in_others_mailboxes_is_found_after_a_restart() {
    let mut home = Home::new().await;
    let (alice, bob) = (login(&home).await, home.access("bob").await);
    let phone = active(&home, &alice, "phone").await.id;
    let name = mailbox_name("Other Users/bob/INBOX");
    let _changes = home.store.set_subscribed(&alice, &name, true).await.unwrap();
    for (has_mail, expected) in [(false, vec![]), (true, vec!["phone"])] {
        let told = home.store.modseq(&bob).await.unwrap();
        if has_mail {
            home.append(&bob, "INBOX", MAIL).await;
        }
        reach(&home, &alice, phone, &[(bob.owner(), told)]).await;
        home.store.close().await.unwrap();
        home = Home { store: home.beside().await, bus: home.bus.clone(), directory: home.directory };
        assert_eq!(due(&home, NOW).await, expected);
    }
}

#[tokio::test]
async fn devices_are_told_of_others_mailboxes_from_when_their_user_subscribes_to_them() {
    let home = Home::new().await;
    let (alice, bob) = (login(&home).await, home.access("bob").await);
    let phone = active(&home, &alice, "phone").await;
    put(&home, &alice, subscription("pending")).await;
    let set = async |name: &str, subscribed| {
        let _changes = home.store.set_subscribed(&alice, &mailbox_name(name), subscribed).await.unwrap();
    };
    for name in
        ["Bob", "Other Users", "Other Users/bob", "Other Users/alice/INBOX", "Other Users/nobody/INBOX"]
    {
        set(name, true).await;
        assert_eq!(told_of(&home, bob.owner()).await, [], "{name}");
    }
    let start = home.store.modseq(&bob).await.unwrap();
    set("Other Users/BOB/INBOX", true).await;
    home.append(&bob, "INBOX", MAIL).await;
    set("Other Users/bob/Team", true).await;
    let stands = |cursor| vec![("phone".to_owned(), vec![(bob.owner(), cursor)])];
    assert_eq!(told_of(&home, bob.owner()).await, stands(start), "another name changes nothing");
    let now = home.store.modseq(&bob).await.unwrap();
    for cursor in [now, start] {
        reach(&home, &alice, phone.id, &[(bob.owner(), cursor)]).await;
    }
    assert_eq!(told_of(&home, bob.owner()).await, stands(now), "a cursor never goes back");
    set("Other Users/BOB/INBOX", false).await;
    assert_eq!(told_of(&home, bob.owner()).await.len(), 1);
    set("Other Users/bob/Team", false).await;
    assert_eq!(told_of(&home, bob.owner()).await, [], "nor does one come back that is gone");
    set("Other Users/bob/Team", true).await;
    active(&home, &alice, "pending").await;
    assert_eq!(told_of(&home, bob.owner()).await.len(), 2, "an acknowledged one begins then");
    assert!(home.store.remove_push_subscription(&alice, PushKind::ImapWebPush, "phone").await.unwrap());
    assert_eq!(told_of(&home, bob.owner()).await.len(), 1);
    assert_eq!(home.store.check().await.unwrap().problems, [""; 0]);
    home.store.remove_account(alice.owner()).await.unwrap();
    assert_eq!(told_of(&home, bob.owner()).await, []);
    assert_eq!(home.store.check().await.unwrap().problems, [""; 0]);
}
