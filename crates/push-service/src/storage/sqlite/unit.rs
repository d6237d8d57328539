//! What one call does, inside its batch: agents and subscriptions here, messages in [`messages`] with their limits in [`room`],
//! those that do not come to the database in [`recent`], receipts in [`receipts`], aggregates in [`aggregates`], removal of
//! what is old in [`sweep`].
//!
//! Invariant: whatever deletes a message takes it out of the counts and tells the outlet; [`removal`] is the one place
//! for all three.

mod aggregates;
mod broadcasts;
mod messages;
mod queues;
mod receipts;
mod recent;
mod removal;
mod room;
mod sweep;

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row};
use webpush::key::PublicKey;

use self::messages::unsigned;
pub(super) use self::messages::{insert_plain, urgency_number, urgency_of};
pub(super) use self::queues::Queues;
pub(super) use self::receipts::ReceiptCounts;
pub(super) use self::recent::Stage;
use self::removal::OF_SUBSCRIPTION;
pub(super) use self::removal::Why;
use super::journal::Journal;
use super::sequence::Sequence;
use super::young::Young;
use crate::broadcast::{BroadcastId, Version};
use crate::clock::Instant;
use crate::config::Retention;
use crate::id::{AgentId, ChannelId, MessageId, ReceiptSubscriptionId, SenderId, SubscriptionId};
use crate::message::{Message, Subscription};
use crate::receipt::Maker;
use crate::storage::{Registered, Registration, Totals};

/// One batch under way.
pub(super) struct Unit<'a> {
    pub(super) connection: &'a Connection,
    pub(super) retention: Retention,
    pub(super) sequence: &'a Sequence,
    pub(super) queues: &'a mut Queues,
    pub(super) receipts: &'a mut ReceiptCounts,
    pub(super) young: &'a mut Young,
    pub(super) journal: &'a mut Journal,
    pub(super) stage: Stage,
    pub(super) totals: Totals,
    pub(super) effects: &'a mut Vec<Effect>,
}

/// What is to be done once the batch is on disk, in this order.
pub(super) enum Effect {
    Known(Arc<Subscription>),
    Forgotten(AgentId, SubscriptionId),
    Stored(Arc<Message>),
    Withdrawn(AgentId, MessageId, Why),
    AgentRemoved(AgentId),
    ReceiptDue(ReceiptSubscriptionId),
    ReceiptsEnded(ReceiptSubscriptionId),
    Broadcast(BroadcastId, Option<Version>),
}

impl Unit<'_> {
    pub(super) fn resume(&mut self, agent: AgentId, now: Instant) -> rusqlite::Result<bool> {
        let seen: Option<i64> = self
            .connection
            .prepare_cached("SELECT seen FROM agent WHERE id = ?1")?
            .query_row([agent.bytes()], |row| row.get(0))
            .optional()?;
        let Some(seen) = seen else { return Ok(false) };
        if is_out_of_date(seen, now) {
            self.begin()?;
            self.connection
                .prepare_cached("UPDATE agent SET seen = ?2 WHERE id = ?1")?
                .execute((agent.bytes(), now.micros()))?;
        }
        Ok(true)
    }

    pub(super) fn register(&mut self, wish: &Registration) -> rusqlite::Result<Registered> {
        let agents = self
            .connection
            .prepare_cached("INSERT INTO agent (id, seen) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING")?
            .execute((wish.agent.bytes(), wish.now.micros()))?;
        if agents > 0 {
            self.totals.agents += 1;
        } else if let Some(registered) = self.registered_already(wish)? {
            return Ok(registered);
        }
        let subscription = Subscription {
            id: SubscriptionId::random().map_err(unusable)?,
            agent: wish.agent,
            channel: wish.channel,
            restricted_to: wish.restricted_to,
        };
        self.connection
            .prepare_cached(
                "INSERT INTO subscription (id, agent, channel, restricted_to) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((
                subscription.id.bytes(),
                subscription.agent.bytes(),
                subscription.channel.bytes(),
                subscription.restricted_to.as_ref().map(PublicKey::as_bytes),
            ))?;
        self.totals.subscriptions += 1;
        let subscription = Arc::new(subscription);
        self.effects.push(Effect::Known(Arc::clone(&subscription)));
        Ok(Registered::Subscription(subscription))
    }

    /// The answer to an agent that has the channel, or that has as many as it may have.
    fn registered_already(&mut self, wish: &Registration) -> rusqlite::Result<Option<Registered>> {
        if let Some(present) = self.channel(wish.agent, wish.channel)? {
            if present.restricted_to == wish.restricted_to {
                return Ok(Some(Registered::Subscription(Arc::new(present))));
            }
            self.remove_subscription(present.agent, present.id)?;
        }
        let channels: i64 = self
            .connection
            .prepare_cached("SELECT count(*) FROM subscription WHERE agent = ?1")?
            .query_row([wish.agent.bytes()], |row| row.get(0))?;
        let is_full = unsigned(channels) >= self.retention.agent_channels_max;
        Ok(is_full.then_some(Registered::TooManyChannels))
    }

    pub(super) fn unregister(&mut self, agent: AgentId, channel: ChannelId) -> rusqlite::Result<()> {
        match self.channel(agent, channel)? {
            Some(subscription) => self.remove_subscription(agent, subscription.id),
            None => Ok(()),
        }
    }

    pub(super) fn subscription(&mut self, id: SubscriptionId) -> rusqlite::Result<Option<Arc<Subscription>>> {
        let found = self
            .connection
            .prepare_cached("SELECT id, agent, channel, restricted_to FROM subscription WHERE id = ?1")?
            .query_row([id.bytes()], read_subscription)
            .optional()?
            .map(Arc::new);
        if let Some(subscription) = &found {
            self.effects.push(Effect::Known(Arc::clone(subscription)));
        }
        Ok(found)
    }

    /// How many things a sender has made; `count` selects their number by `maker`.
    fn made_by(&self, maker: Maker, count: &str) -> rusqlite::Result<u64> {
        let made: i64 =
            self.connection.prepare_cached(count)?.query_row([maker.sender().bytes()], |row| row.get(0))?;
        Ok(unsigned(made))
    }

    fn channel(&self, agent: AgentId, channel: ChannelId) -> rusqlite::Result<Option<Subscription>> {
        self.connection
            .prepare_cached(
                "SELECT id, agent, channel, restricted_to FROM subscription WHERE agent = ?1 AND channel = ?2",
            )?
            .query_row((agent.bytes(), channel.bytes()), read_subscription)
            .optional()
    }

    fn remove_subscription(&mut self, agent: AgentId, id: SubscriptionId) -> rusqlite::Result<()> {
        self.settle_for(agent)?;
        self.delete(&OF_SUBSCRIPTION, (agent.bytes(), id.bytes()), Why::Unsubscribed)?;
        let removed = self
            .connection
            .prepare_cached("DELETE FROM subscription WHERE id = ?1")?
            .execute([id.bytes()])?;
        if removed > 0 {
            self.subscription_removed(agent, id)?;
        }
        Ok(())
    }

    /// Does what follows from the deletion of a subscription that has no messages any more.
    fn subscription_removed(&mut self, agent: AgentId, id: SubscriptionId) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("DELETE FROM simple_version WHERE subscription = ?1")?
            .execute([id.bytes()])?;
        self.totals.subscriptions = self.totals.subscriptions.saturating_sub(1);
        self.queues.forget(id);
        self.effects.push(Effect::Forgotten(agent, id));
        Ok(())
    }
}

fn read_subscription(row: &Row<'_>) -> rusqlite::Result<Subscription> {
    let key: Option<[u8; 65]> = row.get(3)?;
    Ok(Subscription {
        id: SubscriptionId::from_bytes(row.get(0)?),
        agent: AgentId::from_bytes(row.get(1)?),
        channel: ChannelId::from_bytes(row.get(2)?),
        restricted_to: key.map(|key| PublicKey::from_bytes(&key)).transpose().map_err(unusable)?,
    })
}

/// Reads a `maker` and whether what it has made is `bound` to its key, the first two columns.
fn maker_of(row: &Row<'_>) -> rusqlite::Result<Maker> {
    let sender = SenderId::from_bytes(row.get(0)?);
    let bound: i64 = row.get(1)?;
    Ok(if bound == 0 { Maker::Address(sender) } else { Maker::Key(sender) })
}

/// What the file or the system gave can't be used: fails the transaction.
fn unusable(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

/// Whether a moment that was noted is to be noted again. Coming back must not write each time, and what is idle is counted
/// in days.
fn is_out_of_date(noted: i64, now: Instant) -> bool {
    now.micros().saturating_sub(noted) > NOTED_GRANULARITY_MICROS
}

/// What is noted of the last use (`seen`, `used`) is at most so much behind: one hour.
const NOTED_GRANULARITY_MICROS: i64 = 3_600_000_000;
