//! What is removed in the background: tombstones, free blobs, threads' keys, accounts that are gone.
//!
//! Each piece of work is found by a reader and done by the writer in small steps that look again, so that nobody waits
//! behind it.

use std::collections::BTreeSet;
use std::time::SystemTime;

use rusqlite::params;

use super::blobs::{self, BlobId, Directory};
use super::writer::Tx;
use super::{Sql, check, int, submission_queue, uint, uploads};
use crate::{AccountId, Error, ModSeq, Result, UnixTime};

/// Accounts with tombstones from before a time, each with the MODSEQ of the last such one.
pub(crate) fn stale_tombstones(sql: Sql<'_>, before: UnixTime) -> Result<Vec<(AccountId, ModSeq)>> {
    sql.all(
        "find stale tombstones",
        "SELECT account_id, max(modseq) FROM ( \
           SELECT account_id, modseq FROM expunged WHERE gone_at < ?1 \
           UNION ALL SELECT account_id, modseq FROM mailbox_gone WHERE gone_at < ?1 \
           UNION ALL SELECT account_id, modseq FROM object_gone WHERE gone_at < ?1) GROUP BY account_id",
        [before.0],
        |row| Ok((AccountId(uint(row, 0)?), ModSeq(uint(row, 1)?))),
    )
}

/// Removes an account's tombstones up to a MODSEQ, some at a time, and moves the horizon along. Whether there are more.
pub(crate) fn prune(tx: &Tx<'_>, account: AccountId, until: ModSeq, limit: u32) -> Result<bool> {
    let step = tx.sql.one(
        "find what to prune",
        "SELECT max(modseq), count(*) FROM ( \
           SELECT modseq FROM expunged WHERE account_id = ?1 AND modseq <= ?2 ORDER BY modseq LIMIT ?3)",
        params![int(account.0), int(until.0), limit],
        |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, u32>(1)?)),
    )?;
    let (last, found) = step.unwrap_or_default();
    let more = found == limit;
    // A reader from before this has missed something.
    let horizon = if more { last.unwrap_or_default() } else { int(until.0) };
    tx.sql.run(
        "move the horizon",
        "UPDATE account SET horizon = max(horizon, ?2) WHERE id = ?1",
        [int(account.0), horizon],
    )?;
    for (what, text) in [
        ("prune messages", "DELETE FROM expunged WHERE account_id = ?1 AND modseq <= ?2"),
        ("prune mailboxes", "DELETE FROM mailbox_gone WHERE account_id = ?1 AND modseq <= ?2"),
        ("prune objects", "DELETE FROM object_gone WHERE account_id = ?1 AND modseq <= ?2"),
    ] {
        tx.sql.run(what, text, [int(account.0), horizon])?;
    }
    Ok(more)
}

/// Removes blobs that have been free since before a time, some at a time: the names of the files to remove once this is
/// on disk, and whether there are more.
pub(crate) fn reclaim(tx: &Tx<'_>, before: UnixTime, limit: u32) -> Result<(Vec<String>, bool)> {
    let free = tx.sql.all(
        "find free blobs",
        "SELECT id, file_name FROM blob WHERE refs = 0 AND freed_at < ?1 ORDER BY freed_at LIMIT ?2",
        params![before.0, limit],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)),
    )?;
    let more = u32::try_from(free.len()).is_ok_and(|found| found == limit);
    let mut names = Vec::new();
    for (id, name) in free {
        tx.sql.run("remove free blob", "DELETE FROM blob WHERE id = ?1", [id])?;
        tx.sql.run("remove free data", "DELETE FROM blob_data WHERE id = ?1", [id])?;
        if !name.is_empty() {
            names.push(name);
        }
    }
    Ok((names, more))
}

/// Files that no row names and that are no longer being written.
pub(crate) fn leftover_files(sql: Sql<'_>, files: &Directory) -> Result<Vec<String>> {
    // First the files, then the rows: a file that gets its row in between is not taken for a leftover.
    let listed = files.files().map_err(|error| Error::Unavailable(format!("list blobs: {error}")))?;
    let names =
        sql.all("list files", "SELECT file_name FROM blob WHERE file_name <> ''", [], |row| row.get(0))?;
    let named: BTreeSet<String> = names.into_iter().collect();
    let now = SystemTime::now();
    let leftover =
        listed.into_iter().filter(|(name, changed)| !named.contains(name) && check::is_old(*changed, now));
    Ok(leftover.map(|(name, _)| name).collect())
}

/// Keys of threads that have no message any more.
pub(crate) fn stale_thread_keys(sql: Sql<'_>) -> Result<Vec<(AccountId, i64)>> {
    sql.all(
        "find stale thread keys",
        "SELECT k.account_id, k.key FROM thread_key k WHERE NOT EXISTS \
         (SELECT 1 FROM message m WHERE m.account_id = k.account_id AND m.id = k.thread_id) AND NOT EXISTS \
         (SELECT 1 FROM message m WHERE m.account_id = k.account_id AND m.thread_id = k.thread_id AND m.thread_id <> m.id)",
        [],
        |row| Ok((AccountId(uint(row, 0)?), row.get(1)?)),
    )
}

/// Removes some of them, if they are still stale.
pub(crate) fn remove_thread_keys(tx: &Tx<'_>, keys: &[(AccountId, i64)]) -> Result<()> {
    for (account, key) in keys {
        tx.sql.run(
            "remove thread key",
            "DELETE FROM thread_key WHERE account_id = ?1 AND key = ?2 AND NOT EXISTS \
             (SELECT 1 FROM message m WHERE m.account_id = ?1 AND m.id = thread_key.thread_id) AND NOT EXISTS \
             (SELECT 1 FROM message m WHERE m.account_id = ?1 AND m.thread_id = thread_key.thread_id \
             AND m.thread_id <> m.id)",
            [int(account.0), *key],
        )?;
    }
    Ok(())
}

/// Accounts that are being removed.
pub(crate) fn gone_accounts(sql: Sql<'_>) -> Result<Vec<AccountId>> {
    sql.all("list gone accounts", "SELECT id FROM account_gone ORDER BY id", [], |row| {
        uint(row, 0).map(AccountId)
    })
}

/// Removes some of a gone account's messages, and with the last of them all else. Whether there is more.
pub(crate) fn purge(tx: &Tx<'_>, account: AccountId, limit: u32) -> Result<bool> {
    let messages = tx.sql.all(
        "find messages to purge",
        "SELECT id, blob_id FROM message WHERE account_id = ?1 ORDER BY id LIMIT ?2",
        params![int(account.0), limit],
        |row| Ok((uint(row, 0)?, BlobId(row.get(1)?))),
    )?;
    for (id, blob) in &messages {
        tx.sql.run(
            "purge memberships",
            "DELETE FROM membership WHERE account_id = ?1 AND message_id = ?2",
            [int(account.0), int(*id)],
        )?;
        tx.sql.run(
            "purge message",
            "DELETE FROM message WHERE account_id = ?1 AND id = ?2",
            [int(account.0), int(*id)],
        )?;
        blobs::release(tx, *blob)?;
    }
    if !messages.is_empty() {
        return Ok(true);
    }
    uploads::purge(tx, account)?;
    submission_queue::purge(tx, account)?;
    for (what, text) in [
        ("purge tombstones", "DELETE FROM expunged WHERE account_id = ?1"),
        ("purge gone mailboxes", "DELETE FROM mailbox_gone WHERE account_id = ?1"),
        ("purge gone objects", "DELETE FROM object_gone WHERE account_id = ?1"),
        ("purge identities", "DELETE FROM identity WHERE account_id = ?1"),
        ("purge vacation", "DELETE FROM vacation WHERE account_id = ?1"),
        ("purge replies", "DELETE FROM vacation_reply WHERE account_id = ?1"),
        ("purge mailboxes", "DELETE FROM mailbox WHERE account_id = ?1"),
        ("purge subscribed names", "DELETE FROM subscribed WHERE account_id = ?1"),
        ("purge access control lists", "DELETE FROM acl WHERE account_id = ?1"),
        ("purge access control entries", "DELETE FROM acl WHERE grantee_id = ?1"),
        ("purge annotations", "DELETE FROM annotation WHERE account_id = ?1"),
        ("purge annotations elsewhere", "DELETE FROM annotation WHERE reader_id = ?1"),
        ("purge keywords", "DELETE FROM keyword WHERE account_id = ?1"),
        ("purge thread keys", "DELETE FROM thread_key WHERE account_id = ?1"),
        ("forget gone account", "DELETE FROM account_gone WHERE id = ?1"),
    ] {
        tx.sql.run(what, text, [int(account.0)])?;
    }
    Ok(false)
}
