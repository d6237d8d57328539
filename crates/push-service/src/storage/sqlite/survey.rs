//! Looking at a storage from outside, while it is in use or not: for those who operate it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::{COPY_PATIENCE, OpenError, schema};
use crate::storage::Totals;

/// How much a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Survey {
    /// Agents, subscriptions, messages; those that have expired and were not swept yet included.
    pub totals: Totals,
    /// Bytes of the bodies of messages; a body that several share counts once.
    pub bytes: u64,
}

/// Counts what a file holds, without changing it. Blocking, and reads all of the file's messages.
pub fn survey(path: &Path) -> Result<Survey, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(COPY_PATIENCE)?;
    // One snapshot for all of the counts.
    let snapshot = connection.unchecked_transaction()?;
    let totals = schema::totals(&snapshot)?;
    let mut bytes = total_bytes(&snapshot, "message")?;
    // A file of version 1 has no shared bodies.
    let shared: Option<i64> = snapshot
        .query_row("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'shared_body'", [], |row| {
            row.get(0)
        })
        .optional()?;
    if shared.is_some() {
        bytes = bytes.saturating_add(total_bytes(&snapshot, "shared_body")?);
    }
    Ok(Survey { totals, bytes })
}

fn total_bytes(connection: &Connection, table: &str) -> rusqlite::Result<u64> {
    let sum = format!("SELECT coalesce(sum(length(body)), 0) FROM {table}");
    let bytes: i64 = connection.query_row(&sum, [], |row| row.get(0))?;
    Ok(u64::try_from(bytes).unwrap_or(0))
}
