//! How many messages and bytes wait for the subscriptions and agents that are in use, so that a push need not count
//! rows.
//!
//! Only the writer's thread has it. An entry of a subscription also says that it exists, and that its agent is known
//! here. After a rollback it is emptied.

use std::collections::HashMap;

use crate::id::{AgentId, SubscriptionId};

/// What waits for one subscription, or for one agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::storage::sqlite) struct Queue {
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

/// What a message has to fit into.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) subscription: Queue,
    pub(super) agent: Queue,
}

/// What waits, by subscription and by agent.
#[derive(Default)]
pub(in crate::storage::sqlite) struct Queues {
    subscriptions: HashMap<SubscriptionId, Queue>,
    agents: HashMap<AgentId, Queue>,
}

impl Queues {
    pub(super) fn find(&self, id: SubscriptionId, agent: AgentId) -> Option<Load> {
        let subscription = *self.subscriptions.get(&id)?;
        Some(Load { subscription, agent: *self.agents.get(&agent)? })
    }

    /// To be called before something is learnt.
    pub(super) fn make_room(&mut self) {
        if self.subscriptions.len() >= QUEUES_KNOWN_MAX || self.agents.len() >= QUEUES_KNOWN_MAX {
            self.clear();
        }
    }

    /// A subscription that exists. When its agent is known, nothing waits for it: what waits was learnt with the agent.
    pub(super) fn learn_empty(&mut self, id: SubscriptionId, agent: AgentId) -> Option<Load> {
        let agent = *self.agents.get(&agent)?;
        self.subscriptions.insert(id, Queue::default());
        Some(Load { subscription: Queue::default(), agent })
    }

    /// All that waits for an agent, by subscription.
    pub(super) fn learn(&mut self, agent: AgentId, all: &[(SubscriptionId, Queue)]) {
        let mut total = Queue::default();
        for (id, queue) in all {
            total.messages += queue.messages;
            total.bytes += queue.bytes;
            self.subscriptions.insert(*id, *queue);
        }
        self.agents.insert(agent, total);
    }

    pub(super) fn added(&mut self, id: SubscriptionId, agent: AgentId, bytes: u64) {
        for queue in [self.subscriptions.get_mut(&id), self.agents.get_mut(&agent)].into_iter().flatten() {
            queue.messages += 1;
            queue.bytes += bytes;
        }
    }

    pub(super) fn removed(&mut self, id: SubscriptionId, agent: AgentId, bytes: u64) {
        for queue in [self.subscriptions.get_mut(&id), self.agents.get_mut(&agent)].into_iter().flatten() {
            queue.messages = queue.messages.saturating_sub(1);
            queue.bytes = queue.bytes.saturating_sub(bytes);
        }
    }

    pub(super) fn forget(&mut self, id: SubscriptionId) {
        self.subscriptions.remove(&id);
    }

    pub(super) fn forget_agent(&mut self, agent: AgentId) {
        self.agents.remove(&agent);
    }

    pub(in crate::storage::sqlite) fn clear(&mut self) {
        self.subscriptions.clear();
        self.agents.clear();
    }
}

/// Entries of about 50 bytes in each table; at the limit all are forgotten and counted again when they are used.
const QUEUES_KNOWN_MAX: usize = 100_000;
