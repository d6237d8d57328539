//! Credentials: rows only; the hashing is in `password` and `scram`.

use rusqlite::{Row, params};

use super::writer::Tx;
use super::{Sql, int, no_account, push_elsewhere, revocations, time, uint};
use crate::password::{Known, Proof, SCHEME};
use crate::scram::{ITERATIONS, Salts, salt_of_nobody};
use crate::{
    AccountId, Credential, CredentialId, CredentialKind, Error, Result, ScramKeys, ScramRecord, UnixTime,
};

/// Adds one; its name must be new among those of its kind.
pub(crate) fn insert(
    tx: &Tx<'_>,
    account: AccountId,
    kind: CredentialKind,
    name: &str,
    proof: &Proof,
) -> Result<Credential> {
    if all(tx.sql, account)?.len() > APP_PASSWORDS_MAX {
        return Err(Error::Limit("app passwords of an account"));
    }
    let id = tx.sql.one(
        "insert credential",
        "INSERT INTO credential (account_id, kind, name, scheme, hash, scram_stored_key, scram_server_key, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING RETURNING id",
        params![
            int(account.0), kind == CredentialKind::App, name, SCHEME, proof.hash, proof.scram.stored_key,
            proof.scram.server_key, tx.now.0,
        ],
        |row| uint(row, 0),
    )?;
    let id = CredentialId(id.ok_or(Error::Exists("app password"))?);
    Ok(Credential { id, kind, name: name.to_owned(), created_at: tx.now, last_used_at: None })
}

/// Changes the main password.
pub(crate) fn set_main(tx: &Tx<'_>, account: AccountId, proof: &Proof) -> Result<()> {
    let changed = tx.sql.run(
        "set password",
        "UPDATE credential SET hash = ?2, scheme = ?3, scram_stored_key = ?4, scram_server_key = ?5 \
         WHERE account_id = ?1 AND kind = 0",
        params![int(account.0), proof.hash, SCHEME, proof.scram.stored_key, proof.scram.server_key],
    )?;
    if changed == 0 {
        return Err(no_account(account));
    }
    // Whoever holds the old password, on a lost phone perhaps, is told nothing any more.
    let id = main(tx.sql, account)?;
    remove_push_subscriptions(tx, account, id)?;
    tx.touch(account);
    revocations::note(tx, account, Some(id))
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
    remove_push_subscriptions(tx, account, id)?;
    tx.touch(account);
    revocations::note(tx, account, Some(id))
}

fn remove_push_subscriptions(tx: &Tx<'_>, account: AccountId, id: CredentialId) -> Result<()> {
    tx.sql.run(
        "remove push subscriptions of a credential",
        "DELETE FROM push_subscription WHERE account_id = ?1 AND credential_id = ?2",
        [int(account.0), int(id.0)],
    )?;
    push_elsewhere::forget_gone(tx)
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

/// The account's main password.
pub(crate) fn main(sql: Sql<'_>, account: AccountId) -> Result<CredentialId> {
    let sql_text = "SELECT id FROM credential WHERE account_id = ?1 AND kind = 0";
    let id = sql.one("read main credential", sql_text, [int(account.0)], |row| uint(row, 0))?;
    id.map(CredentialId).ok_or_else(|| no_account(account))
}

/// What the account's passwords are hashed with.
pub(crate) fn salts(sql: Sql<'_>, account: AccountId) -> Result<Salts> {
    sql.one(
        "read salts",
        "SELECT salt, scram_salt, scram_iterations FROM account WHERE id = ?1",
        [int(account.0)],
        |row| Ok(Salts { argon2: row.get(0)?, scram: row.get(1)?, iterations: row.get(2)? }),
    )?
    .ok_or_else(|| no_account(account))
}

/// What a SCRAM exchange with this name needs.
pub(crate) fn scram(sql: Sql<'_>, name: &str) -> Result<ScramRecord> {
    let key =
        sql.one("read secret", "SELECT value FROM secret WHERE name = 'scram'", [], |row| row.get(0))?;
    let key: [u8; 32] = key.ok_or_else(|| Error::Bug("the store has no key for SCRAM".into()))?;
    let Some(account) = super::accounts::named(sql, name)? else {
        return Ok(ScramRecord { salt: salt_of_nobody(&key, name), iterations: ITERATIONS, account: None });
    };
    let salts = salts(sql, account)?;
    let keys = sql.all(
        "read SCRAM keys",
        "SELECT id, scram_stored_key, scram_server_key FROM credential \
         WHERE account_id = ?1 AND length(scram_stored_key) > 0 ORDER BY kind, id",
        [int(account.0)],
        |row| {
            let keys = ScramKeys { stored_key: row.get(1)?, server_key: row.get(2)? };
            Ok((CredentialId(uint(row, 0)?), keys))
        },
    )?;
    Ok(ScramRecord { salt: salts.scram, iterations: salts.iterations, account: Some((account, keys)) })
}

/// Gives a credential the keys that it lacks, if its password has not been changed meanwhile.
pub(crate) fn set_scram(tx: &Tx<'_>, known: &Known, keys: &ScramKeys) -> Result<()> {
    tx.sql
        .run(
            "set SCRAM keys",
            "UPDATE credential SET scram_stored_key = ?3, scram_server_key = ?4 WHERE id = ?1 AND hash = ?2",
            params![int(known.id.0), known.hash, keys.stored_key, keys.server_key],
        )
        .map(|_| ())
}

/// What a password is compared with.
pub(crate) fn known(sql: Sql<'_>, account: AccountId) -> Result<Vec<Known>> {
    sql.all(
        "read credential hashes",
        "SELECT id, kind, hash, last_used_at, length(scram_stored_key) > 0 FROM credential \
         WHERE account_id = ?1 AND scheme = ?2 ORDER BY kind, id",
        [int(account.0), i64::from(SCHEME)],
        |row| {
            Ok(Known {
                id: CredentialId(uint(row, 0)?),
                kind: kind(row, 1)?,
                hash: row.get(2)?,
                last_used_at: time(row, 3)?,
                has_scram: row.get(4)?,
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
