//! The names of things: agents, channels, subscriptions, messages, and what application servers hold.
//!
//! Agent and subscription ids are secrets of 128 random bits (who knows an agent's id reads its messages), so
//! none of them prints itself.

use std::fmt;

use aws_lc_rs::rand::SecureRandom;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// Names a user agent (`uaid`): 32 hexadecimal digits on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentId([u8; 16]);

/// Names a subscription within its agent: a UUID chosen by the agent, lower case with dashes on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId([u8; 16]);

/// Names a subscription within the service; the random part of its endpoint token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId([u8; 16]);

/// Names a message within the service; a later message has a greater id. Agents see it as `version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(i64);

/// Names a receipt subscription (RFC 8030 §5.1); the random part of its token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptSubscriptionId([u8; 16]);

/// Names an aggregate of push resources; the random part of its token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AggregateId([u8; 16]);

/// Stands for an application server: a keyed digest of its VAPID key, or of its address when it has none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SenderId([u8; 16]);

/// The system's random generator failed, which it does not on a working machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no random bytes from the system")]
pub struct NoEntropy;

/// An id of 16 bytes as it is stored.
macro_rules! stored_as_bytes {
    ($($id:ident)+) => { $(
        impl $id {
            /// The id as it is stored.
            #[must_use]
            pub const fn bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// The id from its stored form.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }
        }
    )+ };
}

/// An id that whoever knows it may use.
macro_rules! unguessable {
    ($($id:ident)+) => { $(
        impl $id {
            /// A new, unguessable id.
            pub fn random() -> Result<Self, NoEntropy> {
                random_16().map(Self)
            }
        }
    )+ };
}

/// An id that must not stand in a log.
macro_rules! not_printed {
    ($($id:ident)+) => { $(
        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($id), "(..)"))
            }
        }
    )+ };
}

stored_as_bytes!(AgentId ChannelId SubscriptionId ReceiptSubscriptionId AggregateId SenderId);
unguessable!(AgentId SubscriptionId ReceiptSubscriptionId AggregateId);
not_printed!(AgentId SubscriptionId ReceiptSubscriptionId AggregateId SenderId);

impl AgentId {
    /// Reads 32 hexadecimal digits; dashes, as in a UUID, are taken too.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(|id| Self(id.into_bytes()))
    }

    /// The 32 digits that go into `hello`. Never into a log.
    #[must_use]
    pub fn reveal(&self) -> String {
        Uuid::from_bytes(self.0).simple().to_string()
    }
}

impl ChannelId {
    /// A new one, for a subscription that was made over HTTP and has no name of its own.
    pub fn random() -> Result<Self, NoEntropy> {
        random_16().map(Self)
    }

    /// Reads a UUID in the form that Firefox sends: lower case, with dashes. Others are refused, because the
    /// agent compares what comes back with what it sent.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = Uuid::try_parse(text).ok()?;
        let mut buffer = Uuid::encode_buffer();
        (id.hyphenated().encode_lower(&mut buffer) == text).then(|| Self(id.into_bytes()))
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_bytes(self.0).hyphenated().fmt(f)
    }
}

impl MessageId {
    /// Before every message: a reader that has seen nothing stands here.
    pub const START: Self = Self(0);

    /// The id with this number.
    #[must_use]
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The number, as it is stored.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// Reads a `version`; `None` when it is none of ours.
    #[must_use]
    pub fn parse_version(text: &str) -> Option<Self> {
        let mut bytes = [0; 9];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        let number = <[u8; 8]>::try_from(bytes.get(..length)?).ok()?;
        Some(Self(i64::from_be_bytes(number)))
    }

    /// The `version` that an agent sees: 11 characters.
    #[must_use]
    pub fn version(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.to_be_bytes())
    }
}

fn random_16() -> Result<[u8; 16], NoEntropy> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::SystemRandom::new().fill(&mut bytes).map_err(|_| NoEntropy)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
