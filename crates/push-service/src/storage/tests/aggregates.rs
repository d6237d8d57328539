//! Aggregates: members, and messages that share one stored body (draft-thomson-webpush-aggregate-00 §3, §4); versions
//! of SimplePush.

use std::time::Duration;

use super::*;
use crate::aggregate::{Membership, Setting, Terms};
use crate::id::SenderId;

/// On no terms.
const FREE: Terms = Terms { expires: Setting::To(None), ttl_max: Setting::To(None) };

const MAKER: Maker = Maker::Address(SenderId::from_bytes([7; 16]));

impl Fixture {
    async fn aggregate_of(&self, members: &[SubscriptionId]) -> AggregateId {
        let id = self.storage.create_aggregate(MAKER, NOW).await.unwrap().unwrap();
        let put = members.iter().map(|member| MemberChange::Put(*member, FREE)).collect();
        let count = u64::try_from(members.len()).unwrap();
        assert_eq!(self.storage.change_members(id, put).await.unwrap(), MembersChanged::Done(count));
        id
    }

    /// Stores one body for all of them.
    async fn keep_shared(&self, text: &str, subscriptions: &[&Arc<Subscription>]) -> MessageId {
        let shared = self.storage.next_id(NOW);
        let all = subscriptions
            .iter()
            .map(|subscription| NewMessage { shared: Some(shared), ..message(subscription, text, NOW) });
        let stored = self.storage.store_all(all.collect(), NOW).await.unwrap();
        assert!(stored.iter().all(|stored| matches!(stored, Stored::Kept(_))), "{stored:?}");
        shared
    }
}

#[tokio::test]
async fn members_are_listed_in_pages_with_their_terms_and_those_that_are_gone() {
    let fixture = Fixture::new(retention());
    let subscriptions = [fixture.subscription().await, fixture.subscription().await];
    let gone = fixture.subscription().await;
    let id = fixture.aggregate_of(&[subscriptions[0].id, subscriptions[1].id, gone.id]).await;
    let set = Terms {
        expires: Setting::To(Some(NOW.plus_seconds(5))),
        ttl_max: Setting::To(Some(Duration::from_secs(9))),
    };
    let ttl_alone =
        Terms { expires: Setting::Unchanged, ttl_max: Setting::To(Some(Duration::from_secs(30))) };
    for change in [set, ttl_alone] {
        let change = vec![MemberChange::Put(subscriptions[1].id, change)];
        assert_eq!(fixture.storage.change_members(id, change).await.unwrap(), MembersChanged::Done(3));
    }
    let terms = Membership { expires: Some(NOW.plus_seconds(5)), ttl_max: Some(Duration::from_secs(30)) };
    fixture.storage.unregister(gone.agent, gone.channel).await.unwrap();

    let fixture = fixture.reopened();
    let mut found = fixture.storage.members(id, None, 2).await.unwrap();
    assert_eq!(found.len(), 2);
    found.extend(fixture.storage.members(id, Some(found[1].id), 2).await.unwrap());
    let mut expected = vec![
        Member {
            id: subscriptions[0].id,
            subscription: Some(Arc::clone(&subscriptions[0])),
            membership: Membership::default(),
        },
        Member {
            id: subscriptions[1].id,
            subscription: Some(Arc::clone(&subscriptions[1])),
            membership: terms,
        },
        Member { id: gone.id, subscription: None, membership: Membership::default() },
    ];
    expected.sort_by_key(|member| member.id);
    assert_eq!(found, expected);
    let aggregate = fixture.storage.aggregate(id, NOW).await.unwrap();
    assert_eq!(aggregate, Some(Aggregate { id, maker: MAKER, members: 3 }));
}

#[tokio::test]
async fn members_and_aggregates_are_limited() {
    let fixture =
        Fixture::new(Retention { aggregate_members_max: 2, sender_aggregates_max: 1, ..retention() });
    let subscriptions =
        [fixture.subscription().await, fixture.subscription().await, fixture.subscription().await];
    let ids = subscriptions.map(|subscription| subscription.id);
    let id = fixture.aggregate_of(&ids[..2]).await;
    let put = |id| MemberChange::Put(id, FREE);
    let change = async |changes| fixture.storage.change_members(id, changes).await.unwrap();
    assert_eq!(change(vec![put(ids[2])]).await, MembersChanged::TooMany);
    assert_eq!(change(vec![put(ids[0]), put(ids[1])]).await, MembersChanged::Done(2), "those it has");
    assert_eq!(change(vec![put(ids[2]), MemberChange::Remove(ids[0])]).await, MembersChanged::Done(2));
    assert_eq!(change(vec![MemberChange::Remove(ids[0])]).await, MembersChanged::Done(2), "not there");
    assert_eq!(fixture.storage.create_aggregate(MAKER, NOW).await.unwrap(), None);

    assert!(fixture.storage.remove_aggregate(id).await.unwrap());
    assert!(!fixture.storage.remove_aggregate(id).await.unwrap());
    assert_eq!(change(vec![put(ids[0])]).await, MembersChanged::Gone);
    assert_eq!(fixture.storage.aggregate(id, NOW).await.unwrap(), None);
    assert_eq!(fixture.storage.members(id, None, 9).await.unwrap(), []);
    assert!(fixture.storage.create_aggregate(MAKER, NOW).await.unwrap().is_some());
}

#[tokio::test]
async fn an_aggregate_that_nobody_uses_is_removed_however_large_it_is() {
    let idle = Duration::from_secs(3600 * 24);
    let fixture = Fixture::new(Retention { aggregate_idle_max: idle, ..retention() });
    let members: Vec<_> =
        (0..1200_u128).map(|number| SubscriptionId::from_bytes(number.to_be_bytes())).collect();
    let [unused, used] = [fixture.aggregate_of(&members).await, fixture.aggregate_of(&members).await];
    assert!(fixture.storage.aggregate(used, NOW.plus_seconds(3600 * 23)).await.unwrap().is_some());
    fixture.sweep(NOW.plus_seconds(3600 * 25), NOW).await;
    assert_eq!(fixture.storage.aggregate(unused, NOW).await.unwrap(), None);
    assert_eq!(fixture.storage.members(unused, None, 9).await.unwrap(), []);
    assert_eq!(fixture.storage.members(used, None, 2000).await.unwrap().len(), 1200);
}

#[tokio::test]
async fn messages_that_share_a_body_are_acknowledged_limited_and_revoked_each_for_itself() {
    let fixture = Fixture::new(Retention { subscription_bytes_max: 10, ..retention() });
    let subscriptions =
        [fixture.subscription().await, fixture.subscription().await, fixture.subscription().await];
    let all: Vec<_> = subscriptions.iter().collect();
    let agents = subscriptions.each_ref().map(|subscription| subscription.agent);
    fixture.keep_shared("shared", &all).await;
    fixture.keep(message(&subscriptions[0], "own", NOW)).await;
    for (agent, expected) in agents.into_iter().zip([&["shared", "own"][..], &["shared"], &["shared"]]) {
        assert_eq!(fixture.pending(agent).await, expected);
    }
    let page = fixture.storage.pending(Selection::all(agents[1]), MessageId::START, 9, NOW).await.unwrap();
    fixture.storage.acknowledge(agents[1], vec![page[0].id]).await.unwrap();
    // The shared body's bytes count for each subscription.
    fixture.keep(message(&subscriptions[0], "evicts", NOW)).await;

    let fixture = fixture.reopened();
    for (agent, expected) in agents.into_iter().zip([&["own", "evicts"][..], &[], &["shared"]]) {
        assert_eq!(fixture.pending(agent).await, expected);
    }
    assert_eq!(fixture.storage.totals().messages, 3);
}

#[tokio::test]
async fn all_messages_that_share_a_body_are_revoked_at_once() {
    let fixture = Fixture::new(retention());
    let subscription = fixture.subscription().await;
    let other = fixture.subscription().await;
    let kept = fixture.keep_shared("kept", &[&subscription, &other]).await;
    let revoked = fixture.keep_shared("revoked", &[&subscription, &other]).await;
    assert!(fixture.storage.revoke(revoked).await.unwrap());
    assert!(!fixture.storage.revoke(revoked).await.unwrap());
    assert_eq!(fixture.pending(subscription.agent).await, ["kept"]);
    assert_eq!(fixture.pending(other.agent).await, ["kept"]);
    // One answer is one step of a large aggregate; the next step finds the body again though all of it went meanwhile.
    fixture.storage.revoke(kept).await.unwrap();
    let late = NewMessage { shared: Some(kept), ..message(&other, "kept", NOW) };
    fixture.storage.store_all(vec![late], NOW).await.unwrap();
    assert_eq!(fixture.pending(other.agent).await, ["kept"]);
}

#[tokio::test]
async fn several_messages_are_stored_with_an_answer_for_each() {
    let fixture = Fixture::new(Retention { subscription_messages_max: 1, ..retention() });
    let [full, gone, free] =
        [fixture.subscription().await, fixture.subscription().await, fixture.subscription().await];
    fixture.keep(NewMessage { urgency: Urgency::High, ..message(&full, "urgent", NOW) }).await;
    fixture.storage.unregister(gone.agent, gone.channel).await.unwrap();
    let all = [&full, &gone, &free].map(|subscription| message(subscription, "x", NOW)).to_vec();
    let stored = fixture.storage.store_all(all, NOW).await.unwrap();
    assert_eq!(stored[..2], [Stored::Full, Stored::Gone]);
    assert!(matches!(stored[2], Stored::Kept(_)));
}

#[tokio::test]
async fn only_a_greater_version_is_stored() {
    let fixture = Fixture::new(retention());
    let subscription = fixture.subscription().await;
    let other = fixture.subscription().await;
    // (version, whether it is new)
    let cases = [(5, true), (5, false), (4, false), (6, true), (u64::MAX, true), (7, false)];
    for (version, new) in cases {
        let stored =
            fixture.storage.store_version(message(&subscription, "x", NOW), version, NOW).await.unwrap();
        assert_eq!(matches!(stored, Some(Stored::Kept(_))), new, "{version}");
        assert_eq!(stored.is_none(), !new, "{version}");
    }
    let fixture = fixture.reopened();
    let again = fixture.storage.store_version(message(&subscription, "x", NOW), 9, NOW).await.unwrap();
    assert_eq!(again, None, "it is remembered");
    assert!(fixture.storage.store_version(message(&other, "x", NOW), 1, NOW).await.unwrap().is_some());
    fixture.storage.unregister(other.agent, other.channel).await.unwrap();
    let gone = fixture.storage.store_version(message(&other, "x", NOW), 2, NOW).await.unwrap();
    assert_eq!(gone, Some(Stored::Gone));
}
