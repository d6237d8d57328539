//! Putting new messages into mailboxes: the path that every delivery takes, so few statements and few indexes.

use rusqlite::params;

use super::accounts::Arrival;
use super::blobs::{self, BlobId, Content};
use super::edit::By;
use super::writer::Tx;
use super::{accounts, cause_column, flags, halves, int, mailboxes, origin_columns, uint};
use crate::{
    Cause, Delivered, Error, Flags, MailboxId, MessageId, ModSeq, Placed, Result, SpecialUse, Target,
    ThreadId, Uid, UidValidity, UnixTime,
};

/// A message with everything worked out that needs no transaction; made once for all recipients.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) content: Content,
    pub(crate) envelope: Vec<u8>,
    pub(crate) structure: Vec<u8>,
    pub(crate) summary: Vec<u8>,
    /// What ties it to a thread, the strongest first.
    pub(crate) thread_keys: Vec<i64>,
}

/// Where it goes and with what.
#[derive(Clone, Debug)]
pub(crate) struct Placing {
    pub(crate) target: Target,
    pub(crate) received_at: UnixTime,
    pub(crate) flags: Flags,
    pub(crate) keywords: Vec<String>,
}

/// What of a message stands in its row.
pub(crate) struct NewRow<'m> {
    pub(crate) size: u64,
    pub(crate) envelope: &'m [u8],
    pub(crate) structure: &'m [u8],
    pub(crate) summary: &'m [u8],
    pub(crate) thread_keys: &'m [i64],
}

/// Puts a message into a mailbox.
pub(crate) fn append(tx: &Tx<'_>, by: &By, message: &Prepared, placing: &Placing) -> Result<Delivered> {
    let row = NewRow {
        size: message.content.size,
        envelope: &message.envelope,
        structure: &message.structure,
        summary: &message.summary,
        thread_keys: &message.thread_keys,
    };
    insert(tx, by, &row, placing, || blobs::retain(tx, &message.content))
}

/// The same of a message whose content is referred to by `retain`, once it is known that there is room for it.
pub(crate) fn insert(
    tx: &Tx<'_>,
    by: &By,
    message: &NewRow<'_>,
    placing: &Placing,
    retain: impl FnOnce() -> Result<BlobId>,
) -> Result<Delivered> {
    let mailbox = mailboxes::resolve(tx.sql, by.account, &placing.target)?;
    let arrival = arrival(tx, by, mailbox, placing.flags)?;
    let (id, changes) = accounts::take_message(tx, by.account, message.size, arrival)?;
    let id = MessageId(id);
    let flags = flags::with_keywords(tx, by.account, changes.modseq, placing.flags, &placing.keywords)?;
    let blob = retain()?;
    let thread = assign_thread(tx, by, message.thread_keys, id)?;
    let size = message.size;
    tx.sql.run(
        "insert message",
        "INSERT INTO message (account_id, id, thread_id, size, received_at, blob_id, envelope, structure, summary) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            int(by.account.0), int(id.0), int(thread.0), int(size), placing.received_at.0, blob.0, message.envelope,
            message.structure, message.summary
        ],
    )?;
    let counted = tx.sql.one(
        "count new message",
        "UPDATE mailbox SET uid_next = uid_next + 1, messages = messages + 1, unseen = unseen + ?3, \
         deleted = deleted + ?4, size = size + ?5, highest_modseq = ?6, counts_modseq = ?6 WHERE account_id = ?1 AND id = ?2 \
         RETURNING uid_next - 1, uid_validity",
        params![
            int(by.account.0),
            int(mailbox.0),
            !flags.contains(Flags::SEEN),
            flags.contains(Flags::DELETED),
            int(size),
            int(changes.modseq.0)
        ],
        |row| Ok((uint(row, 0)?, row.get::<_, u32>(1)?)),
    )?;
    let (uid, uid_validity) = counted.ok_or(Error::NotFound("mailbox"))?;
    let uid = Uid(u32::try_from(uid)
        .ok()
        .filter(|uid| *uid < u32::MAX)
        .ok_or(Error::Limit("UIDs of a mailbox"))?);
    let placed = Placed { mailbox, uid_validity: UidValidity(uid_validity), uid, message: id, thread };
    insert_membership(tx, by, &placed, (flags, changes.modseq, size, placing.received_at))?;
    Ok(Delivered { placed, changes })
}

/// RFC 8621 §1.5: EmailDelivery changes when an email is added. Not for what the account's owner writes: drafts, and copies of
/// what was sent.
fn arrival(tx: &Tx<'_>, by: &By, mailbox: MailboxId, flags: Flags) -> Result<Arrival> {
    if by.cause == Cause::Delivery {
        return Ok(Arrival::Announced);
    }
    let special_use = mailboxes::one(tx.sql, by.account, mailbox)?.special_use;
    let is_own = matches!(special_use, Some(SpecialUse::Drafts | SpecialUse::Sent));
    Ok(if is_own || flags.contains(Flags::DRAFT) { Arrival::Quiet } else { Arrival::Announced })
}

fn insert_membership(
    tx: &Tx<'_>,
    by: &By,
    placed: &Placed,
    (flags, modseq, size, received_at): (Flags, ModSeq, u64, UnixTime),
) -> Result<()> {
    let (low, high) = halves(flags);
    let (credential, session) = origin_columns(by.origin);
    tx.sql.run(
        "insert new membership",
        super::edit::INSERT_MEMBERSHIP,
        params![
            int(by.account.0),
            int(placed.mailbox.0),
            placed.uid.0,
            int(placed.message.0),
            low,
            high,
            int(modseq.0),
            int(placed.thread.0),
            int(size),
            received_at.0,
            tx.now.0,
            cause_column(by.cause),
            credential,
            session,
            int(modseq.0)
        ],
    )?;
    Ok(())
}

/// RFC 8621 §3: a message joins the thread with which it shares an identifier and the base subject. One that shares
/// none begins a thread, which has its id: ids of messages are never given twice, so neither are those of threads.
fn assign_thread(tx: &Tx<'_>, by: &By, keys: &[i64], message: MessageId) -> Result<ThreadId> {
    let own = ThreadId(message.0);
    let Some((last, others)) = keys.split_last() else { return Ok(own) };
    let mut thread = None;
    for key in others {
        thread = thread_of(tx, by, *key)?;
        if thread.is_some() {
            break;
        }
    }
    let thread = match thread {
        Some(thread) => thread,
        // Most messages begin a thread and have one key: it is looked for only if it can't be added.
        None if add_key(tx, by, *last, own)? => own,
        None => thread_of(tx, by, *last)?.unwrap_or(own),
    };
    for key in keys {
        // A key that belongs to another thread stays there: threads are never merged, so that their ids are stable.
        if others.contains(key) || thread != own {
            add_key(tx, by, *key, thread)?;
        }
    }
    Ok(thread)
}

fn thread_of(tx: &Tx<'_>, by: &By, key: i64) -> Result<Option<ThreadId>> {
    tx.sql.one(
        "find thread",
        "SELECT thread_id FROM thread_key WHERE account_id = ?1 AND key = ?2",
        [int(by.account.0), key],
        |row| uint(row, 0).map(ThreadId),
    )
}

/// Whether the key was nobody's before.
fn add_key(tx: &Tx<'_>, by: &By, key: i64, thread: ThreadId) -> Result<bool> {
    let added = tx.sql.run(
        "add thread key",
        "INSERT INTO thread_key (account_id, key, thread_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        [int(by.account.0), key, int(thread.0)],
    )?;
    Ok(added == 1)
}

/// What ties a message to a thread: its own identifier and those it refers to, each together with the base subject.
pub(crate) fn thread_keys(summary: &message::Summary) -> Vec<i64> {
    let subject = summary.base_subject.text.to_lowercase();
    let referred = summary.in_reply_to.iter().chain(summary.references.iter().rev());
    let mut keys = Vec::new();
    for id in referred.take(REFERENCES_MAX).chain(&summary.message_id) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(id.as_bytes()).update(&[0]).update(subject.as_bytes());
        let mut key = [0; 8];
        hasher.finalize_xof().fill(&mut key);
        let key = i64::from_le_bytes(key);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// Identifiers of a message that are looked at: the nearest ancestors. A thread that is tied by farther ones only falls
/// apart.
const REFERENCES_MAX: usize = 24;
