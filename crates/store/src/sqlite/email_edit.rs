//! Changes of emails by JMAP: made, altered in all their mailboxes at once, destroyed.

use std::collections::BTreeSet;

use super::append::{self, Placing, Prepared};
use super::edit::{By, Edit, MEMBER_COLUMNS, Member, member};
use super::writer::Tx;
use super::{emails, flags, int, mailboxes, no_account};
use crate::{
    AccountId, Changes, EmailEdit, Error, Expected, Flags, MailboxId, MailboxesEdit, MessageId, Placed,
    Result, Uid,
};

/// Makes an email in several mailboxes; `placing` names the first.
pub(crate) fn create(
    tx: &Tx<'_>,
    by: &By,
    prepared: &Prepared,
    (placing, others): (&Placing, &[MailboxId]),
    expected: Expected,
) -> Result<(Placed, Changes)> {
    check(tx, by.account, expected, &[])?;
    let made = append::append(tx, by, prepared, placing)?;
    if others.is_empty() {
        return Ok((made.placed, made.changes));
    }
    let mut edit = Edit::new(tx, *by);
    let members = members(tx, by.account, made.placed.message)?;
    let first = members.first().ok_or_else(|| Error::Bug("a new email is nowhere".into()))?;
    for mailbox in others {
        place(&mut edit, first, *mailbox)?;
    }
    Ok((made.placed, edit.finish()?))
}

/// Alters an email.
pub(crate) fn update(
    tx: &Tx<'_>,
    by: &By,
    id: MessageId,
    wanted: &EmailEdit,
    expected: Expected,
) -> Result<Changes> {
    let mut edit = Edit::new(tx, *by);
    let members = members(tx, by.account, id)?;
    check(tx, by.account, expected, &members)?;
    shown(&members)?;
    if let Some(change) = &wanted.flags {
        flags::change_message(&mut edit, id, change)?;
    }
    if let Some(mailboxes) = &wanted.mailboxes {
        put(&mut edit, id, mailboxes)?;
    }
    edit.finish()
}

/// Removes an email from all its mailboxes.
pub(crate) fn destroy(tx: &Tx<'_>, by: &By, id: MessageId, expected: Expected) -> Result<Changes> {
    let mut edit = Edit::new(tx, *by);
    let members = members(tx, by.account, id)?;
    check(tx, by.account, expected, &members)?;
    shown(&members)?;
    for member in &members {
        edit.remove(member)?;
    }
    if let Some(last) = members.last() {
        edit.drop_if_orphan(last)?;
    }
    edit.finish()
}

/// Whether what is there is what the write is meant for. `members` are those of the email that it alters.
fn check(tx: &Tx<'_>, account: AccountId, expected: Expected, members: &[Member]) -> Result<()> {
    let is_so = match expected {
        Expected::Anything => true,
        Expected::State(state) => {
            let states = emails::states(tx.sql, account)?.ok_or_else(|| no_account(account))?;
            states.email == state
        }
        Expected::Unchanged(state) => {
            members.iter().all(|member| member.modseq <= state || member.created > state)
        }
    };
    if is_so { Ok(()) } else { Err(Error::Changed) }
}

/// An email is there if one of its memberships is shown.
fn shown(members: &[Member]) -> Result<()> {
    if members.iter().all(|member| member.flags.contains(Flags::DELETED)) {
        return Err(Error::NotFound("message"));
    }
    Ok(())
}

fn members(tx: &Tx<'_>, account: AccountId, id: MessageId) -> Result<Vec<Member>> {
    tx.sql.all(
        "find memberships",
        &format!(
            "SELECT {MEMBER_COLUMNS} FROM membership INDEXED BY membership_message \
             WHERE account_id = ?1 AND message_id = ?2"
        ),
        [int(account.0), int(id.0)],
        member,
    )
}

fn put(edit: &mut Edit<'_, '_>, id: MessageId, wanted: &MailboxesEdit) -> Result<()> {
    let members = members(edit.tx, edit.by.account, id)?;
    let is_shown = |member: &&Member| !member.flags.contains(Flags::DELETED);
    let now: BTreeSet<MailboxId> = members.iter().filter(is_shown).map(|member| member.mailbox).collect();
    let after: BTreeSet<MailboxId> = match wanted {
        MailboxesEdit::Replace(mailboxes) => mailboxes.iter().copied().collect(),
        MailboxesEdit::Patch { add, remove } => {
            let kept = now.iter().chain(add).filter(|mailbox| !remove.contains(mailbox));
            kept.copied().collect()
        }
    };
    // RFC 8621 §4.1.1: an email is in one mailbox or more.
    if after.is_empty() {
        return Err(Error::Invalid { what: "mailboxes", why: "an email is in at least one".into() });
    }
    let Some(first) = members.first() else { return Err(Error::NotFound("message")) };
    for mailbox in after.difference(&now) {
        place(edit, first, *mailbox)?;
    }
    for member in members.iter().filter(|member| !after.contains(&member.mailbox)) {
        edit.remove(member)?;
    }
    Ok(())
}

/// Gives an email a further membership, alike to one that it has.
fn place(edit: &mut Edit<'_, '_>, like: &Member, mailbox: MailboxId) -> Result<()> {
    mailboxes::one(edit.tx.sql, edit.by.account, mailbox)?;
    let uid = Uid(edit.take_uids(mailbox, 1)?);
    edit.insert(&Member { mailbox, uid, flags: flags::shared(like.flags), ..*like })
}
