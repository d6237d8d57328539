//! Replies while the owner is away (RFC 8621 §8): what is set, and who has had one.

use rusqlite::params;

use super::blobs::{self, Content};
use super::writer::Tx;
use super::{Sql, int, no_account, submissions, time, uint};
use crate::{AccountId, Error, Result, SubmissionId, UnixTime, Vacation};

/// What an account has set.
pub(crate) fn read(sql: Sql<'_>, account: AccountId) -> Result<Vacation> {
    let found = sql.one(
        "read vacation",
        "SELECT is_enabled, from_at, to_at, subject, text_body, html_body FROM vacation WHERE account_id = ?1",
        [int(account.0)],
        |row| {
            Ok(Vacation {
                is_enabled: row.get(0)?,
                from: time(row, 1)?,
                to: time(row, 2)?,
                subject: row.get(3)?,
                text_body: row.get(4)?,
                html_body: row.get(5)?,
            })
        },
    )?;
    Ok(found.unwrap_or_default())
}

/// Sets it; whoever had the reply as it was gets the new one.
pub(crate) fn write(tx: &Tx<'_>, account: AccountId, vacation: &Vacation) -> Result<()> {
    if read(tx.sql, account)? == *vacation {
        return Ok(());
    }
    let modseq = tx.raise_modseq(account)?;
    let sql = "UPDATE account SET vacation_modseq = ?2 WHERE id = ?1";
    tx.sql.run("mark vacation", sql, [int(account.0), int(modseq.0)])?;
    tx.sql.run(
        "write vacation",
        "INSERT OR REPLACE INTO vacation (account_id, is_enabled, from_at, to_at, subject, text_body, html_body) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            int(account.0), vacation.is_enabled, vacation.from.map(|at| at.0), vacation.to.map(|at| at.0),
            vacation.subject, vacation.text_body, vacation.html_body
        ],
    )?;
    tx.sql.run("forget replies", "DELETE FROM vacation_reply WHERE account_id = ?1", [int(account.0)])?;
    Ok(())
}

/// Accounts whose replies are enabled.
pub(crate) fn enabled(sql: Sql<'_>) -> Result<Vec<AccountId>> {
    let text = "SELECT account_id FROM vacation WHERE is_enabled = 1";
    sql.all("list enabled vacations", text, [], |row| uint(row, 0).map(AccountId))
}

/// Queues a reply, unless its recipient has had one, or too many others have. Whether it was queued.
pub(crate) fn queue(
    tx: &Tx<'_>,
    account: AccountId,
    (to, unless_after): (&str, UnixTime),
    content: &Content,
) -> Result<bool> {
    if !read(tx.sql, account)?.is_on(tx.now) {
        return Ok(false);
    }
    super::accounts::modseq(tx.sql, account).map_err(|_| no_account(account))?;
    let folded = to.to_ascii_lowercase();
    let had = tx.sql.one(
        "look for a reply",
        "SELECT count(*) > ?4 OR ifnull(sum(sender = ?2), 0) > 0 FROM vacation_reply \
         WHERE account_id = ?1 AND replied_at > ?3",
        params![int(account.0), folded, unless_after.0, REPLIES_MAX],
        |row| row.get::<_, bool>(0),
    )?;
    if had.unwrap_or(true) {
        return Ok(false);
    }
    tx.sql.run(
        "remember reply",
        "INSERT OR REPLACE INTO vacation_reply (account_id, sender, replied_at) VALUES (?1, ?2, ?3)",
        params![int(account.0), folded, tx.now.0],
    )?;
    let blob = blobs::retain(tx, content)?;
    let id = tx.sql.one(
        "insert reply",
        "INSERT INTO submission (account_id, is_shown, identity_id, message_id, thread_id, header_message_id, blob_id, \
         size, mail_from, envelope_id, send_at, undo, attempts, due_at, dsn, mdn, modseq, created_modseq) \
         VALUES (?1, 0, 0, 0, 0, '', ?2, ?3, '', '', ?4, 0, 0, ?4, '', '', 0, 0) RETURNING id",
        params![int(account.0), blob.0, int(content.size), tx.now.0],
        |row| uint(row, 0).map(SubmissionId),
    )?;
    let id = id.ok_or_else(|| Error::Bug("no id for a reply".into()))?;
    let to = crate::EnvelopeAddress { email: to.to_owned(), parameters: None };
    submissions::insert_recipients(tx, id, &[to])?;
    Ok(true)
}

/// Forgets replies from before a time.
pub(crate) fn forget(tx: &Tx<'_>, before: UnixTime) -> Result<()> {
    tx.sql.run("forget old replies", "DELETE FROM vacation_reply WHERE replied_at < ?1", [before.0])?;
    Ok(())
}

/// People who get a reply of one account within the time for which they are remembered; no more get one.
const REPLIES_MAX: i64 = 2000;
