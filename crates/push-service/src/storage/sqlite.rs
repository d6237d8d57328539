//! The embedded backend: one SQLite file, a journal, one thread that owns both.
//!
//! Every call becomes a job for the [`writer`], which takes all jobs that wait into one batch, so that one sync
//! answers them all; because reads go the same way, a read sees every write that was asked for before it. What a
//! push needs in the common case, its subscription, comes from memory without asking the thread.
//!
//! Most messages are acknowledged within milliseconds. They are kept in memory and in a [`journal`] beside the database
//! ([`young`]), and come to the database only if they stay for a second.
//!
//! What has been answered survives a loss of power: a batch syncs the journal, or commits in WAL mode with
//! `synchronous=FULL`, or both. Who reads the file from outside may miss the last second.

mod cache;
mod journal;
mod recovery;
mod schema;
mod sequence;
mod survey;
mod unit;
mod writer;
mod young;

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};
use thiserror::Error;

use self::cache::SubscriptionCache;
use self::sequence::Sequence;
pub use self::survey::{Survey, survey};
use self::unit::{Unit, Why};
use self::writer::Writer;
use super::{Answer, Outlet, Registered, Registration, Storage, Stored, Swept, Totals};
use crate::aggregate::{Aggregate, Member, MemberChange, MembersChanged};
use crate::broadcast::{BroadcastId, Broadcasts, Change, Version};
use crate::clock::Instant;
use crate::config::Retention;
use crate::id::{AgentId, AggregateId, ChannelId, MessageId, ReceiptSubscriptionId, SubscriptionId};
use crate::message::{Message, NewMessage, Selection, Subscription};
use crate::receipt::{Maker, Receipt, ReceiptSubscription};

/// The embedded storage. Dropping it lets the jobs that wait finish and closes the file.
pub struct SqliteStorage {
    writer: Writer,
    cache: Arc<SubscriptionCache>,
    sequence: Arc<Sequence>,
    broadcasts: Arc<Broadcasts>,
}

/// Why the file can't be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// SQLite refused.
    #[error("push service storage")]
    Sqlite(#[from] rusqlite::Error),
    /// It was written by a later version of this program.
    #[error("push service storage has schema {found}, this program knows up to {known}")]
    Newer {
        /// The file's schema version.
        found: i64,
        /// The latest that this program knows.
        known: i64,
    },
    /// The journal can't be read or made.
    #[error("journal of the push service storage")]
    Journal(#[source] std::io::Error),
    /// The file's thread could not be started.
    #[error("thread of the push service storage")]
    Thread(#[source] std::io::Error),
}

impl SqliteStorage {
    /// Opens the file, makes it if need be, and brings its schema up to date.
    pub fn open(path: &Path, retention: Retention) -> Result<Self, OpenError> {
        let connection = Connection::open(path)?;
        schema::prepare(&connection)?;
        let journal = recovery::recover(&connection, path)?;
        let sequence = Arc::new(Sequence::starting_after(schema::last_id(&connection)?));
        let totals = schema::totals(&connection)?;
        let cache = Arc::new(SubscriptionCache::new(SUBSCRIPTIONS_CACHED_MAX));
        let broadcasts = Arc::new(Broadcasts::new(schema::broadcasts(&connection)?));
        let memory = writer::Memory {
            cache: Arc::clone(&cache),
            sequence: Arc::clone(&sequence),
            broadcasts: Arc::clone(&broadcasts),
        };
        let state = writer::State::new(retention, memory, totals, journal);
        let writer = Writer::start(connection, state).map_err(OpenError::Thread)?;
        Ok(Self { writer, cache, sequence, broadcasts })
    }
}

impl SqliteStorage {
    /// Repeats `step` in transactions of its own, so that others come in between; says whether anything was done.
    fn in_steps<F>(&self, step: F) -> Answer<'_, bool>
    where
        F: Fn(&mut Unit<'_>) -> rusqlite::Result<Step> + Copy + Send + 'static,
    {
        let first = self.writer.ask(step);
        Box::pin(async move {
            let mut done = first.await?;
            let mut any = done != Step::Nothing;
            while done == Step::More {
                done = self.writer.ask(step).await?;
                any |= done != Step::Nothing;
            }
            Ok(any)
        })
    }
}

/// How far a call that works in steps has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// There was nothing to do.
    Nothing,
    /// That was all.
    Done,
    /// There may be more.
    More,
}

/// Copies a storage that may be in use to `to`, which must not be there yet: one snapshot of it. Blocking.
pub fn copy(from: &Path, to: &Path) -> Result<(), OpenError> {
    let source = Connection::open_with_flags(
        from,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    source.busy_timeout(COPY_PATIENCE)?;
    source.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
    Ok(())
}

impl Storage for SqliteStorage {
    fn attach(&self, outlet: Arc<dyn Outlet>) {
        self.writer.attach(outlet);
    }

    fn next_id(&self, now: Instant) -> MessageId {
        self.sequence.next(now)
    }

    fn resume(&self, agent: AgentId, now: Instant) -> Answer<'_, bool> {
        self.writer.ask_lightly(move |unit: &mut Unit<'_>| unit.resume(agent, now))
    }

    fn register(&self, registration: Registration) -> Answer<'_, Registered> {
        self.writer.ask(move |unit: &mut Unit<'_>| unit.register(&registration))
    }

    fn unregister(&self, agent: AgentId, channel: ChannelId) -> Answer<'_, ()> {
        self.writer.ask(move |unit: &mut Unit<'_>| unit.unregister(agent, channel))
    }

    fn subscription(&self, id: SubscriptionId) -> Answer<'_, Option<Arc<Subscription>>> {
        if let Some(known) = self.cache.find(id) {
            return Box::pin(std::future::ready(Ok(Some(known))));
        }
        self.writer.ask_lightly(move |unit: &mut Unit<'_>| unit.subscription(id))
    }

    fn store(&self, message: NewMessage, now: Instant) -> Answer<'_, Stored> {
        self.writer.ask_lightly(move |unit: &mut Unit<'_>| unit.store(&message, now))
    }

    fn remove(&self, agent: AgentId) -> Answer<'_, bool> {
        self.in_steps(move |unit| unit.remove_agent(agent))
    }

    fn store_all(&self, messages: Vec<NewMessage>, now: Instant) -> Answer<'_, Vec<Stored>> {
        self.writer.ask_lightly(move |unit: &mut Unit<'_>| unit.store_all(&messages, now))
    }

    fn store_version(&self, message: NewMessage, version: u64, now: Instant) -> Answer<'_, Option<Stored>> {
        self.writer.ask(move |unit: &mut Unit<'_>| unit.store_version(&message, version, now))
    }

    fn pending(
        &self,
        selection: Selection,
        after: MessageId,
        limit: usize,
        now: Instant,
    ) -> Answer<'_, Vec<Arc<Message>>> {
        self.writer.ask_lightly(move |unit: &mut Unit<'_>| unit.pending(selection, after, limit, now))
    }

    fn acknowledge(&self, agent: AgentId, ids: Vec<MessageId>) -> Answer<'_, usize> {
        self.writer.ask_lightly(move |unit: &mut Unit<'_>| unit.take_out(agent, &ids, Why::Acknowledged))
    }

    fn reject(&self, agent: AgentId, ids: Vec<MessageId>) -> Answer<'_, usize> {
        self.writer.ask_lightly(move |unit: &mut Unit<'_>| unit.take_out(agent, &ids, Why::Rejected))
    }

    fn revoke(&self, id: MessageId) -> Answer<'_, bool> {
        self.in_steps(move |unit| unit.revoke(id))
    }

    fn subscribe_to_receipts(&self, maker: Maker, now: Instant) -> Answer<'_, Option<ReceiptSubscriptionId>> {
        self.writer.ask(move |unit: &mut Unit<'_>| unit.subscribe_to_receipts(maker, now))
    }

    fn receipt_subscription(
        &self,
        id: ReceiptSubscriptionId,
        now: Instant,
    ) -> Answer<'_, Option<ReceiptSubscription>> {
        self.writer.ask(move |unit: &mut Unit<'_>| unit.receipt_subscription(id, now))
    }

    fn unsubscribe_from_receipts(&self, id: ReceiptSubscriptionId) -> Answer<'_, bool> {
        self.writer.ask(move |unit: &mut Unit<'_>| unit.unsubscribe_from_receipts(id))
    }

    fn due_receipts(&self, id: ReceiptSubscriptionId, limit: usize) -> Answer<'_, Vec<Receipt>> {
        self.writer.ask(move |unit: &mut Unit<'_>| unit.due_receipts(id, limit))
    }

    fn receipts_delivered(&self, id: ReceiptSubscriptionId, messages: Vec<MessageId>) -> Answer<'_, ()> {
        self.writer.ask(move |unit: &mut Unit<'_>| unit.receipts_delivered(id, &messages))
    }

    fn create_aggregate(&self, maker: Maker, now: Instant) -> Answer<'_, Option<AggregateId>> {
        self.writer.ask(move |unit: &mut Unit<'_>| unit.create_aggregate(maker, now))
    }

    fn aggregate(&self, id: AggregateId, now: Instant) -> Answer<'_, Option<Aggregate>> {
        self.writer.ask(move |unit: &mut Unit<'_>| unit.aggregate(id, now))
    }

    fn change_members(&self, id: AggregateId, changes: Vec<MemberChange>) -> Answer<'_, MembersChanged> {
        self.writer.ask(move |unit: &mut Unit<'_>| unit.change_members(id, &changes))
    }

    fn members(
        &self,
        id: AggregateId,
        after: Option<SubscriptionId>,
        limit: usize,
    ) -> Answer<'_, Vec<Member>> {
        self.writer.ask(move |unit: &mut Unit<'_>| unit.members(id, after, limit))
    }

    fn remove_aggregate(&self, id: AggregateId) -> Answer<'_, bool> {
        self.in_steps(move |unit| unit.remove_aggregate(id))
    }

    fn sweep(&self, now: Instant, idle_since: Instant) -> Answer<'_, Swept> {
        self.writer.ask(move |unit: &mut Unit<'_>| unit.sweep(now, idle_since))
    }

    fn set_broadcast(&self, id: BroadcastId, version: Option<Version>) -> Answer<'_, Change> {
        self.writer.ask(move |unit: &mut Unit<'_>| unit.set_broadcast(&id, version.as_ref()))
    }

    fn broadcasts(&self) -> &Arc<Broadcasts> {
        &self.broadcasts
    }

    fn totals(&self) -> Totals {
        self.writer.totals()
    }
}

/// Subscriptions held in memory, about 250 bytes each; when more are in use they are read from the file again.
const SUBSCRIPTIONS_CACHED_MAX: usize = 200_000;

/// How long a copy waits for a checkpoint that is under way.
const COPY_PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

#[cfg(test)]
mod tests;
