//! One request's changes to one account: its MODSEQ, its mailboxes' counts, its used bytes.

use std::collections::BTreeMap;

use rusqlite::params;

use super::blobs::{self, BlobId};
use super::writer::Tx;
use super::{cause_column, flags, halves, int, origin_columns, uint};
use crate::{
    AccountId, Cause, Changes, Error, Flags, MailboxId, MessageId, ModSeq, Origin, Result, ThreadId, Uid,
};

/// Who changes which account, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct By {
    /// Whose mail.
    pub(crate) account: AccountId,
    /// Why.
    pub(crate) cause: Cause,
    /// By whom.
    pub(crate) origin: Origin,
}

/// A membership as a writer needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) mailbox: MailboxId,
    pub(crate) uid: Uid,
    pub(crate) message: MessageId,
    pub(crate) flags: Flags,
    pub(crate) modseq: ModSeq,
    pub(crate) thread: ThreadId,
    pub(crate) size: u64,
    pub(crate) received_at: i64,
    /// When the message came into the account.
    pub(crate) created: ModSeq,
}

/// What a mailbox's counts have to be changed by.
#[derive(Clone, Copy, Debug, Default)]
struct Delta {
    messages: i64,
    unseen: i64,
    deleted: i64,
    size: i64,
    /// Whether the counts that JMAP shows may be others now: those of drafts and of deleted messages differ from IMAP's.
    is_counted_anew: bool,
}

/// Collects what a request does to an account, so that each counter is written once. [`Edit::finish`] writes them.
pub(crate) struct Edit<'t, 'c> {
    pub(crate) tx: &'t Tx<'c>,
    pub(crate) by: By,
    modseq: Option<ModSeq>,
    mailboxes: BTreeMap<MailboxId, Delta>,
    freed_bytes: u64,
    /// Whether a thread has lost or found an email that JMAP shows.
    is_thread_changed: bool,
}

impl<'t, 'c> Edit<'t, 'c> {
    pub(crate) fn new(tx: &'t Tx<'c>, by: By) -> Self {
        Self { tx, by, modseq: None, mailboxes: BTreeMap::new(), freed_bytes: 0, is_thread_changed: false }
    }

    /// The MODSEQ of this request; the account's is raised when it is first asked for.
    pub(crate) fn modseq(&mut self) -> Result<ModSeq> {
        if let Some(modseq) = self.modseq {
            return Ok(modseq);
        }
        let modseq = self.tx.raise_modseq(self.by.account)?;
        self.modseq = Some(modseq);
        Ok(modseq)
    }

    /// Writes the counters. The account's MODSEQ, whether or not it was raised.
    pub(crate) fn finish(self) -> Result<Changes> {
        let account = self.by.account;
        let Some(modseq) = self.modseq else {
            return Ok(Changes { account, modseq: super::accounts::modseq(self.tx.sql, account)? });
        };
        for (mailbox, delta) in &self.mailboxes {
            self.tx.sql.run(
                "count mailbox",
                "UPDATE mailbox SET messages = messages + ?3, unseen = unseen + ?4, deleted = deleted + ?5, \
                 size = size + ?6, highest_modseq = ?7, counts_modseq = iif(?8, ?7, counts_modseq) \
                 WHERE account_id = ?1 AND id = ?2",
                params![
                    int(account.0),
                    int(mailbox.0),
                    delta.messages,
                    delta.unseen,
                    delta.deleted,
                    delta.size,
                    int(modseq.0),
                    delta.is_counted_anew
                ],
            )?;
        }
        if self.is_thread_changed {
            self.tx.sql.run(
                "mark threads",
                "UPDATE account SET thread_modseq = ?2 WHERE id = ?1",
                [int(account.0), int(modseq.0)],
            )?;
        }
        if self.freed_bytes > 0 {
            self.tx.sql.run(
                "free bytes",
                "UPDATE account SET used_bytes = used_bytes - ?2 WHERE id = ?1",
                [int(account.0), int(self.freed_bytes)],
            )?;
        }
        Ok(Changes { account, modseq })
    }

    /// Gives out `count` UIDs of a mailbox: the first of them.
    pub(crate) fn take_uids(&self, mailbox: MailboxId, count: u32) -> Result<u32> {
        let next = self.tx.sql.one(
            "take uids",
            "UPDATE mailbox SET uid_next = uid_next + ?3 WHERE account_id = ?1 AND id = ?2 RETURNING uid_next",
            [int(self.by.account.0), int(mailbox.0), i64::from(count)],
            |row| uint(row, 0),
        )?;
        let next = u32::try_from(next.ok_or(Error::NotFound("mailbox"))?)
            .map_err(|_| Error::Limit("UIDs of a mailbox"))?;
        Ok(next.saturating_sub(count))
    }

    /// Puts a message into a mailbox under a UID that was taken.
    pub(crate) fn insert(&mut self, member: &Member) -> Result<()> {
        let modseq = self.modseq()?;
        let (low, high) = halves(member.flags);
        let (credential, session) = origin_columns(self.by.origin);
        self.tx.sql.run(
            "insert membership",
            INSERT_MEMBERSHIP,
            params![
                int(self.by.account.0),
                int(member.mailbox.0),
                member.uid.0,
                int(member.message.0),
                low,
                high,
                int(modseq.0),
                int(member.thread.0),
                int(member.size),
                member.received_at,
                self.tx.now.0,
                cause_column(self.by.cause),
                credential,
                session,
                int(member.created.0)
            ],
        )?;
        self.count(member.mailbox, member.flags, member.size, 1);
        Ok(())
    }

    /// Gives a membership other flags.
    pub(crate) fn set_flags(&mut self, member: &Member, flags: Flags) -> Result<()> {
        let modseq = self.modseq()?;
        let (low, high) = halves(flags);
        let (credential, session) = origin_columns(self.by.origin);
        self.tx.sql.run(
            "set flags",
            "UPDATE membership SET flags_low = ?4, flags_high = ?5, modseq = ?6, cause = ?7, credential_id = ?8, \
             session_id = ?9 WHERE account_id = ?1 AND mailbox_id = ?2 AND uid = ?3",
            params![
                int(self.by.account.0), int(member.mailbox.0), member.uid.0, low, high, int(modseq.0),
                cause_column(self.by.cause), credential, session
            ],
        )?;
        let delta = self.mailboxes.entry(member.mailbox).or_default();
        delta.unseen += unseen(flags) - unseen(member.flags);
        delta.deleted += deleted(flags) - deleted(member.flags);
        let changed = Flags(flags.0 ^ member.flags.0);
        delta.is_counted_anew |= changed.0 & COUNTED.0 != 0;
        self.is_thread_changed |= changed.contains(Flags::DELETED);
        Ok(())
    }

    /// Takes a message out of a mailbox, leaving a tombstone. The message stays.
    pub(crate) fn remove(&mut self, member: &Member) -> Result<()> {
        let modseq = self.modseq()?;
        let hidden_since = if member.flags.contains(Flags::DELETED) { member.modseq } else { ModSeq(0) };
        let account = int(self.by.account.0);
        let (credential, session) = origin_columns(self.by.origin);
        self.tx.sql.run(
            "remove membership",
            "DELETE FROM membership WHERE account_id = ?1 AND mailbox_id = ?2 AND uid = ?3",
            params![account, int(member.mailbox.0), member.uid.0],
        )?;
        self.tx.sql.run(
            "remember expunged",
            "INSERT INTO expunged (account_id, modseq, mailbox_id, uid, message_id, cause, credential_id, session_id, \
             gone_at, thread_id, created_modseq, deleted_modseq) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                account, int(modseq.0), int(member.mailbox.0), member.uid.0, int(member.message.0),
                cause_column(self.by.cause), credential, session, self.tx.now.0, int(member.thread.0),
                int(member.created.0), int(hidden_since.0)
            ],
        )?;
        self.count(member.mailbox, member.flags, member.size, -1);
        Ok(())
    }

    /// Drops a message that is in no mailbox any more.
    pub(crate) fn drop_if_orphan(&mut self, member: &Member) -> Result<()> {
        let account = int(self.by.account.0);
        let elsewhere = self.tx.sql.one(
            "look for other memberships",
            "SELECT 1 FROM membership WHERE account_id = ?1 AND message_id = ?2 LIMIT 1",
            [account, int(member.message.0)],
            |_| Ok(()),
        )?;
        if elsewhere.is_some() {
            return Ok(());
        }
        let blob = self.tx.sql.one(
            "remove message",
            "DELETE FROM message WHERE account_id = ?1 AND id = ?2 RETURNING blob_id",
            [account, int(member.message.0)],
            |row| row.get(0).map(BlobId),
        )?;
        let blob = blob
            .ok_or_else(|| Error::Bug(format!("message {} is in a mailbox but not there", member.message)))?;
        self.is_thread_changed = true;
        self.freed_bytes = self.freed_bytes.saturating_add(member.size);
        blobs::release(self.tx, blob)
    }

    fn count(&mut self, mailbox: MailboxId, flags: Flags, size: u64, sign: i64) {
        let delta = self.mailboxes.entry(mailbox).or_default();
        delta.messages += sign;
        delta.unseen += sign * unseen(flags);
        delta.deleted += sign * deleted(flags);
        delta.size += sign * int(size);
        delta.is_counted_anew = true;
    }
}

/// The one way into a mailbox; new in all its columns, so `modseq` and `cause` are those of the arrival.
pub(crate) const INSERT_MEMBERSHIP: &str = "INSERT INTO membership (account_id, mailbox_id, uid, message_id, flags_low, flags_high, modseq, \
      thread_id, size, received_at, saved_at, arrived_modseq, arrived_cause, cause, credential_id, session_id, \
      created_modseq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?7, ?12, ?12, ?13, ?14, ?15)";

/// The columns of [`member`], in its order.
pub(crate) const MEMBER_COLUMNS: &str = "mailbox_id, uid, message_id, flags_low, flags_high, modseq, thread_id, size, received_at, created_modseq";

/// Reads [`MEMBER_COLUMNS`].
pub(crate) fn member(row: &rusqlite::Row<'_>) -> rusqlite::Result<Member> {
    Ok(Member {
        mailbox: MailboxId(uint(row, 0)?),
        uid: Uid(row.get(1)?),
        message: MessageId(uint(row, 2)?),
        flags: flags(row, 3)?,
        modseq: ModSeq(uint(row, 5)?),
        thread: ThreadId(uint(row, 6)?),
        size: uint(row, 7)?,
        received_at: row.get(8)?,
        created: ModSeq(uint(row, 9)?),
    })
}

/// The flags that JMAP's counts depend on.
const COUNTED: Flags = Flags(1 | 1 << 3 | 1 << 4);

fn unseen(flags: Flags) -> i64 {
    i64::from(!flags.contains(Flags::SEEN))
}

fn deleted(flags: Flags) -> i64 {
    i64::from(flags.contains(Flags::DELETED))
}
