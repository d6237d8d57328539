//! The list of what ended somebody's right to be there, for the servers whose sessions have to end.

use rusqlite::params;

use super::writer::Tx;
use super::{Sql, int, uint};
use crate::{AccountId, CredentialId, Result, Revocation, RevocationMark};

/// Notes one: of a credential, or of all of an account's.
pub(crate) fn note(tx: &Tx<'_>, account: AccountId, credential: Option<CredentialId>) -> Result<()> {
    tx.sql.run(
        "forget old revocations",
        "DELETE FROM revocation WHERE revoked_at < ?1",
        [tx.now.0.saturating_sub(KEPT_SECONDS)],
    )?;
    tx.sql.run(
        "note revocation",
        "INSERT INTO revocation (account_id, credential_id, revoked_at) VALUES (?1, ?2, ?3)",
        params![int(account.0), int(credential.map_or(0, |id| id.0)), tx.now.0],
    )?;
    Ok(())
}

/// Where the list ends. AUTOINCREMENT: also when it is empty, no mark comes again.
pub(crate) fn mark(sql: Sql<'_>) -> Result<RevocationMark> {
    let last = sql.one(
        "read mark of revocations",
        "SELECT seq FROM sqlite_sequence WHERE name = 'revocation'",
        [],
        |row| uint(row, 0),
    )?;
    Ok(RevocationMark(last.unwrap_or_default()))
}

/// What was added after a mark, in order.
pub(crate) fn since(sql: Sql<'_>, mark: RevocationMark) -> Result<Vec<Revocation>> {
    sql.all(
        "read revocations",
        "SELECT id, account_id, credential_id FROM revocation WHERE id > ?1 ORDER BY id",
        [int(mark.0)],
        |row| {
            let credential = uint(row, 2)?;
            Ok(Revocation {
                mark: RevocationMark(uint(row, 0)?),
                account: AccountId(uint(row, 1)?),
                credential: (credential != 0).then_some(CredentialId(credential)),
            })
        },
    )
}

/// A server reads every few seconds; one that was stopped for longer has no sessions.
const KEPT_SECONDS: i64 = 7 * 24 * 3600;
