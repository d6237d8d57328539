//! What became of emails and mailboxes since a MODSEQ, as JMAP tells it: one change for each object.

use std::collections::BTreeMap;

use super::{Sql, int, no_account, uint};
use crate::{
    AccountId, EmailChange, EmailChanges, MailboxId, MailboxRevision, MessageId, ModSeq, Result, ThreadId,
};

/// What a row of the log says of an email.
struct Row {
    modseq: ModSeq,
    id: MessageId,
    thread: ThreadId,
    created: ModSeq,
    /// Of one that has gone: since when it was not shown, 0 if it was.
    deleted: Option<ModSeq>,
}

/// Changes of emails, at most about `limit` and never half a commit.
pub(crate) fn emails(
    sql: Sql<'_>,
    account: AccountId,
    since: ModSeq,
    limit: usize,
) -> Result<Option<EmailChanges>> {
    let bounds = sql.one(
        "read bounds of the log",
        "SELECT modseq, horizon FROM account WHERE id = ?1",
        [int(account.0)],
        |row| Ok((ModSeq(uint(row, 0)?), ModSeq(uint(row, 1)?))),
    )?;
    let Some((modseq, horizon)) = bounds else { return Ok(None) };
    let limit = limit.max(COMMIT_ROWS_MAX);
    let mut rows = living(sql, account, since, limit)?;
    let gone = expunged(sql, account, since, limit)?;
    // What was cut off begins amidst a commit: only what lies before the last one is whole.
    let ends = [&rows, &gone].into_iter().filter(|rows| rows.len() >= limit);
    let until = ends.filter_map(|rows| rows.last().map(|row| row.modseq.0.saturating_sub(1))).min();
    let until = until.map_or(modseq, ModSeq);
    rows.extend(gone);
    rows.retain(|row| row.modseq <= until);
    let mut changes: BTreeMap<MessageId, EmailChange> = BTreeMap::new();
    for row in rows {
        let was_gone = row.deleted.is_some_and(|deleted| deleted.0 > 0 && deleted <= since);
        let change = changes.entry(row.id).or_insert(EmailChange {
            id: row.id,
            thread: row.thread,
            modseq: row.modseq,
            created: row.created,
            is_there: false,
            was_gone,
        });
        change.modseq = change.modseq.max(row.modseq);
        change.was_gone &= was_gone;
    }
    let ids: Vec<MessageId> = changes.keys().copied().collect();
    for place in super::emails::places_of(sql, account, &ids)? {
        if let Some(change) = changes.get_mut(&place.email) {
            (change.is_there, change.was_gone) = (true, false);
        }
    }
    let mut changes: Vec<EmailChange> = changes.into_values().collect();
    changes.sort_unstable_by_key(|change| (change.modseq, change.id));
    Ok(Some(EmailChanges {
        modseq: until.max(since),
        more: until < modseq,
        complete: since >= horizon,
        changes,
    }))
}

fn living(sql: Sql<'_>, account: AccountId, since: ModSeq, limit: usize) -> Result<Vec<Row>> {
    sql.all(
        "read changed emails",
        "SELECT modseq, message_id, thread_id, created_modseq FROM membership INDEXED BY membership_modseq \
         WHERE account_id = ?1 AND modseq > ?2 ORDER BY modseq LIMIT ?3",
        [int(account.0), int(since.0), rows(limit)],
        |row| {
            Ok(Row {
                modseq: ModSeq(uint(row, 0)?),
                id: MessageId(uint(row, 1)?),
                thread: ThreadId(uint(row, 2)?),
                created: ModSeq(uint(row, 3)?),
                deleted: None,
            })
        },
    )
}

fn expunged(sql: Sql<'_>, account: AccountId, since: ModSeq, limit: usize) -> Result<Vec<Row>> {
    sql.all(
        "read gone emails",
        "SELECT modseq, message_id, thread_id, created_modseq, deleted_modseq FROM expunged \
         WHERE account_id = ?1 AND modseq > ?2 ORDER BY modseq LIMIT ?3",
        [int(account.0), int(since.0), rows(limit)],
        |row| {
            Ok(Row {
                modseq: ModSeq(uint(row, 0)?),
                id: MessageId(uint(row, 1)?),
                thread: ThreadId(uint(row, 2)?),
                created: ModSeq(uint(row, 3)?),
                deleted: Some(ModSeq(uint(row, 4)?)),
            })
        },
    )
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Mailboxes that have changed, by MODSEQ; and whether those that are gone are all there.
pub(crate) fn mailboxes(
    sql: Sql<'_>,
    account: AccountId,
    since: ModSeq,
) -> Result<(Vec<MailboxRevision>, bool)> {
    let horizon =
        sql.one("read horizon", "SELECT horizon FROM account WHERE id = ?1", [int(account.0)], |row| {
            uint(row, 0)
        })?;
    let horizon = ModSeq(horizon.ok_or_else(|| no_account(account))?);
    let key = [int(account.0), int(since.0)];
    let mut revisions = sql.all(
        "read revised mailboxes",
        "SELECT id, modseq, counts_modseq, created_modseq FROM mailbox \
         WHERE account_id = ?1 AND max(modseq, counts_modseq) > ?2",
        key,
        |row| {
            Ok(MailboxRevision {
                id: MailboxId(uint(row, 0)?),
                modseq: ModSeq(uint(row, 1)?),
                counts: ModSeq(uint(row, 2)?),
                created: ModSeq(uint(row, 3)?),
                is_there: true,
            })
        },
    )?;
    revisions.extend(sql.all(
        "read gone mailboxes",
        "SELECT id, modseq FROM mailbox_gone WHERE account_id = ?1 AND modseq > ?2",
        key,
        |row| {
            let modseq = ModSeq(uint(row, 1)?);
            Ok(MailboxRevision {
                id: MailboxId(uint(row, 0)?),
                modseq,
                counts: modseq,
                created: ModSeq(0),
                is_there: false,
            })
        },
    )?);
    revisions.sort_unstable_by_key(|revision| (revision.modseq.max(revision.counts), revision.id));
    Ok((revisions, since >= horizon))
}

/// More rows than one commit writes, which touches 1,000 messages at most.
const COMMIT_ROWS_MAX: usize = 8192;
