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

use crate::aggregate::{Aggregate, Member, MemberChange, MembersChanged};
use crate::broadcast::{BroadcastId, Broadcasts, Change, Version};
use crate::clock::Instant;
use crate::id::{AgentId, AggregateId, ChannelId, MessageId, ReceiptSubscriptionId, SubscriptionId};
use crate::message::{Message, NewMessage, Selection, Subscription};
use crate::receipt::{Maker, Receipt, ReceiptSubscription};

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

    /// Keeps several messages, all of them or none. Those with the same `shared` id have the same body, which is kept once.
    fn store_all(&self, messages: Vec<NewMessage>, now: Instant) -> Answer<'_, Vec<Stored>>;

    /// Keeps a message if `version` is greater than the one that came before for the subscription; else `None`.
    fn store_version(&self, message: NewMessage, version: u64, now: Instant) -> Answer<'_, Option<Stored>>;

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

    /// Removes messages that the agent has got and can't use; otherwise as [`Storage::acknowledge`].
    fn reject(&self, agent: AgentId, ids: Vec<MessageId>) -> Answer<'_, usize>;

    /// Removes a message at its sender's wish, or all that share a body under this id; `false` when none is there.
    fn revoke(&self, id: MessageId) -> Answer<'_, bool>;

    /// Makes a receipt subscription; `None` when its maker has as many as it may have.
    fn subscribe_to_receipts(&self, maker: Maker, now: Instant) -> Answer<'_, Option<ReceiptSubscriptionId>>;

    /// Looks a receipt subscription up and notes that it is in use.
    fn receipt_subscription(
        &self,
        id: ReceiptSubscriptionId,
        now: Instant,
    ) -> Answer<'_, Option<ReceiptSubscription>>;

    /// Removes a receipt subscription with its receipts; `false` when it is not there.
    fn unsubscribe_from_receipts(&self, id: ReceiptSubscriptionId) -> Answer<'_, bool>;

    /// Receipts that are due, at most `limit`. They stay until [`Storage::receipts_delivered`].
    fn due_receipts(&self, id: ReceiptSubscriptionId, limit: usize) -> Answer<'_, Vec<Receipt>>;

    /// Removes receipts that the application server has got.
    fn receipts_delivered(&self, id: ReceiptSubscriptionId, messages: Vec<MessageId>) -> Answer<'_, ()>;

    /// Makes an aggregate without members; `None` when its maker has as many as it may have.
    fn create_aggregate(&self, maker: Maker, now: Instant) -> Answer<'_, Option<AggregateId>>;

    /// Looks an aggregate up and notes that it is in use.
    fn aggregate(&self, id: AggregateId, now: Instant) -> Answer<'_, Option<Aggregate>>;

    /// Changes the members of an aggregate: all of the changes or none. A member is named once at most.
    fn change_members(&self, id: AggregateId, changes: Vec<MemberChange>) -> Answer<'_, MembersChanged>;

    /// The members after `after` in the order of their ids, at most `limit`, those included that have expired.
    fn members(
        &self,
        id: AggregateId,
        after: Option<SubscriptionId>,
        limit: usize,
    ) -> Answer<'_, Vec<Member>>;

    /// Removes an aggregate; messages that came through it stay. `false` when it is not there.
    fn remove_aggregate(&self, id: AggregateId) -> Answer<'_, bool>;

    /// Removes some of what has expired, some agents that were last here before `idle_since`, and some of what
    /// application servers have not used for too long. Call again while [`Swept::more`] says so; pushes are not held up
    /// in between.
    fn sweep(&self, now: Instant, idle_since: Instant) -> Answer<'_, Swept>;

    /// Sets a broadcast to a version, or without one removes it. The table of [`Storage::broadcasts`] follows before this
    /// returns.
    fn set_broadcast(&self, id: BroadcastId, version: Option<Version>) -> Answer<'_, Change>;

    /// All broadcasts, always as they are stored.
    fn broadcasts(&self) -> &Arc<Broadcasts>;

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

    /// A receipt has become due.
    fn receipt_due(&self, id: ReceiptSubscriptionId);

    /// A receipt subscription was removed.
    fn receipts_ended(&self, id: ReceiptSubscriptionId);
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
    /// Idle agents, once nothing of them is left.
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
