//! Receipts: when one is due, how long it waits, who hears of it (RFC 8030 §5.1, §5.4, §6.2, §6.3, §7.3).

use super::*;
use crate::id::SenderId;
use crate::receipt::Outcome;

fn maker(number: u8) -> Maker {
    Maker::Key(SenderId::from_bytes([number; 16]))
}

impl Fixture {
    async fn receipts(&self) -> ReceiptSubscriptionId {
        self.storage.subscribe_to_receipts(maker(1), NOW).await.unwrap().unwrap()
    }

    async fn due(&self, id: ReceiptSubscriptionId) -> Vec<(MessageId, Outcome)> {
        let due = self.storage.due_receipts(id, 1000).await.unwrap();
        due.into_iter().map(|receipt| (receipt.message, receipt.outcome)).collect()
    }
}

fn asking(new: NewMessage, receipt: ReceiptSubscriptionId) -> NewMessage {
    NewMessage { receipt: Some(receipt), ..new }
}

// RFC 8030 §6.2, §6.3
#[tokio::test]
async fn an_acknowledged_message_has_its_receipt_and_others_have_none() {
    let fixture = Fixture::new(retention());
    let subscription = fixture.subscription().await;
    let receipts = fixture.receipts().await;
    let asked = fixture.keep(asking(message(&subscription, "asked", NOW), receipts)).await;
    let waiting = fixture.keep(asking(message(&subscription, "waiting", NOW), receipts)).await;
    let silent = fixture.keep(message(&subscription, "silent", NOW)).await;
    assert_eq!(fixture.storage.acknowledge(subscription.agent, vec![silent, asked]).await.unwrap(), 2);
    assert_eq!(fixture.due(receipts).await, [(asked, Outcome::Acknowledged)]);
    assert_eq!(*fixture.outlet.receipts_due.lock(), [receipts]);

    let fixture = fixture.reopened();
    assert_eq!(
        fixture.due(receipts).await,
        [(asked, Outcome::Acknowledged)],
        "it waits until it is delivered"
    );
    fixture.storage.receipts_delivered(receipts, vec![asked, waiting]).await.unwrap();
    assert_eq!(fixture.due(receipts).await, []);
    fixture.storage.acknowledge(subscription.agent, vec![waiting]).await.unwrap();
    assert_eq!(fixture.due(receipts).await, [(waiting, Outcome::Acknowledged)]);
}

#[tokio::test]
async fn every_other_end_of_a_message_has_a_receipt_that_says_so_but_replacement_has_none() {
    let limits = Retention { subscription_messages_max: 3, ..retention() };
    let fixture = Fixture::new(limits);
    let subscription = fixture.subscription().await;
    let (id, agent) = (fixture.receipts().await, subscription.agent);
    let ask = |text| asking(message(&subscription, text, NOW), id);
    let topic = |text| NewMessage { topic: Some("upd".parse::<Topic>().unwrap()), ..ask(text) };

    let rejected = fixture.keep(ask("rejected")).await;
    assert_eq!(fixture.storage.reject(agent, vec![rejected]).await.unwrap(), 1);
    let revoked = fixture.keep(ask("revoked")).await;
    assert!(fixture.storage.revoke(revoked).await.unwrap());
    // RFC 8030 §5.4
    let replaced = fixture.keep(topic("replaced")).await;
    let replacing = fixture.keep(topic("replacing")).await;
    let expired = NewMessage { expires: NOW.plus_seconds(1), ..ask("expired") };
    let expired = fixture.keep(expired).await;
    fixture.sweep(NOW.plus_seconds(1), NOW).await;
    fixture.keep(message(&subscription, "2", NOW)).await;
    fixture.keep(message(&subscription, "3", NOW)).await;
    fixture.keep(message(&subscription, "4, which evicts", NOW)).await;
    let unsubscribed = fixture.keep(ask("unsubscribed")).await;
    fixture.storage.unregister(agent, subscription.channel).await.unwrap();

    let ended = [rejected, revoked, replacing, expired, unsubscribed];
    assert_eq!(fixture.due(id).await, ended.map(|id| (id, Outcome::Ended)));
    assert!(!ended.contains(&replaced));
}

#[tokio::test]
async fn an_idle_agents_messages_end_with_receipts() {
    let fixture = Fixture::new(retention());
    let subscription = fixture.subscription().await;
    let receipts = fixture.receipts().await;
    let id = fixture.keep(asking(message(&subscription, "lost", NOW), receipts)).await;
    fixture.sweep(NOW, NOW.plus_seconds(1)).await;
    assert_eq!(fixture.due(receipts).await, [(id, Outcome::Ended)]);
}

#[tokio::test]
async fn receipts_that_nobody_fetches_are_limited() {
    let fixture = Fixture::new(Retention { receipts_max: 2, ..retention() });
    let subscription = fixture.subscription().await;
    let receipts = fixture.receipts().await;
    let mut ids = Vec::new();
    for number in 0..4 {
        let id = fixture.keep(asking(message(&subscription, &number.to_string(), NOW), receipts)).await;
        fixture.storage.acknowledge(subscription.agent, vec![id]).await.unwrap();
        ids.push(id);
    }
    let due: Vec<_> = fixture.due(receipts).await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(due, ids[2..], "the oldest go");
}

// RFC 8030 §5.1
#[tokio::test]
async fn a_maker_has_a_limited_number_of_receipt_subscriptions() {
    let fixture = Fixture::new(Retention { sender_receipt_subscriptions_max: 2, ..retention() });
    let first = fixture.receipts().await;
    fixture.receipts().await;
    assert_eq!(fixture.storage.subscribe_to_receipts(maker(1), NOW).await.unwrap(), None);
    assert!(fixture.storage.subscribe_to_receipts(maker(2), NOW).await.unwrap().is_some());
    assert!(fixture.storage.unsubscribe_from_receipts(first).await.unwrap());
    fixture.receipts().await;
}

// RFC 8030 §7.3
#[tokio::test]
async fn a_receipt_subscription_that_ends_takes_its_receipts_along() {
    let day = std::time::Duration::from_secs(86_400);
    let fixture = Fixture::new(Retention { receipts_idle_max: day, ..retention() });
    let subscription = fixture.subscription().await;
    let [removed, idle, used] =
        [fixture.receipts().await, fixture.receipts().await, fixture.receipts().await];
    let mut ids = Vec::new();
    for receipts in [removed, idle, used] {
        for _ in 0..2 {
            let new = NewMessage { expires: NOW.plus_seconds(1_000_000), ..message(&subscription, "x", NOW) };
            ids.push(fixture.keep(asking(new, receipts)).await);
        }
    }
    fixture.storage.acknowledge(subscription.agent, vec![ids[0], ids[2], ids[4]]).await.unwrap();
    assert!(fixture.storage.unsubscribe_from_receipts(removed).await.unwrap());
    assert!(!fixture.storage.unsubscribe_from_receipts(removed).await.unwrap());
    let later = NOW.plus_seconds(86_000);
    let found = fixture.storage.receipt_subscription(used, later).await.unwrap();
    assert_eq!(found, Some(ReceiptSubscription { id: used, maker: maker(1) }));
    fixture.sweep(NOW.plus_seconds(86_401), NOW).await;

    for gone in [removed, idle] {
        assert_eq!(fixture.storage.receipt_subscription(gone, later).await.unwrap(), None);
    }
    assert_eq!(*fixture.outlet.receipts_ended.lock(), [removed, idle]);
    // Messages that asked for receipts of what is gone are as good as others.
    fixture.storage.acknowledge(subscription.agent, vec![ids[1], ids[3], ids[5]]).await.unwrap();
    assert_eq!(fixture.due(removed).await, []);
    assert_eq!(fixture.due(idle).await, []);
    assert_eq!(fixture.due(used).await, [ids[4], ids[5]].map(|id| (id, Outcome::Acknowledged)));
}
