//! Credentials: rows only; the hashing is in `password`.

use rusqlite::{Row, params};

use super::writer::Tx;
use super::{Sql, int, no_account, time, uint};
use crate::password::{Known, SCHEME};
use crate::{AccountId, Credential, CredentialId, CredentialKind, Error, Result, UnixTime};

/// Adds one; its name must be new among those of its kind.
pub(crate) fn insert(
    tx: &Tx<'_>,
    account: AccountId,
    kind: CredentialKind,
    name: &str,
    hash: &[u8; 32],
) -> Result<Credential> {
    if all(tx.sql, account)?.len() > APP_PASSWORDS_MAX {
        return Err(Error::Limit("app passwords of an account"));
    }
    let id = tx.sql.one(
        "insert credential",
        "INSERT INTO credential (account_id, kind, name, scheme, hash, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT DO NOTHING RETURNING id",
        params![int(account.0), kind == CredentialKind::App, name, SCHEME, hash, tx.now.0],
        |row| uint(row, 0),
    )?;
    let id = CredentialId(id.ok_or(Error::Exists("app password"))?);
    Ok(Credential { id, kind, name: name.to_owned(), created_at: tx.now, last_used_at: None })
}

/// Gives the main password another hash.
pub(crate) fn set_main(tx: &Tx<'_>, account: AccountId, hash: &[u8; 32]) -> Result<()> {
    let changed = tx.sql.run(
        "set password",
        "UPDATE credential SET hash = ?2, scheme = ?3 WHERE account_id = ?1 AND kind = 0",
        params![int(account.0), hash, SCHEME],
    )?;
    if changed == 0 { Err(no_account(account)) } else { Ok(()) }
}

/// Removes an app password and the push subscriptions that it made.
pub(crate) fn revoke(tx: &Tx<'_>, account: AccountId, id: CredentialId) -> Result<()> {
    let removed = tx.sql.run(
        "revoke credential",
        "DELETE FROM credential WHERE id = ?1 AND account_id = ?2 AND kind = 1",
        [int(id.0), int(account.0)],
    )?;
    if removed == 0 {
        return Err(Error::NotFound("app password"));
    }
    tx.sql.run(
        "remove push subscriptions of a credential",
        "DELETE FROM push_subscription WHERE account_id = ?1 AND credential_id = ?2",
        [int(account.0), int(id.0)],
    )?;
    tx.touch(account);
    Ok(())
}

/// Every credential of an account, the main one first.
pub(crate) fn all(sql: Sql<'_>, account: AccountId) -> Result<Vec<Credential>> {
    sql.all(
        "list credentials",
        "SELECT id, kind, name, created_at, last_used_at FROM credential WHERE account_id = ?1 ORDER BY kind, id",
        [int(account.0)],
        |row| {
            Ok(Credential {
                id: CredentialId(uint(row, 0)?),
                kind: kind(row, 1)?,
                name: row.get(2)?,
                created_at: UnixTime(row.get(3)?),
                last_used_at: time(row, 4)?,
            })
        },
    )
}

/// What kind a credential is, if it (still) belongs to the account.
pub(crate) fn kind_of(sql: Sql<'_>, account: AccountId, id: CredentialId) -> Result<Option<CredentialKind>> {
    sql.one(
        "read credential",
        "SELECT kind FROM credential WHERE id = ?1 AND account_id = ?2",
        [int(id.0), int(account.0)],
        |row| kind(row, 0),
    )
}

/// The account's salt.
pub(crate) fn salt(sql: Sql<'_>, account: AccountId) -> Result<[u8; 16]> {
    sql.one("read salt", "SELECT salt FROM account WHERE id = ?1", [int(account.0)], |row| row.get(0))?
        .ok_or_else(|| no_account(account))
}

/// What a password is compared with.
pub(crate) fn known(sql: Sql<'_>, account: AccountId) -> Result<Vec<Known>> {
    sql.all(
        "read credential hashes",
        "SELECT id, kind, hash, last_used_at FROM credential WHERE account_id = ?1 AND scheme = ?2 ORDER BY kind, id",
        [int(account.0), i64::from(SCHEME)],
        |row| {
            Ok(Known {
                id: CredentialId(uint(row, 0)?),
                kind: kind(row, 1)?,
                hash: row.get(2)?,
                last_used_at: time(row, 3)?,
            })
        },
    )
}

/// Notes that a credential has opened a session.
pub(crate) fn used(tx: &Tx<'_>, id: CredentialId, at: UnixTime) -> Result<()> {
    tx.sql
        .run("note use", "UPDATE credential SET last_used_at = ?2 WHERE id = ?1", [int(id.0), at.0])
        .map(|_| ())
}

fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<CredentialKind> {
    Ok(if row.get::<_, bool>(column)? { CredentialKind::App } else { CredentialKind::Main })
}

/// One more is refused with Limit.
const APP_PASSWORDS_MAX: usize = 100;
