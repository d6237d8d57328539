//! Reading a mailbox: views, rows, members. Range scans over the clustered table, messages by primary key.

use rusqlite::{Row, ToSql, params};

use super::edit::{MEMBER_COLUMNS, Member, member};
use super::{Sql, flags, int, mailboxes, uint};
use crate::{
    AccountId, Columns, Entry, MailboxId, MessageId, MessageRow, ModSeq, Result, ThreadId, Uid, UnixTime,
    View,
};

/// All messages of a mailbox.
pub(crate) fn view(sql: Sql<'_>, account: AccountId, id: MailboxId) -> Result<View> {
    let mailbox = mailboxes::one(sql, account, id)?;
    let entries = sql.all(
        "read view",
        "SELECT uid, message_id, flags_low, flags_high, modseq FROM membership \
         WHERE account_id = ?1 AND mailbox_id = ?2 ORDER BY uid",
        [int(account.0), int(id.0)],
        |row| entry(row, 0),
    )?;
    Ok(View {
        mailbox: id,
        uid_validity: mailbox.uid_validity,
        uid_next: mailbox.uid_next,
        modseq: super::accounts::modseq(sql, account)?,
        highest_modseq: mailbox.highest_modseq,
        entries,
    })
}

/// Memberships by UID (ascending), for a writer.
pub(crate) fn members(
    sql: Sql<'_>,
    account: AccountId,
    mailbox: MailboxId,
    uids: &[Uid],
) -> Result<Vec<Member>> {
    let text = format!(
        "SELECT {MEMBER_COLUMNS} FROM membership \
         WHERE account_id = ?1 AND mailbox_id = ?2 AND uid BETWEEN ?3 AND ?4 ORDER BY uid"
    );
    let mut found = Vec::new();
    for range in ranges(uids) {
        let key = params![int(account.0), int(mailbox.0), range.first.0, range.last.0];
        let members = sql.all("read members", &text, key, member)?;
        found.extend(members.into_iter().filter(|member| range.wants(member.uid)));
    }
    Ok(found)
}

/// The first memberships of a mailbox, whichever they are.
pub(crate) fn first_members(
    sql: Sql<'_>,
    account: AccountId,
    id: MailboxId,
    limit: usize,
) -> Result<Vec<Member>> {
    let text = format!(
        "SELECT {MEMBER_COLUMNS} FROM membership WHERE account_id = ?1 AND mailbox_id = ?2 ORDER BY uid LIMIT ?3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    sql.all("read first members", &text, params![int(account.0), int(id.0), limit], member)
}

/// UIDs of a mailbox with `\Deleted`, ascending.
pub(crate) fn deleted(sql: Sql<'_>, account: AccountId, id: MailboxId) -> Result<Vec<Uid>> {
    if mailboxes::one(sql, account, id)?.deleted == 0 {
        return Ok(Vec::new());
    }
    sql.all(
        "find deleted",
        "SELECT uid FROM membership WHERE account_id = ?1 AND mailbox_id = ?2 AND flags_low & 16 <> 0 ORDER BY uid",
        [int(account.0), int(id.0)],
        |row| row.get(0).map(Uid),
    )
}

/// Rows for FETCH, ascending by UID (which `uids` is, too).
pub(crate) fn rows(
    sql: Sql<'_>,
    account: AccountId,
    mailbox: MailboxId,
    (uids, columns): (&[Uid], Columns),
) -> Result<Vec<MessageRow>> {
    let text = rows_statement(columns);
    let mut found = Vec::with_capacity(uids.len());
    for range in ranges(uids) {
        let key: [&dyn ToSql; 4] = [&int(account.0), &int(mailbox.0), &range.first.0, &range.last.0];
        let mut statement = sql.0.prepare_cached(&text).map_err(super::failed("prepare rows"))?;
        let mut rows = statement.query(key).map_err(super::failed("read rows"))?;
        while let Some(row) = rows.next().map_err(super::failed("read rows"))? {
            let row = message_row(row, columns).map_err(super::failed("decode rows"))?;
            if range.wants(row.entry.uid) {
                found.push(row);
            }
        }
    }
    Ok(found)
}

/// Without wide columns the membership alone answers. Wide ones are named one by one, so that SQLite passes over the
/// pages of those that are not wanted. CROSS JOIN keeps the order: the range first, then each message by its key.
fn rows_statement(columns: Columns) -> String {
    let mut text =
        "SELECT p.uid, p.message_id, p.flags_low, p.flags_high, p.modseq, p.thread_id, p.received_at, \
         p.saved_at, p.size"
            .to_owned();
    let wide = [
        (columns.envelope, ", m.envelope"),
        (columns.structure, ", m.structure"),
        (columns.summary, ", m.summary"),
    ];
    wide.iter().filter(|(wanted, _)| *wanted).for_each(|(_, column)| text.push_str(column));
    text.push_str(" FROM membership p");
    if wide.iter().any(|(wanted, _)| *wanted) {
        text.push_str(" CROSS JOIN message m ON m.account_id = p.account_id AND m.id = p.message_id");
    }
    text.push_str(
        " WHERE p.account_id = ?1 AND p.mailbox_id = ?2 AND p.uid BETWEEN ?3 AND ?4 ORDER BY p.uid",
    );
    text
}

fn message_row(row: &Row<'_>, columns: Columns) -> rusqlite::Result<MessageRow> {
    let mut next = 9;
    let mut wide = |wanted: bool| {
        if !wanted {
            return Ok(Vec::new());
        }
        next += 1;
        row.get(next - 1)
    };
    Ok(MessageRow {
        entry: entry(row, 0)?,
        thread: ThreadId(uint(row, 5)?),
        received_at: UnixTime(row.get(6)?),
        saved_at: UnixTime(row.get(7)?),
        size: row.get(8)?,
        envelope: wide(columns.envelope)?,
        structure: wide(columns.structure)?,
        summary: wide(columns.summary)?,
    })
}

/// Reads `uid, message_id, flags_low, flags_high, modseq` from a column on.
pub(crate) fn entry(row: &Row<'_>, first: usize) -> rusqlite::Result<Entry> {
    Ok(Entry {
        uid: Uid(row.get(first)?),
        message: MessageId(uint(row, first + 1)?),
        flags: flags(row, first + 2)?,
        modseq: ModSeq(uint(row, first + 4)?),
    })
}

/// A range of UIDs that is read in one scan.
struct Range<'u> {
    first: Uid,
    last: Uid,
    wanted: &'u [Uid],
}

impl Range<'_> {
    fn wants(&self, uid: Uid) -> bool {
        let distance = usize::try_from(uid.0.saturating_sub(self.first.0)).unwrap_or(usize::MAX);
        // In a range without gaps the UID stands where its distance says.
        self.wanted.get(distance) == Some(&uid) || self.wanted.binary_search(&uid).is_ok()
    }
}

/// Cuts ascending UIDs into ranges. Small gaps are read across: a new search costs more than a few rows too many.
fn ranges(uids: &[Uid]) -> impl Iterator<Item = Range<'_>> {
    let near = |before: &Uid, after: &Uid| after.0.saturating_sub(before.0) <= GAP_MAX;
    uids.chunk_by(near).filter_map(|wanted| {
        let (first, last) = (*wanted.first()?, *wanted.last()?);
        Some(Range { first, last, wanted })
    })
}

/// UIDs that are read across although nobody asked for them.
const GAP_MAX: u32 = 8;
