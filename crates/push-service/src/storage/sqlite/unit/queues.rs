//! How many messages and bytes of which urgency wait for the subscriptions and agents that are in use, so that a push need
//! not count rows.
//!
//! Only the writer's thread has it. An entry of a subscription also says that it exists, and that its agent is known
//! here. After a rollback it is emptied.

use std::collections::{HashMap, VecDeque};

use webpush::header::Urgency;

use super::messages::URGENCIES;
use crate::id::{AgentId, MessageId, SubscriptionId};

/// Messages and the bytes of their bodies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::storage::sqlite) struct Held {
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

/// What waits for one subscription, or for one agent, by urgency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::storage::sqlite) struct Queue {
    by_urgency: [Held; URGENCIES.len()],
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
    oldest: HashMap<SubscriptionId, Oldest>,
}

/// The oldest messages of one urgency in a full subscription, some of which may be gone already.
struct Oldest {
    urgency: Urgency,
    messages: VecDeque<MessageId>,
}

impl Held {
    pub(super) fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
    }

    pub(super) const fn take(&mut self, other: Self) {
        self.messages = self.messages.saturating_sub(other.messages);
        self.bytes = self.bytes.saturating_sub(other.bytes);
    }
}

impl Queue {
    /// All of it.
    pub(super) fn total(&self) -> Held {
        self.sum(|_| true)
    }

    /// What is more urgent than this.
    pub(super) fn above(&self, urgency: Urgency) -> Held {
        self.sum(|other| other > urgency)
    }

    /// The lowest urgency of which something waits.
    pub(super) fn lowest(&self) -> Option<Urgency> {
        self.each().find_map(|(urgency, held)| (held.messages > 0).then_some(urgency))
    }

    fn sum(&self, counts: impl Fn(Urgency) -> bool) -> Held {
        let mut sum = Held::default();
        self.each().filter(|(urgency, _)| counts(*urgency)).for_each(|(_, held)| sum.add(held));
        sum
    }

    fn each(&self) -> impl Iterator<Item = (Urgency, Held)> {
        URGENCIES.into_iter().zip(self.by_urgency)
    }

    fn of(&mut self, urgency: Urgency) -> impl Iterator<Item = &mut Held> {
        let same = move |(other, held)| (other == urgency).then_some(held);
        URGENCIES.into_iter().zip(&mut self.by_urgency).filter_map(same)
    }

    fn add(&mut self, urgency: Urgency, held: Held) {
        self.of(urgency).for_each(|of| of.add(held));
    }

    fn take(&mut self, urgency: Urgency, held: Held) {
        self.of(urgency).for_each(|of| of.take(held));
    }
}

impl Queues {
    pub(super) fn find(&self, id: SubscriptionId, agent: AgentId) -> Option<Load> {
        let subscription = *self.subscriptions.get(&id)?;
        Some(Load { subscription, agent: *self.agents.get(&agent)? })
    }

    /// Whether it is known that nothing of this urgency waits for the agent.
    pub(super) fn has_none(&self, agent: AgentId, urgency: Urgency) -> bool {
        let known = self.agents.get(&agent);
        known.is_some_and(|queue| queue.sum(|other| other == urgency).messages == 0)
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

    /// All that waits for an agent, by subscription and urgency.
    pub(super) fn learn(&mut self, agent: AgentId, all: &[(SubscriptionId, Urgency, Held)]) {
        let mut total = Queue::default();
        for (id, ..) in all {
            self.subscriptions.insert(*id, Queue::default());
        }
        for (id, urgency, held) in all {
            total.add(*urgency, *held);
            self.subscriptions.entry(*id).or_default().add(*urgency, *held);
        }
        self.agents.insert(agent, total);
    }

    pub(super) fn added(&mut self, of: (SubscriptionId, AgentId), urgency: Urgency, bytes: u64) {
        self.both(of).for_each(|queue| queue.add(urgency, Held { messages: 1, bytes }));
    }

    pub(super) fn removed(&mut self, of: (SubscriptionId, AgentId), urgency: Urgency, bytes: u64) {
        self.both(of).for_each(|queue| queue.take(urgency, Held { messages: 1, bytes }));
    }

    /// The oldest message of this urgency in a subscription, as far as [`learn_oldest`](Self::learn_oldest) has told; it
    /// may be gone already. Each is given once.
    pub(super) fn next_oldest(&mut self, id: SubscriptionId, urgency: Urgency) -> Option<MessageId> {
        let oldest = self.oldest.get_mut(&id).filter(|oldest| oldest.urgency == urgency)?;
        oldest.messages.pop_front()
    }

    /// The oldest messages of this urgency in a subscription, in order. What comes later stands behind them.
    pub(super) fn learn_oldest(
        &mut self,
        id: SubscriptionId,
        urgency: Urgency,
        messages: VecDeque<MessageId>,
    ) {
        if self.oldest.len() >= OLDEST_KNOWN_MAX {
            self.oldest.clear();
        }
        self.oldest.insert(id, Oldest { urgency, messages });
    }

    pub(super) fn forget(&mut self, id: SubscriptionId) {
        self.subscriptions.remove(&id);
        self.oldest.remove(&id);
    }

    pub(super) fn forget_agent(&mut self, agent: AgentId) {
        self.agents.remove(&agent);
    }

    pub(in crate::storage::sqlite) fn clear(&mut self) {
        self.subscriptions.clear();
        self.agents.clear();
        self.oldest.clear();
    }

    fn both(&mut self, (id, agent): (SubscriptionId, AgentId)) -> impl Iterator<Item = &mut Queue> {
        [self.subscriptions.get_mut(&id), self.agents.get_mut(&agent)].into_iter().flatten()
    }
}

/// Entries of about 100 bytes in each table; at the limit all are forgotten and counted again when they are used.
const QUEUES_KNOWN_MAX: usize = 100_000;
/// Full subscriptions of which the oldest messages are known, about 600 bytes each; at the limit all are forgotten.
const OLDEST_KNOWN_MAX: usize = 1000;
