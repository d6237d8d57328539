//! Messages: storing, reading, acknowledging, revoking.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row};
use webpush::header::{Topic, Urgency};

use super::removal::{ONE, ONE_OF_AGENT, WITH_TOPIC, Why};
use super::{Unit, unusable};
use crate::clock::Instant;
use crate::id::{AgentId, ChannelId, MessageId, ReceiptSubscriptionId, SubscriptionId};
use crate::message::{Content, Encoding, Keeping, Message, NewMessage, Scope, Selection};
use crate::storage::Stored;
use crate::storage::sqlite::Step;

/// What the database keeps of a message beside itself.
#[derive(Default)]
struct Beside<'a> {
    topic: Option<&'a Topic>,
    receipt: Option<&'a ReceiptSubscriptionId>,
    shared: Option<MessageId>,
}

impl Unit<'_> {
    pub(in crate::storage::sqlite) fn store(
        &mut self,
        new: &NewMessage,
        now: Instant,
    ) -> rusqlite::Result<Stored> {
        let subscription = &new.subscription;
        let Some(load) = self.load(subscription.id, subscription.agent)? else { return Ok(Stored::Gone) };
        if self.can_stay_young(new, load) {
            return Ok(Stored::Kept(self.keep_young(new, now)));
        }
        self.begin()?;
        // Before anything gives way: what is refused must cost no other message its place.
        if !self.can_have_room(new, load)? {
            return Ok(Stored::Full);
        }
        // RFC 8030 §5.4: the message that has the topic is replaced.
        if let Some(topic) = &new.topic {
            self.delete(&WITH_TOPIC, (subscription.id.bytes(), topic.as_str()), Why::Replaced)?;
        }
        self.make_room(new)?;
        let id = self.sequence.next(now);
        let message = Message::new(id, new.clone(), Keeping::Stored);
        let beside = Beside { topic: new.topic.as_ref(), receipt: new.receipt.as_ref(), shared: new.shared };
        insert(self.connection, &message, &beside)?;
        self.stored(Arc::new(message));
        Ok(Stored::Kept(id))
    }

    pub(in crate::storage::sqlite) fn store_all(
        &mut self,
        all: &[NewMessage],
        now: Instant,
    ) -> rusqlite::Result<Vec<Stored>> {
        all.iter().map(|new| self.store(new, now)).collect()
    }

    /// `None` when `version` is not greater than the one before.
    pub(in crate::storage::sqlite) fn store_version(
        &mut self,
        new: &NewMessage,
        version: u64,
        now: Instant,
    ) -> rusqlite::Result<Option<Stored>> {
        let id = new.subscription.id;
        let before: Option<i64> = self
            .connection
            .prepare_cached("SELECT version FROM simple_version WHERE subscription = ?1")?
            .query_row([id.bytes()], |row| row.get(0))
            .optional()?;
        // The column holds the bits of an unsigned number.
        if before.is_some_and(|before| version <= before.cast_unsigned()) {
            return Ok(None);
        }
        let stored = self.store(new, now)?;
        if matches!(stored, Stored::Kept(_)) {
            self.connection
                .prepare_cached(
                    "INSERT INTO simple_version (subscription, version) VALUES (?1, ?2)
                     ON CONFLICT (subscription) DO UPDATE SET version = ?2",
                )?
                .execute((id.bytes(), version.cast_signed()))?;
        }
        Ok(Some(stored))
    }

    pub(in crate::storage::sqlite) fn pending(
        &mut self,
        selection: Selection,
        after: MessageId,
        limit: usize,
        now: Instant,
    ) -> rusqlite::Result<Vec<Arc<Message>>> {
        let rows = i64::try_from(limit).unwrap_or(i64::MAX);
        let agent = selection.agent;
        self.settle_for(agent)?;
        let only = match &selection.scope {
            Scope::Set => None,
            Scope::Subscription(id) => Some(id.bytes()),
        };
        let mut found = Vec::new();
        for urgency in URGENCIES.into_iter().filter(|urgency| *urgency >= selection.least_urgency) {
            if self.queues.has_none(agent, urgency) {
                continue;
            }
            let mut statement = self.connection.prepare_cached(PENDING)?;
            let number = urgency_number(urgency);
            let bound = (agent.bytes(), number, after.number(), now.micros(), only, rows);
            for message in statement.query_map(bound, read_message)? {
                found.push(Arc::new(message?));
            }
        }
        found.sort_by_key(|message| message.id);
        found.truncate(limit);
        Ok(found)
    }

    /// Removes messages of the agent, for `why`.
    pub(in crate::storage::sqlite) fn take_out(
        &mut self,
        agent: AgentId,
        ids: &[MessageId],
        why: Why,
    ) -> rusqlite::Result<usize> {
        let mut taken = 0;
        for id in ids {
            if self.take_young(*id, Some(agent), why)? {
                taken += 1;
                continue;
            }
            self.begin()?;
            taken += usize::from(self.delete(&ONE_OF_AGENT, (id.number(), agent.bytes()), why)? > 0);
        }
        Ok(taken)
    }

    /// Removes a message, or some of those that share a body under this id.
    pub(in crate::storage::sqlite) fn revoke(&mut self, id: MessageId) -> rusqlite::Result<Step> {
        if self.take_young(id, None, Why::Revoked)? {
            return Ok(Step::Done);
        }
        if self.delete(&ONE, [id.number()], Why::Revoked)? > 0 {
            return Ok(Step::Done);
        }
        let sharing = self
            .connection
            .prepare_cached("SELECT id FROM message WHERE shared = ?1 LIMIT ?2")?
            .query_map((id.number(), REVOKED_AT_ONCE), |row| row.get(0))?
            .collect::<rusqlite::Result<Vec<i64>>>()?;
        for message in &sharing {
            self.delete(&ONE, [message], Why::Revoked)?;
        }
        Ok(match i64::try_from(sharing.len()).unwrap_or(i64::MAX) {
            0 => Step::Nothing,
            REVOKED_AT_ONCE => Step::More,
            _ => Step::Done,
        })
    }
}

/// Puts a row for a message.
fn insert(connection: &Connection, message: &Message, beside: &Beside<'_>) -> rusqlite::Result<()> {
    let content = &message.content;
    let (encoding, encryption, crypto_key) = match &content.encoding {
        Encoding::Unnamed => (0, None, None),
        Encoding::Aes128gcm => (1, None, None),
        Encoding::Aesgcm { encryption, crypto_key } => (2, Some(encryption), Some(crypto_key)),
    };
    // A shared body may have gone with the last message that had it, so it is put there with each.
    let (body, shared_bytes) = match beside.shared {
        None => (content.body.as_ref(), None),
        Some(shared) => {
            connection
                .prepare_cached(
                    "INSERT INTO shared_body (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
                )?
                .execute((shared.number(), content.body.as_ref()))?;
            (&[][..], Some(i64::try_from(content.body.len()).unwrap_or(i64::MAX)))
        }
    };
    connection
        .prepare_cached(
            "INSERT INTO message (id, agent, subscription, topic, urgency, expires,
                                  encoding, encryption, crypto_key, body, receipt, shared, shared_bytes,
                                  media_type)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute((
            message.id.number(),
            message.agent.bytes(),
            message.subscription.bytes(),
            beside.topic.map(Topic::as_str),
            urgency_number(message.urgency),
            message.expires.micros(),
            encoding,
            encryption,
            crypto_key,
            body,
            beside.receipt.map(ReceiptSubscriptionId::bytes),
            beside.shared.map(MessageId::number),
            shared_bytes,
            content.media_type.as_deref(),
        ))?;
    Ok(())
}

/// Puts a row for a message without topic, receipt or shared body.
pub(in crate::storage::sqlite) fn insert_plain(
    connection: &Connection,
    message: &Message,
) -> rusqlite::Result<()> {
    insert(connection, message, &Beside::default())
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
        content: Content { encoding, media_type: row.get(10)?, body: Bytes::from(row.get::<_, Vec<u8>>(8)?) },
    })
}

/// RFC 8030 §5.3, in order, so that SQL can compare.
pub(in crate::storage::sqlite) const fn urgency_number(urgency: Urgency) -> i64 {
    match urgency {
        Urgency::VeryLow => 0,
        Urgency::Low => 1,
        Urgency::Normal => 2,
        Urgency::High => 3,
    }
}

pub(in crate::storage::sqlite) fn urgency_of(number: i64) -> rusqlite::Result<Urgency> {
    match number {
        0 => Ok(Urgency::VeryLow),
        1 => Ok(Urgency::Low),
        2 => Ok(Urgency::Normal),
        3 => Ok(Urgency::High),
        _ => Err(unusable(std::io::Error::other("unknown urgency in the file"))),
    }
}

/// In the order of [`urgency_number`].
pub(super) const URGENCIES: [Urgency; 4] = [Urgency::VeryLow, Urgency::Low, Urgency::Normal, Urgency::High];

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Of one urgency, in which the index keeps the order of the ids.
const PENDING: &str = "
    SELECT message.id, message.agent, subscription.channel, urgency, expires,
           encoding, encryption, crypto_key, coalesce(shared_body.body, message.body),
           message.subscription, media_type
    FROM message JOIN subscription ON subscription.id = message.subscription
    LEFT JOIN shared_body ON shared_body.id = message.shared
    WHERE message.agent = ?1 AND urgency = ?2 AND message.id > ?3 AND expires > ?4
      AND (?5 IS NULL OR message.subscription = ?5)
    ORDER BY message.id LIMIT ?6";
const REVOKED_AT_ONCE: i64 = 500;
