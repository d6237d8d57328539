//! Removing what has expired and what has not been used for long, a little at a time.

use rusqlite::OptionalExtension;

use super::removal::{SOME_EXPIRED, SOME_OF_AGENT, Why};
use super::{Effect, Unit};
use crate::clock::Instant;
use crate::id::{AgentId, AggregateId, ReceiptSubscriptionId, SubscriptionId};
use crate::storage::Swept;
use crate::storage::sqlite::Step;

impl Unit<'_> {
    pub(in crate::storage::sqlite) fn sweep(
        &mut self,
        now: Instant,
        idle_since: Instant,
    ) -> rusqlite::Result<Swept> {
        let messages = self.remove_expired(now)?;
        let mut swept = Swept { messages, agents: 0, more: messages == ROWS_AT_ONCE };
        match self.remove_idle_agent(idle_since)? {
            Step::Nothing => {}
            Step::Done => {
                swept.agents = 1;
                swept.more = true;
            }
            Step::More => swept.more = true,
        }
        swept.more |= self.remove_idle_receipts(now)? | self.remove_idle_aggregate(now)?;
        Ok(swept)
    }

    fn remove_expired(&mut self, now: Instant) -> rusqlite::Result<u64> {
        self.delete(&SOME_EXPIRED, (now.micros(), ROWS_AT_ONCE.cast_signed()), Why::Expired)
    }

    /// One agent after the other: first its messages, in steps, then its subscriptions and itself.
    fn remove_idle_agent(&mut self, idle_since: Instant) -> rusqlite::Result<Step> {
        let idle: Option<[u8; 16]> = self
            .connection
            .prepare_cached("SELECT id FROM agent WHERE seen < ?1 ORDER BY seen LIMIT 1")?
            .query_row([idle_since.micros()], |row| row.get(0))
            .optional()?;
        let Some(idle) = idle else { return Ok(Step::Nothing) };
        self.remove_agent(AgentId::from_bytes(idle))
    }

    /// Removes some of what an agent has, and the agent once nothing waits for it.
    pub(in crate::storage::sqlite) fn remove_agent(&mut self, agent: AgentId) -> rusqlite::Result<Step> {
        self.settle_for(agent)?;
        let messages =
            self.delete(&SOME_OF_AGENT, (agent.bytes(), ROWS_AT_ONCE.cast_signed()), Why::Unsubscribed)?;
        if messages >= ROWS_AT_ONCE {
            return Ok(Step::More);
        }
        let subscriptions = self
            .connection
            .prepare_cached("DELETE FROM subscription WHERE agent = ?1 RETURNING id")?
            .query_map([agent.bytes()], |row| row.get(0))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        for subscription in subscriptions {
            self.subscription_removed(agent, SubscriptionId::from_bytes(subscription))?;
        }
        let agents =
            self.connection.prepare_cached("DELETE FROM agent WHERE id = ?1")?.execute([agent.bytes()])?;
        if agents == 0 {
            return Ok(Step::Nothing);
        }
        self.totals.agents = self.totals.agents.saturating_sub(1);
        self.queues.forget_agent(agent);
        self.effects.push(Effect::AgentRemoved(agent));
        Ok(Step::Done)
    }

    /// Whether one was removed: there may be more.
    fn remove_idle_receipts(&mut self, now: Instant) -> rusqlite::Result<bool> {
        let idle_since = before(now, self.retention.receipts_idle_max);
        let idle: Option<[u8; 16]> = self
            .connection
            .prepare_cached("SELECT id FROM receipt_subscription WHERE used < ?1 ORDER BY used LIMIT 1")?
            .query_row([idle_since], |row| row.get(0))
            .optional()?;
        let Some(idle) = idle else { return Ok(false) };
        self.unsubscribe_from_receipts(ReceiptSubscriptionId::from_bytes(idle))
    }

    /// Whether something was removed: there may be more.
    fn remove_idle_aggregate(&mut self, now: Instant) -> rusqlite::Result<bool> {
        let idle_since = before(now, self.retention.aggregate_idle_max);
        let idle: Option<[u8; 16]> = self
            .connection
            .prepare_cached("SELECT id FROM aggregate WHERE used < ?1 ORDER BY used LIMIT 1")?
            .query_row([idle_since], |row| row.get(0))
            .optional()?;
        let Some(idle) = idle else { return Ok(false) };
        self.remove_aggregate(AggregateId::from_bytes(idle))?;
        Ok(true)
    }
}

fn before(now: Instant, idle_max: std::time::Duration) -> i64 {
    now.plus_seconds(i64::try_from(idle_max.as_secs()).unwrap_or(i64::MAX).saturating_neg()).micros()
}

/// Messages of one kind that one step removes, so that pushes wait for a few milliseconds at most.
const ROWS_AT_ONCE: u64 = 500;
