//! Room for a message: the limits of its subscription and of its agent, and who gives way at them.
//!
//! At a limit the oldest message of the lowest urgency goes: of the subscription at its own limit, of all that wait for
//! the agent at the agent's. What is more urgent than the new message never gives way to it.

use rusqlite::OptionalExtension;
use webpush::header::Topic;

use super::Unit;
use super::messages::{count, unsigned, urgency_number};
use super::queues::{Load, Queue};
use super::removal::Why;
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
        let all = self
            .connection
            .prepare_cached(
                "SELECT subscription, count(*), sum(coalesce(shared_bytes, length(body)))
                 FROM message WHERE agent = ?1 GROUP BY subscription",
            )?
            .query_map([agent.bytes()], |row| {
                let queue = Queue { messages: unsigned(row.get(1)?), bytes: unsigned(row.get(2)?) };
                Ok((SubscriptionId::from_bytes(row.get(0)?), queue))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        self.queues.learn(agent, &all);
        Ok(self.queues.find(id, agent).or_else(|| self.queues.learn_empty(id, agent)))
    }

    /// Whether `new` fits beside what is more urgent than it and does not have its topic.
    pub(super) fn can_have_room(&mut self, new: &NewMessage, load: Load) -> rusqlite::Result<bool> {
        if self.fits(load, new) {
            return Ok(true);
        }
        let subscription = &new.subscription;
        let staying = self
            .connection
            .prepare_cached(
                "SELECT count(*), coalesce(sum(bytes), 0),
                        coalesce(sum(own), 0), coalesce(sum(bytes * own), 0)
                 FROM (SELECT coalesce(shared_bytes, length(body)) AS bytes, subscription = ?2 AS own
                       FROM message
                       WHERE agent = ?1 AND urgency > ?3
                         AND NOT (subscription = ?2 AND topic IS NOT NULL AND topic IS ?4))",
            )?
            .query_row(
                (
                    subscription.agent.bytes(),
                    subscription.id.bytes(),
                    urgency_number(new.urgency),
                    new.topic.as_ref().map(Topic::as_str),
                ),
                |row| {
                    Ok(Load {
                        agent: Queue { messages: unsigned(row.get(0)?), bytes: unsigned(row.get(1)?) },
                        subscription: Queue { messages: unsigned(row.get(2)?), bytes: unsigned(row.get(3)?) },
                    })
                },
            )?;
        Ok(self.fits(staying, new))
    }

    /// Evicts until `new` fits, which [`Unit::can_have_room`] has made sure of.
    pub(super) fn make_room(&mut self, new: &NewMessage) -> rusqlite::Result<()> {
        let (id, agent) = (new.subscription.id, new.subscription.agent);
        loop {
            let Some(load) = self.load(id, agent)? else { return Ok(()) };
            let victim = if !self.subscription_takes(load.subscription, new) {
                self.victim(
                    new,
                    "SELECT id FROM message WHERE agent = ?1 AND urgency <= ?2 AND subscription = ?3
                                  ORDER BY urgency, id LIMIT 1",
                )?
            } else if !self.agent_takes(load.agent, new) {
                self.victim(
                    new,
                    "SELECT id FROM message WHERE agent = ?1 AND urgency <= ?2 AND ?3 IS NOT NULL
                                  ORDER BY urgency, id LIMIT 1",
                )?
            } else {
                return Ok(());
            };
            let Some(victim) = victim else { return Ok(()) };
            self.end(victim, Why::Evicted)?;
        }
    }

    fn victim(&self, new: &NewMessage, query: &str) -> rusqlite::Result<Option<MessageId>> {
        let (id, agent) = (new.subscription.id, new.subscription.agent);
        self.connection
            .prepare_cached(query)?
            .query_row((agent.bytes(), urgency_number(new.urgency), id.bytes()), |row| row.get(0))
            .optional()
            .map(|found| found.map(MessageId::from_number))
    }

    fn fits(&self, load: Load, new: &NewMessage) -> bool {
        self.subscription_takes(load.subscription, new) && self.agent_takes(load.agent, new)
    }

    fn subscription_takes(&self, queue: Queue, new: &NewMessage) -> bool {
        let limits = &self.retention;
        takes(queue, new, limits.subscription_messages_max, limits.subscription_bytes_max)
    }

    fn agent_takes(&self, queue: Queue, new: &NewMessage) -> bool {
        takes(queue, new, self.retention.agent_messages_max, self.retention.agent_bytes_max)
    }
}

/// Whether `new` fits into a queue. One message always does.
fn takes(queue: Queue, new: &NewMessage, messages_max: u64, bytes_max: u64) -> bool {
    let bytes = queue.bytes.saturating_add(count(new.content.body.len()));
    (queue.messages < messages_max && bytes <= bytes_max) || queue.messages == 0
}
