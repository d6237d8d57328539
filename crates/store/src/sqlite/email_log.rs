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

/// Changes of emails, about `limit` and never half a commit; where there are more, always one commit at least, so that
/// a reader who goes on from where they end comes to the end.
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
    let (rows, until) = whole_commits(sql, account, Span { since, until: modseq }, limit.max(PAGE_ROWS))?;
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

/// After `since`, up to and with `until`.
#[derive(Clone, Copy)]
struct Span {
    since: ModSeq,
    until: ModSeq,
}

/// About `limit` rows, and up to where they are all there is; at least one commit if there is any.
fn whole_commits(sql: Sql<'_>, account: AccountId, span: Span, limit: usize) -> Result<(Vec<Row>, ModSeq)> {
    let mut rows = living(sql, account, span, limit)?;
    let gone = expunged(sql, account, span, limit)?;
    // What was cut off begins amidst a commit: only what lies before the last one is whole.
    let ends = [&rows, &gone].into_iter().filter(|rows| rows.len() >= limit);
    let until = ends.filter_map(|rows| rows.last().map(|row| row.modseq.0.saturating_sub(1))).min();
    let Some(until) = until.map(ModSeq) else {
        rows.extend(gone);
        return Ok((rows, span.until));
    };
    let first = [&rows, &gone].into_iter().filter_map(|rows| rows.first().map(|row| row.modseq)).min();
    match first {
        // A message that is in many places changes in all of them at once: the first commit alone may be above the limit.
        Some(first) if first > until => {
            let span = Span { until: first, ..span };
            rows = living(sql, account, span, usize::MAX)?;
            rows.extend(expunged(sql, account, span, usize::MAX)?);
            Ok((rows, first))
        }
        _ => {
            rows.extend(gone);
            rows.retain(|row| row.modseq <= until);
            Ok((rows, until))
        }
    }
}

fn living(sql: Sql<'_>, account: AccountId, span: Span, limit: usize) -> Result<Vec<Row>> {
    sql.all(
        "read changed emails",
        "SELECT modseq, message_id, thread_id, created_modseq FROM membership INDEXED BY membership_modseq \
         WHERE account_id = ?1 AND modseq > ?2 AND modseq <= ?3 ORDER BY modseq LIMIT ?4",
        [int(account.0), int(span.since.0), int(span.until.0), rows(limit)],
        |row| row_of(row, None),
    )
}

fn expunged(sql: Sql<'_>, account: AccountId, span: Span, limit: usize) -> Result<Vec<Row>> {
    sql.all(
        "read gone emails",
        "SELECT modseq, message_id, thread_id, created_modseq, deleted_modseq FROM expunged \
         WHERE account_id = ?1 AND modseq > ?2 AND modseq <= ?3 ORDER BY modseq LIMIT ?4",
        [int(account.0), int(span.since.0), int(span.until.0), rows(limit)],
        |row| row_of(row, Some(ModSeq(uint(row, 4)?))),
    )
}

/// Of the first four columns of both.
fn row_of(row: &rusqlite::Row<'_>, deleted: Option<ModSeq>) -> rusqlite::Result<Row> {
    Ok(Row {
        modseq: ModSeq(uint(row, 0)?),
        id: MessageId(uint(row, 1)?),
        thread: ThreadId(uint(row, 2)?),
        created: ModSeq(uint(row, 3)?),
        deleted,
    })
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

/// Rows that are read at once, at least: more than most commits write.
const PAGE_ROWS: usize = 8192;
