//! Messages go, and what follows: counts, the agent's queue, its receipt, the body that it shared.
//!
//! Invariant: rows of `message` are deleted by [`Unit::delete`] alone.

use rusqlite::{Params, Row};
use webpush::header::Urgency;

use super::messages::{count, unsigned, urgency_of};
use super::{Effect, Unit};
use crate::id::{AgentId, MessageId, ReceiptSubscriptionId, SubscriptionId};
use crate::measure::Dropped;
use crate::message::Message;
use crate::receipt::Outcome;

/// Which messages are to go.
pub(super) struct Selected(&'static str);

/// A message that has been removed.
pub(super) struct Removed {
    id: MessageId,
    agent: AgentId,
    subscription: SubscriptionId,
    urgency: Urgency,
    bytes: u64,
    receipt: Option<ReceiptSubscriptionId>,
    shared: Option<i64>,
}

/// Why a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage::sqlite) enum Why {
    /// The agent has taken it.
    Acknowledged,
    /// The agent can't use it.
    Rejected,
    /// Its topic has a newer one.
    Replaced,
    /// Its TTL has ended.
    Expired,
    /// Its sender has revoked it.
    Revoked,
    /// A limit was reached.
    Evicted,
    /// Its subscription has ended.
    Unsubscribed,
}

impl Why {
    /// The same word for the metrics; expired messages are counted where they are swept.
    pub(in crate::storage::sqlite) const fn dropped(self) -> Option<Dropped> {
        match self {
            Self::Acknowledged | Self::Rejected | Self::Expired => None,
            Self::Replaced => Some(Dropped::Replaced),
            Self::Revoked => Some(Dropped::Revoked),
            Self::Evicted => Some(Dropped::Evicted),
            Self::Unsubscribed => Some(Dropped::Unsubscribed),
        }
    }
}

impl Unit<'_> {
    /// Deletes messages for `why` and does what follows; returns how many there were.
    pub(super) fn delete(
        &mut self,
        which: &Selected,
        parameters: impl Params,
        why: Why,
    ) -> rusqlite::Result<u64> {
        let removed = self
            .connection
            .prepare_cached(which.0)?
            .query_map(parameters, read_removed)?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        for message in &removed {
            self.removed(message, why)?;
        }
        Ok(count(removed.len()))
    }

    /// Does what follows from a removal.
    pub(super) fn removed(&mut self, removed: &Removed, why: Why) -> rusqlite::Result<()> {
        self.totals.messages = self.totals.messages.saturating_sub(1);
        self.queues.removed((removed.subscription, removed.agent), removed.urgency, removed.bytes);
        self.effects.push(Effect::Withdrawn(removed.agent, removed.id, why));
        if let Some(shared) = removed.shared {
            self.connection
                .prepare_cached(
                    "DELETE FROM shared_body
                     WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM message WHERE shared = ?1)",
                )?
                .execute([shared])?;
        }
        let Some(receipt) = removed.receipt else { return Ok(()) };
        match why {
            Why::Acknowledged => self.receipt_due(receipt, removed.id, Outcome::Acknowledged),
            Why::Rejected | Why::Expired | Why::Revoked | Why::Evicted | Why::Unsubscribed => {
                self.receipt_due(receipt, removed.id, Outcome::Ended)
            }
            // RFC 8030 §5.4: receipts of replaced messages are suppressed.
            Why::Replaced => Ok(()),
        }
    }
}

impl Removed {
    /// One without a receipt or a shared body.
    pub(super) fn plain(message: &Message) -> Self {
        Self {
            id: message.id,
            agent: message.agent,
            subscription: message.subscription,
            urgency: message.urgency,
            bytes: count(message.content.body.len()),
            receipt: None,
            shared: None,
        }
    }
}

fn read_removed(row: &Row<'_>) -> rusqlite::Result<Removed> {
    let receipt: Option<[u8; 16]> = row.get(5)?;
    Ok(Removed {
        id: MessageId::from_number(row.get(0)?),
        agent: AgentId::from_bytes(row.get(1)?),
        subscription: SubscriptionId::from_bytes(row.get(2)?),
        urgency: urgency_of(row.get(3)?)?,
        bytes: unsigned(row.get(4)?),
        receipt: receipt.map(ReceiptSubscriptionId::from_bytes),
        shared: row.get(6)?,
    })
}

/// A statement that returns what [`read_removed`] reads. Statements are looked up by their text, which therefore is made
/// when this is compiled.
macro_rules! selected {
    ($condition:literal) => {
        Selected(concat!(
            "DELETE FROM message WHERE ",
            $condition,
            " RETURNING id, agent, subscription, urgency, coalesce(shared_bytes, length(body)), receipt, shared"
        ))
    };
}

/// By the message's id.
pub(super) const ONE: Selected = selected!("id = ?1");
/// By the message's id and its agent's.
pub(super) const ONE_OF_AGENT: Selected = selected!("id = ?1 AND agent = ?2");
/// By subscription and topic.
pub(super) const WITH_TOPIC: Selected = selected!("subscription = ?1 AND topic = ?2");
/// By agent and subscription.
pub(super) const OF_SUBSCRIPTION: Selected = selected!("agent = ?1 AND subscription = ?2");
/// Of an agent, at most so many.
pub(super) const SOME_OF_AGENT: Selected =
    selected!("id IN (SELECT id FROM message WHERE agent = ?1 LIMIT ?2)");
/// Those that expire at this time or earlier, at most so many.
pub(super) const SOME_EXPIRED: Selected =
    selected!("id IN (SELECT id FROM message WHERE expires <= ?1 LIMIT ?2)");
