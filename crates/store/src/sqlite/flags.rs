//! Flags and keywords.
//!
//! Flags but `\Deleted` belong to the message: changing them changes every membership of it, each with a new MODSEQ.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;

use super::edit::{Edit, MEMBER_COLUMNS, Member, member};
use super::writer::Tx;
use super::{Sql, int};
use crate::{
    AccountId, Entry, Error, FlagChange, Flags, Keywords, MailboxId, MessageId, ModSeq, Result, Uid,
};

/// A change with its keywords turned into bits.
#[derive(Clone, Copy, Debug)]
struct Bits {
    add: Flags,
    remove: Flags,
}

/// The names of an account's keywords, by index.
pub(crate) fn keywords(sql: Sql<'_>, account: AccountId) -> Result<Keywords> {
    let names = sql.all(
        "list keywords",
        "SELECT name FROM keyword WHERE account_id = ?1 ORDER BY position",
        [int(account.0)],
        |row| row.get(0),
    )?;
    Ok(Keywords::new(names))
}

/// The same as far as messages in these mailboxes have them. Costs what the mailboxes hold, if there are keywords.
pub(crate) fn keywords_in(
    sql: Sql<'_>,
    account: AccountId,
    mailboxes: &BTreeSet<MailboxId>,
) -> Result<Keywords> {
    let all = keywords(sql, account)?;
    let mut used = Flags::default();
    if all.iter().next().is_some() {
        for mailbox in mailboxes {
            let found = sql.all(
                "list flags in use",
                "SELECT DISTINCT flags_low, flags_high FROM membership WHERE account_id = ?1 AND mailbox_id = ?2",
                [int(account.0), int(mailbox.0)],
                |row| super::flags(row, 0),
            )?;
            used = found.into_iter().fold(used, Flags::union);
        }
    }
    Ok(all.only(used))
}

/// Flags of a new message: known bits, and its keywords, which become the account's if they are new.
pub(crate) fn with_keywords(
    tx: &Tx<'_>,
    account: AccountId,
    modseq: ModSeq,
    flags: Flags,
    names: &[String],
) -> Result<Flags> {
    if names.is_empty() && flags.without(SYSTEM) == Flags::default() {
        return Ok(flags);
    }
    let known = keywords(tx.sql, account)?;
    let (bits, known) = add_keywords(tx, account, known, names, &mut || Ok(modseq))?;
    Ok(Flags(flags.0 & all_bits(&known).0).union(bits))
}

/// Changes the flags of some messages of a mailbox.
pub(crate) struct StoreFlags<'a> {
    pub(crate) mailbox: MailboxId,
    /// Ascending.
    pub(crate) uids: &'a [Uid],
    pub(crate) change: &'a FlagChange,
    /// Messages that have changed since are left alone (RFC 7162 §3.1.3).
    pub(crate) unchanged_since: Option<ModSeq>,
}

/// What they have now, and which were left alone because they had changed.
pub(crate) fn store(edit: &mut Edit<'_, '_>, request: &StoreFlags<'_>) -> Result<(Vec<Entry>, Vec<Uid>)> {
    let bits = resolve(edit, request.change)?;
    let (mut entries, mut modified) = (Vec::new(), Vec::new());
    // A message may be in the mailbox twice: its later membership has been changed along with its earlier one.
    let mut told_elsewhere = BTreeMap::new();
    for mut member in super::reading::members(edit.tx.sql, edit.by.account, request.mailbox, request.uids)? {
        if request.unchanged_since.is_some_and(|since| member.modseq > since) {
            modified.push(member.uid);
            continue;
        }
        if let Some(&flags) = told_elsewhere.get(&member.message) {
            member.flags = Flags::union(flags, Flags(member.flags.0 & Flags::DELETED.0));
            member.modseq = edit.modseq()?;
        }
        let flags = member.flags.without(bits.remove).union(bits.add);
        if flags != member.flags {
            edit.set_flags(&member, flags)?;
            if shared(flags) != shared(member.flags) {
                set_elsewhere(edit, &member, shared(flags))?;
                told_elsewhere.insert(member.message, shared(flags));
            }
            member.flags = flags;
            member.modseq = edit.modseq()?;
        }
        entries.push(Entry { uid: member.uid, message: member.message, flags, modseq: member.modseq });
    }
    Ok((entries, modified))
}

/// Changes the flags of a message wherever it is.
pub(crate) fn change_message(edit: &mut Edit<'_, '_>, message: MessageId, change: &FlagChange) -> Result<()> {
    let bits = resolve(edit, change)?;
    for member in memberships(edit, message)? {
        let wanted = shared(member.flags.without(bits.remove).union(bits.add));
        let flags = wanted.union(Flags(member.flags.0 & Flags::DELETED.0));
        if flags != member.flags {
            edit.set_flags(&member, flags)?;
        }
    }
    Ok(())
}

fn memberships(edit: &Edit<'_, '_>, message: MessageId) -> Result<Vec<Member>> {
    edit.tx.sql.all(
        "find other memberships",
        &format!(
            "SELECT {MEMBER_COLUMNS} FROM membership INDEXED BY membership_message \
             WHERE account_id = ?1 AND message_id = ?2"
        ),
        [int(edit.by.account.0), int(message.0)],
        member,
    )
}

/// The flags that belong to the message.
pub(crate) fn shared(flags: Flags) -> Flags {
    flags.without(Flags::DELETED)
}

/// Gives the message's other memberships the same flags.
fn set_elsewhere(edit: &mut Edit<'_, '_>, changed: &Member, flags: Flags) -> Result<()> {
    for other in memberships(edit, changed.message)? {
        if (other.mailbox, other.uid) != (changed.mailbox, changed.uid) {
            edit.set_flags(&other, flags.union(Flags(other.flags.0 & Flags::DELETED.0)))?;
        }
    }
    Ok(())
}

fn resolve(edit: &mut Edit<'_, '_>, change: &FlagChange) -> Result<Bits> {
    let (tx, account) = (edit.tx, edit.by.account);
    let known = keywords(tx.sql, account)?;
    let named = change.remove_keywords.iter().filter_map(|name| known.bit(name));
    let remove = named.fold(change.remove, Flags::union);
    let (add, known) = add_keywords(tx, account, known, &change.add_keywords, &mut || edit.modseq())?;
    // Bits that stand for nothing are not stored: a keyword that gets them later must begin with no message.
    Ok(Bits { add: Flags(change.add.0 & all_bits(&known).0).union(add), remove })
}

/// The bits of keywords by name; new ones are added to the account.
fn add_keywords(
    tx: &Tx<'_>,
    account: AccountId,
    mut known: Keywords,
    names: &[String],
    modseq: &mut dyn FnMut() -> Result<ModSeq>,
) -> Result<(Flags, Keywords)> {
    let mut bits = Flags::default();
    for name in names {
        if let Some(bit) = known.bit(name) {
            bits = bits.union(bit);
            continue;
        }
        check_keyword(name)?;
        let position = u8::try_from(known.count()).ok().filter(|position| *position < KEYWORDS_MAX);
        let position = position.ok_or(Error::Limit("keywords of an account"))?;
        tx.sql.run(
            "add keyword",
            "INSERT INTO keyword (account_id, position, name, modseq) VALUES (?1, ?2, ?3, ?4)",
            params![int(account.0), position, name, int(modseq()?.0)],
        )?;
        bits = bits.union(Flags::keyword(position));
        known = Keywords::new(known.iter().map(str::to_owned).chain([name.clone()]).collect());
    }
    Ok((bits, known))
}

/// RFC 9051 §9: `flag-keyword = "$MDNSent" / .. / atom`, here with a bound.
fn check_keyword(name: &str) -> Result<()> {
    let is_atom = |byte: u8| byte.is_ascii_graphic() && !b"(){%*\"\\]".contains(&byte);
    if !name.is_empty() && name.len() <= KEYWORD_BYTES_MAX && name.bytes().all(is_atom) {
        return Ok(());
    }
    Err(Error::Invalid { what: "keyword", why: "not an atom of at most 100 bytes".into() })
}

fn all_bits(known: &Keywords) -> Flags {
    let count = u8::try_from(known.count()).unwrap_or(KEYWORDS_MAX);
    (0..count).map(Flags::keyword).fold(SYSTEM, Flags::union)
}

/// The system flags (RFC 9051 §2.3.2).
pub(crate) const SYSTEM: Flags = Flags(0b1_1111);
/// One more is refused with Limit.
const KEYWORDS_MAX: u8 = 120;
const KEYWORD_BYTES_MAX: usize = 100;
