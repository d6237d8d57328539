//! Messages that are not in the database yet: most are acknowledged before they would come there.
//!
//! A message that needs nothing of the database (no topic, no receipt, no shared body, room in its queue) is kept here
//! and in the [journal](super::journal), which costs one append to be durable. What is still here after
//! [`SETTLED_AFTER`], or when somebody wants to read or limit what waits for its agent, goes to the database together with all
//! others.
//!
//! Invariants:
//! - A message is here and in the journal, or in the database, never in both, except between two commits.
//! - What a failed batch did here is undone.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::id::{AgentId, MessageId};
use crate::message::Message;

/// What the writer's thread keeps of young messages.
#[derive(Default)]
pub(super) struct Young {
    messages: BTreeMap<MessageId, Arc<Message>>,
    /// How many of them each agent has.
    agents: HashMap<AgentId, usize>,
    /// Since when there are any.
    since: Option<Instant>,
    /// What the batch has done.
    done: Vec<Done>,
}

enum Done {
    Put(MessageId),
    Taken(Arc<Message>),
}

impl Young {
    /// Whether any wait for the agent.
    pub(super) fn has(&self, agent: AgentId) -> bool {
        self.agents.contains_key(&agent)
    }

    pub(super) fn put(&mut self, message: Arc<Message>) {
        self.done.push(Done::Put(message.id));
        self.insert(message);
    }

    /// Removes a message, if it is here and the agent's.
    pub(super) fn take(&mut self, id: MessageId, of: Option<AgentId>) -> Option<Arc<Message>> {
        let message = self.messages.get(&id)?;
        if of.is_some_and(|agent| agent != message.agent) {
            return None;
        }
        let message = self.remove(id)?;
        self.done.push(Done::Taken(Arc::clone(&message)));
        Some(message)
    }

    /// Removes all, in order.
    pub(super) fn take_all(&mut self) -> Vec<Arc<Message>> {
        self.agents.clear();
        let all: Vec<_> = std::mem::take(&mut self.messages).into_values().collect();
        self.done.extend(all.iter().map(|message| Done::Taken(Arc::clone(message))));
        all
    }

    /// The batch has been committed.
    pub(super) fn commit(&mut self) {
        self.done.clear();
        if self.messages.is_empty() {
            self.since = None;
        } else if self.since.is_none() {
            self.since = Some(Instant::now());
        }
    }

    /// The batch has failed: undoes what it did.
    pub(super) fn roll_back(&mut self) {
        for done in std::mem::take(&mut self.done).into_iter().rev() {
            match done {
                Done::Put(id) => drop(self.remove(id)),
                Done::Taken(message) => self.insert(message),
            }
        }
    }

    /// How long it takes until those that are here have to go to the database; `None` if there are none.
    pub(super) fn due_in(&self) -> Option<Duration> {
        if self.messages.len() >= YOUNG_MAX {
            return Some(Duration::ZERO);
        }
        self.since.map(|since| SETTLED_AFTER.saturating_sub(since.elapsed()))
    }

    fn insert(&mut self, message: Arc<Message>) {
        *self.agents.entry(message.agent).or_default() += 1;
        self.messages.insert(message.id, message);
    }

    fn remove(&mut self, id: MessageId) -> Option<Arc<Message>> {
        let message = self.messages.remove(&id)?;
        if let Some(count) = self.agents.get_mut(&message.agent) {
            *count -= 1;
            if *count == 0 {
                self.agents.remove(&message.agent);
            }
        }
        Some(message)
    }
}

/// An agent that is connected acknowledges much sooner.
const SETTLED_AFTER: Duration = Duration::from_secs(1);
/// Messages here at most: moving them to the database takes about 10 ms, in which nothing else is answered.
const YOUNG_MAX: usize = 1000;

#[cfg(test)]
mod tests;
