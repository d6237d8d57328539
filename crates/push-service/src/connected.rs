//! The agents that are connected, and how messages reach their connections.
//!
//! An agent has one reader for each [`Scope`]: its subscription set (a WebSocket or a `GET` of the set) or one
//! subscription (RFC 8030 §6, §6.1). A new reader of a scope supersedes the one before; of a message, every reader whose
//! [`Selection`] takes it has a copy until one of them acknowledges it.
//!
//! Each reader has a small queue of messages that have just been stored. When the queue is full the reader is
//! *behind*: it takes nothing more from here and reads from the storage where it stands until it has caught up. So a
//! slow reader costs a bounded amount of memory and loses nothing.
//!
//! Why nothing is lost or twice: the storage hands messages out in the order of their ids. `catch_up` clears `behind`
//! and the queue *before* the storage is read, so a message committed later than the read is in the queue; one that is
//! in both has an id that the connection has passed, and is skipped.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::id::{AgentId, MessageId, SubscriptionId};
use crate::message::{Keeping, Message, Scope, Selection};

/// All connected agents.
#[derive(Default)]
pub struct ConnectedAgents {
    agents: Mutex<HashMap<AgentId, Vec<Arc<DeliveryQueue>>>>,
}

/// What one connection is to deliver.
pub struct DeliveryQueue {
    selection: Selection,
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

/// What a reader does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Deliver this.
    Deliver(Arc<Message>),
    /// Read the storage.
    CatchUp,
    /// Wait until something has changed.
    Wait,
    /// End.
    End(Ended),
}

/// Why a connection's queue was ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The agent has connected again.
    Superseded,
    /// The agent or the subscription was removed.
    Removed,
}

struct State {
    waiting: VecDeque<Arc<Message>>,
    unacknowledged: BTreeMap<MessageId, Instant>,
    behind: bool,
    ended: Option<Ended>,
}

impl ConnectedAgents {
    /// Makes the caller the one reader of its scope. The one before is told to end and waited for, for at most
    /// `patience`, so that what it was sent acknowledgements for is not delivered again.
    pub async fn connect(&self, selection: Selection, patience: Duration) -> Arc<DeliveryQueue> {
        let queue = Arc::new(DeliveryQueue::new(selection));
        if let Some(before) = self.admit(&queue) {
            before.end(Ended::Superseded);
            // A peer that vanished does not finish in time; then at-least-once is all that can be had.
            let _in_time = tokio::time::timeout(patience, before.finished.cancelled()).await;
        }
        queue
    }

    /// Notes that a reader is over and that what it had to acknowledge is in the storage's hands.
    pub fn disconnect(&self, queue: &Arc<DeliveryQueue>) {
        let agent = queue.selection.agent;
        let mut agents = self.agents.lock();
        if let Some(readers) = agents.get_mut(&agent) {
            readers.retain(|reader| !Arc::ptr_eq(reader, queue));
            if readers.is_empty() {
                agents.remove(&agent);
                if agents.capacity() > 4 * agents.len().max(64) {
                    agents.shrink_to_fit();
                }
            }
        }
        drop(agents);
        queue.finished.cancel();
    }

    /// Gives a message with TTL 0 to the readers that can take it now (RFC 8030 §5.2); whether there was one.
    pub fn deliver_now(&self, message: &Arc<Message>) -> bool {
        assert!(message.keeping == Keeping::NowOrNever, "stored messages come through the outlet");
        let mut taken = false;
        self.each(message.agent, |reader| taken |= reader.offer(message));
        taken
    }

    /// Takes a message that is not stored out of the readers' hands, because one of them has acknowledged it; whether
    /// any had it.
    pub fn acknowledge(&self, agent: AgentId, id: MessageId) -> bool {
        let mut held = false;
        self.each(agent, |reader| held |= reader.withdraw(id));
        held
    }

    /// How many agents are connected.
    #[must_use]
    pub fn count(&self) -> usize {
        self.agents.lock().len()
    }

    /// Puts a reader into its place and returns the one that has to give way for it.
    fn admit(&self, queue: &Arc<DeliveryQueue>) -> Option<Arc<DeliveryQueue>> {
        let mut agents = self.agents.lock();
        // Most agents have one reader.
        let readers = agents.entry(queue.selection.agent).or_insert_with(|| Vec::with_capacity(1));
        if let Some(place) = readers.iter_mut().find(|reader| reader.selection.scope == queue.selection.scope)
        {
            return Some(std::mem::replace(place, Arc::clone(queue)));
        }
        let oldest = (readers.len() >= AGENT_READERS_MAX).then(|| readers.remove(0));
        readers.push(Arc::clone(queue));
        oldest
    }

    /// Shows all readers of an agent to `visit`, which must return at once.
    fn each(&self, agent: AgentId, mut visit: impl FnMut(&DeliveryQueue)) {
        let agents = self.agents.lock();
        for reader in agents.get(&agent).into_iter().flatten() {
            visit(reader);
        }
    }
}

/// What the storage's [`Outlet`](crate::storage::Outlet) has for user agents.
impl ConnectedAgents {
    /// A message has become durable.
    pub fn stored(&self, message: &Arc<Message>) {
        self.each(message.agent, |reader| {
            reader.offer(message);
        });
    }

    /// A message is no longer to be delivered.
    pub fn withdrawn(&self, agent: AgentId, id: MessageId) {
        self.each(agent, |reader| {
            reader.withdraw(id);
        });
    }

    /// A subscription was removed: its own readers end.
    pub fn subscription_removed(&self, agent: AgentId, id: SubscriptionId) {
        self.each(agent, |reader| {
            if reader.selection.scope == Scope::Subscription(id) {
                reader.end(Ended::Removed);
            }
        });
    }

    /// An agent was removed: all its readers end.
    pub fn agent_removed(&self, agent: AgentId) {
        self.each(agent, |reader| reader.end(Ended::Removed));
    }
}

impl DeliveryQueue {
    fn new(selection: Selection) -> Self {
        // A new connection has read nothing yet, so it is behind.
        let state =
            State { waiting: VecDeque::new(), unacknowledged: BTreeMap::new(), behind: true, ended: None };
        Self {
            selection,
            state: Mutex::new(state),
            changed: Notify::new(),
            finished: CancellationToken::new(),
        }
    }

    /// The next thing to do, for readers that leave their window to the queue: of the messages that this has returned,
    /// at most `window` are unacknowledged.
    #[must_use]
    pub fn next(&self, window: usize) -> Step {
        let mut state = self.state.lock();
        if let Some(ended) = state.ended {
            return Step::End(ended);
        }
        if state.unacknowledged.len() >= window {
            return Step::Wait;
        }
        match state.waiting.pop_front() {
            Some(message) => {
                state.unacknowledged.insert(message.id, Instant::now());
                Step::Deliver(message)
            }
            None if state.behind => Step::CatchUp,
            None => Step::Wait,
        }
    }

    /// A message that [`next`](Self::next) returned was not delivered: nobody will acknowledge it.
    pub fn skip(&self, id: MessageId) {
        self.state.lock().unacknowledged.remove(&id);
    }

    /// What was read from the storage after [`catch_up`](Self::catch_up); `all` when that was its end.
    pub fn refill(&self, page: Vec<Arc<Message>>, all: bool) {
        let mut state = self.state.lock();
        let since = std::mem::replace(&mut state.waiting, page.into());
        if all && !state.behind {
            state.waiting.extend(since);
        } else {
            state.behind = true;
        }
    }

    /// Since when the user agent has left a message unacknowledged.
    #[must_use]
    pub fn unacknowledged_since(&self) -> Option<Instant> {
        // They were delivered in the order of their ids.
        self.state.lock().unacknowledged.first_key_value().map(|(_, since)| *since)
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

    fn offer(&self, message: &Arc<Message>) -> bool {
        if !self.selection.takes(message) {
            return false;
        }
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
        state.waiting.push_back(Arc::clone(message));
        drop(state);
        self.changed.notify_one();
        true
    }

    /// Forgets a message; whether the user agent has it and has not acknowledged it.
    fn withdraw(&self, id: MessageId) -> bool {
        let mut state = self.state.lock();
        state.waiting.retain(|message| message.id != id);
        let held = state.unacknowledged.remove(&id).is_some();
        drop(state);
        if held {
            // There is room again.
            self.changed.notify_one();
        }
        held
    }

    fn end(&self, why: Ended) {
        self.state.lock().ended = Some(why);
        self.changed.notify_one();
    }
}

/// Messages in one connection's queue; the next one makes it fall behind.
const WAITING_MESSAGES_MAX: usize = 32;
/// Readers of one agent; the next one takes the place of the oldest.
const AGENT_READERS_MAX: usize = 64;

#[cfg(test)]
mod tests;
