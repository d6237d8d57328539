//! Accounts and their names.

use rusqlite::{Row, params};

use super::edit::By;
use super::mailboxes::{self, NewMailbox};
use super::writer::Tx;
use super::{Sql, int, no_account, push_elsewhere, revocations, uint};
use crate::password::Proof;
use crate::scram::Salts;
use crate::{
    Account, AccountId, Cause, Changes, CredentialKind, Error, MailboxName, ModSeq, Origin, Result,
    SpecialUse, UnixTime,
};

/// What an account starts with, besides a password.
pub(crate) struct NewRow {
    pub(crate) name: String,
    pub(crate) quota_bytes: Option<u64>,
    pub(crate) salts: Salts,
    pub(crate) proof: Proof,
}

/// Makes an account with its mailboxes and its main password.
pub(crate) fn create(tx: &Tx<'_>, new: &NewRow) -> Result<Account> {
    let id = tx.sql.one(
        "insert account",
        "INSERT INTO account (name, created_at, modseq, horizon, used_bytes, quota_bytes, next_message_id, \
         next_mailbox_id, last_uid_validity, salt, scram_salt, scram_iterations) \
         VALUES (?1, ?2, 0, 0, 0, ?3, 1, 1, 0, ?4, ?5, ?6) RETURNING id",
        params![
            new.name,
            tx.now.0,
            new.quota_bytes.map(int),
            new.salts.argon2,
            new.salts.scram,
            new.salts.iterations,
        ],
        |row| uint(row, 0),
    )?;
    let id = AccountId(id.ok_or_else(|| Error::Bug("no id for a new account".into()))?);
    add_name(tx, id, &new.name, Naming::Account)?;
    super::credentials::insert(tx, id, CredentialKind::Main, MAIN_PASSWORD_NAME, &new.proof)?;
    let by = By { account: id, cause: Cause::Admin, origin: Origin::default() };
    let modseq = tx.raise_modseq(id)?;
    mailboxes::insert(tx, &by, modseq, &NewMailbox { name: MailboxName::inbox(), special_use: None })?;
    mailboxes::set_subscribed(tx, id, &MailboxName::inbox(), true)?;
    for (name, special_use) in FIRST_MAILBOXES {
        let name = MailboxName::new(name)?;
        mailboxes::set_subscribed(tx, id, &name, true)?;
        mailboxes::insert(tx, &by, modseq, &NewMailbox { name, special_use: Some(special_use) })?;
    }
    one(tx.sql, id)
}

/// Removes it from sight at once; its rows go in the background (`upkeep`).
pub(crate) fn remove(tx: &Tx<'_>, id: AccountId) -> Result<()> {
    let gone = tx.sql.run("remove account", "DELETE FROM account WHERE id = ?1", [int(id.0)])?;
    if gone == 0 {
        return Err(no_account(id));
    }
    tx.touch(id);
    for (what, sql) in [
        ("remove names", "DELETE FROM account_name WHERE account_id = ?1"),
        ("remove credentials", "DELETE FROM credential WHERE account_id = ?1"),
        ("remove push subscriptions", "DELETE FROM push_subscription WHERE account_id = ?1"),
        ("remove cursors of others", "DELETE FROM push_elsewhere WHERE account_id = ?1"),
        ("remember account to remove", "INSERT INTO account_gone (id) VALUES (?1)"),
    ] {
        tx.sql.run(what, sql, [int(id.0)])?;
    }
    push_elsewhere::forget_gone(tx)?;
    revocations::note(tx, id, None)
}

/// Every account, by id.
pub(crate) fn all(sql: Sql<'_>) -> Result<Vec<Account>> {
    let mut accounts = sql.all(
        "list accounts",
        "SELECT id, name, created_at, modseq, used_bytes, quota_bytes FROM account ORDER BY id",
        [],
        account,
    )?;
    for account in &mut accounts {
        account.aliases = aliases(sql, account.id)?;
    }
    Ok(accounts)
}

/// One account.
pub(crate) fn one(sql: Sql<'_>, id: AccountId) -> Result<Account> {
    let found = sql.one(
        "read account",
        "SELECT id, name, created_at, modseq, used_bytes, quota_bytes FROM account WHERE id = ?1",
        [int(id.0)],
        account,
    )?;
    let mut account = found.ok_or_else(|| no_account(id))?;
    account.aliases = aliases(sql, id)?;
    Ok(account)
}

/// The id behind a name or alias.
pub(crate) fn named(sql: Sql<'_>, name: &str) -> Result<Option<AccountId>> {
    sql.one(
        "find account by name",
        "SELECT account_id FROM account_name WHERE folded = ?1",
        [name.to_ascii_lowercase()],
        |row| uint(row, 0).map(AccountId),
    )
}

/// Whose own name this is, and how it is written; aliases are for mail.
pub(crate) fn by_own_name(sql: Sql<'_>, name: &str) -> Result<Option<(AccountId, String)>> {
    sql.one(
        "find account by its own name",
        "SELECT account_id, name FROM account_name WHERE folded = ?1 AND is_alias = 0",
        [name.to_ascii_lowercase()],
        |row| Ok((AccountId(uint(row, 0)?), row.get(1)?)),
    )
}

/// The account's MODSEQ.
pub(crate) fn modseq(sql: Sql<'_>, id: AccountId) -> Result<ModSeq> {
    let modseq =
        sql.one("read modseq", "SELECT modseq FROM account WHERE id = ?1", [int(id.0)], |row| uint(row, 0))?;
    modseq.map(ModSeq).ok_or_else(|| no_account(id))
}

/// Sets or lifts the quota.
pub(crate) fn set_quota(tx: &Tx<'_>, id: AccountId, quota_bytes: Option<u64>) -> Result<()> {
    let sql = "UPDATE account SET quota_bytes = ?2 WHERE id = ?1";
    match tx.sql.run("set quota", sql, params![int(id.0), quota_bytes.map(int)])? {
        0 => Err(no_account(id)),
        _ => Ok(()),
    }
}

/// Which kind of name is added.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// The account's own.
    Account,
    /// A further one.
    Alias,
}

/// Adds a name, which nobody may have yet.
pub(crate) fn add_name(tx: &Tx<'_>, id: AccountId, name: &str, naming: Naming) -> Result<()> {
    modseq(tx.sql, id)?;
    if naming == Naming::Alias && aliases(tx.sql, id)?.len() >= ALIASES_MAX {
        return Err(Error::Limit("aliases of an account"));
    }
    let added = tx.sql.run(
        "add name",
        "INSERT INTO account_name (folded, account_id, name, is_alias) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        params![name.to_ascii_lowercase(), int(id.0), name, naming == Naming::Alias],
    )?;
    match (added, naming) {
        (0, Naming::Account) => Err(Error::Exists("account")),
        (0, Naming::Alias) => Err(Error::Exists("alias")),
        _ => Ok(()),
    }
}

/// Takes an alias away.
pub(crate) fn remove_alias(tx: &Tx<'_>, id: AccountId, alias: &str) -> Result<()> {
    let removed = tx.sql.run(
        "remove alias",
        "DELETE FROM account_name WHERE folded = ?1 AND account_id = ?2 AND is_alias = 1",
        params![alias.to_ascii_lowercase(), int(id.0)],
    )?;
    if removed == 0 { Err(Error::NotFound("alias")) } else { Ok(()) }
}

/// Whether a new message is one that its owner has to be told of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is.
    Announced,
    /// They wrote it themselves.
    Quiet,
}

/// Counts a new message: its id, which is also its MODSEQ's commit. What is over quota writes nothing.
pub(crate) fn take_message(
    tx: &Tx<'_>,
    id: AccountId,
    size: u64,
    arrival: Arrival,
) -> Result<(u64, Changes)> {
    let taken = tx.sql.one(
        "take message id",
        "UPDATE account SET modseq = modseq + 1, next_message_id = next_message_id + 1, \
         thread_modseq = modseq + 1, delivery_modseq = iif(?3, modseq + 1, delivery_modseq), used_bytes = used_bytes + ?2 WHERE id = ?1 AND used_bytes + ?2 <= ifnull(quota_bytes, used_bytes + ?2) \
         RETURNING next_message_id - 1, modseq",
        params![int(id.0), int(size), arrival == Arrival::Announced],
        |row| Ok((uint(row, 0)?, ModSeq(uint(row, 1)?))),
    )?;
    let Some((message, modseq)) = taken else {
        modseq(tx.sql, id)?;
        return Err(Error::OverQuota);
    };
    tx.touch(id);
    Ok((message, Changes { account: id, modseq }))
}

fn aliases(sql: Sql<'_>, id: AccountId) -> Result<Vec<String>> {
    sql.all(
        "list aliases",
        "SELECT name FROM account_name WHERE account_id = ?1 AND is_alias = 1 ORDER BY folded",
        [int(id.0)],
        |row| row.get(0),
    )
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: AccountId(uint(row, 0)?),
        name: row.get(1)?,
        aliases: Vec::new(),
        created_at: UnixTime(row.get(2)?),
        modseq: ModSeq(uint(row, 3)?),
        used_bytes: uint(row, 4)?,
        quota_bytes: row.get::<_, Option<i64>>(5)?.map(i64::cast_unsigned),
    })
}

/// The name of the main password among the credentials.
pub(crate) const MAIN_PASSWORD_NAME: &str = "main";
/// Made with every account, besides INBOX.
const FIRST_MAILBOXES: [(&str, SpecialUse); 5] = [
    ("Archive", SpecialUse::Archive),
    ("Drafts", SpecialUse::Drafts),
    ("Junk", SpecialUse::Junk),
    ("Sent", SpecialUse::Sent),
    ("Trash", SpecialUse::Trash),
];
/// One more is refused with Limit.
const ALIASES_MAX: usize = 1000;
