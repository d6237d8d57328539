//! Mailboxes: rows, names, subscriptions. Renaming is in `rename`.

use rusqlite::{Row, params};

use super::edit::By;
use super::writer::Tx;
use super::{Sql, acl, annotations, int, no_account, origin_columns, uint};
use crate::{
    AccountId, Changes, Error, Mailbox, MailboxId, MailboxName, ModSeq, Result, SpecialUse, Target,
    UidValidity,
};

/// A mailbox to make.
pub(crate) struct NewMailbox {
    pub(crate) name: MailboxName,
    pub(crate) special_use: Option<SpecialUse>,
}

/// Every mailbox of an account, by name.
pub(crate) fn all(sql: Sql<'_>, account: AccountId) -> Result<Vec<Mailbox>> {
    sql.all("list mailboxes", &select("m.account_id = ?1 ORDER BY m.name"), [int(account.0)], mailbox)
}

/// One by its id.
pub(crate) fn one(sql: Sql<'_>, account: AccountId, id: MailboxId) -> Result<Mailbox> {
    let found = sql.one(
        "read mailbox",
        &select("m.account_id = ?1 AND m.id = ?2"),
        [int(account.0), int(id.0)],
        mailbox,
    )?;
    found.ok_or(Error::NotFound("mailbox"))
}

/// One by its name.
pub(crate) fn named(sql: Sql<'_>, account: AccountId, name: &MailboxName) -> Result<Mailbox> {
    let found = sql.one(
        "read mailbox by name",
        &select("m.account_id = ?1 AND m.name = ?2"),
        params![int(account.0), name.as_str()],
        mailbox,
    )?;
    found.ok_or(Error::NotFound("mailbox"))
}

/// The id behind a name, if there is such a mailbox.
pub(crate) fn id_of(sql: Sql<'_>, account: AccountId, name: &str) -> Result<Option<MailboxId>> {
    sql.one(
        "find mailbox by name",
        "SELECT id FROM mailbox WHERE account_id = ?1 AND name = ?2",
        params![int(account.0), name],
        |row| uint(row, 0).map(MailboxId),
    )
}

/// Where a message goes.
pub(crate) fn resolve(sql: Sql<'_>, account: AccountId, target: &Target) -> Result<MailboxId> {
    let wanted = match target {
        Target::Id(id) => return Ok(*id),
        Target::NameOrInbox(name) => id_of(sql, account, name.as_str())?,
        Target::UseOrInbox(special_use) => sql.one(
            "find mailbox by use",
            "SELECT id FROM mailbox WHERE account_id = ?1 AND special_use = ?2 ORDER BY id LIMIT 1",
            [int(account.0), use_column(Some(*special_use))],
            |row| uint(row, 0).map(MailboxId),
        )?,
    };
    match wanted {
        Some(id) => Ok(id),
        None => id_of(sql, account, MailboxName::inbox().as_str())?.ok_or_else(|| no_account(account)),
    }
}

/// Makes a mailbox whose name is free, at a MODSEQ of this request, with the access control list of the one above it.
pub(crate) fn insert(tx: &Tx<'_>, by: &By, modseq: ModSeq, new: &NewMailbox) -> Result<MailboxId> {
    // UIDVALIDITY only ever rises in an account, so that a name that comes back never has an old one.
    let taken = tx.sql.one(
        "take mailbox id",
        "UPDATE account SET next_mailbox_id = next_mailbox_id + 1, \
         last_uid_validity = max(last_uid_validity + 1, ?2) WHERE id = ?1 \
         RETURNING next_mailbox_id - 1, last_uid_validity",
        [int(by.account.0), tx.now.0],
        |row| Ok((uint(row, 0)?, row.get::<_, u32>(1)?)),
    )?;
    let (id, uid_validity) = taken.ok_or_else(|| no_account(by.account))?;
    let (credential, session) = origin_columns(by.origin);
    tx.sql.run(
        "insert mailbox",
        "INSERT INTO mailbox (account_id, id, name, special_use, uid_validity, uid_next, highest_modseq, messages, \
         unseen, deleted, size, modseq, created_modseq, credential_id, session_id, old_name, renamed_modseq) \
         VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, 0, 0, 0, 0, ?6, ?6, ?7, ?8, '', 0)",
        params![
            int(by.account.0), int(id), new.name.as_str(), use_column(new.special_use), uid_validity, int(modseq.0),
            credential, session
        ],
    )?;
    acl::inherit(tx, by.account, MailboxId(id), &new.name)?;
    Ok(MailboxId(id))
}

/// Refuses names that no own mailbox may have: nobody could find it there.
pub(crate) fn check_own_name(name: &MailboxName) -> Result<()> {
    if name.is_of_others() { Err(Error::Forbidden("the name is kept for others' mailboxes")) } else { Ok(()) }
}

/// Makes a mailbox and those above it that are missing.
pub(crate) fn create(tx: &Tx<'_>, by: &By, new: &NewMailbox) -> Result<(Mailbox, Changes)> {
    check_own_name(&new.name)?;
    if id_of(tx.sql, by.account, new.name.as_str())?.is_some() {
        return Err(Error::Exists("mailbox"));
    }
    let modseq = tx.raise_modseq(by.account)?;
    insert_parents(tx, by, modseq, &new.name)?;
    let id = insert(tx, by, modseq, new)?;
    let count = tx.sql.one(
        "count mailboxes",
        "SELECT count(*) FROM mailbox WHERE account_id = ?1",
        [int(by.account.0)],
        |row| uint(row, 0),
    )?;
    if count.unwrap_or_default() > MAILBOXES_MAX {
        return Err(Error::Limit("mailboxes of an account"));
    }
    Ok((one(tx.sql, by.account, id)?, Changes { account: by.account, modseq }))
}

/// Makes what is missing above a name (RFC 9051 §6.3.4).
pub(crate) fn insert_parents(tx: &Tx<'_>, by: &By, modseq: ModSeq, name: &MailboxName) -> Result<()> {
    let mut missing = Vec::new();
    let mut above = name.parent();
    while let Some(parent) = above {
        if id_of(tx.sql, by.account, parent.as_str())?.is_some() {
            break;
        }
        above = parent.parent();
        missing.push(parent);
    }
    for name in missing.into_iter().rev() {
        insert(tx, by, modseq, &NewMailbox { name, special_use: None })?;
    }
    Ok(())
}

/// Refuses what may not be deleted.
pub(crate) fn deletable(sql: Sql<'_>, account: AccountId, id: MailboxId) -> Result<Mailbox> {
    let mailbox = one(sql, account, id)?;
    if mailbox.name == MailboxName::inbox() {
        return Err(Error::Forbidden("INBOX can't be deleted"));
    }
    if children(sql, account, &mailbox.name)?.is_empty() {
        return Ok(mailbox);
    }
    Err(Error::Forbidden("the mailbox has others below it"))
}

/// Removes an empty mailbox with its annotations and access control list, and remembers its name.
pub(crate) fn remove(tx: &Tx<'_>, by: &By, modseq: ModSeq, mailbox: &Mailbox) -> Result<()> {
    let (credential, session) = origin_columns(by.origin);
    annotations::drop_all(tx, by.account, mailbox.id)?;
    acl::drop_all(tx, by.account, mailbox.id)?;
    tx.sql.run(
        "remove mailbox",
        "DELETE FROM mailbox WHERE account_id = ?1 AND id = ?2",
        [int(by.account.0), int(mailbox.id.0)],
    )?;
    tx.sql.run(
        "remember mailbox",
        "INSERT INTO mailbox_gone (account_id, modseq, id, name, credential_id, session_id, gone_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            int(by.account.0),
            int(modseq.0),
            int(mailbox.id.0),
            mailbox.name.as_str(),
            credential,
            session,
            tx.now.0
        ],
    )?;
    Ok(())
}

/// Ids and names of the mailboxes below a name, at all levels.
pub(crate) fn children(
    sql: Sql<'_>,
    account: AccountId,
    name: &MailboxName,
) -> Result<Vec<(MailboxId, String)>> {
    // `0` is the character after `/`: a range of the index on names.
    sql.all(
        "list children",
        "SELECT id, name FROM mailbox WHERE account_id = ?1 AND name > ?2 AND name < ?3 ORDER BY name",
        params![int(account.0), format!("{}/", name.as_str()), format!("{}0", name.as_str())],
        |row| Ok((MailboxId(uint(row, 0)?), row.get(1)?)),
    )
}

/// Every name subscribed to, in order.
pub(crate) fn subscribed(sql: Sql<'_>, account: AccountId) -> Result<Vec<MailboxName>> {
    let names = sql.all(
        "list subscribed",
        "SELECT name FROM subscribed WHERE account_id = ?1 ORDER BY name",
        [int(account.0)],
        |row| row.get::<_, String>(0),
    )?;
    Ok(names.into_iter().map(MailboxName::stored).collect())
}

/// Adds or takes a subscription; whether that was a change.
pub(crate) fn set_subscribed(
    tx: &Tx<'_>,
    account: AccountId,
    name: &MailboxName,
    wanted: bool,
) -> Result<bool> {
    let key = params![int(account.0), name.as_str()];
    if !wanted {
        let sql = "DELETE FROM subscribed WHERE account_id = ?1 AND name = ?2";
        return Ok(tx.sql.run("unsubscribe", sql, key)? > 0);
    }
    let sql = "INSERT INTO subscribed (account_id, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    let added = tx.sql.run("subscribe", sql, key)? > 0;
    let sql = "SELECT count(*) FROM subscribed WHERE account_id = ?1";
    let count = tx.sql.one("count subscribed", sql, [int(account.0)], |row| uint(row, 0))?;
    // Names may be subscribed to that no mailbox has, so mailboxes' own limit does not bound them.
    if count.unwrap_or_default() > MAILBOXES_MAX { Err(Error::Limit("subscribed names")) } else { Ok(added) }
}

/// Marks the mailbox itself, if there is one of that name, as changed.
pub(crate) fn mark(tx: &Tx<'_>, by: &By, modseq: ModSeq, name: &MailboxName) -> Result<()> {
    let (credential, session) = origin_columns(by.origin);
    let sql = "UPDATE mailbox SET modseq = ?3, credential_id = ?4, session_id = ?5 WHERE account_id = ?1 AND name = ?2";
    let values = params![int(by.account.0), name.as_str(), int(modseq.0), credential, session];
    tx.sql.run("mark mailbox", sql, values).map(|_| ())
}

/// Sets what a mailbox is for.
pub(crate) fn set_special_use(
    tx: &Tx<'_>,
    by: &By,
    id: MailboxId,
    special_use: Option<SpecialUse>,
) -> Result<Changes> {
    let mailbox = one(tx.sql, by.account, id)?;
    let modseq = tx.raise_modseq(by.account)?;
    let sql = "UPDATE mailbox SET special_use = ?3 WHERE account_id = ?1 AND id = ?2";
    tx.sql.run("set special use", sql, params![int(by.account.0), int(id.0), use_column(special_use)])?;
    mark(tx, by, modseq, &mailbox.name)?;
    Ok(Changes { account: by.account, modseq })
}

/// Sets a mailbox's `sortOrder`.
pub(crate) fn set_sort_order(tx: &Tx<'_>, by: &By, id: MailboxId, order: u32) -> Result<Changes> {
    let mailbox = one(tx.sql, by.account, id)?;
    let modseq = tx.raise_modseq(by.account)?;
    let sql = "UPDATE mailbox SET sort_order = ?3 WHERE account_id = ?1 AND id = ?2";
    tx.sql.run("set sort order", sql, params![int(by.account.0), int(id.0), order])?;
    mark(tx, by, modseq, &mailbox.name)?;
    Ok(Changes { account: by.account, modseq })
}

/// The numbers that uses are stored as: never change one. 0 is none.
const USES: [(i64, SpecialUse); 5] = [
    (1, SpecialUse::Archive),
    (2, SpecialUse::Drafts),
    (3, SpecialUse::Junk),
    (4, SpecialUse::Sent),
    (5, SpecialUse::Trash),
];

fn use_column(special_use: Option<SpecialUse>) -> i64 {
    USES.iter().find(|(_, known)| Some(*known) == special_use).map_or(0, |(number, _)| *number)
}

fn select(condition: &str) -> String {
    format!("SELECT {MAILBOX_COLUMNS} FROM mailbox m WHERE {condition}")
}

/// What [`mailbox`] reads, of a table that is called `m` in the statement.
pub(crate) const MAILBOX_COLUMNS: &str = "m.id, m.name, m.special_use, \
     EXISTS (SELECT 1 FROM subscribed s WHERE s.account_id = m.account_id AND s.name = m.name), \
     m.uid_validity, m.uid_next, m.highest_modseq, m.messages, m.unseen, m.deleted, m.size";

/// Reads [`MAILBOX_COLUMNS`].
pub(crate) fn mailbox(row: &Row<'_>) -> rusqlite::Result<Mailbox> {
    let special_use: i64 = row.get(2)?;
    Ok(Mailbox {
        id: MailboxId(uint(row, 0)?),
        name: MailboxName::stored(row.get(1)?),
        special_use: USES.iter().find(|(number, _)| *number == special_use).map(|(_, known)| *known),
        subscribed: row.get(3)?,
        uid_validity: UidValidity(row.get(4)?),
        uid_next: row.get(5)?,
        highest_modseq: ModSeq(uint(row, 6)?),
        messages: row.get(7)?,
        unseen: row.get(8)?,
        deleted: row.get(9)?,
        size: uint(row, 10)?,
    })
}

/// One more is refused with Limit.
const MAILBOXES_MAX: u64 = 10_000;
