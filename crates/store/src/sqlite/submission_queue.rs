//! The queue that submissions wait in, as the one who sends them sees it.
//!
//! Invariant: `due_at` is set exactly while a recipient is queued or in doubt; without it the content is released, and a row that
//! nobody sees is gone.

use rusqlite::params;

use super::blobs::{self, BlobId};
use super::writer::Tx;
use super::{Sql, int, objects, pairs, submissions, uint};
use crate::{
    AccountId, EnvelopeAddress, Error, Fate, ModSeq, ObjectKind, QueuedSubmission, RecipientOutcome, Result,
    SubmissionId, UnixTime,
};

/// Those that are due, the longest due first, but none of `except`.
pub(crate) fn due(
    sql: Sql<'_>,
    now: UnixTime,
    (except, limit): (&[SubmissionId], usize),
) -> Result<Vec<QueuedSubmission>> {
    let page = i64::try_from(limit.saturating_add(except.len())).unwrap_or(i64::MAX);
    let mut due = sql.all(
        "find due submissions",
        "SELECT s.id, s.account_id, s.mail_from, s.parameters, s.send_at, s.envelope_id, s.size, s.attempts \
         FROM submission s JOIN account a ON a.id = s.account_id \
         WHERE s.due_at <= ?1 AND s.undo <> 2 \
         AND EXISTS (SELECT 1 FROM submission_recipient r WHERE r.submission_id = s.id AND r.fate = 0) ORDER BY s.due_at, s.id LIMIT ?2",
        [now.0, page],
        |row| {
            Ok(QueuedSubmission {
                id: SubmissionId(uint(row, 0)?),
                account: AccountId(uint(row, 1)?),
                mail_from: EnvelopeAddress {
                    email: row.get(2)?,
                    parameters: pairs::read_parameters(row.get(3)?),
                },
                recipients: Vec::new(),
                send_at: UnixTime(row.get(4)?),
                envelope_id: row.get(5)?,
                size: uint(row, 6)?,
                attempts: row.get(7)?,
            })
        },
    )?;
    due.retain(|submission| !except.contains(&submission.id));
    due.truncate(limit);
    for submission in &mut due {
        submission.recipients = submissions::recipients(sql, submission.id)?;
        submission.recipients.retain(|recipient| recipient.fate == Fate::Queued);
    }
    Ok(due)
}

/// When the next one after a time is due.
pub(crate) fn next_due(sql: Sql<'_>, after: UnixTime) -> Result<Option<UnixTime>> {
    sql.one(
        "find next due submission",
        "SELECT s.due_at FROM submission s WHERE s.due_at > ?1 ORDER BY s.due_at LIMIT 1",
        [after.0],
        |row| row.get(0).map(UnixTime),
    )
}

/// How many wait, of all accounts.
pub(crate) fn length(sql: Sql<'_>) -> Result<u64> {
    let sql_text = "SELECT count(*) FROM submission WHERE due_at IS NOT NULL";
    Ok(sql.one("count submissions that wait", sql_text, [], |row| uint(row, 0))?.unwrap_or_default())
}

/// How many of an account wait.
pub(crate) fn waiting(sql: Sql<'_>, account: AccountId) -> Result<usize> {
    let waiting = sql.one(
        "count waiting submissions of an account",
        "SELECT count(*) FROM submission WHERE account_id = ?1 AND due_at IS NOT NULL",
        [int(account.0)],
        |row| uint(row, 0),
    )?;
    Ok(usize::try_from(waiting.unwrap_or_default()).unwrap_or(usize::MAX))
}

/// The content to send.
pub(crate) fn content(sql: Sql<'_>, files: &blobs::Directory, id: SubmissionId) -> Result<bytes::Bytes> {
    let found = sql.one(
        "find content of a submission",
        "SELECT b.id, b.hash, b.size FROM submission s JOIN blob b ON b.id = s.blob_id WHERE s.id = ?1",
        [int(id.0)],
        blobs::identity_of,
    )?;
    let content = found.ok_or(Error::NotFound("submission"))?;
    blobs::range(sql, files, content, 0..content.size)
}

/// Notes that the smarthost is about to have all of it, which can't be taken back: false if the owner has stopped it meanwhile,
/// and then it must not be sent.
pub(crate) fn commit(tx: &Tx<'_>, id: SubmissionId, outcomes: &[RecipientOutcome]) -> Result<bool> {
    let sql = "UPDATE submission SET undo = 1 WHERE id = ?1 AND undo <> 2 AND due_at IS NOT NULL";
    if tx.sql.run("commit submission", sql, [int(id.0)])? == 0 {
        return Ok(false);
    }
    apply(tx, id, outcomes)?;
    changed(tx, id)?;
    Ok(true)
}

/// Notes what an attempt has come to; `due_at` is when the next one is, should any recipient be left.
pub(crate) fn settle(
    tx: &Tx<'_>,
    id: SubmissionId,
    outcomes: &[RecipientOutcome],
    due_at: UnixTime,
) -> Result<()> {
    let sql = "UPDATE submission SET attempts = attempts + 1, due_at = ?2 \
               WHERE id = ?1 AND undo <> 2 AND due_at IS NOT NULL";
    if tx.sql.run("settle submission", sql, [int(id.0), due_at.0])? == 0 {
        return Ok(());
    }
    apply(tx, id, outcomes)?;
    changed(tx, id)
}

fn apply(tx: &Tx<'_>, id: SubmissionId, outcomes: &[RecipientOutcome]) -> Result<()> {
    for outcome in outcomes {
        tx.sql.run(
            "settle recipient",
            "UPDATE submission_recipient SET fate = ?3, reply = ifnull(?4, reply) \
             WHERE submission_id = ?1 AND position = ?2 AND fate < 2",
            params![int(id.0), outcome.position, fate_column(outcome.fate), outcome.reply],
        )?;
    }
    Ok(())
}

/// Settles what was in doubt when the server ended: nobody knows whether the smarthost took it, and it is not sent again. The
/// submissions that this concerns.
pub(crate) fn resolve_doubts(tx: &Tx<'_>, reply: &str) -> Result<Vec<(AccountId, SubmissionId)>> {
    let found = tx.sql.all(
        "find submissions in doubt",
        "SELECT DISTINCT s.account_id, s.id FROM submission_recipient r JOIN submission s ON s.id = r.submission_id \
         WHERE r.fate = 1",
        [],
        |row| Ok((AccountId(uint(row, 0)?), SubmissionId(uint(row, 1)?))),
    )?;
    for (_, id) in &found {
        tx.sql.run(
            "resolve doubt",
            "UPDATE submission_recipient SET fate = 2, reply = ?2 WHERE submission_id = ?1 AND fate = 1",
            params![int(id.0), reply],
        )?;
        changed(tx, *id)?;
    }
    Ok(found)
}

/// To be called after every change of one: ends it if nothing is left to send, and tells its owner.
pub(super) fn changed(tx: &Tx<'_>, id: SubmissionId) -> Result<()> {
    let row = tx.sql.one(
        "look at submission",
        "SELECT s.account_id, s.is_shown, s.due_at IS NOT NULL, \
         EXISTS (SELECT 1 FROM submission_recipient r WHERE r.submission_id = s.id AND r.fate < 2), \
         EXISTS (SELECT 1 FROM account a WHERE a.id = s.account_id) FROM submission s WHERE s.id = ?1",
        [int(id.0)],
        |row| {
            Ok((
                AccountId(uint(row, 0)?),
                row.get::<_, bool>(1)?,
                row.get::<_, bool>(2)?,
                row.get::<_, bool>(3)?,
                row.get::<_, bool>(4)?,
            ))
        },
    )?;
    let Some((account, is_shown, was_open, is_open, has_owner)) = row else {
        return Err(Error::NotFound("submission"));
    };
    if was_open && !is_open {
        release(tx, id)?;
        tx.sql.run(
            "end submission",
            "UPDATE submission SET undo = max(undo, 1), due_at = NULL, ended_at = ?2 WHERE id = ?1",
            params![int(id.0), tx.now.0],
        )?;
    }
    if !is_shown {
        return if is_open { Ok(()) } else { remove(tx, id) };
    }
    if has_owner {
        let modseq = objects::touch(tx, account, ObjectKind::Submission)?;
        let sql = "UPDATE submission SET modseq = ?2 WHERE id = ?1";
        tx.sql.run("mark submission", sql, [int(id.0), int(modseq.0)])?;
    }
    Ok(())
}

fn release(tx: &Tx<'_>, id: SubmissionId) -> Result<()> {
    let blob = tx.sql.one(
        "find content to release",
        "SELECT blob_id FROM submission WHERE id = ?1 AND blob_id <> 0",
        [int(id.0)],
        |row| row.get(0).map(BlobId),
    )?;
    let Some(blob) = blob else { return Ok(()) };
    tx.sql.run("let go of content", "UPDATE submission SET blob_id = 0 WHERE id = ?1", [int(id.0)])?;
    blobs::release(tx, blob)
}

/// Removes a row that nobody sees and that has nothing left to send.
pub(super) fn remove(tx: &Tx<'_>, id: SubmissionId) -> Result<()> {
    release(tx, id)?;
    let sql = "DELETE FROM submission_recipient WHERE submission_id = ?1";
    tx.sql.run("remove recipients", sql, [int(id.0)])?;
    tx.sql.run("remove submission", "DELETE FROM submission WHERE id = ?1", [int(id.0)])?;
    Ok(())
}

/// Destroys records of what ended before a time, some at a time. Whether there is more.
pub(crate) fn expire(tx: &Tx<'_>, before: UnixTime, limit: u32) -> Result<bool> {
    let old = tx.sql.all(
        "find old submissions",
        "SELECT id, account_id, created_modseq FROM submission WHERE ended_at < ?1 ORDER BY ended_at LIMIT ?2",
        params![before.0, limit],
        |row| Ok((SubmissionId(uint(row, 0)?), AccountId(uint(row, 1)?), ModSeq(uint(row, 2)?))),
    )?;
    let more = u32::try_from(old.len()).is_ok_and(|found| found == limit);
    for (id, account, created) in old {
        remove(tx, id)?;
        match objects::touch(tx, account, ObjectKind::Submission) {
            Ok(modseq) => {
                objects::bury(tx, account, (ObjectKind::Submission, id.0), (created, modseq))?;
            }
            // Its account is being removed.
            Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(more)
}

/// Removes all of an account that is gone.
pub(crate) fn purge(tx: &Tx<'_>, account: AccountId) -> Result<()> {
    let all = tx.sql.all(
        "find submissions to purge",
        "SELECT id FROM submission WHERE account_id = ?1",
        [int(account.0)],
        |row| uint(row, 0).map(SubmissionId),
    )?;
    all.into_iter().try_for_each(|id| remove(tx, id))
}

fn fate_column(fate: Fate) -> i64 {
    match fate {
        Fate::Queued => 0,
        Fate::InDoubt => 1,
        Fate::Relayed => 2,
        Fate::Delivered => 3,
        Fate::Failed => 4,
    }
}
