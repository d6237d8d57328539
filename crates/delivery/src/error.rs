//! Why a recipient did not get a message, in the classes that protocols turn into their answers.

use std::sync::Arc;

/// Why a recipient is refused, or did not get the message. Recipients that share a copy share its error.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No account, alias or catch-all takes mail for the address (or the account is gone since it was resolved).
    #[error("no such mailbox")]
    UnknownRecipient,
    /// The mailbox has no room for the message now.
    #[error("mailbox full")]
    OverQuota,
    /// The message is larger than everything that the account may ever hold.
    #[error("message larger than the quota")]
    LargerThanQuota,
    /// The message has passed through so many hosts that it must be going in circles.
    #[error("mail loop: {received} received header fields")]
    Loop {
        /// How many `Received` header fields it has.
        received: usize,
    },
    /// The store does not take the message, and will not later.
    #[error("refused by the store")]
    Refused(#[source] Arc<store::Error>),
    /// The store can't take it now.
    #[error("store unavailable")]
    Unavailable(#[source] Arc<store::Error>),
    /// The store broke an invariant.
    #[error("failure in the store")]
    Store(#[source] Arc<store::Error>),
    /// The parse of the message did not end as it should.
    #[error("failure in the parser")]
    Parse(#[source] Arc<tokio::task::JoinError>),
    /// The store gave fewer outcomes than there were recipients.
    #[error("no outcome for a recipient")]
    NoOutcome,
}

/// Whose fault, and whether trying again helps. There is no Syntax: what is syntactically wrong never gets here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Not allowed, or not there: trying again does not help.
    Refused,
    /// Will pass.
    Unavailable,
    /// Ours. The sender keeps the mail.
    Bug,
}

impl Error {
    /// The class. Over quota is Unavailable: RFC 3463 §3.3 calls a full mailbox (X.2.2) a persistent transient
    /// failure, since its owner can make room while the sender's queue still holds the message.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::UnknownRecipient | Self::LargerThanQuota | Self::Loop { .. } | Self::Refused(_) => {
                Class::Refused
            }
            Self::OverQuota | Self::Unavailable(_) => Class::Unavailable,
            Self::Store(_) | Self::Parse(_) | Self::NoOutcome => Class::Bug,
        }
    }

    /// What an error of the store means to a recipient whose account may use `quota_bytes`.
    pub(crate) fn from_store(error: store::Error, message_bytes: u64, quota_bytes: Option<u64>) -> Self {
        match error {
            // The account was there when the recipient was accepted, so it has been removed since.
            store::Error::NotFound(_) => Self::UnknownRecipient,
            store::Error::OverQuota if quota_bytes.is_some_and(|quota| message_bytes > quota) => {
                Self::LargerThanQuota
            }
            store::Error::OverQuota => Self::OverQuota,
            store::Error::Exists(_)
            | store::Error::Forbidden(_)
            | store::Error::Limit(_)
            | store::Error::Invalid { .. } => Self::Refused(Arc::new(error)),
            store::Error::Unavailable(_) => Self::Unavailable(Arc::new(error)),
            other => Self::Store(Arc::new(other)),
        }
    }
}

#[cfg(test)]
mod tests;
