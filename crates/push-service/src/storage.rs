//! What the service needs kept, in its own words, so that another backend can follow the embedded one.
//!
//! Rules for every backend:
//! - One agent's calls take effect in the order in which they were made: a `pending` after an `acknowledge` does not
//!   show what was acknowledged.
//! - A call that changes something returns after the change is durable.
//! - Each stored message is handed to the [`Outlet`] after it is durable, in the order of the ids. The outlet is a
//!   hint with content: what it does not take is found again by `pending`.
//! - An id is never given twice, not even after a restart.

pub mod sqlite;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use thiserror::Error;
use webpush::key::PublicKey;

use crate::clock::Instant;
use crate::id::{AgentId, ChannelId, MessageId, SubscriptionId};
use crate::message::{Message, NewMessage, Selection, Subscription};

/// What a call to the storage returns.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StorageError>>;

/// Agents, their subscriptions and their messages, durably.
pub trait Storage: Send + Sync + 'static {
    /// Says where stored messages are handed to. Called once, before anything else.
    fn attach(&self, outlet: Arc<dyn Outlet>);

    /// An id for a message that is not stored.
    fn next_id(&self, now: Instant) -> MessageId;

    /// Notes that an agent is here; `false` when it is not known (never was, or was pruned).
    fn resume(&self, agent: AgentId, now: Instant) -> Answer<'_, bool>;

    /// Makes a subscription, and the agent with its first one. The same channel with the same key gives the same
    /// subscription; with another key the old one is removed first.
    fn register(&self, registration: Registration) -> Answer<'_, Registered>;

    /// Removes a subscription with its messages. One that is not there is no error.
    fn unregister(&self, agent: AgentId, channel: ChannelId) -> Answer<'_, ()>;

    /// Looks a subscription up.
    fn subscription(&self, id: SubscriptionId) -> Answer<'_, Option<Arc<Subscription>>>;

    /// Keeps a message until it is acknowledged, replaced, revoked or expired.
    fn store(&self, message: NewMessage, now: Instant) -> Answer<'_, Stored>;

    /// Removes an agent with all it has; `false` when it is not there.
    fn remove(&self, agent: AgentId) -> Answer<'_, bool>;

    /// The selected messages with ids after `after` that have not expired, oldest first, at most `limit`.
    fn pending(
        &self,
        selection: Selection,
        after: MessageId,
        limit: usize,
        now: Instant,
    ) -> Answer<'_, Vec<Arc<Message>>>;

    /// Removes messages that the agent has taken. Ids that are not there, or not its own, are skipped. Returns how
    /// many were removed.
    fn acknowledge(&self, agent: AgentId, ids: Vec<MessageId>) -> Answer<'_, usize>;

    /// Removes a message at its sender's wish; `false` when it is no longer there.
    fn revoke(&self, id: MessageId) -> Answer<'_, bool>;

    /// Removes some of what has expired and some agents that were last here before `idle_since`. Call again while
    /// [`Swept::more`] says so; pushes are not held up in between.
    fn sweep(&self, now: Instant, idle_since: Instant) -> Answer<'_, Swept>;

    /// How much is kept.
    fn totals(&self) -> Totals;
}

/// Where messages go when they are durable. Called on the storage's own thread: must return at once.
pub trait Outlet: Send + Sync {
    /// A message has become durable.
    fn stored(&self, message: Arc<Message>);

    /// A message is no longer to be delivered (acknowledged, replaced, revoked, evicted, expired, unsubscribed).
    fn withdrawn(&self, agent: AgentId, id: MessageId);

    /// A subscription was removed.
    fn subscription_removed(&self, agent: AgentId, id: SubscriptionId);

    /// An agent's last trace was removed.
    fn agent_removed(&self, agent: AgentId);
}

/// A wish for a subscription.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Whose.
    pub agent: AgentId,
    /// Its name within the agent.
    pub channel: ChannelId,
    /// RFC 8292 §4.
    pub restricted_to: Option<PublicKey>,
    /// The present.
    pub now: Instant,
}

/// How a registration ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// The subscription is there.
    Subscription(Arc<Subscription>),
    /// The agent has as many channels as it may have.
    TooManyChannels,
}

/// How storing a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is durable.
    Kept(MessageId),
    /// The subscription has been removed.
    Gone,
    /// The subscription is at its limit and everything it holds is more urgent.
    Full,
}

/// What a sweep removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Expired messages.
    pub messages: u64,
    /// Idle agents.
    pub agents: u64,
    /// There may be more.
    pub more: bool,
}

/// How much is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// User agents with at least one subscription ever.
    pub agents: u64,
    /// Subscriptions.
    pub subscriptions: u64,
    /// Messages that wait.
    pub messages: u64,
}

/// Why the storage did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StorageError {
    /// It can't now (disk full, input or output error, too much to do); nothing was changed.
    #[error("storage is not available: {0}")]
    Unavailable(String),
}

#[cfg(test)]
mod tests;
