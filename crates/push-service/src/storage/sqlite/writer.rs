//! The thread that owns the files: group commit.
//!
//! Whatever waits is one batch; once what it did is on disk, in the journal, in the database or in both, the messages are
//! handed out and all callers answered. When a job in it fails, the batch is rolled back and each of its jobs runs again in
//! one of its own, so that one can't fail the others; when the commit fails, all of them are told Unavailable. Nobody
//! is answered for something that is not on disk.
//!
//! A panic here stops the process: the memory beside the file could no longer be trusted.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::cache::SubscriptionCache;
use super::journal::Journal;
use super::sequence::Sequence;
use super::unit::{Effect, Queues, ReceiptCounts, Stage, Unit};
use super::young::Young;
use crate::broadcast::Broadcasts;
use crate::config::Retention;
use crate::measure;
use crate::storage::{Answer, Outlet, StorageError, Totals};

/// The way to the thread.
pub(super) struct Writer {
    jobs: Option<SyncSender<Box<dyn Job>>>,
    outlet: Arc<OnceLock<Arc<dyn Outlet>>>,
    totals: Arc<Mutex<Totals>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread keeps beside the file.
pub(super) struct State {
    retention: Retention,
    memory: Memory,
    totals: Totals,
    queues: Queues,
    receipts: ReceiptCounts,
    young: Young,
    journal: Journal,
    /// A commit has failed: what the database holds is only known once another has succeeded.
    must_settle: bool,
    /// When a settlement that has failed is tried again, if no job comes before.
    again_at: Option<Instant>,
}

/// What the thread shares with those who ask it.
pub(super) struct Memory {
    pub(super) cache: Arc<SubscriptionCache>,
    pub(super) sequence: Arc<Sequence>,
    pub(super) broadcasts: Arc<Broadcasts>,
}

impl State {
    pub(super) fn new(retention: Retention, memory: Memory, totals: Totals, journal: Journal) -> Self {
        Self {
            retention,
            memory,
            totals,
            queues: Queues::default(),
            receipts: ReceiptCounts::default(),
            young: Young::default(),
            journal,
            must_settle: false,
            again_at: None,
        }
    }

    /// How long young messages may stay; `None` if there is nothing to be settled.
    fn settle_in(&self) -> Option<Duration> {
        if self.must_settle || self.journal.len() >= JOURNAL_BYTES_MAX {
            return Some(Duration::ZERO);
        }
        self.young.due_in()
    }

    /// How long to wait for jobs.
    fn patience(&self) -> Option<Duration> {
        let again_in = self.again_at.map(|at| at.saturating_duration_since(Instant::now()));
        self.settle_in().map(|patience| patience.max(again_in.unwrap_or_default()))
    }
}

impl Writer {
    pub(super) fn start(connection: Connection, state: State) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::sync_channel(JOBS_WAITING_MAX);
        let outlet = Arc::new(OnceLock::new());
        let totals = Arc::new(Mutex::new(state.totals));
        let mut worker =
            Worker { connection, state, outlet: Arc::clone(&outlet), published: Arc::clone(&totals) };
        let thread = thread::Builder::new().name("push-storage".into()).spawn(move || {
            let _stop = StopProcessOnPanic;
            worker.work(&waiting);
        })?;
        Ok(Self { jobs: Some(jobs), outlet, totals, thread: Some(thread) })
    }

    pub(super) fn attach(&self, outlet: Arc<dyn Outlet>) {
        let attached = self.outlet.set(outlet);
        assert!(attached.is_ok(), "the storage has one outlet");
    }

    pub(super) fn totals(&self) -> Totals {
        *self.totals.lock()
    }

    /// Has `operation` run in the next batch, in a transaction of the database; the answer comes when it is on disk. The job
    /// is queued when this is called, not when the answer is first polled: order of calls is order of effects. `operation`
    /// runs again after a rollback.
    pub(super) fn ask<T, F>(&self, operation: F) -> Answer<'_, T>
    where
        T: Send + 'static,
        F: Fn(&mut Unit<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        self.ask_lightly(move |unit: &mut Unit<'_>| {
            unit.begin()?;
            operation(unit)
        })
    }

    /// The same, for what [begins](Unit::begin) a transaction itself if it needs one.
    pub(super) fn ask_lightly<T, F>(&self, operation: F) -> Answer<'_, T>
    where
        T: Send + 'static,
        F: Fn(&mut Unit<'_>) -> rusqlite::Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Asked { operation, result: None, reply });
        // A full queue is answered at once: waiting longer would only move the queue into the callers.
        let queued = self.jobs.as_ref().is_some_and(|jobs| jobs.try_send(job).is_ok());
        Box::pin(async move {
            if !queued {
                return Err(StorageError::Unavailable("too many requests wait".into()));
            }
            answer.await.unwrap_or_else(|_| Err(StorageError::Unavailable("the storage has stopped".into())))
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the push service's storage thread had panicked");
        }
    }
}

struct Worker {
    connection: Connection,
    state: State,
    outlet: Arc<OnceLock<Arc<dyn Outlet>>>,
    published: Arc<Mutex<Totals>>,
}

impl Worker {
    fn work(&mut self, waiting: &Receiver<Box<dyn Job>>) {
        let mut batch = Vec::with_capacity(BATCH_JOBS_MAX);
        loop {
            let next = match self.state.patience() {
                Some(patience) => waiting.recv_timeout(patience),
                None => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let has_ended = matches!(next, Err(RecvTimeoutError::Disconnected));
            batch.extend(next);
            batch.extend(waiting.try_iter().take(BATCH_JOBS_MAX - 1));
            self.run(&mut batch, has_ended);
            if has_ended {
                return;
            }
        }
    }

    fn run(&mut self, batch: &mut Vec<Box<dyn Job>>, is_last: bool) {
        self.state.must_settle |= is_last && self.state.journal.len() > 0;
        let mut done = self.commit(batch);
        if let Err(Failure::Journal(error)) = &done {
            tracing::warn!(%error, "push service storage: the journal can't be written; going on without it");
            // From now on everything goes to the database, until it has taken it.
            done = self.commit(batch);
        }
        match done {
            Ok(()) => batch.drain(..).for_each(|job| job.answer(Ok(()))),
            Err(Failure::Job(_)) if batch.len() > 1 => {
                for job in batch.drain(..) {
                    self.commit_alone(job);
                }
            }
            Err(failure) => {
                let error = failure.report(batch.len());
                batch.drain(..).for_each(|job| job.answer(Err(error.clone())));
            }
        }
    }

    fn commit_alone(&mut self, job: Box<dyn Job>) {
        let mut alone = [job];
        let outcome = self.commit(&mut alone).map_err(|failure| failure.report(1));
        let [job] = alone;
        job.answer(outcome);
    }

    /// Runs the batch and hands out what it stored.
    fn commit(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let mut effects = Vec::new();
        let done = self.perform(batch, &mut effects).and_then(|(totals, stage)| {
            self.make_durable(stage)?;
            Ok(totals)
        });
        match done {
            Ok(totals) => {
                self.state.young.commit();
                self.state.totals = totals;
                *self.published.lock() = totals;
                self.hand_out(effects);
                Ok(())
            }
            Err(failure) => {
                self.roll_back(&failure);
                Err(failure)
            }
        }
    }

    fn perform(
        &mut self,
        batch: &mut [Box<dyn Job>],
        effects: &mut Vec<Effect>,
    ) -> Result<(Totals, Stage), Failure> {
        let before = self.state.memory.sequence.last();
        let is_due = self.state.settle_in() == Some(Duration::ZERO);
        let mut unit = Unit {
            connection: &self.connection,
            retention: self.state.retention,
            sequence: &self.state.memory.sequence,
            queues: &mut self.state.queues,
            receipts: &mut self.state.receipts,
            young: &mut self.state.young,
            journal: &mut self.state.journal,
            stage: Stage::default(),
            totals: self.state.totals,
            effects,
        };
        if is_due {
            unit.settle().map_err(Failure::Transaction)?;
        }
        for job in batch {
            let done = job.run(&mut unit);
            // One that can't begin to write fails for want of a lock, which no other would get.
            let is_locked_out = unit.stage == Stage::Reading;
            done.map_err(|error| match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy) if is_locked_out => Failure::Transaction(error),
                _ => Failure::Job(error),
            })?;
        }
        let (totals, stage) = (unit.totals, unit.stage);
        let last = self.state.memory.sequence.last();
        if stage != Stage::Reading && last > before && !effects.is_empty() {
            let noted = self
                .connection
                .prepare_cached("UPDATE service SET last_id = ?1 WHERE one = 1")
                .and_then(|mut statement| statement.execute([last.number()]));
            noted.map_err(Failure::Transaction)?;
        }
        Ok((totals, stage))
    }

    /// The journal first: of what it says, nothing is in this transaction, unless all is.
    fn make_durable(&mut self, stage: Stage) -> Result<(), Failure> {
        let journal = &mut self.state.journal;
        let commit = || self.connection.execute_batch("COMMIT").map_err(Failure::Transaction);
        match stage {
            Stage::Reading => journal.sync().map_err(Failure::Journal)?,
            Stage::Writing => {
                journal.sync().map_err(Failure::Journal)?;
                commit()?;
            }
            Stage::Settled => {
                commit()?;
                journal.rewind();
                self.state.must_settle = false;
                self.state.again_at = None;
                return Ok(());
            }
        }
        journal.keep();
        Ok(())
    }

    fn roll_back(&mut self, failure: &Failure) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "push service storage: a transaction can't be rolled back");
        }
        let state = &mut self.state;
        if !matches!(failure, Failure::Job(_)) {
            state.must_settle = true;
            state.again_at = Some(Instant::now() + SETTLED_AGAIN_AFTER);
        }
        state.young.roll_back();
        state.journal.discard();
        // The counts may hold what was rolled back: they are read again when needed.
        state.queues.clear();
        state.receipts.clear();
    }

    fn hand_out(&self, effects: Vec<Effect>) {
        let outlet = self.outlet.get();
        for effect in effects {
            match effect {
                Effect::Known(subscription) => self.state.memory.cache.insert(subscription),
                Effect::Forgotten(agent, id) => {
                    self.state.memory.cache.remove(id);
                    if let Some(outlet) = outlet {
                        outlet.subscription_removed(agent, id);
                    }
                }
                Effect::Broadcast(id, version) => self.state.memory.broadcasts.follow(id, version),
                Effect::Stored(message) => {
                    if let Some(outlet) = outlet {
                        outlet.stored(message);
                    }
                }
                Effect::Withdrawn(agent, id, why) => {
                    if let Some(dropped) = why.dropped() {
                        measure::dropped(dropped, 1);
                    }
                    if let Some(outlet) = outlet {
                        outlet.withdrawn(agent, id);
                    }
                }
                Effect::AgentRemoved(agent) => {
                    if let Some(outlet) = outlet {
                        outlet.agent_removed(agent);
                    }
                }
                Effect::ReceiptDue(id) => {
                    if let Some(outlet) = outlet {
                        outlet.receipt_due(id);
                    }
                }
                Effect::ReceiptsEnded(id) => {
                    if let Some(outlet) = outlet {
                        outlet.receipts_ended(id);
                    }
                }
            }
        }
    }
}

/// What made a batch fail.
enum Failure {
    /// One of its jobs: the others may do without it.
    Job(rusqlite::Error),
    /// Beginning or committing it: no other would fare better.
    Transaction(rusqlite::Error),
    /// The same, of the journal.
    Journal(io::Error),
}

impl Failure {
    fn report(self, jobs: usize) -> StorageError {
        let error = match self {
            Self::Job(error) | Self::Transaction(error) => error.to_string(),
            Self::Journal(error) => format!("journal: {error}"),
        };
        tracing::warn!(%error, jobs, "push service storage: a commit failed");
        StorageError::Unavailable(error)
    }
}

trait Job: Send {
    fn run(&mut self, unit: &mut Unit<'_>) -> rusqlite::Result<()>;
    fn answer(self: Box<Self>, outcome: Result<(), StorageError>);
}

struct Asked<T, F> {
    operation: F,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, StorageError>>,
}

impl<T, F> Job for Asked<T, F>
where
    T: Send,
    F: Fn(&mut Unit<'_>) -> rusqlite::Result<T> + Send,
{
    fn run(&mut self, unit: &mut Unit<'_>) -> rusqlite::Result<()> {
        self.result = Some((self.operation)(unit)?);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), StorageError>) {
        let Self { result, reply, .. } = *self;
        let unfinished = || StorageError::Unavailable("the transaction was not finished".into());
        let answer = outcome.and_then(|()| result.ok_or_else(unfinished));
        // Nobody waits any more when the request was cancelled; the change stands all the same.
        let _unread = reply.send(answer);
    }
}

struct StopProcessOnPanic;

impl Drop for StopProcessOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            std::process::abort();
        }
    }
}

/// Jobs that may wait; a further one is answered Unavailable.
const JOBS_WAITING_MAX: usize = 16_384;
/// Jobs in one batch, so that the first of them does not wait for ever.
const BATCH_JOBS_MAX: usize = 512;
/// The journal is overwritten from its beginning when it is as long as this.
const JOURNAL_BYTES_MAX: u64 = 8 << 20;
/// Between two attempts that no job asks for.
const SETTLED_AGAIN_AFTER: Duration = Duration::from_secs(1);
