//! The change log: the last change of each object, and tombstones, read as ranges of MODSEQ.

use std::collections::BTreeSet;

use rusqlite::Row;

use super::{Sql, cause, int, mailboxes, no_account, origin, reading, uint};
use crate::{
    AccountChanges, AccountId, Mailbox, MailboxChange, MailboxChanges, MailboxId, MailboxName,
    MembershipChange, MessageId, ModSeq, Result, ThreadId, Uid,
};

/// What changed in one mailbox.
pub(crate) fn of_mailbox(
    sql: Sql<'_>,
    account: AccountId,
    id: MailboxId,
    since: ModSeq,
) -> Result<MailboxChanges> {
    let mailbox = mailboxes::one(sql, account, id)?;
    let (modseq, horizon) = bounds(sql, account)?;
    let mut changes =
        MailboxChanges { modseq, changed: Vec::new(), vanished: Vec::new(), complete: since >= horizon };
    if mailbox.highest_modseq <= since {
        return Ok(changes);
    }
    // Through the index on MODSEQ: what an account has changed since is little, what a mailbox holds may be much.
    changes.changed = sql.all(
        "read changed memberships",
        "SELECT uid, message_id, flags_low, flags_high, modseq FROM membership INDEXED BY membership_modseq \
         WHERE account_id = ?1 AND modseq > ?2 AND mailbox_id = ?3",
        [int(account.0), int(since.0), int(id.0)],
        |row| reading::entry(row, 0),
    )?;
    changes.changed.sort_unstable_by_key(|entry| entry.uid);
    changes.vanished = sql.all(
        "read vanished",
        "SELECT uid FROM expunged WHERE account_id = ?1 AND modseq > ?2 AND mailbox_id = ?3",
        [int(account.0), int(since.0), int(id.0)],
        |row| row.get(0).map(Uid),
    )?;
    changes.vanished.sort_unstable();
    Ok(changes)
}

/// What changed in an account, up to about `limit` changes and never half a commit.
pub(crate) fn of_account(
    sql: Sql<'_>,
    account: AccountId,
    since: ModSeq,
    limit: usize,
) -> Result<AccountChanges> {
    let (modseq, horizon) = bounds(sql, account)?;
    let until = cut(sql, account, since, limit)?.unwrap_or(modseq).min(modseq);
    let span = Span { account, since, until };
    let mut memberships = changed(sql, span)?;
    memberships.extend(expunged(sql, span)?);
    memberships.sort_unstable_by_key(|change| (change.mailbox, change.uid));
    let mut mailboxes = altered_mailboxes(sql, span)?;
    mailboxes.extend(gone_mailboxes(sql, span)?);
    mailboxes.sort_by_key(|change| change.modseq);
    Ok(AccountChanges {
        modseq: until.max(since),
        more: until < modseq,
        complete: since >= horizon,
        mailboxes,
        memberships,
        keywords: new_keywords(sql, span)?,
    })
}

/// After `since`, up to and with `until`.
#[derive(Clone, Copy)]
struct Span {
    account: AccountId,
    since: ModSeq,
    until: ModSeq,
}

impl Span {
    fn key(self) -> [i64; 3] {
        [int(self.account.0), int(self.since.0), int(self.until.0)]
    }
}

/// MODSEQ and horizon.
fn bounds(sql: Sql<'_>, account: AccountId) -> Result<(ModSeq, ModSeq)> {
    let found = sql.one(
        "read bounds of the log",
        "SELECT modseq, horizon FROM account WHERE id = ?1",
        [int(account.0)],
        |row| Ok((ModSeq(uint(row, 0)?), ModSeq(uint(row, 1)?))),
    )?;
    found.ok_or_else(|| no_account(account))
}

/// The MODSEQ to stop at so as to return about `limit` changes: the last whole commit before one too many, but at least
/// one commit. `None`: all fit.
fn cut(sql: Sql<'_>, account: AccountId, since: ModSeq, limit: usize) -> Result<Option<ModSeq>> {
    let nth = |offset: usize| -> Result<Option<u64>> {
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        let mut lowest = None;
        for text in [
            "SELECT modseq FROM membership INDEXED BY membership_modseq WHERE account_id = ?1 AND modseq > ?2 \
             ORDER BY modseq LIMIT 1 OFFSET ?3",
            "SELECT modseq FROM expunged WHERE account_id = ?1 AND modseq > ?2 ORDER BY modseq LIMIT 1 OFFSET ?3",
        ] {
            let key = [int(account.0), int(since.0), offset];
            let found = sql.one("find where to cut", text, key, |row| uint(row, 0))?;
            lowest = [lowest, found].into_iter().flatten().min();
        }
        Ok(lowest)
    };
    let Some(beyond) = nth(limit)? else { return Ok(None) };
    let first = nth(0)?.unwrap_or(beyond);
    Ok(Some(ModSeq(beyond.saturating_sub(1).max(first))))
}

fn changed(sql: Sql<'_>, span: Span) -> Result<Vec<MembershipChange>> {
    sql.all(
        "read changes",
        "SELECT uid, message_id, flags_low, flags_high, modseq, mailbox_id, thread_id, arrived_modseq, arrived_cause, \
         cause, credential_id, session_id FROM membership INDEXED BY membership_modseq \
         WHERE account_id = ?1 AND modseq > ?2 AND modseq <= ?3",
        span.key(),
        |row| {
            let entry = reading::entry(row, 0)?;
            let has_arrived = ModSeq(uint(row, 7)?) > span.since;
            Ok(MembershipChange {
                modseq: entry.modseq,
                cause: cause(row, 9)?,
                origin: origin(row, 10)?,
                mailbox: MailboxId(uint(row, 5)?),
                uid: entry.uid,
                message: entry.message,
                thread: Some(ThreadId(uint(row, 6)?)),
                now: Some(entry),
                arrived: if has_arrived { Some(cause(row, 8)?) } else { None },
            })
        },
    )
}

fn expunged(sql: Sql<'_>, span: Span) -> Result<Vec<MembershipChange>> {
    sql.all(
        "read expunged",
        "SELECT modseq, mailbox_id, uid, message_id, cause, credential_id, session_id FROM expunged \
         WHERE account_id = ?1 AND modseq > ?2 AND modseq <= ?3",
        span.key(),
        |row| {
            Ok(MembershipChange {
                modseq: ModSeq(uint(row, 0)?),
                cause: cause(row, 4)?,
                origin: origin(row, 5)?,
                mailbox: MailboxId(uint(row, 1)?),
                uid: Uid(row.get(2)?),
                message: MessageId(uint(row, 3)?),
                thread: None,
                now: None,
                arrived: None,
            })
        },
    )
}

/// An account has few mailboxes, so they are all looked at: an index would cost each change of one.
fn altered_mailboxes(sql: Sql<'_>, span: Span) -> Result<Vec<MailboxChange>> {
    let text = format!(
        "SELECT {}, m.modseq, m.created_modseq, m.old_name, m.renamed_modseq, m.credential_id, m.session_id \
         FROM mailbox m WHERE m.account_id = ?1 AND m.modseq > ?2 AND m.modseq <= ?3",
        mailboxes::MAILBOX_COLUMNS
    );
    sql.all("read altered mailboxes", &text, span.key(), |row| altered(row, span.since))
}

fn altered(row: &Row<'_>, since: ModSeq) -> rusqlite::Result<MailboxChange> {
    let mailbox: Mailbox = mailboxes::mailbox(row)?;
    let created = ModSeq(uint(row, 12)?) > since;
    let renamed = ModSeq(uint(row, 14)?) > since;
    // One that the reader has never seen has no old name for it.
    let old_name = if renamed && !created { Some(MailboxName::stored(row.get(13)?)) } else { None };
    Ok(MailboxChange {
        modseq: ModSeq(uint(row, 11)?),
        origin: origin(row, 15)?,
        id: mailbox.id,
        name: mailbox.name.clone(),
        now: Some(mailbox),
        created,
        old_name,
    })
}

fn gone_mailboxes(sql: Sql<'_>, span: Span) -> Result<Vec<MailboxChange>> {
    sql.all(
        "read gone mailboxes",
        "SELECT modseq, id, name, credential_id, session_id FROM mailbox_gone \
         WHERE account_id = ?1 AND modseq > ?2 AND modseq <= ?3",
        span.key(),
        |row| {
            Ok(MailboxChange {
                modseq: ModSeq(uint(row, 0)?),
                origin: origin(row, 3)?,
                id: MailboxId(uint(row, 1)?),
                name: MailboxName::stored(row.get(2)?),
                now: None,
                created: false,
                old_name: None,
            })
        },
    )
}

fn new_keywords(sql: Sql<'_>, span: Span) -> Result<BTreeSet<String>> {
    let names = sql.all(
        "read new keywords",
        "SELECT name FROM keyword WHERE account_id = ?1 AND modseq > ?2 AND modseq <= ?3",
        span.key(),
        |row| row.get(0),
    )?;
    Ok(names.into_iter().collect())
}
