//! Opening a connection, and migrations.
//!
//! The schema's version is SQLite's `user_version`: migration n brings it from n-1 to n, in one transaction. None is
//! changed once it is here. A store that is newer than the program is refused.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

#[cfg(test)]
mod tests;

/// The file in the data directory.
pub(crate) const FILE_NAME: &str = "mail.sqlite";

/// Why a connection can't be had.
pub(crate) enum Failed {
    /// A later version's store.
    Newer(u32),
    /// Anything else.
    Other(String),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::Other(error.to_string())
    }
}

/// Opens the one connection that writes, and migrates.
pub(crate) fn open_writer(file: &Path) -> Result<Connection, Failed> {
    let mut connection = Connection::open(file)?;
    // Before the first page is written; does nothing to a database that is there already.
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    let mode = wait_and_log_ahead(&connection)?;
    if mode != "wal" {
        return Err(Failed::Other(format!("journal mode is {mode}, not wal: is it a network file system?")));
    }
    configure(&connection, WRITER_CACHE_KIB)?;
    // ARCHITECTURE.md, invariant 1: the commit is on disk when COMMIT returns.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
    // Checkpoints are the writer's own business: see `checkpoint`.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Has the connection wait for others, for [`BUSY_WAIT`], and write ahead. Gives the journal mode that it has then.
///
/// SQLite does not wait when two connections turn the same new database to writing ahead, since neither could give way:
/// the one that is told so has to try again.
pub(super) fn wait_and_log_ahead(connection: &Connection) -> rusqlite::Result<String> {
    connection.busy_timeout(BUSY_WAIT)?;
    let until = Instant::now() + BUSY_WAIT;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0)) {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < until =>
            {
                std::thread::sleep(RETRY_AFTER);
            }
            answered => return answered,
        }
    }
}

/// Opens a connection that only reads.
pub(crate) fn open_reader(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    configure(&connection, READER_CACHE_KIB)?;
    Ok(connection)
}

/// Opens a connection that only moves pages from the log into the database.
pub(crate) fn open_checkpointer(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

fn configure(connection: &Connection, cache_kib: i64) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // Else a statement with `LIMIT ?` is prepared again whenever the bound value differs.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // An I/O error under mmap is a signal that ends the process; as a read it is an error.
    connection.pragma_update(None, "mmap_size", 0)?;
    // What hangs together is removed by statements that say so; `check` finds what they forgot.
    connection.pragma_update(None, "foreign_keys", false)
}

fn migrate(connection: &mut Connection) -> Result<(), Failed> {
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    // The version is read under the write lock: two programs may open a new store at once.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(Failed::Newer(found));
    }
    for (version, sql) in (1_u32..).zip(MIGRATIONS).skip(usize::try_from(found).unwrap_or(usize::MAX)) {
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", version)?;
    }
    if found < known {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    transaction.commit()?;
    Ok(())
}

/// The newest version that this program knows.
pub(crate) fn known_version() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

const MIGRATIONS: &[&str] = &[
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
    include_str!("schema/0005.sql"),
    include_str!("schema/0006.sql"),
    include_str!("schema/0007.sql"),
    include_str!("schema/0008.sql"),
    include_str!("schema/0009.sql"),
    include_str!("schema/0010.sql"),
    include_str!("schema/0011.sql"),
    include_str!("schema/0012.sql"),
    include_str!("schema/0013.sql"),
];
/// "mail" in ASCII: `file` and forensics then say what it is.
const APPLICATION_ID: i32 = 0x6d61_696c;
const PAGE_BYTES: i64 = 4096;
/// How long to wait for another process that writes (`mailbell account add`) before saying Unavailable.
const BUSY_WAIT: Duration = Duration::from_secs(10);
/// How soon to try again what SQLite does not wait for.
const RETRY_AFTER: Duration = Duration::from_millis(5);
/// Not more: SQLite walks all of its cache in most commits that split a page, however few pages they touch.
const WRITER_CACHE_KIB: i64 = 8 * 1024;
const READER_CACHE_KIB: i64 = 8 * 1024;
/// After a burst the log file is cut back to this.
const WAL_BYTES_KEPT: i64 = 64 * 1024 * 1024;
const STATEMENTS_KEPT: usize = 128;
