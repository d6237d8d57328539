//! What follows when a message goes: counts, the agent's queue, its receipt, the body that it shared.
//!
//! Invariant: whatever deletes a row of `message` passes it to [`Unit::removed`], with [`read_removed`] reading the
//! columns `id, agent, subscription, coalesce(shared_bytes, length(body)), receipt, shared`.

use rusqlite::{OptionalExtension, Row};

use super::messages::unsigned;
use super::{Effect, Unit};
use crate::id::{AgentId, MessageId, ReceiptSubscriptionId, SubscriptionId};
use crate::measure::Dropped;
use crate::receipt::Outcome;

/// A row that has been deleted.
pub(super) struct Removed {
    id: MessageId,
    agent: AgentId,
    subscription: SubscriptionId,
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
    /// Deletes one message; `false` when it is not there.
    pub(super) fn end(&mut self, id: MessageId, why: Why) -> rusqlite::Result<bool> {
        let removed = self
            .connection
            .prepare_cached(
                "DELETE FROM message WHERE id = ?1
                 RETURNING id, agent, subscription, coalesce(shared_bytes, length(body)), receipt, shared",
            )?
            .query_row([id.number()], read_removed)
            .optional()?;
        if let Some(removed) = &removed {
            self.removed(removed, why)?;
        }
        Ok(removed.is_some())
    }

    /// Does what follows from a deletion.
    pub(super) fn removed(&mut self, removed: &Removed, why: Why) -> rusqlite::Result<()> {
        self.totals.messages = self.totals.messages.saturating_sub(1);
        self.queues.removed(removed.subscription, removed.agent, removed.bytes);
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

pub(super) fn read_removed(row: &Row<'_>) -> rusqlite::Result<Removed> {
    let receipt: Option<[u8; 16]> = row.get(4)?;
    Ok(Removed {
        id: MessageId::from_number(row.get(0)?),
        agent: AgentId::from_bytes(row.get(1)?),
        subscription: SubscriptionId::from_bytes(row.get(2)?),
        bytes: unsigned(row.get(3)?),
        receipt: receipt.map(ReceiptSubscriptionId::from_bytes),
        shared: row.get(5)?,
    })
}
