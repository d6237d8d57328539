//! Messages of one account that are put into another (RFC 4314 §4, COPY): new messages that share the content.

use message::Summary;
use rusqlite::params;

use super::append::{self, NewRow, Placing};
use super::blobs::{self, BlobId};
use super::edit::{By, Edit, Member};
use super::writer::Tx;
use super::{acl, flags, int, reading, uint};
use crate::{AccountId, Error, Flags, MailboxId, Placed, Result, Rights, Target, Uid, UnixTime};

/// Where copies go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Destination {
    pub(crate) by: By,
    pub(crate) mailbox: MailboxId,
    /// What may be done there: flags that may not be set are lost (RFC 4314 §4).
    pub(crate) rights: Rights,
}

/// What is put there of `\Deleted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deleted {
    /// It comes along: MOVE.
    Kept,
    /// It stays: COPY.
    Dropped,
}

/// Puts messages of a mailbox into one of another account.
pub(crate) fn copy(
    tx: &Tx<'_>,
    (account, mailbox): (AccountId, MailboxId),
    uids: &[Uid],
    to: &Destination,
    deleted: Deleted,
) -> Result<Vec<(Uid, Placed)>> {
    let names = flags::keywords(tx.sql, account)?;
    let mut placed = Vec::new();
    for member in reading::members(tx.sql, account, mailbox, uids)? {
        let may_write = to.rights.contains(Rights::WRITE);
        let keywords = names.of(member.flags).filter(|_| may_write).map(str::to_owned).collect();
        let system = Flags(member.flags.0 & flags::SYSTEM.0);
        let system = if deleted == Deleted::Kept { system } else { system.without(Flags::DELETED) };
        let placing = Placing {
            target: Target::Id(to.mailbox),
            received_at: UnixTime(member.received_at),
            flags: acl::permitted_flags(to.rights, system),
            keywords,
        };
        placed.push((member.uid, copy_one(tx, account, &member, (&to.by, &placing))?));
    }
    Ok(placed)
}

/// Removes messages that have been copied elsewhere.
pub(crate) fn take(edit: &mut Edit<'_, '_>, mailbox: MailboxId, uids: &[Uid]) -> Result<()> {
    for member in reading::members(edit.tx.sql, edit.by.account, mailbox, uids)? {
        edit.remove(&member)?;
        edit.drop_if_orphan(&member)?;
    }
    Ok(())
}

fn copy_one(
    tx: &Tx<'_>,
    account: AccountId,
    member: &Member,
    (by, placing): (&By, &Placing),
) -> Result<Placed> {
    let stored = tx.sql.one(
        "read message to copy",
        "SELECT size, blob_id, envelope, structure, summary FROM message WHERE account_id = ?1 AND id = ?2",
        params![int(account.0), int(member.message.0)],
        |row| {
            let wide: [Vec<u8>; 3] = [row.get(2)?, row.get(3)?, row.get(4)?];
            Ok((uint(row, 0)?, BlobId(row.get(1)?), wide))
        },
    )?;
    let missing = || Error::Bug(format!("message {} is in a mailbox but not there", member.message));
    let (size, blob, [envelope, structure, summary]) = stored.ok_or_else(missing)?;
    let decoded = Summary::decode(&summary)
        .map_err(|error| Error::Bug(format!("summary of message {}: {error}", member.message)))?;
    let row = NewRow {
        size,
        envelope: &envelope,
        structure: &structure,
        summary: &summary,
        thread_keys: &append::thread_keys(&decoded),
    };
    let delivered = append::insert(tx, by, &row, placing, || blobs::retain_again(tx, blob).map(|()| blob))?;
    Ok(delivered.placed)
}
