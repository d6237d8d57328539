//! Aggregates: one message to many push resources (draft-thomson-webpush-aggregate-00).
//!
//! The draft is older than RFC 8030 and RFC 8292; where they disagree, the RFCs hold: messages are posted, and members
//! that are restricted to a key want that key's signature.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Instant;
use crate::id::{AggregateId, SubscriptionId};
use crate::message::Subscription;
use crate::receipt::Maker;

/// A group of push resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aggregate {
    /// Its name.
    pub id: AggregateId,
    /// Who made it.
    pub maker: Maker,
    /// How many members it has, those included that are gone and have not been found out.
    pub members: u64,
}

/// The terms on which a push resource belongs to an aggregate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Membership {
    /// From then on it is no member (draft §3.2).
    pub expires: Option<Instant>,
    /// Messages are kept for it for no longer than this.
    pub ttl_max: Option<Duration>,
}

/// A change to the terms of a member; for a new one, what is unchanged is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// See [`Membership::expires`].
    pub expires: Setting<Instant>,
    /// See [`Membership::ttl_max`].
    pub ttl_max: Setting<Duration>,
}

/// A change to something that can be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting<T> {
    /// It stays.
    Unchanged,
    /// It becomes this.
    To(Option<T>),
}

impl<T> Setting<T> {
    /// What it becomes; `None` when it becomes absent or stays.
    #[must_use]
    pub fn value(self) -> Option<T> {
        match self {
            Self::Unchanged => None,
            Self::To(value) => value,
        }
    }
}

/// One member, as a message meets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub id: SubscriptionId,
    /// What it is; `None` when the subscription has been removed.
    pub subscription: Option<Arc<Subscription>>,
    /// Its terms.
    pub membership: Membership,
}

/// One change to the members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberChange {
    /// It becomes a member, or its terms change.
    Put(SubscriptionId, Terms),
    /// It is no member any more.
    Remove(SubscriptionId),
}

/// How changing the members ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MembersChanged {
    /// All changes were made; so many members there are.
    Done(u64),
    /// There would be too many; nothing was changed.
    TooMany,
    /// The aggregate is no longer there.
    Gone,
}
