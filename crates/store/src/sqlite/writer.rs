//! The one thread that writes: group commit.
//!
//! The thread takes a request, drains what else waits (up to [`GROUP_REQUESTS_MAX`]), and runs all of them in one
//! transaction; one COMMIT, which is one fsync, then answers all. The more that wait, the fewer fsyncs there are for
//! each.
//!
//! # Outcomes
//! - A request that is refused leaves nothing behind and is told why. The others do not notice. As long as none is
//!   refused after it has written, they run without savepoints, which would copy every page that a request is the first
//!   to touch; otherwise the group is run again, each request in a savepoint of its own.
//! - Some failures (disk full, I/O) make SQLite roll back the whole transaction. The request that hit it is told, the
//!   others are run again without it: requests are closures that can be re-run, and own what they need.
//! - COMMIT fails: every request of the group is answered Unavailable. None of them is on disk as far as this process
//!   knows; after a crash right then, one may be, as with any database.
//!
//! # Invariants
//! - Order: COMMIT, wake on the bus, answer.
//! - A panic in a request stops the process (ARCHITECTURE.md, invariant 7): nobody can say what half a request has done.
//! - No request takes long: what touches many messages is cut into chunks by the caller, each a request, so that
//!   others get their turn in between.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::checkpoint::Checkpoints;
use super::{Sql, schema};
use crate::{AccountId, Error, ModSeq, Result, UnixTime};

#[cfg(test)]
mod tests;

/// A transaction as a request sees it.
pub(crate) struct Tx<'c> {
    /// For reading and writing.
    pub(crate) sql: Sql<'c>,
    /// The time of the group.
    pub(crate) now: UnixTime,
    touched: RefCell<BTreeSet<AccountId>>,
}

impl Tx<'_> {
    /// Raises the account's MODSEQ: once in a request, for all that it changes there. The account is woken after the commit.
    pub(crate) fn raise_modseq(&self, account: AccountId) -> Result<ModSeq> {
        let modseq = self.sql.one(
            "raise modseq",
            "UPDATE account SET modseq = modseq + 1 WHERE id = ?1 RETURNING modseq",
            [super::int(account.0)],
            |row| super::uint(row, 0),
        )?;
        self.touch(account);
        modseq.map(ModSeq).ok_or_else(|| super::no_account(account))
    }

    /// Has the account woken after the commit, without a new MODSEQ.
    pub(crate) fn touch(&self, account: AccountId) {
        self.touched.borrow_mut().insert(account);
    }
}

/// A request as the writer sees it.
trait Request: Send {
    /// Runs it inside its savepoint. Whether to keep what it did.
    fn run(&mut self, tx: &Tx<'_>) -> bool;
    /// Drops what it returned, because it was rolled back with all others.
    fn fail(&mut self, error: Error);
    /// Tells the one who asked.
    fn answer(self: Box<Self>);
}

struct Typed<T, F> {
    operation: F,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T: Send, F: FnMut(&Tx<'_>) -> Result<T> + Send> Request for Typed<T, F> {
    fn run(&mut self, tx: &Tx<'_>) -> bool {
        let outcome = (self.operation)(tx);
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn fail(&mut self, error: Error) {
        self.outcome = Some(Err(error));
    }

    fn answer(self: Box<Self>) {
        let Self { operation, outcome, reply } = *self;
        // First, so that a file which it did not need is gone when the answer comes.
        drop(operation);
        let outcome = outcome.unwrap_or_else(|| Err(Error::Bug("a request was never run".into())));
        // Whoever asked may have gone away meanwhile; the commit stands.
        let _ = reply.send(outcome);
    }
}

/// Hands requests to the writer's thread. Cheap to clone; the thread ends when the last one is gone.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Box<dyn Request>>,
}

impl Writer {
    /// Starts the thread on a connection that is open and migrated. `now` is asked once for each group. The receiver
    /// resolves when the thread has ended.
    pub(crate) fn start(
        connection: Connection,
        file: &Path,
        bus: bus::Bus,
        now: fn() -> UnixTime,
    ) -> std::result::Result<(Self, oneshot::Receiver<()>), schema::Failed> {
        let (queue, requests) = mpsc::channel(REQUESTS_WAITING_MAX);
        let (ended, has_ended) = oneshot::channel();
        let checkpoints = Checkpoints::start(schema::open_checkpointer(file)?)?;
        let thread = Thread { connection, bus, now, checkpoints };
        let spawned = std::thread::Builder::new().name("store-writer".into()).spawn(move || {
            let served = std::panic::catch_unwind(AssertUnwindSafe(|| thread.serve(requests)));
            if served.is_err() {
                tracing::error!("panic in the store's writer: stopping the process");
                std::process::abort();
            }
            let _ = ended.send(());
        });
        spawned?;
        Ok((Self { queue }, has_ended))
    }

    /// Hands an operation over to the next group. Waits only while too many wait already.
    ///
    /// An operation may be run more than once (only the last run counts). Dropping the future, or what it
    /// returns, does not cancel what has been handed over.
    pub(crate) async fn submit<T: Send + 'static>(
        &self,
        operation: impl FnMut(&Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<Pending<T>> {
        let (reply, answer) = oneshot::channel();
        let request = Typed { operation, outcome: None, reply };
        self.queue.send(Box::new(request)).await.map_err(|_| closed())?;
        Ok(Pending { answer })
    }
}

/// A request that has been handed over.
#[must_use]
pub(crate) struct Pending<T> {
    answer: oneshot::Receiver<Result<T>>,
}

impl<T> Pending<T> {
    /// Its outcome, once it is on disk.
    pub(crate) async fn outcome(self) -> Result<T> {
        self.answer.await.map_err(|_| closed())?
    }
}

fn closed() -> Error {
    Error::Unavailable("the store is closed".into())
}

struct Thread {
    connection: Connection,
    bus: bus::Bus,
    now: fn() -> UnixTime,
    checkpoints: Checkpoints,
}

impl Thread {
    fn serve(mut self, mut requests: mpsc::Receiver<Box<dyn Request>>) {
        let mut group = Vec::with_capacity(GROUP_REQUESTS_MAX);
        let mut last_group = 0;
        while requests.blocking_recv_many(&mut group, GROUP_REQUESTS_MAX) > 0 {
            gather(&mut requests, &mut group, last_group);
            last_group = group.len();
            metrics::gauge!("store_waiting_requests").set(u32::try_from(requests.len()).unwrap_or(u32::MAX));
            self.commit_group(&mut group);
            self.checkpoints.after_group(&self.connection);
        }
        // Everything into the database file: it can then be copied alone.
        if let Err(error) = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            tracing::warn!(%error, "checkpoint at closing failed; the log is replayed at the next start");
        }
    }

    /// Commits what has been taken, and answers it.
    fn commit_group(&self, group: &mut Vec<Box<dyn Request>>) {
        let started = Instant::now();
        let size = u32::try_from(group.len()).unwrap_or(u32::MAX);
        let mut apart = Apart::Together;
        let touched = loop {
            match self.attempt(group, apart) {
                Attempt::Committed(touched) => break touched,
                Attempt::Failed(why) => {
                    tracing::warn!(%why, requests = size, "commit failed");
                    group.iter_mut().for_each(|request| request.fail(Error::Unavailable(why.clone())));
                    break BTreeSet::new();
                }
                // Savepoints are never mixed, so this happens once.
                Attempt::Mixed => apart = Apart::Savepoints,
                // Without the culprit the group gets smaller each time, so this ends.
                Attempt::Spoilt(culprit) => group.remove(culprit).answer(),
            }
        };
        metrics::histogram!("store_commit_group_size").record(size);
        metrics::histogram!("store_commit_seconds").record(started.elapsed().as_secs_f64());
        touched.into_iter().for_each(|account| self.bus.wake(account.0));
        group.drain(..).for_each(Request::answer);
    }

    fn attempt(&self, group: &mut [Box<dyn Request>], apart: Apart) -> Attempt {
        if let Err(error) = self.execute("BEGIN IMMEDIATE") {
            return Attempt::Failed(format!("begin: {error}"));
        }
        let tx = Tx { sql: Sql(&self.connection), now: (self.now)(), touched: RefCell::default() };
        let mut touched = BTreeSet::new();
        for (position, request) in group.iter_mut().enumerate() {
            let kept = match apart {
                Apart::Together => self.run_together(request.as_mut(), &tx),
                Apart::Savepoints => self.run_in_savepoint(request.as_mut(), &tx),
            };
            let accounts = tx.touched.take();
            match kept {
                Ok(Kept::All) => touched.extend(accounts),
                Ok(Kept::Nothing) => {}
                Ok(Kept::Unwanted) => {
                    self.roll_back();
                    return Attempt::Mixed;
                }
                Err(_) if self.connection.is_autocommit() => return Attempt::Spoilt(position),
                Err(why) => {
                    self.roll_back();
                    return Attempt::Failed(why);
                }
            }
        }
        match self.execute("COMMIT") {
            Ok(()) => Attempt::Committed(touched),
            Err(error) => {
                self.roll_back();
                Attempt::Failed(format!("commit: {error}"))
            }
        }
    }

    /// An error only if the transaction itself is in doubt.
    fn run_together(&self, request: &mut dyn Request, tx: &Tx<'_>) -> std::result::Result<Kept, String> {
        let before = self.connection.total_changes();
        let keep = request.run(tx);
        if self.connection.is_autocommit() {
            return Err(ROLLED_BACK.into());
        }
        if keep {
            return Ok(Kept::All);
        }
        Ok(if self.connection.total_changes() == before { Kept::Nothing } else { Kept::Unwanted })
    }

    /// An error only if the transaction itself is in doubt.
    fn run_in_savepoint(&self, request: &mut dyn Request, tx: &Tx<'_>) -> std::result::Result<Kept, String> {
        let savepoint = |sql| self.execute(sql).map_err(|error| format!("{sql}: {error}"));
        savepoint("SAVEPOINT request")?;
        let keep = request.run(tx);
        if self.connection.is_autocommit() {
            return Err(ROLLED_BACK.into());
        }
        if !keep {
            savepoint("ROLLBACK TO request")?;
        }
        savepoint("RELEASE request")?;
        Ok(if keep { Kept::All } else { Kept::Nothing })
    }

    fn execute(&self, sql: &'static str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    fn roll_back(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::error!(%error, "rollback failed");
        }
    }
}

/// Those who were answered together tend to come again together, a moment later. Without waiting for them, the first
/// would have a commit and its fsync for itself, and every second fsync would be wasted. Whoever is alone is never made
/// to wait: the group before was small then.
fn gather(
    requests: &mut mpsc::Receiver<Box<dyn Request>>,
    group: &mut Vec<Box<dyn Request>>,
    last_group: usize,
) {
    if last_group < GATHER_FROM {
        return;
    }
    for _ in 0..GATHER_PAUSES_MAX {
        if group.len() >= last_group / 2 {
            return;
        }
        std::thread::sleep(GATHER_PAUSE);
        while group.len() < GROUP_REQUESTS_MAX
            && let Ok(request) = requests.try_recv()
        {
            group.push(request);
        }
    }
}

/// How the requests of a group are kept apart.
#[derive(Clone, Copy)]
enum Apart {
    /// Not at all: what one of them has written can't be taken back alone.
    Together,
    /// Each is in a savepoint.
    Savepoints,
}

/// What the transaction holds of a request that has run.
enum Kept {
    /// All that it wrote.
    All,
    /// Nothing: it was refused.
    Nothing,
    /// What it wrote before it was refused.
    Unwanted,
}

enum Attempt {
    /// On disk; these accounts have changed.
    Committed(BTreeSet<AccountId>),
    /// Nothing is on disk: what was refused could not be told from what was not.
    Mixed,
    /// Nothing is on disk.
    Failed(String),
    /// The request at this position made the database roll everything back.
    Spoilt(usize),
}

const ROLLED_BACK: &str = "rolled back by the database";
/// Requests that one transaction takes at most: bounds how long the first of them waits for the last.
const GROUP_REQUESTS_MAX: usize = 256;
/// Requests that wait at most; whoever asks beyond waits for a place.
const REQUESTS_WAITING_MAX: usize = 4096;
/// After a group of so many, the next one is worth waiting for.
const GATHER_FROM: usize = 8;
/// Half a millisecond in all, less than an fsync takes.
const GATHER_PAUSES_MAX: usize = 5;
const GATHER_PAUSE: Duration = Duration::from_micros(100);
