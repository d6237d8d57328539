//! Room for a message: the limits of its subscription and of its agent, and who gives way at them.
//!
//! At a limit the oldest message of the lowest urgency goes: of the subscription at its own limit, of all that wait for
//! the agent at the agent's. What is more urgent than the new message never gives way to it.

use std::collections::VecDeque;

use rusqlite::OptionalExtension;
use webpush::header::Urgency;

use super::Unit;
use super::messages::{count, unsigned, urgency_number, urgency_of};
use super::queues::{Held, Load, Queue};
use super::removal::{ONE, Why};
use crate::id::{AgentId, MessageId, SubscriptionId};
use crate::message::NewMessage;

impl Unit<'_> {
    /// What waits for the subscription and its agent; `None` when the subscription has been removed.
    pub(super) fn load(&mut self, id: SubscriptionId, agent: AgentId) -> rusqlite::Result<Option<Load>> {
        if let Some(load) = self.queues.find(id, agent) {
            return Ok(Some(load));
        }
        if self.subscription(id)?.is_none() {
            return Ok(None);
        }
        self.queues.make_room();
        if let Some(load) = self.queues.learn_empty(id, agent) {
            return Ok(Some(load));
        }
        self.settle_for(agent)?;
        let all = self
            .connection
            .prepare_cached(
                "SELECT subscription, urgency, count(*), sum(coalesce(shared_bytes, length(body)))
                 FROM message WHERE agent = ?1 GROUP BY subscription, urgency",
            )?
            .query_map([agent.bytes()], |row| {
                let held = Held { messages: unsigned(row.get(2)?), bytes: unsigned(row.get(3)?) };
                Ok((SubscriptionId::from_bytes(row.get(0)?), urgency_of(row.get(1)?)?, held))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        self.queues.learn(agent, &all);
        Ok(self.queues.find(id, agent).or_else(|| self.queues.learn_empty(id, agent)))
    }

    /// Whether `new` fits beside what is more urgent than it and does not have its topic.
    pub(super) fn can_have_room(&self, new: &NewMessage, load: Load) -> rusqlite::Result<bool> {
        if self.fits(load.subscription.total(), load.agent.total(), new) {
            return Ok(true);
        }
        let mut staying = [load.subscription, load.agent].map(|queue| queue.above(new.urgency));
        if let Some((urgency, replaced)) = self.with_topic(new)?
            && urgency > new.urgency
        {
            staying.iter_mut().for_each(|held| held.take(replaced));
        }
        let [subscription, agent] = staying;
        Ok(self.fits(subscription, agent, new))
    }

    /// Evicts until `new` fits, which [`Unit::can_have_room`] has made sure of.
    pub(super) fn make_room(&mut self, new: &NewMessage) -> rusqlite::Result<()> {
        let (id, agent) = (new.subscription.id, new.subscription.agent);
        loop {
            let Some(load) = self.load(id, agent)? else { return Ok(()) };
            if self.fits(load.subscription.total(), load.agent.total(), new) {
                return Ok(());
            }
            self.settle_for(agent)?;
            let evicted = if !self.subscription_takes(load.subscription.total(), new) {
                self.evict_from_subscription(new, load.subscription)?
            } else {
                self.evict_from_agent(agent, load.agent)?
            };
            if !evicted {
                return Ok(());
            }
        }
    }

    /// The index does not know subscriptions, so the oldest are looked for among all of the agent's messages of that
    /// urgency; therefore many are looked for at once.
    fn evict_from_subscription(&mut self, new: &NewMessage, queue: Queue) -> rusqlite::Result<bool> {
        let (id, agent) = (new.subscription.id, new.subscription.agent);
        let Some(urgency) = queue.lowest() else { return Ok(false) };
        loop {
            while let Some(oldest) = self.queues.next_oldest(id, urgency) {
                if self.delete(&ONE, [oldest.number()], Why::Evicted)? > 0 {
                    return Ok(true);
                }
            }
            let oldest = self
                .connection
                .prepare_cached(OLDEST_OF_SUBSCRIPTION)?
                .query_map((agent.bytes(), urgency_number(urgency), id.bytes(), OLDEST_AT_ONCE), |row| {
                    row.get(0).map(MessageId::from_number)
                })?
                .collect::<rusqlite::Result<VecDeque<_>>>()?;
            if oldest.is_empty() {
                return Ok(false);
            }
            self.queues.learn_oldest(id, urgency, oldest);
        }
    }

    fn evict_from_agent(&mut self, agent: AgentId, queue: Queue) -> rusqlite::Result<bool> {
        let Some(urgency) = queue.lowest() else { return Ok(false) };
        let oldest: Option<i64> = self
            .connection
            .prepare_cached(OLDEST_OF_AGENT)?
            .query_row((agent.bytes(), urgency_number(urgency)), |row| row.get(0))
            .optional()?;
        let Some(oldest) = oldest else { return Ok(false) };
        Ok(self.delete(&ONE, [oldest], Why::Evicted)? > 0)
    }

    /// What `new` replaces.
    fn with_topic(&self, new: &NewMessage) -> rusqlite::Result<Option<(Urgency, Held)>> {
        let Some(topic) = &new.topic else { return Ok(None) };
        self.connection
            .prepare_cached(
                "SELECT urgency, coalesce(shared_bytes, length(body)) FROM message
                 WHERE subscription = ?1 AND topic = ?2",
            )?
            .query_row((new.subscription.id.bytes(), topic.as_str()), |row| {
                Ok((urgency_of(row.get(0)?)?, Held { messages: 1, bytes: unsigned(row.get(1)?) }))
            })
            .optional()
    }

    pub(super) fn fits(&self, subscription: Held, agent: Held, new: &NewMessage) -> bool {
        self.subscription_takes(subscription, new) && self.agent_takes(agent, new)
    }

    fn subscription_takes(&self, held: Held, new: &NewMessage) -> bool {
        let limits = &self.retention;
        takes(held, new, limits.subscription_messages_max, limits.subscription_bytes_max)
    }

    fn agent_takes(&self, held: Held, new: &NewMessage) -> bool {
        takes(held, new, self.retention.agent_messages_max, self.retention.agent_bytes_max)
    }
}

/// Whether `new` fits beside what is held. One message always does.
fn takes(held: Held, new: &NewMessage, messages_max: u64, bytes_max: u64) -> bool {
    let bytes = held.bytes.saturating_add(count(new.content.body.len()));
    (held.messages < messages_max && bytes <= bytes_max) || held.messages == 0
}

const OLDEST_OF_AGENT: &str = "SELECT id FROM message WHERE agent = ?1 AND urgency = ?2 ORDER BY id LIMIT 1";
const OLDEST_OF_SUBSCRIPTION: &str = "
    SELECT id FROM message WHERE agent = ?1 AND urgency = ?2 AND subscription = ?3 ORDER BY id LIMIT ?4";
/// Messages that will give way, looked for at once.
const OLDEST_AT_ONCE: i64 = 64;

#[cfg(test)]
mod tests;
