//! The tables, and how a file comes to have them. Migrations only add.

use rusqlite::{Connection, OptionalExtension};

use super::OpenError;
use crate::id::MessageId;
use crate::storage::Totals;

/// Sets the connection up and brings the file to the latest schema.
pub(super) fn prepare(connection: &Connection) -> Result<(), OpenError> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", CACHE_KIBIBYTES)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    let done = usize::try_from(found).unwrap_or(0);
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(done) {
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {migration} PRAGMA user_version = {}; COMMIT;",
            index + 1
        ))?;
    }
    Ok(())
}

/// The greatest id that was ever given, as far as the file knows.
pub(super) fn last_id(connection: &Connection) -> rusqlite::Result<MessageId> {
    let noted: Option<i64> =
        connection.query_row("SELECT last_id FROM service", [], |row| row.get(0)).optional()?;
    Ok(MessageId::from_number(noted.unwrap_or(0)))
}

/// Counts what the file holds; the writer keeps the numbers up from then on.
pub(super) fn totals(connection: &Connection) -> rusqlite::Result<Totals> {
    let count = |table: &str| -> rusqlite::Result<u64> {
        let rows: i64 =
            connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
        Ok(u64::try_from(rows).unwrap_or(0))
    };
    Ok(Totals { agents: count("agent")?, subscriptions: count("subscription")?, messages: count("message")? })
}

const MIGRATIONS: &[&str] = &["
    CREATE TABLE service (
        one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
        last_id INTEGER NOT NULL
    ) STRICT;
    INSERT INTO service (one, last_id) VALUES (1, 0);

    CREATE TABLE agent (
        id BLOB NOT NULL PRIMARY KEY,
        seen INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX agent_seen ON agent (seen);

    CREATE TABLE subscription (
        id BLOB NOT NULL PRIMARY KEY,
        agent BLOB NOT NULL,
        channel BLOB NOT NULL,
        restricted_to BLOB
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX subscription_channel ON subscription (agent, channel);

    CREATE TABLE message (
        id INTEGER NOT NULL PRIMARY KEY,
        agent BLOB NOT NULL,
        subscription BLOB NOT NULL,
        topic TEXT,
        urgency INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        encoding INTEGER NOT NULL,
        encryption TEXT,
        crypto_key TEXT,
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX message_agent ON message (agent);
    CREATE INDEX message_expires ON message (expires);
    CREATE UNIQUE INDEX message_topic ON message (subscription, topic) WHERE topic IS NOT NULL;
"];

/// SQLite reads a negative size as KiB.
const CACHE_KIBIBYTES: i64 = -65_536;
const STATEMENTS_CACHED: usize = 64;
