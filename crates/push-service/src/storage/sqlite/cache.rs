//! Subscriptions in memory, so that a push to a known one asks no thread.
//!
//! Only the writer's thread changes it, after commit, in the order of the transactions; so what is found here has not
//! been removed by anything that was answered before.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::id::SubscriptionId;
use crate::message::Subscription;

pub(super) struct SubscriptionCache {
    known: RwLock<HashMap<SubscriptionId, Arc<Subscription>>>,
    capacity: usize,
}

impl SubscriptionCache {
    pub(super) fn new(capacity: usize) -> Self {
        Self { known: RwLock::new(HashMap::new()), capacity }
    }

    pub(super) fn find(&self, id: SubscriptionId) -> Option<Arc<Subscription>> {
        self.known.read().get(&id).cloned()
    }

    pub(super) fn insert(&self, subscription: Arc<Subscription>) {
        let mut known = self.known.write();
        if known.len() >= self.capacity {
            // Any one will do: the order of a hash map with random keys is as good as random.
            if let Some(victim) = known.keys().next().copied() {
                known.remove(&victim);
            }
        }
        known.insert(subscription.id, subscription);
    }

    pub(super) fn remove(&self, id: SubscriptionId) {
        self.known.write().remove(&id);
    }
}
