//! Reading a mailbox: views, rows, members. Range scans over the clustered table, messages by primary key.

use bytes::Bytes;
use rusqlite::{Row, ToSql, params};

use super::edit::{MEMBER_COLUMNS, Member, member};
use super::{Sql, failed, flags, int, mailboxes, uint};
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

/// The sizes of messages with `\Deleted`, added up.
pub(crate) fn deleted_bytes(sql: Sql<'_>, account: AccountId, id: MailboxId) -> Result<u64> {
    if mailboxes::one(sql, account, id)?.deleted == 0 {
        return Ok(0);
    }
    let sum = sql.one(
        "add up deleted",
        "SELECT ifnull(sum(size), 0) FROM membership WHERE account_id = ?1 AND mailbox_id = ?2 AND flags_low & 16 <> 0",
        [int(account.0), int(id.0)],
        |row| uint(row, 0),
    )?;
    Ok(sum.unwrap_or_default())
}

/// Rows for FETCH, ascending by UID (which `uids` is, too).
pub(crate) fn rows(
    sql: Sql<'_>,
    account: AccountId,
    mailbox: MailboxId,
    (uids, columns): (&[Uid], Columns),
) -> Result<Vec<MessageRow>> {
    let text = rows_statement(columns);
    let mut found = Found::new(columns, uids.len());
    for range in ranges(uids) {
        let key: [&dyn ToSql; 4] = [&int(account.0), &int(mailbox.0), &range.first.0, &range.last.0];
        let mut statement = sql.0.prepare_cached(&text).map_err(failed("prepare rows"))?;
        let mut rows = statement.query(key).map_err(failed("read rows"))?;
        while let Some(row) = rows.next().map_err(failed("read rows"))? {
            let entry = entry(row, 4).map_err(failed("decode rows"))?;
            if range.wants(entry.uid) {
                let saved_at = row.get(3).map_err(failed("decode rows"))?;
                found
                    .push(row, (entry, Some(UnixTime(saved_at))), FIRST_WIDE)
                    .map_err(failed("decode rows"))?;
            }
        }
    }
    Ok(found.rows())
}

/// Rows of messages that a view names, in its order. Their places in mailboxes are not read: most of what FETCH asks for
/// is in the view and in the message, and one scan is half of the work of two.
pub(crate) fn rows_of(
    sql: Sql<'_>,
    account: AccountId,
    (entries, columns): (&[Entry], Columns),
) -> Result<Vec<MessageRow>> {
    let mut wanted: Vec<(MessageId, usize)> =
        entries.iter().enumerate().map(|(place, entry)| (entry.message, place)).collect();
    // In most mailboxes the messages have risen with their UIDs, and there is nothing to sort.
    let in_order = wanted.is_sorted();
    wanted.sort_unstable();
    let text = message_statement(columns);
    let mut found = Found::new(columns, entries.len());
    let mut places = Vec::new();
    let near = |before: &(MessageId, usize), after: &(MessageId, usize)| {
        after.0.0.saturating_sub(before.0.0) <= u64::from(GAP_MAX)
    };
    for range in wanted.chunk_by(near) {
        let (Some((first, _)), Some((last, _))) = (range.first(), range.last()) else { continue };
        let mut statement = sql.0.prepare_cached(&text).map_err(failed("prepare messages"))?;
        let key = [int(account.0), int(first.0), int(last.0)];
        let mut rows = statement.query(key).map_err(failed("read messages"))?;
        let mut wanted = range.iter().peekable();
        while let Some(row) = rows.next().map_err(failed("read messages"))? {
            let id = MessageId(uint(row, 3).map_err(failed("decode messages"))?);
            // Those before it are gone. One may be wanted twice: it is in the mailbox twice.
            while let Some((message, place)) = wanted.next_if(|(message, _)| *message <= id) {
                let Some(entry) = entries.get(*place).filter(|_| *message == id) else { continue };
                found.push(row, (*entry, None), FIRST_WIDE_OF_MESSAGE).map_err(failed("decode messages"))?;
                places.push(*place);
            }
        }
    }
    let rows = found.rows();
    if in_order {
        return Ok(rows);
    }
    let mut placed: Vec<(usize, MessageRow)> = places.into_iter().zip(rows).collect();
    placed.sort_unstable_by_key(|(place, _)| *place);
    Ok(placed.into_iter().map(|(_, row)| row).collect())
}

/// Without wide columns the membership alone answers. CROSS JOIN keeps the order: the range first, then each message by
/// its key.
fn rows_statement(columns: Columns) -> String {
    let mut text =
        "SELECT p.thread_id, p.received_at, p.size, p.saved_at, p.uid, p.message_id, p.flags_low, \
         p.flags_high, p.modseq"
            .to_owned();
    let wide = wide(columns);
    wide.iter().for_each(|column| text.push_str(column));
    text.push_str(" FROM membership p");
    if !wide.is_empty() {
        text.push_str(" CROSS JOIN message m ON m.account_id = p.account_id AND m.id = p.message_id");
    }
    text.push_str(
        " WHERE p.account_id = ?1 AND p.mailbox_id = ?2 AND p.uid BETWEEN ?3 AND ?4 ORDER BY p.uid",
    );
    text
}

fn message_statement(columns: Columns) -> String {
    let wide = wide(columns).concat();
    format!(
        "SELECT m.thread_id, m.received_at, m.size, m.id{wide} FROM message m \
         WHERE m.account_id = ?1 AND m.id BETWEEN ?2 AND ?3 ORDER BY m.id"
    )
}

/// Named one by one, so that SQLite passes over the pages of those that are not wanted.
fn wide(columns: Columns) -> Vec<&'static str> {
    let wide = [
        (columns.envelope, ", m.envelope"),
        (columns.structure, ", m.structure"),
        (columns.summary, ", m.summary"),
    ];
    wide.into_iter().filter_map(|(wanted, column)| wanted.then_some(column)).collect()
}

/// Rows that have been read, their wide columns one after the other in one piece of memory.
struct Found {
    columns: Columns,
    rows: Vec<MessageRow>,
    bytes: Vec<u8>,
    /// Where envelope, structure and summary of each row end in `bytes`.
    ends: Vec<[usize; 3]>,
}

impl Found {
    fn new(columns: Columns, rows: usize) -> Self {
        Self { columns, rows: Vec::with_capacity(rows), bytes: Vec::new(), ends: Vec::with_capacity(rows) }
    }

    /// Takes a row that begins with `thread_id, received_at, size` and has its wide columns from `first_wide` on.
    fn push(
        &mut self,
        row: &Row<'_>,
        (entry, saved_at): (Entry, Option<UnixTime>),
        first_wide: usize,
    ) -> rusqlite::Result<()> {
        let mut column = first_wide;
        let mut ends = [0; 3];
        let wanted = [self.columns.envelope, self.columns.structure, self.columns.summary];
        for (end, wanted) in ends.iter_mut().zip(wanted) {
            if wanted {
                self.bytes.extend_from_slice(row.get_ref(column)?.as_blob()?);
                column += 1;
            }
            *end = self.bytes.len();
        }
        self.ends.push(ends);
        self.rows.push(MessageRow {
            entry,
            thread: ThreadId(uint(row, 0)?),
            received_at: UnixTime(row.get(1)?),
            saved_at,
            size: row.get(2)?,
            envelope: Bytes::new(),
            structure: Bytes::new(),
            summary: Bytes::new(),
        });
        Ok(())
    }

    fn rows(self) -> Vec<MessageRow> {
        let bytes = Bytes::from(self.bytes);
        let mut rows = self.rows;
        let mut start = 0;
        for (row, ends) in rows.iter_mut().zip(self.ends) {
            let columns = [&mut row.envelope, &mut row.structure, &mut row.summary];
            for (column, end) in columns.into_iter().zip(ends) {
                *column = bytes.slice(start..end);
                start = end;
            }
        }
        rows
    }
}

/// The column after those of [`rows_statement`] that are always read.
const FIRST_WIDE: usize = 9;
/// The same for [`message_statement`].
const FIRST_WIDE_OF_MESSAGE: usize = 4;

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
