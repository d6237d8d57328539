//! Removing what has expired and agents that have not come back, a little at a time.

use super::messages::read_removed;
use super::{Effect, Unit};
use crate::clock::Instant;
use crate::id::{AgentId, SubscriptionId};
use crate::storage::Swept;

impl Unit<'_> {
    pub(in crate::storage::sqlite) fn sweep(
        &mut self,
        now: Instant,
        idle_since: Instant,
    ) -> rusqlite::Result<Swept> {
        let messages = self.remove_expired(now)?;
        let agents = self.remove_idle(idle_since)?;
        let more = messages == MESSAGES_AT_ONCE || agents == AGENTS_AT_ONCE;
        Ok(Swept { messages, agents, more })
    }

    fn remove_expired(&mut self, now: Instant) -> rusqlite::Result<u64> {
        let expired = self
            .connection
            .prepare_cached(
                "DELETE FROM message WHERE id IN (SELECT id FROM message WHERE expires <= ?1 LIMIT ?2)
                 RETURNING id, agent, subscription, length(body)",
            )?
            .query_map((now.micros(), MESSAGES_AT_ONCE.cast_signed()), read_removed)?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        for message in &expired {
            self.removed(message);
        }
        Ok(u64::try_from(expired.len()).unwrap_or(0))
    }

    fn remove_idle(&mut self, idle_since: Instant) -> rusqlite::Result<u64> {
        let idle = self
            .connection
            .prepare_cached("SELECT id FROM agent WHERE seen < ?1 LIMIT ?2")?
            .query_map((idle_since.micros(), AGENTS_AT_ONCE.cast_signed()), |row| row.get(0))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        for agent in &idle {
            self.remove_agent(AgentId::from_bytes(*agent))?;
        }
        Ok(u64::try_from(idle.len()).unwrap_or(0))
    }

    pub(super) fn remove_agent(&mut self, agent: AgentId) -> rusqlite::Result<()> {
        let subscriptions = self
            .connection
            .prepare_cached("SELECT id FROM subscription WHERE agent = ?1")?
            .query_map([agent.bytes()], |row| row.get(0))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        for subscription in subscriptions {
            self.remove_subscription(agent, SubscriptionId::from_bytes(subscription))?;
        }
        self.connection.prepare_cached("DELETE FROM agent WHERE id = ?1")?.execute([agent.bytes()])?;
        self.totals.agents = self.totals.agents.saturating_sub(1);
        self.effects.push(Effect::AgentRemoved(agent));
        Ok(())
    }
}

const MESSAGES_AT_ONCE: u64 = 500;
const AGENTS_AT_ONCE: u64 = 20;
