//! Messages: storing with topic and limits, reading, acknowledging, revoking.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{OptionalExtension, Row};
use webpush::header::Urgency;

use super::queues::Queue;
use super::{Effect, Unit, unusable};
use crate::clock::Instant;
use crate::id::{AgentId, ChannelId, MessageId, SubscriptionId};
use crate::message::{Content, Encoding, Keeping, Message, NewMessage, Scope, Selection};
use crate::storage::Stored;

/// A row that has been deleted: whose counts to lower and whom to tell.
pub(super) struct Removed {
    pub(super) id: MessageId,
    pub(super) agent: AgentId,
    pub(super) subscription: SubscriptionId,
    pub(super) bytes: u64,
}

impl Unit<'_> {
    pub(in crate::storage::sqlite) fn store(
        &mut self,
        new: &NewMessage,
        now: Instant,
    ) -> rusqlite::Result<Stored> {
        let subscription = &new.subscription;
        if self.queue(subscription.id, subscription.agent)?.is_none() {
            return Ok(Stored::Gone);
        }
        // Before anything gives way: what is refused must cost no other message its place.
        if !self.can_have_room(new)? {
            return Ok(Stored::Full);
        }
        // RFC 8030 §5.4: the message that has the topic is replaced.
        if let Some(topic) = &new.topic {
            let replaced = self
                .connection
                .prepare_cached(
                    "DELETE FROM message WHERE subscription = ?1 AND topic = ?2
                     RETURNING id, agent, subscription, length(body)",
                )?
                .query_row((subscription.id.bytes(), topic.as_str()), read_removed)
                .optional()?;
            if let Some(replaced) = replaced {
                self.removed(&replaced);
            }
        }
        self.make_room(new)?;
        let id = self.sequence.next(now);
        self.insert(id, new)?;
        self.totals.messages += 1;
        self.queues.added(subscription.id, count(new.content.body.len()));
        self.effects.push(Effect::Stored(Arc::new(Message::new(id, new.clone(), Keeping::Stored))));
        Ok(Stored::Kept(id))
    }

    pub(in crate::storage::sqlite) fn pending(
        &mut self,
        selection: Selection,
        after: MessageId,
        limit: usize,
        now: Instant,
    ) -> rusqlite::Result<Vec<Arc<Message>>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let least = urgency_number(selection.least_urgency);
        let (agent, after, now) = (selection.agent.bytes(), after.number(), now.micros());
        let read = |row: &Row<'_>| read_message(row).map(Arc::new);
        match selection.scope {
            Scope::Set => self
                .connection
                .prepare_cached(PENDING_OF_SET)?
                .query_map((agent, after, now, least, limit), read)?
                .collect(),
            Scope::Subscription(id) => self
                .connection
                .prepare_cached(PENDING_OF_SUBSCRIPTION)?
                .query_map((agent, after, now, least, limit, id.bytes()), read)?
                .collect(),
        }
    }

    pub(in crate::storage::sqlite) fn acknowledge(
        &mut self,
        agent: AgentId,
        ids: &[MessageId],
    ) -> rusqlite::Result<usize> {
        let mut acknowledged = 0;
        for id in ids {
            let removed = self
                .connection
                .prepare_cached(
                    "DELETE FROM message WHERE id = ?1 AND agent = ?2
                     RETURNING id, agent, subscription, length(body)",
                )?
                .query_row((id.number(), agent.bytes()), read_removed)
                .optional()?;
            if let Some(removed) = removed {
                acknowledged += 1;
                self.removed(&removed);
            }
        }
        Ok(acknowledged)
    }

    pub(in crate::storage::sqlite) fn revoke(&mut self, id: MessageId) -> rusqlite::Result<bool> {
        let removed = self.delete(id)?;
        if let Some(removed) = &removed {
            self.removed(removed);
        }
        Ok(removed.is_some())
    }

    /// Takes a deleted message out of the counts and out of the agent's hands.
    pub(super) fn removed(&mut self, removed: &Removed) {
        self.uncount(removed);
        self.effects.push(Effect::Withdrawn(removed.agent, removed.id));
    }

    fn uncount(&mut self, removed: &Removed) {
        self.totals.messages = self.totals.messages.saturating_sub(1);
        self.queues.removed(removed.subscription, removed.bytes);
    }

    fn delete(&self, id: MessageId) -> rusqlite::Result<Option<Removed>> {
        self.connection
            .prepare_cached(
                "DELETE FROM message WHERE id = ?1 RETURNING id, agent, subscription, length(body)",
            )?
            .query_row([id.number()], read_removed)
            .optional()
    }

    /// What waits for the subscription; `None` when it has been removed.
    fn queue(&mut self, id: SubscriptionId, agent: AgentId) -> rusqlite::Result<Option<Queue>> {
        if let Some(queue) = self.queues.find(id) {
            return Ok(Some(queue));
        }
        if self.subscription(id)?.is_none() {
            return Ok(None);
        }
        let queue = self
            .connection
            .prepare_cached(
                "SELECT count(*), coalesce(sum(length(body)), 0)
                 FROM message WHERE agent = ?1 AND subscription = ?2",
            )?
            .query_row((agent.bytes(), id.bytes()), |row| {
                Ok(Queue { messages: unsigned(row.get(0)?), bytes: unsigned(row.get(1)?) })
            })?;
        self.queues.learn(id, queue);
        Ok(Some(queue))
    }

    /// Whether `new` fits beside what is more urgent than it and does not have its topic.
    fn can_have_room(&mut self, new: &NewMessage) -> rusqlite::Result<bool> {
        let subscription = &new.subscription;
        if self.queue(subscription.id, subscription.agent)?.is_some_and(|queue| self.fits(queue, new)) {
            return Ok(true);
        }
        let staying = self
            .connection
            .prepare_cached(
                "SELECT count(*), coalesce(sum(length(body)), 0) FROM message
                 WHERE agent = ?1 AND subscription = ?2 AND urgency > ?3 AND (topic IS NULL OR topic IS NOT ?4)",
            )?
            .query_row(
                (
                    subscription.agent.bytes(),
                    subscription.id.bytes(),
                    urgency_number(new.urgency),
                    new.topic.as_ref().map(webpush::header::Topic::as_str),
                ),
                |row| Ok(Queue { messages: unsigned(row.get(0)?), bytes: unsigned(row.get(1)?) }),
            )?;
        Ok(self.fits(staying, new))
    }

    /// Whether `new` fits into a queue. One message always does.
    fn fits(&self, queue: Queue, new: &NewMessage) -> bool {
        let bytes = queue.bytes.saturating_add(count(new.content.body.len()));
        let fits = queue.messages < self.retention.subscription_messages_max
            && bytes <= self.retention.subscription_bytes_max;
        fits || queue.messages == 0
    }

    /// Evicts the oldest of the lowest urgency until `new` fits, which [`Unit::can_have_room`] has made sure of.
    fn make_room(&mut self, new: &NewMessage) -> rusqlite::Result<()> {
        let subscription = &new.subscription;
        loop {
            let Some(queue) = self.queue(subscription.id, subscription.agent)? else { return Ok(()) };
            if self.fits(queue, new) {
                return Ok(());
            }
            let victim: Option<i64> = self
                .connection
                .prepare_cached(
                    "SELECT id FROM message WHERE agent = ?1 AND subscription = ?2 AND urgency <= ?3
                     ORDER BY urgency, id LIMIT 1",
                )?
                .query_row(
                    (subscription.agent.bytes(), subscription.id.bytes(), urgency_number(new.urgency)),
                    |row| row.get(0),
                )
                .optional()?;
            let Some(victim) = victim else { return Ok(()) };
            if let Some(removed) = self.delete(MessageId::from_number(victim))? {
                self.removed(&removed);
            }
        }
    }

    fn insert(&self, id: MessageId, new: &NewMessage) -> rusqlite::Result<()> {
        let (encoding, encryption, crypto_key) = match &new.content.encoding {
            Encoding::Unnamed => (0, None, None),
            Encoding::Aes128gcm => (1, None, None),
            Encoding::Aesgcm { encryption, crypto_key } => (2, Some(encryption), Some(crypto_key)),
        };
        self.connection
            .prepare_cached(
                "INSERT INTO message (id, agent, subscription, topic, urgency, expires,
                                      encoding, encryption, crypto_key, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute((
                id.number(),
                new.subscription.agent.bytes(),
                new.subscription.id.bytes(),
                new.topic.as_ref().map(webpush::header::Topic::as_str),
                urgency_number(new.urgency),
                new.expires.micros(),
                encoding,
                encryption,
                crypto_key,
                new.content.body.as_ref(),
            ))?;
        Ok(())
    }
}

fn read_message(row: &Row<'_>) -> rusqlite::Result<Message> {
    let encoding = match row.get(5)? {
        0_i64 => Encoding::Unnamed,
        1 => Encoding::Aes128gcm,
        _ => Encoding::Aesgcm { encryption: row.get(6)?, crypto_key: row.get(7)? },
    };
    Ok(Message {
        id: MessageId::from_number(row.get(0)?),
        agent: AgentId::from_bytes(row.get(1)?),
        subscription: SubscriptionId::from_bytes(row.get(9)?),
        channel: ChannelId::from_bytes(row.get(2)?),
        urgency: urgency_of(row.get(3)?)?,
        expires: Instant::from_micros(row.get(4)?),
        keeping: Keeping::Stored,
        content: Content { encoding, body: Bytes::from(row.get::<_, Vec<u8>>(8)?) },
    })
}

pub(super) fn read_removed(row: &Row<'_>) -> rusqlite::Result<Removed> {
    Ok(Removed {
        id: MessageId::from_number(row.get(0)?),
        agent: AgentId::from_bytes(row.get(1)?),
        subscription: SubscriptionId::from_bytes(row.get(2)?),
        bytes: unsigned(row.get(3)?),
    })
}

/// RFC 8030 §5.3, in order, so that SQL can compare.
const fn urgency_number(urgency: Urgency) -> i64 {
    match urgency {
        Urgency::VeryLow => 0,
        Urgency::Low => 1,
        Urgency::Normal => 2,
        Urgency::High => 3,
    }
}

fn urgency_of(number: i64) -> rusqlite::Result<Urgency> {
    match number {
        0 => Ok(Urgency::VeryLow),
        1 => Ok(Urgency::Low),
        2 => Ok(Urgency::Normal),
        3 => Ok(Urgency::High),
        _ => Err(unusable(std::io::Error::other("unknown urgency in the file"))),
    }
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

const PENDING_OF_SET: &str = "
    SELECT message.id, message.agent, subscription.channel, urgency, expires,
           encoding, encryption, crypto_key, body, message.subscription
    FROM message JOIN subscription ON subscription.id = message.subscription
    WHERE message.agent = ?1 AND message.id > ?2 AND expires > ?3 AND urgency >= ?4
    ORDER BY message.id LIMIT ?5";
const PENDING_OF_SUBSCRIPTION: &str = "
    SELECT message.id, message.agent, subscription.channel, urgency, expires,
           encoding, encryption, crypto_key, body, message.subscription
    FROM message JOIN subscription ON subscription.id = message.subscription
    WHERE message.agent = ?1 AND message.id > ?2 AND expires > ?3 AND urgency >= ?4
      AND message.subscription = ?6
    ORDER BY message.id LIMIT ?5";
