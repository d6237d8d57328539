use super::*;
use crate::id::AgentId;
use crate::testing::channel;

fn id(number: u8) -> SubscriptionId {
    SubscriptionId::from_bytes([number; 16])
}

fn subscription(number: u8, agent: u8) -> Arc<Subscription> {
    let agent = AgentId::from_bytes([agent; 16]);
    Arc::new(Subscription { id: id(number), agent, channel: channel(number), restricted_to: None })
}

#[test]
fn the_cache_is_bounded_and_keeps_the_latest() {
    let cache = SubscriptionCache::new(10);
    for number in 0..100 {
        cache.insert(subscription(number, 1));
        let kept = (0..=number).filter(|number| cache.find(id(*number)).is_some()).collect::<Vec<_>>();
        assert!(kept.len() <= 10);
        let latest = (number.saturating_sub(4)..=number).collect::<Vec<_>>();
        assert!(kept.ends_with(&latest), "{kept:?}");
    }
}

#[test]
fn what_was_replaced_or_removed_in_either_generation_does_not_come_back() {
    let cache = SubscriptionCache::new(4);
    for number in [1, 2, 3] {
        cache.insert(subscription(number, 1));
    }
    // 1 and 2 are in the older generation now.
    cache.insert(subscription(1, 2));
    cache.remove(id(2));
    cache.remove(id(3));
    assert_eq!(cache.find(id(1)), Some(subscription(1, 2)));
    cache.remove(id(1));
    assert!([1, 2, 3].into_iter().all(|number| cache.find(id(number)).is_none()));
}
