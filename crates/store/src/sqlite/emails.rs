//! Emails by id, by mailbox, by thread: what JMAP reads. Memberships with `\Deleted` are passed over.

use rusqlite::{Row, params};

use super::{Sql, flags, int, reading, uint};
use crate::{
    AccountId, Columns, Email, EmailPlace, Entry, Flags, MailboxCounts, MailboxId, MessageId, ModSeq, Result,
    Revision, ThreadId, TypeStates, Uid, UnixTime,
};

/// Emails by id, ascending; those that are not there are passed over. `ids` are ascending.
pub(crate) fn by_id(
    sql: Sql<'_>,
    account: AccountId,
    ids: &[MessageId],
    columns: Columns,
) -> Result<Vec<Email>> {
    let mut emails: Vec<Email> = Vec::with_capacity(ids.len());
    for place in places_of(sql, account, ids)? {
        match emails.last_mut() {
            Some(last) if last.id == place.email => last.mailboxes.push(place.mailbox),
            _ => emails.push(email(&place)),
        }
    }
    for email in &mut emails {
        email.mailboxes.sort_unstable();
        email.mailboxes.dedup();
    }
    if columns.envelope || columns.structure || columns.summary {
        let entry =
            |email: &Email| Entry { uid: Uid(1), message: email.id, flags: email.flags, modseq: ModSeq(0) };
        let entries: Vec<Entry> = emails.iter().map(entry).collect();
        let mut rows = reading::rows_of(sql, account, (&entries, columns))?.into_iter().peekable();
        for email in &mut emails {
            let Some(row) = rows.next_if(|row| row.entry.message == email.id) else { continue };
            (email.envelope, email.structure, email.summary) = (row.envelope, row.structure, row.summary);
        }
    }
    Ok(emails)
}

fn email(place: &EmailPlace) -> Email {
    Email {
        id: place.email,
        thread: place.thread,
        received_at: place.received_at,
        size: place.size,
        flags: place.flags,
        mailboxes: vec![place.mailbox],
        envelope: bytes::Bytes::new(),
        structure: bytes::Bytes::new(),
        summary: bytes::Bytes::new(),
    }
}

/// Where these emails are, by email.
pub(crate) fn places_of(sql: Sql<'_>, account: AccountId, ids: &[MessageId]) -> Result<Vec<EmailPlace>> {
    let text = format!(
        "SELECT {PLACE_COLUMNS} FROM membership INDEXED BY membership_message \
         WHERE account_id = ?1 AND message_id BETWEEN ?2 AND ?3 AND flags_low & 16 = 0 ORDER BY message_id"
    );
    let mut places = Vec::with_capacity(ids.len());
    let near = |before: &MessageId, after: &MessageId| after.0.saturating_sub(before.0) <= GAP_MAX;
    for wanted in ids.chunk_by(near) {
        let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else { continue };
        let key = [int(account.0), int(first.0), int(last.0)];
        let found = sql.all("read emails", &text, key, place)?;
        places.extend(found.into_iter().filter(|place| wanted.binary_search(&place.email).is_ok()));
    }
    Ok(places)
}

/// The emails of a mailbox, or of all; in no order.
pub(crate) fn places(
    sql: Sql<'_>,
    account: AccountId,
    mailbox: Option<MailboxId>,
) -> Result<Vec<EmailPlace>> {
    match mailbox {
        Some(mailbox) => sql.all(
            "read emails of a mailbox",
            &format!(
                "SELECT {PLACE_COLUMNS} FROM membership WHERE account_id = ?1 AND mailbox_id = ?2 AND flags_low & 16 = 0"
            ),
            [int(account.0), int(mailbox.0)],
            place,
        ),
        None => sql.all(
            "read emails of an account",
            &format!("SELECT {PLACE_COLUMNS} FROM membership WHERE account_id = ?1 AND flags_low & 16 = 0"),
            [int(account.0)],
            place,
        ),
    }
}

/// The emails of a thread, the oldest first.
pub(crate) fn of_thread(sql: Sql<'_>, account: AccountId, thread: ThreadId) -> Result<Vec<MessageId>> {
    // The first email of a thread has its id; the index holds only the others.
    sql.all(
        "read thread",
        "SELECT m.id, m.received_at FROM message m WHERE m.account_id = ?1 AND m.thread_id = ?2 AND m.thread_id <> m.id \
           AND EXISTS (SELECT 1 FROM membership p INDEXED BY membership_message \
             WHERE p.account_id = ?1 AND p.message_id = m.id AND p.flags_low & 16 = 0) \
         UNION ALL SELECT m.id, m.received_at FROM message m WHERE m.account_id = ?1 AND m.id = ?2 AND m.thread_id = ?2 \
           AND EXISTS (SELECT 1 FROM membership p INDEXED BY membership_message \
             WHERE p.account_id = ?1 AND p.message_id = m.id AND p.flags_low & 16 = 0) \
         ORDER BY 2, 1",
        [int(account.0), int(thread.0)],
        |row| uint(row, 0).map(MessageId),
    )
}

/// What JMAP counts in each mailbox, by id.
pub(crate) fn counts(sql: Sql<'_>, account: AccountId, mailbox: MailboxId) -> Result<Option<MailboxCounts>> {
    let sort_order = sql.one(
        "read sort order",
        "SELECT sort_order FROM mailbox WHERE account_id = ?1 AND id = ?2",
        [int(account.0), int(mailbox.0)],
        |row| row.get(0),
    )?;
    let Some(sort_order) = sort_order else { return Ok(None) };
    // RFC 8621 §2: unread is what has neither \Seen (1) nor \Draft (8).
    sql.one(
        "count emails",
        "SELECT count(DISTINCT message_id), count(DISTINCT iif(flags_low & 9 = 0, message_id, NULL)), \
         count(DISTINCT thread_id), count(DISTINCT iif(flags_low & 9 = 0, thread_id, NULL)) \
         FROM membership WHERE account_id = ?1 AND mailbox_id = ?2 AND flags_low & 16 = 0",
        [int(account.0), int(mailbox.0)],
        |row| {
            Ok(MailboxCounts {
                sort_order,
                emails: row.get(0)?,
                unread_emails: row.get(1)?,
                threads: row.get(2)?,
                unread_threads: row.get(3)?,
            })
        },
    )
}

/// When the counts of each mailbox last changed, by id.
pub(crate) fn counts_modseqs(sql: Sql<'_>, account: AccountId) -> Result<Vec<(MailboxId, ModSeq)>> {
    sql.all(
        "read changes of counts",
        "SELECT id, max(counts_modseq, modseq) FROM mailbox WHERE account_id = ?1 ORDER BY id",
        [int(account.0)],
        |row| Ok((MailboxId(uint(row, 0)?), ModSeq(uint(row, 1)?))),
    )
}

/// How far all has come.
pub(crate) fn revision(sql: Sql<'_>, account: AccountId) -> Result<Option<Revision>> {
    sql.one("read revision", "SELECT modseq, horizon FROM account WHERE id = ?1", [int(account.0)], |row| {
        Ok(Revision::new(uint(row, 0)?, uint(row, 1)?))
    })
}

/// How far each type has come.
pub(crate) fn states(sql: Sql<'_>, account: AccountId) -> Result<Option<TypeStates>> {
    // The horizon stands for tombstones that are no more, so that no state ever goes back.
    sql.one(
        "read states",
        "SELECT (SELECT value FROM meta WHERE key = 'epoch'), \
         max(a.horizon, \
           ifnull((SELECT modseq FROM membership INDEXED BY membership_modseq WHERE account_id = a.id \
             ORDER BY modseq DESC LIMIT 1), 0), \
           ifnull((SELECT modseq FROM expunged WHERE account_id = a.id ORDER BY modseq DESC LIMIT 1), 0)), \
         max(a.horizon, \
           ifnull((SELECT max(max(modseq, counts_modseq)) FROM mailbox WHERE account_id = a.id), 0), \
           ifnull((SELECT modseq FROM mailbox_gone WHERE account_id = a.id ORDER BY modseq DESC LIMIT 1), 0)), \
         a.thread_modseq, a.delivery_modseq, a.identity_modseq, a.submission_modseq, a.vacation_modseq \
         FROM account a WHERE a.id = ?1",
        params![int(account.0)],
        |row| {
            Ok(TypeStates {
                epoch: uint(row, 0)?,
                email: ModSeq(uint(row, 1)?),
                mailbox: ModSeq(uint(row, 2)?),
                thread: ModSeq(uint(row, 3)?),
                delivery: ModSeq(uint(row, 4)?),
                identity: ModSeq(uint(row, 5)?),
                submission: ModSeq(uint(row, 6)?),
                vacation: ModSeq(uint(row, 7)?),
            })
        },
    )
}

/// The columns of [`place`], in its order.
pub(crate) const PLACE_COLUMNS: &str =
    "message_id, mailbox_id, thread_id, received_at, size, flags_low, flags_high";

/// Reads [`PLACE_COLUMNS`].
pub(crate) fn place(row: &Row<'_>) -> rusqlite::Result<EmailPlace> {
    Ok(EmailPlace {
        email: MessageId(uint(row, 0)?),
        mailbox: MailboxId(uint(row, 1)?),
        thread: ThreadId(uint(row, 2)?),
        received_at: UnixTime(row.get(3)?),
        size: row.get(4)?,
        flags: flags(row, 5)?.without(Flags::DELETED),
    })
}

/// Ids that are read across although nobody asked for them.
const GAP_MAX: u64 = 8;
