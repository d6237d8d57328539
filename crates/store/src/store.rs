//! The store's calls, by theme. What stands behind them is in `sqlite`.
//!
//! Here: rights, chunks, what runs off the asynchronous threads, and what is remembered between calls. Every call that
//! takes an [`Access`] works on its owner's mail and nobody else's, and asks what its reader may do there.
//!
//! Dropping a future of a write does not undo it: what has been handed to the writer is committed. Of a call
//! that works in chunks, the chunks that were not handed over yet are then left out.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bus::Bus;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::lazy::Lazy;
use crate::password::Passwords;
use crate::sqlite::blobs::Directory;
use crate::sqlite::edit::By;
use crate::sqlite::index::Index;
use crate::sqlite::readers::Readers;
use crate::sqlite::schema::{self, Failed};
use crate::sqlite::writer::{Pending, Tx, Writer};
use crate::sqlite::{Sql, blobs};
use crate::views::Views;
use crate::{Access, AccountId, Cause, Error, Origin, Result, UnixTime};

mod accounts;
mod acl;
mod across;
mod annotations;
mod changes;
mod emails;
#[cfg(test)]
mod full_disk_tests;
pub(crate) mod lifecycle;
mod mailboxes;
mod push;
mod push_jmap;
pub(crate) mod reading;
mod searching;
mod submissions;
mod writing;

/// How to open a store.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory with `mail.sqlite` and `blobs/`; made if it is not there (mode 0700).
    pub data_dir: PathBuf,
    /// Connections for reading, each a thread at most.
    pub readers: usize,
}

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It was written by a later version.
    #[error(
        "the store has schema version {found}, this program knows versions up to {known}: use a newer mailbell"
    )]
    Newer {
        /// The version in the store.
        found: u32,
        /// The newest one that this program knows.
        known: u32,
    },
    /// Anything else.
    #[error("can't open the store in {dir}: {why}")]
    Failed {
        /// Where.
        dir: PathBuf,
        /// What went wrong.
        why: String,
    },
}

/// What [`Store::check`] found. Empty lists are what it should be.
#[derive(Clone, Debug, Default)]
pub struct CheckReport {
    /// Accounts looked at.
    pub accounts: u64,
    /// Messages looked at.
    pub messages: u64,
    /// What is wrong, one sentence each.
    pub problems: Vec<String>,
}

/// The store. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    options: Options,
    /// `None` once closed.
    writer: Mutex<Option<Writer>>,
    /// Resolves when the writer's thread has ended.
    writer_ended: Mutex<Option<oneshot::Receiver<()>>>,
    upkeep: Mutex<Option<JoinHandle<()>>>,
    indexer: Mutex<Option<JoinHandle<()>>>,
    index: Index,
    readers: Readers,
    files: Directory,
    passwords: Passwords,
    views: Views,
    lazy: Arc<Lazy>,
    /// Told of what is queued for sending.
    submission_news: Notify,
    /// Accounts whose replies while away are enabled, once somebody has asked.
    away: Mutex<Option<BTreeSet<AccountId>>>,
}

impl Store {
    /// Opens the store, making or migrating it as needed. Commits wake `bus` with the account's number.
    ///
    /// Several processes may have it open (`mailbell account add` beside a running server): each sees what the others
    /// have committed, because it reads the database; only the bus does not reach across. Taking a lock on
    /// the directory, so that one *server* runs on it, is the caller's part.
    ///
    /// # Errors
    /// [`OpenError::Newer`] if a later version has written it, [`OpenError::Failed`] for everything else.
    pub async fn open(options: Options, bus: Bus) -> std::result::Result<Self, OpenError> {
        let dir = options.data_dir.clone();
        // Tapped before anything can be written, so that the indexer misses nothing.
        let tap = bus.tap();
        let task = tokio::task::spawn_blocking(move || Self::open_blocking(options, bus));
        let opened = match task.await {
            Ok(opened) => opened,
            Err(error) => Err(Failed::Other(error.to_string())),
        };
        let store = opened.map_err(|failed| match failed {
            Failed::Newer(found) => OpenError::Newer { found, known: schema::known_version() },
            Failed::Other(why) => OpenError::Failed { dir, why },
        })?;
        *store.inner.upkeep.lock() = Some(tokio::spawn(crate::upkeep::run(Arc::downgrade(&store.inner))));
        let asked = store.inner.index().asked();
        let indexer = tokio::spawn(crate::indexer::run(Arc::downgrade(&store.inner), asked, tap));
        *store.inner.indexer.lock() = Some(indexer);
        Ok(store)
    }

    fn open_blocking(options: Options, bus: Bus) -> std::result::Result<Self, Failed> {
        if !options.data_dir.exists() {
            blobs::make_directory(&options.data_dir)?;
        }
        let file = options.data_dir.join(schema::FILE_NAME);
        let connection = schema::open_writer(&file)?;
        // Syncs the data directory too, so that the database's name is on disk.
        let files = Directory::open(&options.data_dir)?;
        let (writer, ended) = Writer::start(connection, &file, bus, now)?;
        let inner = Inner {
            writer: Mutex::new(Some(writer)),
            writer_ended: Mutex::new(Some(ended)),
            upkeep: Mutex::default(),
            indexer: Mutex::default(),
            index: Index::new(&options.data_dir, options.readers),
            readers: Readers::new(file, options.readers),
            files,
            passwords: Passwords::new().map_err(|error| Failed::Other(error.to_string()))?,
            views: Views::default(),
            lazy: Arc::default(),
            submission_news: Notify::new(),
            away: Mutex::default(),
            options,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Rights of the system itself on an account: delivery, command line, notifier. An account that is not there
    /// shows in the calls.
    #[must_use]
    pub fn system_access(&self, account: AccountId) -> Access {
        Access::own(account, None)
    }

    #[cfg(test)]
    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    async fn read<T: Send + 'static>(
        &self,
        operation: impl FnOnce(Sql<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.inner.read(operation).await
    }

    async fn write<T: Send + 'static>(
        &self,
        operation: impl FnMut(&Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.inner.write(operation).await
    }
}

impl Inner {
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        operation: impl FnOnce(Sql<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.read(operation).await
    }

    pub(crate) async fn write<T: Send + 'static>(
        &self,
        operation: impl FnMut(&Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.submit(operation).await?.outcome().await
    }

    pub(crate) async fn submit<T: Send + 'static>(
        &self,
        operation: impl FnMut(&Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<Pending<T>> {
        let writer = self.writer.lock().clone();
        let writer = writer.ok_or_else(|| Error::Unavailable("the store is closed".into()))?;
        writer.submit(operation).await
    }

    /// As [`Inner::write`], after what waits lazily: a change to a subscription must not be overtaken by older progress.
    pub(crate) async fn write_in_order<T: Send + 'static>(
        &self,
        mut operation: impl FnMut(&Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let lazy = Arc::clone(&self.lazy);
        let (value, written) = self
            .write(move |tx| {
                let written = lazy.flush(tx)?;
                Ok((operation(tx)?, written))
            })
            .await?;
        self.lazy.settle(&written);
        Ok(value)
    }

    pub(crate) fn lazy(&self) -> &Arc<Lazy> {
        &self.lazy
    }

    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    pub(crate) fn files(&self) -> &Directory {
        &self.files
    }
}

/// Who changes what. Whether they may is asked in the transaction, of `sqlite::acl`.
fn by(access: &Access, cause: Cause) -> By {
    let origin = Origin { credential: access.credential(), session: access.session() };
    By { account: access.owner(), cause, origin }
}

/// The same for what nobody but the owner may do.
fn own_by(access: &Access, cause: Cause) -> Result<By> {
    access.account()?;
    Ok(by(access, cause))
}

/// The only clock of the store: what is stored is stamped with it, and nothing is decided by it but what is old.
pub(crate) fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Messages that one request to the writer touches at most: some 10 to 20 ms, which a delivery may have to wait.
const CHUNK_MESSAGES: usize = 500;
