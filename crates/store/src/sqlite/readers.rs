//! The connections that read: each used by one blocking task at a time, in a transaction that ends with its answer.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{Sql, failed, schema};
use crate::{Error, Result};

/// A bounded set of connections, opened as they are needed.
#[derive(Clone)]
pub(crate) struct Readers {
    shared: Arc<Shared>,
}

struct Shared {
    file: PathBuf,
    permits: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// At most `count` (at least one) reads at a time; more wait.
    pub(crate) fn new(file: PathBuf, count: usize) -> Self {
        let permits = Semaphore::new(count.max(1));
        Self { shared: Arc::new(Shared { file, permits, idle: Mutex::default() }) }
    }

    /// Runs a read in one snapshot, off the asynchronous threads.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        operation: impl FnOnce(Sql<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = Arc::clone(&self.shared);
        let closed = |_| Error::Unavailable("the store is closed".into());
        let _permit = self.shared.permits.acquire().await.map_err(closed)?;
        let task = tokio::task::spawn_blocking(move || shared.read(operation));
        task.await.map_err(|error| Error::Bug(format!("a read ended early: {error}")))?
    }

    /// Refuses reads from now on and closes what is idle.
    pub(crate) fn close(&self) {
        self.shared.permits.close();
        self.shared.idle.lock().clear();
    }
}

impl Shared {
    fn read<T>(&self, operation: impl FnOnce(Sql<'_>) -> Result<T>) -> Result<T> {
        let idle = self.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => schema::open_reader(&self.file).map_err(failed("open a reader"))?,
        };
        let snapshot = connection.unchecked_transaction().map_err(failed("begin a read"))?;
        let outcome = operation(Sql(&snapshot));
        // Ends the snapshot: from here on this connection holds back no checkpoint.
        snapshot.finish().map_err(failed("end a read"))?;
        if !self.permits.is_closed() {
            self.idle.lock().push(connection);
        }
        outcome
    }
}
