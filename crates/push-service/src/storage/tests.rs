//! The contract of every backend, run against the embedded one: [`open`] alone names it.

mod aggregates;
mod limits;
mod receipts;

use std::path::Path;

use parking_lot::Mutex;
use tempfile::TempDir;
use webpush::header::{Topic, Urgency};
use webpush::vapid::key::SigningKey;

use super::sqlite::SqliteStorage;
use super::*;
use crate::broadcast::{BROADCASTS_MAX, BroadcastId, Change, Version};
use crate::config::Retention;
use crate::message::{Encoding, Keeping, Scope};
use crate::testing::{channel, message, retention, subscribe};

const NOW: Instant = Instant::from_micros(1_800_000_000_000_000);

struct Fixture {
    storage: Box<dyn Storage>,
    outlet: Arc<Recorder>,
    dir: TempDir,
}

#[derive(Default)]
struct Recorder {
    stored: Mutex<Vec<(MessageId, String)>>,
    withdrawn: Mutex<Vec<MessageId>>,
    unsubscribed: Mutex<Vec<SubscriptionId>>,
    removed: Mutex<Vec<AgentId>>,
    receipts_due: Mutex<Vec<ReceiptSubscriptionId>>,
    receipts_ended: Mutex<Vec<ReceiptSubscriptionId>>,
}

impl Outlet for Recorder {
    fn stored(&self, message: Arc<Message>) {
        self.stored.lock().push((message.id, body(&message)));
    }

    fn withdrawn(&self, _: AgentId, id: MessageId) {
        self.withdrawn.lock().push(id);
    }

    fn subscription_removed(&self, _: AgentId, id: SubscriptionId) {
        self.unsubscribed.lock().push(id);
    }

    fn agent_removed(&self, agent: AgentId) {
        self.removed.lock().push(agent);
    }

    fn receipt_due(&self, id: ReceiptSubscriptionId) {
        self.receipts_due.lock().push(id);
    }

    fn receipts_ended(&self, id: ReceiptSubscriptionId) {
        self.receipts_ended.lock().push(id);
    }
}

impl Fixture {
    fn new(retention: Retention) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (storage, outlet) = open(dir.path(), retention);
        Self { storage, outlet, dir }
    }

    fn reopened(self) -> Self {
        self.reopened_with(retention())
    }

    fn reopened_with(self, retention: Retention) -> Self {
        drop(self.storage);
        let (storage, outlet) = open(self.dir.path(), retention);
        Self { storage, outlet, dir: self.dir }
    }

    /// Sweeps until nothing more is found; what was removed in all.
    async fn sweep(&self, now: Instant, idle_since: Instant) -> Swept {
        let mut all = Swept::default();
        loop {
            let swept = self.storage.sweep(now, idle_since).await.unwrap();
            all.messages += swept.messages;
            all.agents += swept.agents;
            if !swept.more {
                return all;
            }
        }
    }

    async fn subscription(&self) -> Arc<Subscription> {
        subscribe(self.storage.as_ref(), AgentId::random().unwrap(), channel(1), NOW).await
    }

    async fn keep(&self, new: NewMessage) -> MessageId {
        match self.storage.store(new, NOW).await.unwrap() {
            Stored::Kept(id) => id,
            other => panic!("{other:?}"),
        }
    }

    async fn pending(&self, agent: AgentId) -> Vec<String> {
        let all = self.storage.pending(Selection::all(agent), MessageId::START, 1000, NOW).await.unwrap();
        all.iter().map(|message| body(message)).collect()
    }
}

fn open(dir: &Path, retention: Retention) -> (Box<dyn Storage>, Arc<Recorder>) {
    let storage = SqliteStorage::open(&dir.join("push.sqlite"), retention).unwrap();
    let outlet = Arc::new(Recorder::default());
    storage.attach(Arc::<Recorder>::clone(&outlet));
    (Box::new(storage), outlet)
}

fn body(message: &Message) -> String {
    String::from_utf8(message.content.body.to_vec()).unwrap()
}

#[tokio::test]
async fn a_message_waits_until_it_is_acknowledged_and_then_never_comes_again() {
    let fixture = Fixture::new(retention());
    let subscription = fixture.subscription().await;
    let first = fixture.keep(message(&subscription, "first", NOW)).await;
    let second = fixture.keep(message(&subscription, "second", NOW)).await;
    assert!(first < second);
    assert_eq!(fixture.pending(subscription.agent).await, ["first", "second"]);

    assert_eq!(fixture.storage.acknowledge(subscription.agent, vec![first, first]).await.unwrap(), 1);
    assert_eq!(fixture.pending(subscription.agent).await, ["second"]);
    assert_eq!(fixture.storage.totals().messages, 1);
}

#[tokio::test]
async fn after_a_reopening_the_acknowledged_are_gone_and_the_others_there_in_order() {
    let fixture = Fixture::new(retention());
    let subscription = fixture.subscription().await;
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(fixture.keep(message(&subscription, &number.to_string(), NOW)).await);
    }
    let odd = ids.iter().copied().skip(1).step_by(2).collect();
    fixture.storage.acknowledge(subscription.agent, odd).await.unwrap();

    let fixture = fixture.reopened();
    let even: Vec<_> = (0..20).step_by(2).map(|number: i32| number.to_string()).collect();
    assert_eq!(fixture.pending(subscription.agent).await, even);
    assert_eq!(fixture.storage.totals(), Totals { agents: 1, subscriptions: 1, messages: 10 });
    assert_eq!(fixture.storage.subscription(subscription.id).await.unwrap().unwrap(), subscription);
}

#[tokio::test]
async fn an_id_is_never_given_twice_though_the_clock_is_set_back() {
    let fixture = Fixture::new(retention());
    let subscription = fixture.subscription().await;
    let before = fixture.keep(message(&subscription, "before", NOW)).await;
    fixture.storage.acknowledge(subscription.agent, vec![before]).await.unwrap();

    let fixture = fixture.reopened();
    let yesterday = NOW.plus_seconds(-86_400);
    let Stored::Kept(after) =
        fixture.storage.store(message(&subscription, "after", NOW), yesterday).await.unwrap()
    else {
        panic!("not kept")
    };
    assert!(after > before);
    assert!(fixture.storage.next_id(yesterday) > after);
}

// RFC 8030 §5.4
#[tokio::test]
async fn a_topic_holds_one_message_in_one_subscription() {
    let fixture = Fixture::new(retention());
    let subscription = fixture.subscription().await;
    let other = subscribe(fixture.storage.as_ref(), subscription.agent, channel(2), NOW).await;
    let topic = |subscription, name: &str, text: &str| NewMessage {
        topic: Some(name.parse::<Topic>().unwrap()),
        ..message(subscription, text, NOW)
    };
    let replaced = fixture.keep(topic(&subscription, "upd", "old")).await;
    fixture.keep(topic(&other, "upd", "of the other subscription")).await;
    fixture.keep(message(&subscription, "without topic", NOW)).await;
    fixture.keep(topic(&subscription, "UPD", "of another topic")).await;
    fixture.keep(topic(&subscription, "upd", "new")).await;
    assert_eq!(
        fixture.pending(subscription.agent).await,
        ["of the other subscription", "without topic", "of another topic", "new"]
    );
    assert_eq!(*fixture.outlet.withdrawn.lock(), [replaced]);
    assert_eq!(fixture.storage.totals().messages, 4);
}

// RFC 8030 §5.2
#[tokio::test]
async fn what_has_expired_is_neither_given_out_nor_kept() {
    let fixture = Fixture::new(retention());
    let subscription = fixture.subscription().await;
    for seconds in [60, 120] {
        let expires = NOW.plus_seconds(seconds);
        fixture.keep(NewMessage { expires, ..message(&subscription, &seconds.to_string(), NOW) }).await;
    }
    let later = NOW.plus_seconds(60);
    let pending = fixture
        .storage
        .pending(Selection::all(subscription.agent), MessageId::START, 10, later)
        .await
        .unwrap();
    assert_eq!(pending.iter().map(|message| body(message)).collect::<Vec<_>>(), ["120"]);

    let swept = fixture.storage.sweep(later, NOW.plus_seconds(-1)).await.unwrap();
    assert_eq!(swept, Swept { messages: 1, agents: 0, more: false });
    assert_eq!(fixture.storage.totals().messages, 1);
}

#[tokio::test]
async fn a_channel_registered_again_keeps_its_subscription_unless_the_key_changes() {
    let fixture = Fixture::new(retention());
    let agent = AgentId::random().unwrap();
    let key = *SigningKey::generate().unwrap().public_key();
    let register = async |restricted_to| {
        let wish = Registration { agent, channel: channel(1), restricted_to, now: NOW };
        match fixture.storage.register(wish).await.unwrap() {
            Registered::Subscription(subscription) => subscription,
            Registered::TooManyChannels => panic!("too many channels"),
        }
    };
    let open = register(None).await;
    assert_eq!(register(None).await, open);
    fixture.keep(message(&open, "for the old one", NOW)).await;

    // RFC 8292 §4: the restriction belongs to the subscription, so another key makes another one.
    let restricted = register(Some(key)).await;
    assert_ne!(restricted.id, open.id);
    assert_eq!(register(Some(key)).await, restricted);
    assert_eq!(fixture.storage.subscription(open.id).await.unwrap(), None);
    assert!(fixture.pending(agent).await.is_empty());
    assert_eq!(fixture.storage.totals(), Totals { agents: 1, subscriptions: 1, messages: 0 });
}

#[tokio::test]
async fn a_removed_subscription_takes_nothing_and_keeps_nothing() {
    let fixture = Fixture::new(retention());
    let subscription = fixture.subscription().await;
    let id = fixture.keep(message(&subscription, "lost", NOW)).await;
    fixture.storage.unregister(subscription.agent, subscription.channel).await.unwrap();
    fixture.storage.unregister(subscription.agent, subscription.channel).await.unwrap();
    assert_eq!(*fixture.outlet.withdrawn.lock(), [id]);
    assert_eq!(fixture.storage.subscription(subscription.id).await.unwrap(), None);
    assert_eq!(fixture.storage.store(message(&subscription, "late", NOW), NOW).await.unwrap(), Stored::Gone);
    assert_eq!(fixture.storage.totals(), Totals { agents: 1, subscriptions: 0, messages: 0 });
}

#[tokio::test]
async fn idle_agents_are_removed_with_all_they_have() {
    let fixture = Fixture::new(retention());
    let idle = fixture.subscription().await;
    let back = fixture.subscription().await;
    fixture.keep(message(&idle, "lost", NOW)).await;
    let later = NOW.plus_seconds(86_400);
    assert!(fixture.storage.resume(back.agent, later).await.unwrap());

    let swept = fixture.sweep(NOW, NOW.plus_seconds(1)).await;
    assert_eq!(swept, Swept { messages: 0, agents: 1, more: false });
    assert_eq!(*fixture.outlet.removed.lock(), [idle.agent]);
    assert!(!fixture.storage.resume(idle.agent, later).await.unwrap());
    assert_eq!(fixture.storage.subscription(idle.id).await.unwrap(), None);
    assert!(fixture.storage.subscription(back.id).await.unwrap().is_some());
    assert_eq!(fixture.storage.totals(), Totals { agents: 1, subscriptions: 1, messages: 0 });
}

#[tokio::test]
async fn nobody_acknowledges_another_agents_messages() {
    let fixture = Fixture::new(retention());
    let subscription = fixture.subscription().await;
    let id = fixture.keep(message(&subscription, "mine", NOW)).await;
    let stranger = fixture.subscription().await;
    assert_eq!(fixture.storage.acknowledge(stranger.agent, vec![id]).await.unwrap(), 0);
    assert_eq!(fixture.pending(subscription.agent).await, ["mine"]);
    assert!(fixture.pending(stranger.agent).await.is_empty());
}

// RFC 8030 §5: the application server may delete a message it posted.
#[tokio::test]
async fn a_revoked_message_is_withdrawn_once() {
    let fixture = Fixture::new(retention());
    let subscription = fixture.subscription().await;
    let id = fixture.keep(message(&subscription, "oops", NOW)).await;
    assert!(fixture.storage.revoke(id).await.unwrap());
    assert!(!fixture.storage.revoke(id).await.unwrap());
    assert_eq!(*fixture.outlet.withdrawn.lock(), [id]);
    assert!(fixture.pending(subscription.agent).await.is_empty());
}

#[tokio::test]
async fn messages_stored_at_the_same_time_are_handed_out_in_the_order_of_their_ids() {
    let fixture = Fixture::new(retention());
    let subscription = fixture.subscription().await;
    let calls: Vec<_> = (0..200)
        .map(|number| fixture.storage.store(message(&subscription, &number.to_string(), NOW), NOW))
        .collect();
    let stored = futures_util::future::join_all(calls).await;
    assert!(stored.into_iter().all(|stored| matches!(stored, Ok(Stored::Kept(_)))));
    let handed_out = fixture.outlet.stored.lock().clone();
    assert_eq!(handed_out.len(), 200);
    assert!(handed_out.is_sorted());
    let bodies: Vec<_> = handed_out.into_iter().map(|(_, body)| body).collect();
    assert_eq!(fixture.pending(subscription.agent).await, bodies);
}

#[tokio::test]
async fn pending_messages_are_read_in_pages_with_everything_that_was_stored() {
    let fixture = Fixture::new(retention());
    let subscription = fixture.subscription().await;
    let encoding = Encoding::Aesgcm { encryption: "salt=abc".into(), crypto_key: "dh=def".into() };
    for text in ["", "second", "third"] {
        let mut new = message(&subscription, text, NOW);
        new.urgency = Urgency::High;
        new.content.encoding = encoding.clone();
        fixture.keep(new).await;
    }
    let page =
        fixture.storage.pending(Selection::all(subscription.agent), MessageId::START, 2, NOW).await.unwrap();
    assert_eq!(page.len(), 2);
    let rest = fixture.storage.pending(Selection::all(subscription.agent), page[1].id, 2, NOW).await.unwrap();
    assert_eq!(rest.len(), 1);
    let last = &rest[0];
    assert_eq!((last.channel, last.urgency, last.keeping), (channel(1), Urgency::High, Keeping::Stored));
    assert_eq!(last.content.encoding, encoding);
    assert_eq!(last.expires, NOW.plus_seconds(60));
}

// RFC 8030 §5.3, §6, §6.1
#[tokio::test]
async fn a_reader_finds_the_messages_of_its_scope_and_urgency() {
    let fixture = Fixture::new(retention());
    let first = fixture.subscription().await;
    let second = subscribe(fixture.storage.as_ref(), first.agent, channel(2), NOW).await;
    for (subscription, urgency, text) in [
        (&first, Urgency::Low, "low"),
        (&second, Urgency::High, "other"),
        (&first, Urgency::High, "high"),
        (&first, Urgency::VeryLow, "very low"),
    ] {
        fixture.keep(NewMessage { urgency, ..message(subscription, text, NOW) }).await;
    }
    let cases: [(Scope, Urgency, &[&str]); 5] = [
        (Scope::Set, Urgency::VeryLow, &["low", "other", "high", "very low"]),
        (Scope::Set, Urgency::Normal, &["other", "high"]),
        (Scope::Subscription(first.id), Urgency::VeryLow, &["low", "high", "very low"]),
        (Scope::Subscription(first.id), Urgency::Low, &["low", "high"]),
        (Scope::Subscription(second.id), Urgency::High, &["other"]),
    ];
    for (scope, least_urgency, expected) in cases {
        let selection = Selection { agent: first.agent, scope, least_urgency };
        let found = fixture.storage.pending(selection, MessageId::START, 9, NOW).await.unwrap();
        let bodies: Vec<_> = found.iter().map(|message| body(message)).collect();
        assert_eq!(bodies, expected, "{selection:?}");
        assert!(found.iter().all(|message| selection.takes(message)));
    }
}

// RFC 8030 §7.3.1
#[tokio::test]
async fn a_removed_set_takes_its_subscriptions_and_messages_along() {
    let fixture = Fixture::new(retention());
    let first = fixture.subscription().await;
    let second = subscribe(fixture.storage.as_ref(), first.agent, channel(2), NOW).await;
    let stranger = fixture.subscription().await;
    for subscription in [&first, &second, &stranger] {
        fixture.keep(message(subscription, "x", NOW)).await;
    }
    assert!(fixture.storage.remove(first.agent).await.unwrap());
    assert!(!fixture.storage.remove(first.agent).await.unwrap());
    for gone in [&first, &second] {
        assert_eq!(fixture.storage.subscription(gone.id).await.unwrap(), None);
    }
    let totals = fixture.storage.totals();
    assert_eq!((totals.agents, totals.subscriptions, totals.messages), (1, 1, 1));
    let mut unsubscribed = fixture.outlet.unsubscribed.lock().clone();
    unsubscribed.sort_unstable();
    let mut both = vec![first.id, second.id];
    both.sort_unstable();
    assert_eq!(unsubscribed, both);
    assert_eq!(*fixture.outlet.removed.lock(), [first.agent]);
}

fn broadcast(number: usize) -> BroadcastId {
    BroadcastId::parse(&format!("test/{number}")).unwrap()
}

#[tokio::test]
async fn broadcasts_are_kept_over_a_restart() {
    let fixture = Fixture::new(retention());
    let version = |text: &str| Version::parse(text).unwrap();
    // (which, what it is set to, how that ends)
    let steps = [
        (1, Some("1"), Change::Created),
        (2, Some("1"), Change::Created),
        (1, Some("2"), Change::Replaced),
        (1, Some("2"), Change::Replaced),
        (2, None, Change::Removed),
        (2, None, Change::Unknown),
    ];
    for (number, wanted, change) in steps {
        let wanted = wanted.map(version);
        let done = fixture.storage.set_broadcast(broadcast(number), wanted.clone()).await.unwrap();
        assert_eq!(done, change, "{number} {wanted:?}");
        let found = fixture.storage.broadcasts().find(&broadcast(number)).map(|(_, version)| version);
        assert_eq!(found, wanted, "{number}");
    }
    let kept = fixture.reopened().storage.broadcasts().all();
    assert_eq!(kept.into_iter().collect::<Vec<_>>(), [(broadcast(1), version("2"))]);
}

#[tokio::test]
async fn broadcasts_are_bounded() {
    let fixture = Fixture::new(retention());
    let version = || Version::parse("1");
    for number in 0..BROADCASTS_MAX {
        let change = fixture.storage.set_broadcast(broadcast(number), version()).await.unwrap();
        assert_eq!(change, Change::Created);
    }
    let further = broadcast(BROADCASTS_MAX);
    assert_eq!(fixture.storage.set_broadcast(further.clone(), version()).await.unwrap(), Change::Full);
    assert_eq!(fixture.storage.broadcasts().find(&further), None);
    assert_eq!(fixture.storage.set_broadcast(broadcast(7), version()).await.unwrap(), Change::Replaced);
}
