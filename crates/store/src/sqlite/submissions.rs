//! Submissions as their owners see them (RFC 8621 §7). What the sender does with them is in `submission_queue`.

use std::collections::BTreeMap;

use rusqlite::{Row, params};

use super::blobs::{self, BlobId};
use super::writer::Tx;
use super::{Sql, identities, int, objects, pairs, submission_queue, uint};
use crate::{
    AccountId, EnvelopeAddress, Error, Fate, IdentityId, MessageId, NewSubmission, ObjectKind, Result,
    Submission, SubmissionId, SubmissionRecipient, ThreadId, Undo, UnixTime,
};

/// Makes one. The email's content is kept until it has been sent.
pub(crate) fn create(tx: &Tx<'_>, account: AccountId, new: &NewSubmission) -> Result<Submission> {
    identities::one(tx.sql, account, new.identity)?;
    let content = tx.sql.one(
        "find content to send",
        "SELECT m.blob_id, m.thread_id, m.size FROM message m WHERE m.account_id = ?1 AND m.id = ?2 \
         AND EXISTS (SELECT 1 FROM membership p INDEXED BY membership_message \
           WHERE p.account_id = ?1 AND p.message_id = m.id AND p.flags_low & 16 = 0)",
        [int(account.0), int(new.email.0)],
        |row| Ok((BlobId(row.get(0)?), uint(row, 1)?, uint(row, 2)?)),
    )?;
    let (blob, thread, size) = content.ok_or(Error::NotFound("message"))?;
    if submission_queue::waiting(tx.sql, account)? >= new.waiting_max {
        return Err(Error::Limit("submissions that wait"));
    }
    blobs::retain_again(tx, blob)?;
    let modseq = objects::touch(tx, account, ObjectKind::Submission)?;
    let id = tx.sql.one(
        "insert submission",
        "INSERT INTO submission (account_id, is_shown, identity_id, message_id, thread_id, header_message_id, blob_id, \
         size, mail_from, parameters, envelope_id, send_at, undo, attempts, due_at, dsn, mdn, modseq, created_modseq) \
         VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, 0, ?11, '', '', ?12, ?12) RETURNING id",
        params![
            int(account.0), int(new.identity.0), int(new.email.0), int(thread), new.header_message_id, blob.0,
            int(size), new.mail_from.email, pairs::write_parameters(&new.mail_from), new.envelope_id, new.send_at.0,
            int(modseq.0)
        ],
        |row| uint(row, 0).map(SubmissionId),
    )?;
    let id = id.ok_or_else(|| Error::Bug("no id for a new submission".into()))?;
    insert_recipients(tx, id, &new.recipients)?;
    one(tx.sql, account, id)
}

pub(super) fn insert_recipients(tx: &Tx<'_>, id: SubmissionId, recipients: &[EnvelopeAddress]) -> Result<()> {
    for (position, recipient) in (0_u32..).zip(recipients) {
        tx.sql.run(
            "insert recipient",
            "INSERT INTO submission_recipient (submission_id, position, email, parameters, fate, reply, is_displayed) \
             VALUES (?1, ?2, ?3, ?4, 0, ?5, 0)",
            params![int(id.0), position, recipient.email, pairs::write_parameters(recipient), QUEUED_REPLY],
        )?;
    }
    Ok(())
}

/// One of an account's own.
pub(crate) fn one(sql: Sql<'_>, account: AccountId, id: SubmissionId) -> Result<Submission> {
    let text = format!("SELECT {COLUMNS} FROM submission WHERE account_id = ?1 AND id = ?2 AND is_shown = 1");
    let found = sql.one("read submission", &text, [int(account.0), int(id.0)], submission)?;
    let mut found = found.ok_or(Error::NotFound("submission"))?;
    found.recipients = recipients(sql, id)?;
    Ok(found)
}

/// All of an account, by id; with their recipients.
pub(crate) fn all(sql: Sql<'_>, account: AccountId) -> Result<Vec<Submission>> {
    let text = format!("SELECT {COLUMNS} FROM submission WHERE account_id = ?1 AND is_shown = 1 ORDER BY id");
    let mut all = sql.all("list submissions", &text, [int(account.0)], submission)?;
    let mut recipients: BTreeMap<u64, Vec<SubmissionRecipient>> = BTreeMap::new();
    let found = sql.all(
        "list recipients",
        "SELECT r.submission_id, r.position, r.email, r.parameters, r.fate, r.reply, r.is_displayed \
         FROM submission s JOIN submission_recipient r ON r.submission_id = s.id \
         WHERE s.account_id = ?1 AND s.is_shown = 1 ORDER BY r.submission_id, r.position",
        [int(account.0)],
        |row| Ok((uint(row, 0)?, recipient(row)?)),
    )?;
    for (id, recipient) in found {
        recipients.entry(id).or_default().push(recipient);
    }
    for submission in &mut all {
        submission.recipients = recipients.remove(&submission.id.0).unwrap_or_default();
    }
    Ok(all)
}

/// Those of one submission, in order.
pub(super) fn recipients(sql: Sql<'_>, id: SubmissionId) -> Result<Vec<SubmissionRecipient>> {
    sql.all(
        "read recipients",
        "SELECT submission_id, position, email, parameters, fate, reply, is_displayed FROM submission_recipient \
         WHERE submission_id = ?1 ORDER BY position",
        [int(id.0)],
        recipient,
    )
}

/// Stops one. Canceling again is no error.
pub(crate) fn cancel(tx: &Tx<'_>, account: AccountId, id: SubmissionId) -> Result<()> {
    match one(tx.sql, account, id)?.undo {
        Undo::Canceled => return Ok(()),
        Undo::Final => return Err(Error::Forbidden("it is on its way")),
        Undo::Pending => {}
    }
    let sql = "UPDATE submission SET undo = 2 WHERE id = ?1";
    tx.sql.run("cancel submission", sql, [int(id.0)])?;
    tx.sql.run(
        "fail canceled recipients",
        "UPDATE submission_recipient SET fate = 4, reply = ?2 WHERE submission_id = ?1",
        params![int(id.0), CANCELED_REPLY],
    )?;
    submission_queue::changed(tx, id)
}

/// Removes the record of one; what is on its way goes on.
pub(crate) fn destroy(tx: &Tx<'_>, account: AccountId, id: SubmissionId) -> Result<()> {
    one(tx.sql, account, id)?;
    let modseq = objects::touch(tx, account, ObjectKind::Submission)?;
    let created = tx.sql.one(
        "hide submission",
        "UPDATE submission SET is_shown = 0 WHERE id = ?1 RETURNING created_modseq, due_at IS NULL",
        [int(id.0)],
        |row| Ok((uint(row, 0).map(crate::ModSeq)?, row.get::<_, bool>(1)?)),
    )?;
    let (created, is_over) = created.ok_or(Error::NotFound("submission"))?;
    if is_over {
        submission_queue::remove(tx, id)?;
    }
    objects::bury(tx, account, (ObjectKind::Submission, id.0), (created, modseq))
}

const COLUMNS: &str =
    "id, identity_id, message_id, thread_id, mail_from, parameters, send_at, undo, dsn, mdn";

fn submission(row: &Row<'_>) -> rusqlite::Result<Submission> {
    let ids = |column: usize| -> rusqlite::Result<Vec<MessageId>> {
        let text: String = row.get(column)?;
        Ok(text.split_ascii_whitespace().filter_map(|id| id.parse().ok()).map(MessageId).collect())
    };
    Ok(Submission {
        id: SubmissionId(uint(row, 0)?),
        identity: IdentityId(uint(row, 1)?),
        email: MessageId(uint(row, 2)?),
        thread: ThreadId(uint(row, 3)?),
        mail_from: EnvelopeAddress { email: row.get(4)?, parameters: pairs::read_parameters(row.get(5)?) },
        recipients: Vec::new(),
        send_at: UnixTime(row.get(6)?),
        undo: match row.get(7)? {
            0 => Undo::Pending,
            1 => Undo::Final,
            2 => Undo::Canceled,
            other => return Err(rusqlite::Error::IntegralValueOutOfRange(7, other)),
        },
        dsn: ids(8)?,
        mdn: ids(9)?,
    })
}

fn recipient(row: &Row<'_>) -> rusqlite::Result<SubmissionRecipient> {
    Ok(SubmissionRecipient {
        position: row.get(1)?,
        address: EnvelopeAddress { email: row.get(2)?, parameters: pairs::read_parameters(row.get(3)?) },
        fate: match row.get(4)? {
            0 => Fate::Queued,
            1 => Fate::InDoubt,
            2 => Fate::Relayed,
            3 => Fate::Delivered,
            4 => Fate::Failed,
            other => return Err(rusqlite::Error::IntegralValueOutOfRange(4, other)),
        },
        reply: row.get(5)?,
        is_displayed: row.get(6)?,
    })
}

/// Before there is a reply of the smarthost (RFC 8621 §7: a reply code, an enhanced status code and a text).
const QUEUED_REPLY: &str = "250 2.1.5 Queued";
const CANCELED_REPLY: &str = "554 5.7.0 Canceled by its sender";
