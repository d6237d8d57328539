//! Recomputing what is derived, and comparing.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use rusqlite::Row;

use super::blobs::Directory;
use super::index::{Cursor, news};
use super::{Sql, uint};
use crate::{AccountId, CheckReport, Error, MessageId, Result};

#[cfg(test)]
mod tests;

/// Looks at everything, in one snapshot.
pub(crate) fn check(sql: Sql<'_>, files: &Directory) -> Result<CheckReport> {
    let mut report = CheckReport {
        accounts: count(sql, "SELECT count(*) FROM account")?,
        messages: count(sql, "SELECT count(*) FROM message")?,
        problems: Vec::new(),
    };
    let damage = sql.all("check the file", "PRAGMA integrity_check", [], |row| row.get::<_, String>(0))?;
    report.problems.extend(damage.into_iter().filter(|line| line != "ok"));
    for (what, text) in RULES {
        let found = sql.all(what, text, [], |row| Ok(format!("{what}: {}", columns(row)?)))?;
        report.problems.extend(found);
    }
    contents(sql, files, &mut report.problems)?;
    Ok(report)
}

/// Compares an account's part of the search index, as it was read, with its messages.
pub(crate) fn index(
    sql: Sql<'_>,
    account: AccountId,
    cursor: Cursor,
    indexed: &[MessageId],
) -> Result<Vec<String>> {
    let present = news::all_messages(sql, account)?;
    let missing = present
        .iter()
        .take_while(|message| **message <= cursor.message)
        .filter(|message| indexed.binary_search(message).is_err());
    let missing =
        missing.map(|m| format!("the search index lacks a message: account {account}, message {m}"));
    let going = news::gone_since(sql, account, cursor.modseq)?;
    let is_stale = |message: &&MessageId| {
        present.binary_search(message).is_err() && going.as_ref().is_some_and(|gone| !gone.contains(message))
    };
    let stale = indexed.iter().filter(is_stale);
    let stale = stale
        .map(|m| format!("the search index has a message that is not there: account {account}, message {m}"));
    Ok(missing.chain(stale).collect())
}

/// What a row says of itself: two or three integers.
fn columns(row: &Row<'_>) -> rusqlite::Result<String> {
    let mut text = String::new();
    for column in 0..row.as_ref().column_count() {
        let name = row.as_ref().column_name(column)?.to_owned();
        let separator = if column == 0 { "" } else { ", " };
        text.push_str(&format!("{separator}{name} {}", row.get::<_, i64>(column)?));
    }
    Ok(text)
}

fn count(sql: Sql<'_>, text: &str) -> Result<u64> {
    Ok(sql.one("count", text, [], |row| uint(row, 0))?.unwrap_or_default())
}

/// Each blob has the content that its hash says; each file is named by a row.
fn contents(sql: Sql<'_>, files: &Directory, problems: &mut Vec<String>) -> Result<()> {
    let mut named = BTreeSet::new();
    let text = "SELECT b.hash, b.file_name, d.data FROM blob b LEFT JOIN blob_data d ON d.id = b.id";
    let mut statement = sql.0.prepare(text).map_err(super::failed("prepare blobs"))?;
    let mut rows = statement.query([]).map_err(super::failed("read blobs"))?;
    while let Some(row) = rows.next().map_err(super::failed("read blobs"))? {
        let (hash, name, data) = blob(row).map_err(super::failed("decode blobs"))?;
        let found = if name.is_empty() { data } else { files.read(&name).ok().map(Vec::from) };
        let hex = blake3::Hash::from_bytes(hash).to_hex();
        match found {
            None => problems.push(format!("the content of blob {hex} is missing")),
            Some(data) if *blake3::hash(&data).as_bytes() != hash => {
                problems.push(format!("the content of blob {hex} is not what was stored"));
            }
            Some(_) => {}
        }
        named.insert(name);
    }
    let listed = files.files().map_err(|error| Error::Unavailable(format!("list blobs: {error}")))?;
    for (name, changed) in listed {
        if !named.contains(&name) && is_old(changed, SystemTime::now()) {
            problems.push(format!("no blob has the file {name}"));
        }
    }
    Ok(())
}

type Blob = ([u8; 32], String, Option<Vec<u8>>);

fn blob(row: &Row<'_>) -> rusqlite::Result<Blob> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

/// Whether a file that no row names is a leftover, rather than one whose row is just being written.
pub(crate) fn is_old(changed: SystemTime, now: SystemTime) -> bool {
    now.duration_since(changed).is_ok_and(|age| age > FILE_GRACE)
}

const FILE_GRACE: Duration = Duration::from_secs(24 * 3600);

/// What must not be found. Rows of accounts that are being removed have none of these promises to keep.
const RULES: [(&str, &str); 19] = [
    (
        "a mailbox's counts are wrong",
        "SELECT m.account_id AS account, m.id AS mailbox FROM mailbox m JOIN account a ON a.id = m.account_id LEFT JOIN ( \
           SELECT account_id, mailbox_id, count(*) AS n, sum(flags_low & 1 = 0) AS u, \
             sum(flags_low & 16 <> 0) AS d, sum(size) AS s, max(modseq) AS top, max(uid) AS last \
           FROM membership GROUP BY account_id, mailbox_id \
         ) c ON c.account_id = m.account_id AND c.mailbox_id = m.id \
         WHERE m.messages <> ifnull(c.n, 0) OR m.unseen <> ifnull(c.u, 0) OR m.deleted <> ifnull(c.d, 0) \
           OR m.size <> ifnull(c.s, 0) OR m.highest_modseq < ifnull(c.top, 0) OR m.uid_next <= ifnull(c.last, 0)",
    ),
    (
        "a message is in a mailbox that is not there",
        "SELECT p.account_id AS account, p.mailbox_id AS mailbox, p.uid AS uid FROM membership p \
         JOIN account a ON a.id = p.account_id \
         LEFT JOIN mailbox m ON m.account_id = p.account_id AND m.id = p.mailbox_id WHERE m.id IS NULL",
    ),
    (
        "a mailbox holds a message that is not there",
        "SELECT p.account_id AS account, p.mailbox_id AS mailbox, p.uid AS uid FROM membership p \
         JOIN account a ON a.id = p.account_id \
         LEFT JOIN message m ON m.account_id = p.account_id AND m.id = p.message_id WHERE m.id IS NULL",
    ),
    (
        "a mailbox holds wrong copies of a message's columns",
        "SELECT p.account_id AS account, p.mailbox_id AS mailbox, p.uid AS uid FROM membership p \
         JOIN message m ON m.account_id = p.account_id AND m.id = p.message_id \
         WHERE m.size <> p.size OR m.thread_id <> p.thread_id OR m.received_at <> p.received_at",
    ),
    (
        "a message is in no mailbox",
        "SELECT m.account_id AS account, m.id AS message FROM message m JOIN account a ON a.id = m.account_id \
         WHERE NOT EXISTS (SELECT 1 FROM membership p WHERE p.account_id = m.account_id AND p.message_id = m.id)",
    ),
    (
        "a message has different flags in different mailboxes",
        "SELECT account_id AS account, message_id AS message FROM membership GROUP BY account_id, message_id \
         HAVING min(flags_low & ~16) <> max(flags_low & ~16) OR min(flags_high) <> max(flags_high)",
    ),
    (
        "an account's used bytes are wrong",
        "SELECT a.id AS account FROM account a WHERE a.used_bytes <> \
         (SELECT ifnull(sum(m.size), 0) FROM message m WHERE m.account_id = a.id)",
    ),
    (
        "an account's MODSEQ is behind something in it",
        "SELECT a.id AS account FROM account a WHERE a.horizon > a.modseq \
         OR EXISTS (SELECT 1 FROM membership x WHERE x.account_id = a.id AND x.modseq > a.modseq) \
         OR EXISTS (SELECT 1 FROM expunged x WHERE x.account_id = a.id AND x.modseq > a.modseq) \
         OR EXISTS (SELECT 1 FROM mailbox x WHERE x.account_id = a.id AND max(x.modseq, x.highest_modseq) > a.modseq)",
    ),
    (
        "an account would give an id or a UIDVALIDITY twice",
        "SELECT a.id AS account FROM account a \
         WHERE EXISTS (SELECT 1 FROM message x WHERE x.account_id = a.id AND x.id >= a.next_message_id) \
         OR EXISTS (SELECT 1 FROM mailbox x WHERE x.account_id = a.id AND \
           (x.id >= a.next_mailbox_id OR x.uid_validity > a.last_uid_validity))",
    ),
    (
        "a UID is expunged and there",
        "SELECT x.account_id AS account, x.mailbox_id AS mailbox, x.uid AS uid FROM expunged x JOIN membership p \
         ON p.account_id = x.account_id AND p.mailbox_id = x.mailbox_id AND p.uid = x.uid",
    ),
    (
        "a thread is younger than a message in it",
        "SELECT account_id AS account, id AS message FROM message WHERE thread_id > id",
    ),
    (
        "a blob's references are counted wrong",
        "SELECT b.refs AS refs, ifnull(c.n, 0) AS counted FROM blob b \
         LEFT JOIN (SELECT blob_id, count(*) AS n FROM (SELECT blob_id FROM message UNION ALL SELECT blob_id FROM upload \
           UNION ALL SELECT blob_id FROM submission WHERE blob_id <> 0) \
           GROUP BY blob_id) c ON c.blob_id = b.id \
         WHERE b.refs <> ifnull(c.n, 0) OR (b.refs = 0) <> (b.freed_at <> 0)",
    ),
    (
        "a message has no content",
        "SELECT m.account_id AS account, m.id AS message FROM message m \
         LEFT JOIN blob b ON b.id = m.blob_id WHERE b.id IS NULL",
    ),
    (
        "an annotation is of a mailbox that is not there",
        "SELECT n.account_id AS account, n.mailbox_id AS mailbox FROM annotation n \
         JOIN account a ON a.id = n.account_id \
         LEFT JOIN mailbox m ON m.account_id = n.account_id AND m.id = n.mailbox_id \
         WHERE n.mailbox_id <> 0 AND m.id IS NULL",
    ),
    (
        "a submission waits for nothing, or is over and does not know it",
        "SELECT s.account_id AS account, s.id AS submission FROM submission s WHERE (s.due_at IS NOT NULL) <> \
         EXISTS (SELECT 1 FROM submission_recipient r WHERE r.submission_id = s.id AND r.fate < 2) \
         OR (s.due_at IS NULL) <> (s.blob_id = 0) OR (s.due_at IS NULL) <> (s.ended_at IS NOT NULL)",
    ),
    (
        "a recipient belongs to no submission",
        "SELECT r.submission_id AS submission, r.position AS position FROM submission_recipient r \
         LEFT JOIN submission s ON s.id = r.submission_id WHERE s.id IS NULL",
    ),
    (
        "rights are to a mailbox that is not there",
        "SELECT c.account_id AS account, c.mailbox_id AS mailbox FROM acl c JOIN account a ON a.id = c.account_id \
         LEFT JOIN mailbox m ON m.account_id = c.account_id AND m.id = c.mailbox_id WHERE m.id IS NULL",
    ),
    (
        "a push subscription belongs to nobody",
        "SELECT p.account_id AS account, p.id AS subscription FROM push_subscription p \
         LEFT JOIN credential c ON c.id = p.credential_id AND c.account_id = p.account_id WHERE c.id IS NULL",
    ),
    (
        "a cursor is of no push subscription, or of no account's mailboxes",
        "SELECT e.account_id AS account, e.subscription_id AS subscription FROM push_elsewhere e \
         LEFT JOIN push_subscription p ON p.id = e.subscription_id LEFT JOIN account a ON a.id = e.account_id \
         WHERE p.id IS NULL OR a.id IS NULL",
    ),
];
