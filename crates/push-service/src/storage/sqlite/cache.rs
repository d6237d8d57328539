//! Subscriptions in memory, so that a push to a known one asks no thread.
//!
//! Two generations: what is learnt goes to the younger one, and when that is full the older one is dropped as a whole.
//! So a subscription that has just been learnt stays for a while, and forgetting costs nothing that grows with the cache.
//!
//! Only the writer's thread changes it, after commit, in the order of the transactions; so what is found here has not
//! been removed by anything that was answered before.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::id::SubscriptionId;
use crate::message::Subscription;

pub(super) struct SubscriptionCache {
    known: RwLock<Generations>,
    /// Entries of one generation.
    capacity: usize,
}

#[derive(Default)]
struct Generations {
    younger: HashMap<SubscriptionId, Arc<Subscription>>,
    older: HashMap<SubscriptionId, Arc<Subscription>>,
}

impl SubscriptionCache {
    /// Of at most `capacity` subscriptions.
    pub(super) fn new(capacity: usize) -> Self {
        Self { known: RwLock::default(), capacity: (capacity / 2).max(1) }
    }

    pub(super) fn find(&self, id: SubscriptionId) -> Option<Arc<Subscription>> {
        let known = self.known.read();
        known.younger.get(&id).or_else(|| known.older.get(&id)).cloned()
    }

    pub(super) fn insert(&self, subscription: Arc<Subscription>) {
        let mut known = self.known.write();
        let known = &mut *known;
        if known.younger.len() >= self.capacity {
            std::mem::swap(&mut known.younger, &mut known.older);
            known.younger.clear();
        }
        // An older entry is the same one, or stands for what was: it must not come to light again.
        known.older.remove(&subscription.id);
        known.younger.insert(subscription.id, subscription);
    }

    pub(super) fn remove(&self, id: SubscriptionId) {
        let mut known = self.known.write();
        known.younger.remove(&id);
        known.older.remove(&id);
    }
}

#[cfg(test)]
mod tests;
