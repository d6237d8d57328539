//! Receipt subscriptions and the receipts that wait for them (RFC 8030 §5.1, §6.3).

use std::collections::HashMap;

use rusqlite::OptionalExtension;

use super::messages::unsigned;
use super::{Effect, Unit, is_out_of_date, maker_of, unusable};
use crate::clock::Instant;
use crate::id::{MessageId, ReceiptSubscriptionId};
use crate::receipt::{Maker, Outcome, Receipt, ReceiptSubscription};

/// How many receipts wait for the subscriptions in use. Only the writer's thread has it; an entry also says that the
/// receipt subscription exists. After a rollback it is emptied.
#[derive(Default)]
pub(in crate::storage::sqlite) struct ReceiptCounts {
    known: HashMap<ReceiptSubscriptionId, u64>,
}

impl ReceiptCounts {
    pub(in crate::storage::sqlite) fn clear(&mut self) {
        self.known.clear();
    }

    fn learn(&mut self, id: ReceiptSubscriptionId, waiting: u64) {
        if self.known.len() >= COUNTS_KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(id, waiting);
    }
}

impl Unit<'_> {
    pub(in crate::storage::sqlite) fn subscribe_to_receipts(
        &mut self,
        maker: Maker,
        now: Instant,
    ) -> rusqlite::Result<Option<ReceiptSubscriptionId>> {
        let made = self.made_by(maker, "SELECT count(*) FROM receipt_subscription WHERE maker = ?1")?;
        if made >= self.retention.sender_receipt_subscriptions_max {
            return Ok(None);
        }
        let id = ReceiptSubscriptionId::random().map_err(unusable)?;
        self.connection
            .prepare_cached(
                "INSERT INTO receipt_subscription (id, maker, bound, used) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((
                id.bytes(),
                maker.sender().bytes(),
                i64::from(matches!(maker, Maker::Key(_))),
                now.micros(),
            ))?;
        self.receipts.learn(id, 0);
        Ok(Some(id))
    }

    pub(in crate::storage::sqlite) fn receipt_subscription(
        &mut self,
        id: ReceiptSubscriptionId,
        now: Instant,
    ) -> rusqlite::Result<Option<ReceiptSubscription>> {
        let found: Option<(Maker, i64)> = self
            .connection
            .prepare_cached("SELECT maker, bound, used FROM receipt_subscription WHERE id = ?1")?
            .query_row([id.bytes()], |row| Ok((maker_of(row)?, row.get(2)?)))
            .optional()?;
        let Some((maker, used)) = found else { return Ok(None) };
        if is_out_of_date(used, now) {
            self.connection
                .prepare_cached("UPDATE receipt_subscription SET used = ?2 WHERE id = ?1")?
                .execute((id.bytes(), now.micros()))?;
        }
        Ok(Some(ReceiptSubscription { id, maker }))
    }

    /// Receipts are limited for each subscription, so this is one bounded deletion.
    pub(in crate::storage::sqlite) fn unsubscribe_from_receipts(
        &mut self,
        id: ReceiptSubscriptionId,
    ) -> rusqlite::Result<bool> {
        self.connection
            .prepare_cached("DELETE FROM receipt WHERE subscription = ?1")?
            .execute([id.bytes()])?;
        let removed = self
            .connection
            .prepare_cached("DELETE FROM receipt_subscription WHERE id = ?1")?
            .execute([id.bytes()])?;
        self.receipts.known.remove(&id);
        if removed > 0 {
            self.effects.push(Effect::ReceiptsEnded(id));
        }
        Ok(removed > 0)
    }

    pub(in crate::storage::sqlite) fn due_receipts(
        &mut self,
        id: ReceiptSubscriptionId,
        limit: usize,
    ) -> rusqlite::Result<Vec<Receipt>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.connection
            .prepare_cached(
                "SELECT message, outcome FROM receipt WHERE subscription = ?1 ORDER BY message LIMIT ?2",
            )?
            .query_map((id.bytes(), limit), |row| {
                let outcome = match row.get(1)? {
                    ACKNOWLEDGED => Outcome::Acknowledged,
                    _ => Outcome::Ended,
                };
                Ok(Receipt { message: MessageId::from_number(row.get(0)?), outcome })
            })?
            .collect()
    }

    pub(in crate::storage::sqlite) fn receipts_delivered(
        &mut self,
        id: ReceiptSubscriptionId,
        messages: &[MessageId],
    ) -> rusqlite::Result<()> {
        let mut removed = 0;
        for message in messages {
            removed += self
                .connection
                .prepare_cached("DELETE FROM receipt WHERE subscription = ?1 AND message = ?2")?
                .execute((id.bytes(), message.number()))?;
        }
        if let Some(waiting) = self.receipts.known.get_mut(&id) {
            *waiting = waiting.saturating_sub(u64::try_from(removed).unwrap_or(0));
        }
        Ok(())
    }

    /// Notes a receipt; at the limit the one about the oldest message goes. Nothing when its subscription has ended.
    pub(super) fn receipt_due(
        &mut self,
        id: ReceiptSubscriptionId,
        message: MessageId,
        outcome: Outcome,
    ) -> rusqlite::Result<()> {
        let Some(waiting) = self.receipts_waiting(id)? else { return Ok(()) };
        if waiting >= self.retention.receipts_max {
            let dropped = self
                .connection
                .prepare_cached(
                    "DELETE FROM receipt WHERE subscription = ?1
                     AND message = (SELECT min(message) FROM receipt WHERE subscription = ?1)",
                )?
                .execute([id.bytes()])?;
            self.receipts.learn(id, waiting.saturating_sub(u64::try_from(dropped).unwrap_or(0)));
        }
        let number = match outcome {
            Outcome::Acknowledged => ACKNOWLEDGED,
            Outcome::Ended => ENDED,
        };
        self.connection
            .prepare_cached("INSERT INTO receipt (subscription, message, outcome) VALUES (?1, ?2, ?3)")?
            .execute((id.bytes(), message.number(), number))?;
        if let Some(waiting) = self.receipts.known.get_mut(&id) {
            *waiting += 1;
        }
        self.effects.push(Effect::ReceiptDue(id));
        Ok(())
    }

    /// `None` when the receipt subscription has ended.
    fn receipts_waiting(&mut self, id: ReceiptSubscriptionId) -> rusqlite::Result<Option<u64>> {
        if let Some(waiting) = self.receipts.known.get(&id) {
            return Ok(Some(*waiting));
        }
        let waiting: Option<i64> = self
            .connection
            .prepare_cached(
                "SELECT (SELECT count(*) FROM receipt WHERE subscription = ?1)
                 FROM receipt_subscription WHERE id = ?1",
            )?
            .query_row([id.bytes()], |row| row.get(0))
            .optional()?;
        let waiting = waiting.map(unsigned);
        if let Some(waiting) = waiting {
            self.receipts.learn(id, waiting);
        }
        Ok(waiting)
    }
}

const ACKNOWLEDGED: i64 = 204;
const ENDED: i64 = 410;
/// Entries of about 40 bytes; at the limit all are forgotten and counted again when they are used.
const COUNTS_KNOWN_MAX: usize = 50_000;
