//! Access control lists (RFC 4314): the one place where it is decided what a reader may do.
//!
//! # Invariants
//! - The owner may do everything; asking costs nothing then.
//! - Without `l` every answer is that for a mailbox that does not exist, found by the same statement.
//! - Rights are read in the transaction that they are needed in: one that was taken away is gone at once.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;

use super::edit::By;
use super::writer::Tx;
use super::{Sql, accounts, int, mailboxes, uint};
use crate::{
    ACL_ENTRIES_MAX, ANYONE, AccountChanges, AccountId, AclEntry, Entry, Error, FlagChange, Flags,
    Identifier, Mailbox, MailboxId, MailboxName, MessageId, Result, Rights, RightsChange, Sign,
};

/// Whose mail, and who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) owner: AccountId,
    pub(crate) reader: AccountId,
}

impl Who {
    pub(crate) fn is_owner(self) -> bool {
        self.owner == self.reader
    }

    fn key(self) -> [i64; 2] {
        [int(self.owner.0), int(self.reader.0)]
    }
}

/// Refuses whoever lacks one of these rights to a mailbox; all that they have there.
pub(crate) fn demand(sql: Sql<'_>, who: Who, mailbox: MailboxId, needed: Rights) -> Result<Rights> {
    if who.is_owner() {
        return Ok(Rights::ALL);
    }
    let rights = rights(sql, who, mailbox)?;
    if !rights.contains(Rights::LOOKUP) {
        return Err(Error::NotFound("mailbox"));
    }
    if rights.contains(needed) { Ok(rights) } else { Err(NOT_PERMITTED) }
}

/// The mailbox of a name, for whoever may look it up.
pub(crate) fn named(sql: Sql<'_>, who: Who, name: &MailboxName) -> Result<Mailbox> {
    if who.is_owner() {
        accounts::modseq(sql, who.owner)?;
        return mailboxes::named(sql, who.owner, name);
    }
    let mailbox = mailboxes::named(sql, who.owner, name);
    // Asked for also where there is no mailbox, so that both take their time.
    let id = mailbox.as_ref().map_or(MailboxId(0), |mailbox| mailbox.id);
    demand(sql, who, id, Rights::LOOKUP)?;
    mailbox.map(without_subscription)
}

/// The mailbox of an id, for whoever may look it up.
pub(crate) fn one(sql: Sql<'_>, who: Who, id: MailboxId) -> Result<Mailbox> {
    demand(sql, who, id, Rights::LOOKUP)?;
    let mailbox = mailboxes::one(sql, who.owner, id)?;
    Ok(if who.is_owner() { mailbox } else { without_subscription(mailbox) })
}

/// The mailboxes that a reader may look up, by name, with its rights.
pub(crate) fn visible(sql: Sql<'_>, who: Who) -> Result<Vec<(Mailbox, Rights)>> {
    let all = mailboxes::all(sql, who.owner)?;
    if who.is_owner() {
        return Ok(all.into_iter().map(|mailbox| (mailbox, Rights::ALL)).collect());
    }
    let rights = all_rights(sql, who)?;
    let found = all.into_iter().filter_map(|mailbox| {
        let rights = rights.get(&mailbox.id).copied().filter(|rights| rights.contains(Rights::LOOKUP))?;
        Some((without_subscription(mailbox), rights))
    });
    Ok(found.collect())
}

/// The mailboxes of another account whose messages a reader may see.
pub(crate) fn readable(sql: Sql<'_>, who: Who) -> Result<BTreeSet<MailboxId>> {
    let rights = all_rights(sql, who)?;
    let may_read = |rights: &Rights| rights.contains(Rights::LOOKUP.union(Rights::READ));
    Ok(rights.into_iter().filter(|(_, rights)| may_read(rights)).map(|(id, _)| id).collect())
}

/// Refuses whoever may read nothing of an account.
pub(crate) fn demand_any(sql: Sql<'_>, who: Who) -> Result<()> {
    if !who.is_owner() && readable(sql, who)?.is_empty() {
        return Err(Error::NotFound("mailbox"));
    }
    Ok(())
}

/// Leaves of an account's changes those that a reader may see. What a mailbox was called before the reader could see it, what
/// the owner is subscribed to and which keywords are new to the owner is nobody else's.
pub(crate) fn hide(sql: Sql<'_>, who: Who, changes: &mut AccountChanges) -> Result<()> {
    if who.is_owner() {
        return Ok(());
    }
    let rights = all_rights(sql, who)?;
    let may = |id, needed| rights.get(&id).is_some_and(|rights| rights.contains(needed));
    changes.mailboxes.retain(|change| may(change.id, Rights::LOOKUP));
    for change in &mut changes.mailboxes {
        change.old_name = None;
        change.now = change.now.take().map(without_subscription);
    }
    changes.memberships.retain(|change| may(change.mailbox, Rights::LOOKUP.union(Rights::READ)));
    changes.keywords.clear();
    Ok(())
}

/// Refuses whoever may read none of the mailboxes that a message is in.
pub(crate) fn demand_message(sql: Sql<'_>, who: Who, message: MessageId) -> Result<()> {
    if who.is_owner() {
        return Ok(());
    }
    let places = sql.all(
        "find mailboxes of message",
        "SELECT DISTINCT mailbox_id FROM membership WHERE account_id = ?1 AND message_id = ?2",
        [int(who.owner.0), int(message.0)],
        |row| uint(row, 0).map(MailboxId),
    )?;
    for mailbox in places {
        if rights(sql, who, mailbox)?.contains(Rights::LOOKUP.union(Rights::READ)) {
            return Ok(());
        }
    }
    Err(Error::NotFound("message"))
}

/// Those of these messages that a reader may see.
pub(crate) fn seen_of(sql: Sql<'_>, who: Who, mut entries: Vec<Entry>) -> Result<Vec<Entry>> {
    if !who.is_owner() {
        let mut kept = Vec::with_capacity(entries.len());
        for entry in entries {
            match demand_message(sql, who, entry.message) {
                Ok(()) => kept.push(entry),
                Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        entries = kept;
    }
    Ok(entries)
}

/// Refuses whoever may not make a mailbox of this name (RFC 4314 §4: `k` on the nearest parent that is there). One
/// that can't be looked up is the same as none: neither has a child that could be made.
pub(crate) fn demand_parent(sql: Sql<'_>, who: Who, name: &MailboxName) -> Result<()> {
    if who.is_owner() {
        return Ok(());
    }
    let mut above = name.parent();
    while let Some(parent) = above {
        if let Some(id) = mailboxes::id_of(sql, who.owner, parent.as_str())? {
            let rights = rights(sql, who, id)?;
            let needed = Rights::LOOKUP.union(Rights::CREATE);
            return if rights.contains(needed) { Ok(()) } else { Err(NOT_PERMITTED) };
        }
        above = parent.parent();
    }
    Err(NOT_PERMITTED)
}

/// Gives a new mailbox the access control list of the one above it (RFC 4314 §4, CREATE).
pub(crate) fn inherit(tx: &Tx<'_>, account: AccountId, mailbox: MailboxId, name: &MailboxName) -> Result<()> {
    let Some(parent) = name.parent() else { return Ok(()) };
    let inherited = tx.sql.run(
        "inherit access control list",
        "INSERT INTO acl (account_id, mailbox_id, grantee_id, is_negative, rights) \
         SELECT a.account_id, ?3, a.grantee_id, a.is_negative, a.rights FROM acl a JOIN mailbox m \
         ON m.account_id = a.account_id AND m.id = a.mailbox_id WHERE m.account_id = ?1 AND m.name = ?2",
        params![int(account.0), parent.as_str(), int(mailbox.0)],
    );
    inherited.map(|_| ())
}

/// Removes the list of a mailbox that is being deleted (RFC 4314 §4, DELETE).
pub(crate) fn drop_all(tx: &Tx<'_>, account: AccountId, mailbox: MailboxId) -> Result<()> {
    let text = "DELETE FROM acl WHERE account_id = ?1 AND mailbox_id = ?2";
    tx.sql.run("remove access control list", text, [int(account.0), int(mailbox.0)]).map(|_| ())
}

/// The list of a mailbox: the owner, then the others by name, what is given before what is taken.
pub(crate) fn list(sql: Sql<'_>, who: Who, mailbox: MailboxId) -> Result<Vec<AclEntry>> {
    mailboxes::one(sql, who.owner, mailbox)?;
    let owner = accounts::one(sql, who.owner)?.name;
    let mut entries =
        vec![AclEntry { identifier: Identifier { name: owner, sign: Sign::Positive }, rights: Rights::ALL }];
    // An account that is gone has no name any more, and its rights are nobody's.
    let others = sql.all(
        "list access control list",
        "SELECT ifnull(g.name, ?3), a.is_negative, a.rights FROM acl a LEFT JOIN account g ON g.id = a.grantee_id \
         WHERE a.account_id = ?1 AND a.mailbox_id = ?2 AND (a.grantee_id = 0 OR g.id IS NOT NULL) \
         ORDER BY a.grantee_id, a.is_negative",
        params![int(who.owner.0), int(mailbox.0), ANYONE],
        |row| {
            let sign = if row.get(1)? { Sign::Negative } else { Sign::Positive };
            let identifier = Identifier { name: row.get(0)?, sign };
            Ok(AclEntry { identifier, rights: Rights::stored(row.get(2)?) })
        },
    )?;
    entries.extend(others);
    Ok(entries)
}

/// Changes one entry.
pub(crate) fn change(
    tx: &Tx<'_>,
    by: &By,
    mailbox: MailboxId,
    (identifier, change): (&Identifier, RightsChange),
) -> Result<()> {
    let grantee = grantee(tx.sql, &identifier.name)?;
    let key =
        [int(by.account.0), int(mailbox.0), int(grantee.0), i64::from(identifier.sign == Sign::Negative)];
    let old = tx.sql.one(
        "read access control entry",
        "SELECT rights FROM acl WHERE account_id = ?1 AND mailbox_id = ?2 AND grantee_id = ?3 AND is_negative = ?4",
        key,
        |row| row.get(0).map(Rights::stored),
    )?;
    let old = if grantee == by.account { Rights::ALL } else { old.unwrap_or_default() };
    let new = match change {
        RightsChange::Replace(rights) => rights,
        RightsChange::Add(rights) => old.union(rights),
        RightsChange::Remove(rights) => old.without(rights),
    };
    if grantee == by.account {
        // RFC 4314 §2: rights may be tied to an identifier.
        let is_nothing = new == if identifier.sign == Sign::Positive { Rights::ALL } else { Rights::NONE };
        return if is_nothing { Ok(()) } else { Err(Error::Forbidden("the owner has all rights, always")) };
    }
    let [account, mailbox, grantee, sign] = key;
    tx.sql.run(
        "remove access control entry",
        "DELETE FROM acl WHERE account_id = ?1 AND mailbox_id = ?2 AND grantee_id = ?3 AND is_negative = ?4",
        key,
    )?;
    if new != Rights::NONE {
        tx.sql.run(
            "set access control entry",
            "INSERT INTO acl (account_id, mailbox_id, grantee_id, is_negative, rights) VALUES (?1, ?2, ?3, ?4, ?5)",
            [account, mailbox, grantee, sign, new.bits()],
        )?;
    }
    let count = tx.sql.one(
        "count access control entries",
        "SELECT count(*) FROM acl WHERE account_id = ?1 AND mailbox_id = ?2",
        [account, mailbox],
        |row| uint(row, 0),
    )?;
    if count.unwrap_or_default() > ACL_ENTRIES_MAX as u64 {
        return Err(Error::Limit("entries of an access control list"));
    }
    // Sessions that have it selected look again whether they may, those of the grantee what there is for them now.
    tx.touch(by.account);
    if grantee != EVERYBODY {
        tx.touch(AccountId(grantee.cast_unsigned()));
    }
    Ok(())
}

/// Accounts that have given one, or all, any right, by name.
pub(crate) fn sharing_with(sql: Sql<'_>, reader: AccountId) -> Result<Vec<(AccountId, String)>> {
    sql.all(
        "list sharing accounts",
        "SELECT id, name FROM account WHERE id <> ?1 AND id IN \
         (SELECT account_id FROM acl WHERE grantee_id IN (0, ?1) AND is_negative = 0) ORDER BY name",
        [int(reader.0)],
        |row| Ok((AccountId(uint(row, 0)?), row.get(1)?)),
    )
}

/// What of the flags of a new message may be set (RFC 4314 §4, COPY and APPEND).
pub(crate) fn permitted_flags(rights: Rights, flags: Flags) -> Flags {
    Flags(flags.0 & changeable(rights).0)
}

/// What of a change may be made (RFC 4314 §4, STORE): refused only if nothing of it may.
pub(crate) fn permitted_change(rights: Rights, change: &FlagChange) -> Result<FlagChange> {
    let may = changeable(rights);
    let of = |names: &Vec<String>| if rights.contains(Rights::WRITE) { names.clone() } else { Vec::new() };
    let permitted = FlagChange {
        add: Flags(change.add.0 & may.0),
        add_keywords: of(&change.add_keywords),
        remove: Flags(change.remove.0 & may.0),
        remove_keywords: of(&change.remove_keywords),
    };
    if permitted == FlagChange::default() && *change != permitted {
        Err(NOT_PERMITTED)
    } else {
        Ok(permitted)
    }
}

/// The flags that rights let one change.
fn changeable(rights: Rights) -> Flags {
    let mut flags = Flags::default();
    if rights.contains(Rights::SEEN) {
        flags = flags.union(Flags::SEEN);
    }
    if rights.contains(Rights::DELETE_MESSAGES) {
        flags = flags.union(Flags::DELETED);
    }
    if rights.contains(Rights::WRITE) {
        flags = flags.union(Flags(u128::MAX).without(Flags::SEEN).without(Flags::DELETED));
    }
    flags
}

/// What is given less what is taken, of all entries that are about the reader (RFC 4314 §2 leaves it to us).
fn rights(sql: Sql<'_>, who: Who, mailbox: MailboxId) -> Result<Rights> {
    let [owner, reader] = who.key();
    let entries = sql.all(
        "read rights",
        "SELECT is_negative, rights FROM acl WHERE account_id = ?1 AND mailbox_id = ?2 AND grantee_id IN (0, ?3)",
        [owner, int(mailbox.0), reader],
        |row| Ok((row.get::<_, bool>(0)?, Rights::stored(row.get(1)?))),
    )?;
    Ok(combined(entries))
}

fn all_rights(sql: Sql<'_>, who: Who) -> Result<BTreeMap<MailboxId, Rights>> {
    let entries = sql.all(
        "read all rights",
        "SELECT mailbox_id, is_negative, rights FROM acl WHERE account_id = ?1 AND grantee_id IN (0, ?2)",
        who.key(),
        |row| Ok((MailboxId(uint(row, 0)?), (row.get::<_, bool>(1)?, Rights::stored(row.get(2)?)))),
    )?;
    let mut by_mailbox: BTreeMap<MailboxId, Vec<(bool, Rights)>> = BTreeMap::new();
    for (mailbox, entry) in entries {
        by_mailbox.entry(mailbox).or_default().push(entry);
    }
    Ok(by_mailbox.into_iter().map(|(mailbox, entries)| (mailbox, combined(entries))).collect())
}

fn combined(entries: Vec<(bool, Rights)>) -> Rights {
    let (taken, given): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(is_negative, _)| *is_negative);
    let all = |entries: Vec<(bool, Rights)>| {
        entries.into_iter().fold(Rights::NONE, |all, (_, rights)| all.union(rights))
    };
    all(given).without(all(taken))
}

fn grantee(sql: Sql<'_>, name: &str) -> Result<AccountId> {
    if name.eq_ignore_ascii_case(ANYONE) {
        return Ok(AccountId(0));
    }
    // A catch-all is nobody.
    let found = if name.starts_with('@') { None } else { accounts::named(sql, name)? };
    found.ok_or(Error::NotFound("identifier"))
}

/// The reader's own subscriptions are by name.
fn without_subscription(mailbox: Mailbox) -> Mailbox {
    Mailbox { subscribed: false, ..mailbox }
}

/// In the place of a grantee: ids of accounts begin with 1.
const EVERYBODY: i64 = 0;
const NOT_PERMITTED: Error = Error::Forbidden("the right to this is missing");
