//! Closing, checking, copying.

use std::path::PathBuf;

use crate::sqlite::{Sql, backup, check, uint};
use crate::{CheckReport, Error, Result, Store};

impl Store {
    /// Answers what waits, flushes what is lazy, checkpoints and closes. Later calls say Unavailable; closing twice is
    /// no error.
    ///
    /// # Errors
    /// Unavailable if what is lazy could not be flushed; it is closed all the same.
    pub async fn close(&self) -> Result<()> {
        let tasks = [self.inner.upkeep.lock().take(), self.inner.indexer.lock().take()];
        for task in tasks.into_iter().flatten() {
            task.abort();
            let _ = task.await;
        }
        let is_open = self.inner.writer.lock().is_some();
        let flushed = if is_open { self.inner.write_in_order(|_| Ok(())).await } else { Ok(()) };
        drop(self.inner.writer.lock().take());
        let ended = self.inner.writer_ended.lock().take();
        self.inner.readers.close();
        self.inner.index().close();
        if let Some(ended) = ended {
            // An error means that the thread has gone without a word, which is an end, too.
            let _ = ended.await;
        }
        flushed
    }

    /// Recomputes what is derived (counts, sizes, MODSEQs, references, threads, content hashes, the search index) and compares. Works beside
    /// a running server, on one snapshot; reads everything, so it takes a while.
    ///
    /// # Errors
    /// Unavailable if it can't be read; what is wrong in it is in the report.
    pub async fn check(&self) -> Result<CheckReport> {
        let files = self.inner.files.clone();
        let mut report = self.read(move |sql| check::check(sql, &files)).await?;
        for account in self.accounts().await? {
            // The index is read first: what changes meanwhile is told from what is wrong by the log.
            let Some((cursor, indexed)) = self.inner.index().contents(account.id).await? else { continue };
            let found = self.read(move |sql| check::index(sql, account.id, cursor, &indexed)).await?;
            report.problems.extend(found);
        }
        Ok(report)
    }

    /// An online copy (database and blob files) into an empty or new directory, on disk when this answers.
    ///
    /// # Errors
    /// Exists if there is something in the directory, Unavailable for trouble with either disk.
    pub async fn backup(&self, directory: PathBuf) -> Result<()> {
        self.inner.write_in_order(|_| Ok(())).await?;
        let (data_dir, files) = (self.inner.options.data_dir.clone(), self.inner.files.clone());
        blocking(move || backup::backup(&data_dir, &files, &directory)).await
    }

    /// The store's epoch: 1 or more, raised by a restore, part of JMAP states.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn epoch(&self) -> Result<u64> {
        let text = "SELECT value FROM meta WHERE key = 'epoch'";
        let epoch =
            self.read(move |sql: Sql<'_>| sql.one("read epoch", text, [], |row| uint(row, 0))).await?;
        epoch.ok_or_else(|| Error::Bug("no epoch".into()))
    }
}

/// Copies a backup into an empty or new directory, which is then a store. Its epoch and every UIDVALIDITY are raised,
/// so that no client takes it for what it knew.
///
/// # Errors
/// NotFound if there is no backup in `from`, Exists if there is something in `to`, Unavailable for trouble with the disks.
pub async fn restore(from: PathBuf, to: PathBuf) -> Result<()> {
    blocking(move || backup::restore(&from, &to, super::now())).await
}

async fn blocking(work: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::Bug(format!("copying ended early: {error}")))?
}
