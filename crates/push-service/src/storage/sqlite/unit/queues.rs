//! How many messages and bytes wait for the subscriptions that are in use, so that a push need not count rows.
//!
//! Only the writer's thread has it. An entry also says that the subscription exists. After a rollback it is emptied.

use std::collections::HashMap;

use crate::id::SubscriptionId;

/// What waits for one subscription.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::storage::sqlite) struct Queue {
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

/// What waits, by subscription.
#[derive(Default)]
pub(in crate::storage::sqlite) struct Queues {
    known: HashMap<SubscriptionId, Queue>,
}

impl Queues {
    pub(super) fn find(&self, id: SubscriptionId) -> Option<Queue> {
        self.known.get(&id).copied()
    }

    pub(super) fn learn(&mut self, id: SubscriptionId, queue: Queue) {
        if self.known.len() >= QUEUES_KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(id, queue);
    }

    pub(super) fn added(&mut self, id: SubscriptionId, bytes: u64) {
        if let Some(queue) = self.known.get_mut(&id) {
            queue.messages += 1;
            queue.bytes += bytes;
        }
    }

    pub(super) fn removed(&mut self, id: SubscriptionId, bytes: u64) {
        if let Some(queue) = self.known.get_mut(&id) {
            queue.messages = queue.messages.saturating_sub(1);
            queue.bytes = queue.bytes.saturating_sub(bytes);
        }
    }

    pub(super) fn forget(&mut self, id: SubscriptionId) {
        self.known.remove(&id);
    }

    pub(in crate::storage::sqlite) fn clear(&mut self) {
        self.known.clear();
    }
}

/// Entries of about 50 bytes; at the limit all are forgotten and counted again when they are used.
const QUEUES_KNOWN_MAX: usize = 100_000;
