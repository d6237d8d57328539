//! Subscriptions and push messages as the service knows them: opaque bodies and what the header fields said.

use std::sync::Arc;

use bytes::Bytes;
use webpush::header::{Topic, Urgency};
use webpush::key::PublicKey;

use crate::clock::Instant;
use crate::id::{AgentId, ChannelId, MessageId, ReceiptSubscriptionId, SubscriptionId};

/// What a user agent holds at the service, reached through its push resource (RFC 8030 §4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its name within the service.
    pub id: SubscriptionId,
    /// The user agent that reads it.
    pub agent: AgentId,
    /// Its name within the agent.
    pub channel: ChannelId,
    /// The only application server key that may post to it (RFC 8292 §4).
    pub restricted_to: Option<PublicKey>,
}

/// A message that has been accepted and has no id yet.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Where it was posted to.
    pub subscription: Arc<Subscription>,
    /// Replaces what waits under the same topic (RFC 8030 §5.4).
    pub topic: Option<Topic>,
    /// RFC 8030 §5.3.
    pub urgency: Urgency,
    /// When its TTL ends (RFC 8030 §5.2).
    pub expires: Instant,
    /// What the agent gets.
    pub content: Content,
    /// Who wants to know what becomes of it (RFC 8030 §5.1).
    pub receipt: Option<ReceiptSubscriptionId>,
    /// The id under which its body is kept once for all messages that name it here.
    pub shared: Option<MessageId>,
}

/// A message with its id, on its way to the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its name; later messages have greater ones.
    pub id: MessageId,
    /// The user agent that it is for.
    pub agent: AgentId,
    /// Where it was posted to.
    pub subscription: SubscriptionId,
    /// The subscription's name within the agent.
    pub channel: ChannelId,
    /// RFC 8030 §5.3.
    pub urgency: Urgency,
    /// From this moment on it is not delivered any more.
    pub expires: Instant,
    /// Whether it waits in the storage until it is acknowledged.
    pub keeping: Keeping,
    /// What the agent gets.
    pub content: Content,
}

/// Which of an agent's messages a reader wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// Whose messages.
    pub agent: AgentId,
    /// All of them, or one subscription's.
    pub scope: Scope,
    /// RFC 8030 §5.3: the lowest urgency that the reader is willing to receive.
    pub least_urgency: Urgency,
}

/// What a reader reads (RFC 8030 §6, §6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The subscription set: everything that the agent has.
    Set,
    /// One subscription.
    Subscription(SubscriptionId),
}

impl Selection {
    /// Everything of the agent, of any urgency.
    #[must_use]
    pub const fn all(agent: AgentId) -> Self {
        Self { agent, scope: Scope::Set, least_urgency: Urgency::VeryLow }
    }

    /// Whether the reader wants this message.
    #[must_use]
    pub fn takes(&self, message: &Message) -> bool {
        let in_scope = match self.scope {
            Scope::Set => true,
            Scope::Subscription(id) => id == message.subscription,
        };
        self.agent == message.agent && in_scope && message.urgency >= self.least_urgency
    }
}

/// What happens to a message that can't be delivered now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// It waits in the storage.
    Stored,
    /// RFC 8030 §5.2: a TTL of 0 is delivered now or never.
    NowOrNever,
}

/// Body, content coding and media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// How the body is encrypted, as far as the sender said.
    pub encoding: Encoding,
    /// The media type of the body, as its sender named it (RFC 9110 §8.3); for delivery over HTTP.
    pub media_type: Option<Arc<str>>,
    /// Opaque bytes, at most `Config::body_bytes_max`.
    pub body: Bytes,
}

/// The content codings that agents understand; the service never looks inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encoding {
    /// No Content-Encoding: an empty body, or one that the receiving program reads in its own way.
    Unnamed,
    /// RFC 8188, RFC 8291.
    Aes128gcm,
    /// draft-ietf-webpush-encryption-04, whose parameters stand in header fields.
    Aesgcm {
        /// The `Encryption` field with the salt.
        encryption: String,
        /// The `Crypto-Key` field with the sender's key.
        crypto_key: String,
    },
}

impl Message {
    /// The message made of `new` with an id.
    #[must_use]
    pub fn new(id: MessageId, new: NewMessage, keeping: Keeping) -> Self {
        Self {
            id,
            agent: new.subscription.agent,
            subscription: new.subscription.id,
            channel: new.subscription.channel,
            urgency: new.urgency,
            expires: new.expires,
            keeping,
            content: new.content,
        }
    }
}
