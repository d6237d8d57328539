//! The agents that are connected, and how messages reach their connections.
//!
//! Each connection has a small queue of messages that have just been stored. When the queue is full the connection is
//! *behind*: it takes nothing more from here and reads from the storage where it stands until it has caught up. So a
//! slow reader costs a bounded amount of memory and loses nothing.
//!
//! Why nothing is lost or twice: the storage hands messages out in the order of their ids. `catch_up` clears `behind`
//! and the queue *before* the storage is read, so a message committed later than the read is in the queue; one that is
//! in both has an id that the connection has passed, and is skipped.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::id::{AgentId, MessageId};
use crate::message::{Keeping, Message};
use crate::storage::Outlet;

/// All connected agents.
#[derive(Default)]
pub struct ConnectedAgents {
    agents: Mutex<HashMap<AgentId, Arc<DeliveryQueue>>>,
}

/// What one connection is to deliver.
pub struct DeliveryQueue {
    state: Mutex<State>,
    changed: Notify,
    finished: CancellationToken,
}

/// What a connection finds when it looks.
#[derive(Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Messages in order.
    pub messages: Vec<Arc<Message>>,
    /// There is more in the storage than in the queue.
    pub behind: bool,
    /// Why the connection should end, if so.
    pub ended: Option<Ended>,
}

/// Why a connection's queue was ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The agent has connected again.
    Superseded,
    /// The agent was removed.
    Removed,
}

struct State {
    waiting: VecDeque<Arc<Message>>,
    behind: bool,
    ended: Option<Ended>,
}

impl ConnectedAgents {
    /// Makes the caller the agent's one connection. The one before is told to end and waited for, for at most
    /// `patience`, so that what it was sent acknowledgements for is not delivered again.
    pub async fn connect(&self, agent: AgentId, patience: Duration) -> Arc<DeliveryQueue> {
        let queue = Arc::new(DeliveryQueue::new());
        let before = self.agents.lock().insert(agent, Arc::clone(&queue));
        if let Some(before) = before {
            before.end(Ended::Superseded);
            // A peer that vanished does not finish in time; then at-least-once is all that can be had.
            let _in_time = tokio::time::timeout(patience, before.finished.cancelled()).await;
        }
        queue
    }

    /// Notes that a connection is over and that what it had to acknowledge is in the storage's hands.
    pub fn disconnect(&self, agent: AgentId, queue: &Arc<DeliveryQueue>) {
        let mut agents = self.agents.lock();
        if agents.get(&agent).is_some_and(|current| Arc::ptr_eq(current, queue)) {
            agents.remove(&agent);
            if agents.capacity() > 4 * agents.len().max(64) {
                agents.shrink_to_fit();
            }
        }
        drop(agents);
        queue.finished.cancel();
    }

    /// Gives a message with TTL 0 to the agent if it can take it now (RFC 8030 §5.2).
    pub fn deliver_now(&self, message: Arc<Message>) -> bool {
        assert!(message.keeping == Keeping::NowOrNever, "stored messages come through the outlet");
        self.queue(message.agent).is_some_and(|queue| queue.offer(message))
    }

    /// How many agents are connected.
    #[must_use]
    pub fn count(&self) -> usize {
        self.agents.lock().len()
    }

    fn queue(&self, agent: AgentId) -> Option<Arc<DeliveryQueue>> {
        self.agents.lock().get(&agent).cloned()
    }
}

impl Outlet for ConnectedAgents {
    fn stored(&self, message: Arc<Message>) {
        if let Some(queue) = self.queue(message.agent) {
            queue.offer(message);
        }
    }

    fn withdrawn(&self, agent: AgentId, id: MessageId) {
        if let Some(queue) = self.queue(agent) {
            queue.state.lock().waiting.retain(|message| message.id != id);
        }
    }

    fn agent_removed(&self, agent: AgentId) {
        if let Some(queue) = self.queue(agent) {
            queue.end(Ended::Removed);
        }
    }
}

impl DeliveryQueue {
    fn new() -> Self {
        // A new connection has read nothing yet, so it is behind.
        let state = State { waiting: VecDeque::new(), behind: true, ended: None };
        Self { state: Mutex::new(state), changed: Notify::new(), finished: CancellationToken::new() }
    }

    /// Returns when something may have changed since the last look. Cancel-safe.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Takes at most `room` messages.
    #[must_use]
    pub fn take(&self, room: usize) -> Waiting {
        let mut state = self.state.lock();
        let count = room.min(state.waiting.len());
        let messages = state.waiting.drain(..count).collect();
        if state.waiting.is_empty() {
            // An idle connection should cost nothing.
            state.waiting = VecDeque::new();
        }
        Waiting { messages, behind: state.behind, ended: state.ended }
    }

    /// The connection is about to read the storage up to its present end.
    pub fn catch_up(&self) {
        let mut state = self.state.lock();
        state.behind = false;
        state.waiting.clear();
    }

    /// The read did not reach the end: the connection has to read again.
    pub fn fall_behind(&self) {
        let mut state = self.state.lock();
        state.behind = true;
        state.waiting.clear();
    }

    fn offer(&self, message: Arc<Message>) -> bool {
        let mut state = self.state.lock();
        if state.behind || state.ended.is_some() {
            return false;
        }
        if state.waiting.len() >= WAITING_MESSAGES_MAX {
            if message.keeping == Keeping::Stored {
                state.behind = true;
                state.waiting.clear();
            }
            return false;
        }
        state.waiting.push_back(message);
        drop(state);
        self.changed.notify_one();
        true
    }

    fn end(&self, why: Ended) {
        self.state.lock().ended = Some(why);
        self.changed.notify_one();
    }
}

/// Messages in one connection's queue; the next one makes it fall behind.
const WAITING_MESSAGES_MAX: usize = 32;

#[cfg(test)]
mod tests;
