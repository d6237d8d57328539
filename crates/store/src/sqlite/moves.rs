//! COPY, MOVE and EXPUNGE of one chunk of messages, and removing a mailbox with what is left in it.

use super::edit::{Edit, Member};
use super::{mailboxes, reading};
use crate::{Error, Flags, Mailbox, MailboxId, Placed, Result, Uid};

/// From where to where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) from: MailboxId,
    pub(crate) to: MailboxId,
}

/// Gives messages a further membership. `\Deleted` belongs to the old one and does not come along.
pub(crate) fn copy(edit: &mut Edit<'_, '_>, way: Way, uids: &[Uid]) -> Result<Vec<(Uid, Placed)>> {
    let members = members_of(edit, way.from, uids)?;
    place(edit, way.to, &members, |flags| flags.without(Flags::DELETED))
}

/// Takes messages from one mailbox to another (RFC 9051 §6.4.8: flags are kept).
pub(crate) fn shift(edit: &mut Edit<'_, '_>, way: Way, uids: &[Uid]) -> Result<Vec<(Uid, Placed)>> {
    let members = members_of(edit, way.from, uids)?;
    for member in &members {
        edit.remove(member)?;
    }
    place(edit, way.to, &members, |flags| flags)
}

/// Removes those of these messages that have `\Deleted` at this moment.
pub(crate) fn expunge(edit: &mut Edit<'_, '_>, mailbox: MailboxId, uids: &[Uid]) -> Result<Vec<Uid>> {
    let members = members_of(edit, mailbox, uids)?;
    remove(edit, members.iter().filter(|member| member.flags.contains(Flags::DELETED)))
}

/// Removes these messages, whatever their flags.
pub(crate) fn discard(edit: &mut Edit<'_, '_>, mailbox: MailboxId, uids: &[Uid]) -> Result<Vec<Uid>> {
    let members = members_of(edit, mailbox, uids)?;
    remove(edit, members.iter())
}

/// Removes up to `limit` messages of a mailbox, and the mailbox itself once it is empty. Whether it is gone.
pub(crate) fn remove_mailbox(edit: &mut Edit<'_, '_>, mailbox: &Mailbox, limit: usize) -> Result<bool> {
    let members = reading::first_members(edit.tx.sql, edit.by.account, mailbox.id, limit)?;
    remove(edit, members.iter())?;
    if members.len() >= limit {
        return Ok(false);
    }
    let modseq = edit.modseq()?;
    mailboxes::remove(edit.tx, &edit.by, modseq, mailbox)?;
    Ok(true)
}

fn members_of(edit: &Edit<'_, '_>, mailbox: MailboxId, uids: &[Uid]) -> Result<Vec<Member>> {
    reading::members(edit.tx.sql, edit.by.account, mailbox, uids)
}

fn remove<'m>(edit: &mut Edit<'_, '_>, members: impl Iterator<Item = &'m Member>) -> Result<Vec<Uid>> {
    let mut gone = Vec::new();
    for member in members {
        edit.remove(member)?;
        edit.drop_if_orphan(member)?;
        gone.push(member.uid);
    }
    Ok(gone)
}

fn place(
    edit: &mut Edit<'_, '_>,
    to: MailboxId,
    members: &[Member],
    flags: impl Fn(Flags) -> Flags,
) -> Result<Vec<(Uid, Placed)>> {
    let target = mailboxes::one(edit.tx.sql, edit.by.account, to)?;
    let count = u32::try_from(members.len()).map_err(|_| Error::Limit("messages in one request"))?;
    let first = edit.take_uids(to, count)?;
    let mut placed = Vec::with_capacity(members.len());
    for (uid, member) in (first..).map(Uid).zip(members) {
        edit.insert(&Member { mailbox: to, uid, flags: flags(member.flags), ..*member })?;
        let (message, thread) = (member.message, member.thread);
        placed.push((
            member.uid,
            Placed { mailbox: to, uid_validity: target.uid_validity, uid, message, thread },
        ));
    }
    Ok(placed)
}
