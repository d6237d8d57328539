//! Moving pages from the log into the database without stalling the writer.
//!
//! A thread of its own does the copying (`PASSIVE`, which blocks nobody) whenever [`LOG_PAGES_MAX`] pages wait. It can't
//! catch up with a busy writer for good, and only a log that has been copied entirely starts again from its
//! beginning; so after each round the writer itself copies the few pages that came meanwhile. They are few because
//! the thread goes twice: the second time over what came during the long first time.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rusqlite::Connection;

/// Asks for rounds of copying, between groups.
pub(crate) struct Checkpoints {
    /// To the thread, which ends when this is dropped.
    wanted: SyncSender<()>,
    /// From the thread: the round is over.
    done: Receiver<()>,
    running: bool,
}

impl Checkpoints {
    /// Starts the thread on a connection of its own.
    pub(crate) fn start(connection: Connection) -> std::io::Result<Self> {
        let (wanted, wishes) = sync_channel(1);
        let (finished, done) = sync_channel(1);
        std::thread::Builder::new().name("store-checkpoint".into()).spawn(move || {
            while wishes.recv().is_ok() {
                for _ in 0..2 {
                    checkpoint(&connection, "PRAGMA wal_checkpoint(PASSIVE)");
                }
                if finished.send(()).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { wanted, done, running: false })
    }

    /// To be called by the writer when it is in no transaction.
    pub(crate) fn after_group(&mut self, writer: &Connection) {
        if self.running {
            if self.done.try_recv().is_ok() {
                self.running = false;
                let pages = checkpoint(writer, "PRAGMA wal_checkpoint(PASSIVE)");
                if pages.is_some_and(|pages| pages.in_log > LOG_PAGES_URGENT) {
                    // Readers have kept the log from starting again for long: wait for them, they are short.
                    checkpoint(writer, "PRAGMA wal_checkpoint(RESTART)");
                }
            }
            return;
        }
        let waiting = checkpoint(writer, "PRAGMA wal_checkpoint(NOOP)");
        if waiting.is_some_and(|pages| pages.in_log - pages.copied > LOG_PAGES_MAX) {
            self.running = self.wanted.try_send(()).is_ok();
        }
    }
}

struct Pages {
    in_log: i64,
    copied: i64,
}

fn checkpoint(connection: &Connection, pragma: &'static str) -> Option<Pages> {
    let run = connection.prepare_cached(pragma).and_then(|mut statement| {
        statement.query_row([], |row| Ok(Pages { in_log: row.get(1)?, copied: row.get(2)? }))
    });
    run.inspect_err(|error| tracing::warn!(%error, pragma, "checkpoint failed; it will be tried again")).ok()
}

/// 32 MiB of pages: a page that is written often is then copied once for many commits.
const LOG_PAGES_MAX: i64 = 8192;
/// 256 MiB.
const LOG_PAGES_URGENT: i64 = 65_536;
