//! The tables, and how a file comes to have them. Migrations only add; an index may be replaced by a better one.

use std::collections::BTreeMap;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension};

use super::OpenError;
use crate::broadcast::{BroadcastId, Version};
use crate::id::MessageId;
use crate::storage::Totals;

/// Sets the connection up and brings the file to the latest schema.
pub(super) fn prepare(connection: &Connection) -> Result<(), OpenError> {
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", CACHE_KIBIBYTES)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    // Else a statement with `LIMIT ?` is prepared again whenever the bound value differs.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    let done = usize::try_from(found).unwrap_or(0);
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(done) {
        connection.execute_batch(&script(index, migration))?;
    }
    Ok(())
}

/// One migration, all of it or nothing.
fn script(index: usize, migration: &str) -> String {
    format!("BEGIN IMMEDIATE; {migration} PRAGMA user_version = {}; COMMIT;", index + 1)
}

/// What makes a file of an earlier version.
#[cfg(test)]
pub(super) fn up_to(version: usize) -> String {
    MIGRATIONS.iter().enumerate().take(version).map(|(index, migration)| script(index, migration)).collect()
}

/// The greatest id that was ever given, as far as the file knows.
pub(super) fn last_id(connection: &Connection) -> rusqlite::Result<MessageId> {
    let noted: Option<i64> =
        connection.query_row("SELECT last_id FROM service", [], |row| row.get(0)).optional()?;
    Ok(MessageId::from_number(noted.unwrap_or(0)))
}

/// What the journal has told the file last.
pub(super) fn journal_mark(connection: &Connection) -> rusqlite::Result<u64> {
    let mark: i64 = connection.query_row("SELECT journal_mark FROM service", [], |row| row.get(0))?;
    Ok(mark.cast_unsigned())
}

/// Notes that the file holds all that the journal has told before `mark`, and the greatest id that was ever given.
pub(super) fn note_journal(connection: &Connection, mark: u64, last: MessageId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE service SET journal_mark = ?1, last_id = max(last_id, ?2) WHERE one = 1")?
        .execute((mark.cast_signed(), last.number()))?;
    Ok(())
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

/// What the broadcasts are at.
pub(super) fn broadcasts(connection: &Connection) -> rusqlite::Result<BTreeMap<BroadcastId, Version>> {
    let mut statement = connection.prepare("SELECT id, version FROM broadcast")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let checked = rows.map(|row| {
        let (id, version) = row?;
        Ok(BroadcastId::parse(&id).zip(Version::parse(&version)))
    });
    checked.filter_map(Result::transpose).collect()
}

const MIGRATIONS: &[&str] = &[FIRST, RECEIPTS_AND_AGGREGATES, BROADCASTS, MEDIA_TYPES, JOURNAL];

const FIRST: &str = "
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
";

/// An ordinary message has NULL in the new columns and stands in none of the new indexes.
const RECEIPTS_AND_AGGREGATES: &str = "
    ALTER TABLE message ADD COLUMN receipt BLOB;
    ALTER TABLE message ADD COLUMN shared INTEGER;
    ALTER TABLE message ADD COLUMN shared_bytes INTEGER;
    CREATE INDEX message_shared ON message (shared) WHERE shared IS NOT NULL;

    CREATE TABLE shared_body (
        id INTEGER NOT NULL PRIMARY KEY,
        body BLOB NOT NULL
    ) STRICT;

    CREATE TABLE receipt_subscription (
        id BLOB NOT NULL PRIMARY KEY,
        maker BLOB NOT NULL,
        bound INTEGER NOT NULL,
        used INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX receipt_subscription_maker ON receipt_subscription (maker);
    CREATE INDEX receipt_subscription_used ON receipt_subscription (used);

    CREATE TABLE receipt (
        subscription BLOB NOT NULL,
        message INTEGER NOT NULL,
        outcome INTEGER NOT NULL,
        PRIMARY KEY (subscription, message)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE aggregate (
        id BLOB NOT NULL PRIMARY KEY,
        maker BLOB NOT NULL,
        bound INTEGER NOT NULL,
        members INTEGER NOT NULL,
        used INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX aggregate_maker ON aggregate (maker);
    CREATE INDEX aggregate_used ON aggregate (used);

    CREATE TABLE aggregate_member (
        aggregate BLOB NOT NULL,
        subscription BLOB NOT NULL,
        expires INTEGER,
        ttl INTEGER,
        PRIMARY KEY (aggregate, subscription)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE simple_version (
        subscription BLOB NOT NULL PRIMARY KEY,
        version INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

const BROADCASTS: &str = "
    CREATE TABLE broadcast (
        id TEXT NOT NULL PRIMARY KEY,
        version TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// With the new index the oldest message of an urgency is found at once; it does all that the former one did.
const MEDIA_TYPES: &str = "
    ALTER TABLE message ADD COLUMN media_type TEXT;
    CREATE INDEX message_agent_urgency ON message (agent, urgency);
    DROP INDEX message_agent;
";

/// What the journal is to be compared with.
const JOURNAL: &str = "
    ALTER TABLE service ADD COLUMN journal_mark INTEGER NOT NULL DEFAULT 0;
";

/// SQLite reads a negative size as KiB.
const CACHE_KIBIBYTES: i64 = -65_536;
const STATEMENTS_CACHED: usize = 64;
