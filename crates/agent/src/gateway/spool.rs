//! Messages on disk, between the push service and their targets.
//!
//! One file for each message, in one directory, named by a number that only grows; see [`file`] for what is in it. Files
//! rather than a database: a message is written once, read once and removed, an operator can look at what waits with
//! `ls`, and a file that is damaged costs one message. A file is written under another name, synced, renamed, and then
//! the directory is synced; several messages share that last sync.
//!
//! Blocking calls are made on threads for them. The index is in memory: some 100 bytes a message.
//!
//! Invariants: [`Spool::put`] returns only when all its messages survive a loss of power. The order of a subscription is
//! that of the numbers. One process has the directory, by a lock on `lock` in it.

mod file;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::Notify;

use super::message::Message;
use crate::durable_file;

/// How much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Messages. At the limit nothing more is taken: the push service keeps what comes.
    pub messages: usize,
    /// Bytes of files. As with messages; the last one may go over the limit.
    pub bytes: u64,
    /// A message that no target has taken for so long is dropped.
    pub age: Duration,
}

/// A spool. Shared by those who fill it and those who empty it.
pub struct Spool {
    directory: PathBuf,
    limits: Limits,
    index: Mutex<Index>,
    room: Notify,
    _lock: File,
}

/// A message that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    number: u64,
    bytes: u64,
    received_at: SystemTime,
}

/// What waits in a spool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Messages.
    pub messages: usize,
    /// Bytes of their files.
    pub bytes: u64,
}

/// Why the spool can't do its work.
#[derive(Debug, Error)]
pub enum SpoolError {
    /// The directory can't be used.
    #[error("spool directory {path}")]
    Directory {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another process has it.
    #[error("spool directory {0} is in use by another process")]
    InUse(String),
    /// A message could not be written.
    #[error("cannot write a message to the spool")]
    Write(#[source] io::Error),
    /// A message could not be read.
    #[error("cannot read a message of the spool")]
    Read(#[source] io::Error),
    /// A thread for the disk could not be had.
    #[error("the spool's thread ended")]
    Thread,
}

#[derive(Default)]
struct Index {
    last: u64,
    waiting: Waiting,
    queues: BTreeMap<String, Queue>,
    ids: BTreeSet<(String, String)>,
}

#[derive(Default)]
struct Queue {
    entries: VecDeque<(Entry, String)>,
    arrival: Arc<Notify>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { messages: 10_000, bytes: 64 << 20, age: Duration::from_secs(7 * 24 * 3600) }
    }
}

impl Spool {
    /// Opens a directory, which is made with mode 0700 if it is not there, and reads what waits in it. Files that are
    /// no messages are left alone; damaged messages are renamed to `*.damaged`. Blocking.
    pub fn open(directory: &Path, limits: Limits) -> Result<Self, SpoolError> {
        let path = || directory.display().to_string();
        let failed = |source| SpoolError::Directory { path: path(), source };
        file::make_directory(directory).map_err(failed)?;
        let lock = File::create(directory.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SpoolError::InUse(path())),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let index = Index::of(directory).map_err(failed)?;
        Ok(Self {
            directory: directory.to_owned(),
            limits,
            index: Mutex::new(index),
            room: Notify::new(),
            _lock: lock,
        })
    }

    /// What waits.
    #[must_use]
    pub fn waiting(&self) -> Waiting {
        self.index.lock().waiting
    }

    /// What waits for one subscription.
    #[must_use]
    pub fn waiting_for(&self, subscription: &str) -> usize {
        self.index.lock().queues.get(subscription).map_or(0, |queue| queue.entries.len())
    }

    /// How many messages may be put now; at least one once [`Spool::room`] has returned.
    #[must_use]
    pub fn free(&self) -> usize {
        let waiting = self.waiting();
        if waiting.bytes >= self.limits.bytes {
            0
        } else {
            self.limits.messages.saturating_sub(waiting.messages)
        }
    }

    /// Waits until there is room for a message. For one caller. Cancel-safe.
    pub async fn room(&self) {
        while self.free() == 0 {
            self.room.notified().await;
        }
    }

    /// Makes messages durable and wakes their workers. One that waits already (by its id) is not put again.
    pub async fn put(self: &Arc<Self>, messages: Vec<Message>) -> Result<(), SpoolError> {
        let spool = Arc::clone(self);
        on_a_thread(move || spool.put_blocking(messages)).await
    }

    /// The oldest message of a subscription, once there is one. For one caller a subscription. Cancel-safe.
    pub async fn first(&self, subscription: &str) -> Entry {
        loop {
            let (first, arrival) = {
                let mut index = self.index.lock();
                let queue = index.queues.entry(subscription.to_owned()).or_default();
                (queue.entries.front().map(|(entry, _)| *entry), Arc::clone(&queue.arrival))
            };
            match first {
                Some(entry) => return entry,
                None => arrival.notified().await,
            }
        }
    }

    /// Reads a message; `None` when it is damaged or gone: then it is no longer in the spool.
    pub async fn read(
        self: &Arc<Self>,
        subscription: &str,
        entry: Entry,
    ) -> Result<Option<Message>, SpoolError> {
        let path = file::path(&self.directory, entry.number);
        match on_a_thread(move || file::read(&path).map_err(SpoolError::Read)).await {
            Ok(Some(message)) => Ok(Some(message)),
            Ok(None) => {
                self.index.lock().take(subscription, entry);
                self.room.notify_one();
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Removes a message. Not synced: after a loss of power it may be there again.
    pub async fn remove(self: &Arc<Self>, subscription: &str, entry: Entry) -> Result<(), SpoolError> {
        let path = file::path(&self.directory, entry.number);
        on_a_thread(move || gone(fs::remove_file(path)).map_err(SpoolError::Write)).await?;
        self.index.lock().take(subscription, entry);
        self.room.notify_one();
        Ok(())
    }

    /// Removes what is older than the limit; returns how many messages of which subscriptions.
    pub async fn expire(self: &Arc<Self>, now: SystemTime) -> Result<BTreeMap<String, usize>, SpoolError> {
        let old = self.index.lock().older_than(now.checked_sub(self.limits.age));
        let mut expired = BTreeMap::new();
        for (subscription, entry) in old {
            self.remove(&subscription, entry).await?;
            *expired.entry(subscription).or_default() += 1;
        }
        Ok(expired)
    }

    fn put_blocking(&self, messages: Vec<Message>) -> Result<(), SpoolError> {
        let mut written = Vec::new();
        if let Err(error) = self.write_all(messages, &mut written) {
            for (_, _, entry) in written {
                // If that fails too, the message is handed on after the next start, and once more.
                let _removed = fs::remove_file(file::path(&self.directory, entry.number));
            }
            return Err(SpoolError::Write(error));
        }
        let mut index = self.index.lock();
        for (subscription, id, entry) in written {
            index.add(&subscription, id, entry);
        }
        Ok(())
    }

    fn write_all(
        &self,
        messages: Vec<Message>,
        written: &mut Vec<(String, String, Entry)>,
    ) -> io::Result<()> {
        for message in messages {
            let Some(number) = self.index.lock().number_for(&message) else { continue };
            let bytes = file::write(&self.directory, number, &message)?;
            let entry = Entry { number, bytes, received_at: message.received_at };
            written.push((message.subscription, message.id, entry));
        }
        durable_file::sync_directory(&self.directory)
    }
}

impl Index {
    fn of(directory: &Path) -> io::Result<Self> {
        let mut index = Self::default();
        for (number, bytes, message) in file::read_all(directory)? {
            let entry = Entry { number, bytes, received_at: message.received_at };
            index.add(&message.subscription, message.id, entry);
        }
        Ok(index)
    }

    /// The next number, unless the message waits already.
    fn number_for(&mut self, message: &Message) -> Option<u64> {
        let id = (message.subscription.clone(), message.id.clone());
        if !message.id.is_empty() && self.ids.contains(&id) {
            return None;
        }
        self.last += 1;
        Some(self.last)
    }

    fn add(&mut self, subscription: &str, id: String, entry: Entry) {
        self.last = self.last.max(entry.number);
        self.waiting.messages += 1;
        self.waiting.bytes += entry.bytes;
        self.ids.insert((subscription.to_owned(), id.clone()));
        let queue = self.queues.entry(subscription.to_owned()).or_default();
        queue.entries.push_back((entry, id));
        queue.arrival.notify_one();
    }

    fn take(&mut self, subscription: &str, entry: Entry) {
        let Some(queue) = self.queues.get_mut(subscription) else { return };
        let Some(at) = queue.entries.iter().position(|(known, _)| known.number == entry.number) else {
            return;
        };
        if let Some((_, id)) = queue.entries.remove(at) {
            self.ids.remove(&(subscription.to_owned(), id));
            self.waiting.messages -= 1;
            self.waiting.bytes -= entry.bytes;
        }
    }

    fn older_than(&self, time: Option<SystemTime>) -> Vec<(String, Entry)> {
        let Some(time) = time else { return Vec::new() };
        let of_queue = |(name, queue): (&String, &Queue)| {
            let old = queue.entries.iter().filter(|(entry, _)| entry.received_at < time);
            old.map(|(entry, _)| (name.clone(), *entry)).collect::<Vec<_>>()
        };
        self.queues.iter().flat_map(of_queue).collect()
    }
}

/// A file that is gone already need not be removed.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SpoolError> + Send + 'static,
) -> Result<T, SpoolError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| SpoolError::Thread)?
}

#[cfg(test)]
mod tests;
