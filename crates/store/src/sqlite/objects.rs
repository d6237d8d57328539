//! What identities and submissions have in common: their type's state, their changes, what is left of them.

use rusqlite::params;

use super::writer::Tx;
use super::{Sql, int, no_account, uint};
use crate::{AccountId, ModSeq, ObjectChange, ObjectKind, Result};

/// Raises the account's MODSEQ for a change of this type, and marks the type.
pub(crate) fn touch(tx: &Tx<'_>, account: AccountId, kind: ObjectKind) -> Result<ModSeq> {
    let modseq = tx.raise_modseq(account)?;
    let sql = match kind {
        ObjectKind::Identity => "UPDATE account SET identity_modseq = ?2 WHERE id = ?1",
        ObjectKind::Submission => "UPDATE account SET submission_modseq = ?2 WHERE id = ?1",
    };
    tx.sql.run("mark type", sql, [int(account.0), int(modseq.0)])?;
    Ok(modseq)
}

/// Remembers one that is gone.
pub(crate) fn bury(
    tx: &Tx<'_>,
    account: AccountId,
    (kind, id): (ObjectKind, u64),
    (created, modseq): (ModSeq, ModSeq),
) -> Result<()> {
    tx.sql.run(
        "remember gone object",
        "INSERT INTO object_gone (account_id, modseq, kind, id, created_modseq, gone_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![int(account.0), int(modseq.0), kind_column(kind), int(id), int(created.0), tx.now.0],
    )?;
    Ok(())
}

/// Objects that have changed after a MODSEQ, by MODSEQ, and whether all that are gone are among them.
pub(crate) fn changes(
    sql: Sql<'_>,
    account: AccountId,
    (kind, since): (ObjectKind, ModSeq),
) -> Result<(Vec<ObjectChange>, bool)> {
    let horizon =
        sql.one("read horizon", "SELECT horizon FROM account WHERE id = ?1", [int(account.0)], |row| {
            uint(row, 0)
        })?;
    let horizon = ModSeq(horizon.ok_or_else(|| no_account(account))?);
    let living = match kind {
        ObjectKind::Identity => {
            "SELECT id, modseq, created_modseq FROM identity WHERE account_id = ?1 AND modseq > ?2"
        }
        ObjectKind::Submission => {
            "SELECT id, modseq, created_modseq FROM submission \
             WHERE account_id = ?1 AND modseq > ?2 AND is_shown = 1"
        }
    };
    let read = |row: &rusqlite::Row<'_>, is_there| {
        Ok(ObjectChange {
            id: uint(row, 0)?,
            modseq: ModSeq(uint(row, 1)?),
            created: ModSeq(uint(row, 2)?),
            is_there,
        })
    };
    let key = [int(account.0), int(since.0)];
    let mut changes = sql.all("read changed objects", living, key, |row| read(row, true))?;
    changes.extend(sql.all(
        "read gone objects",
        "SELECT id, modseq, created_modseq FROM object_gone WHERE account_id = ?1 AND modseq > ?2 AND kind = ?3",
        params![int(account.0), int(since.0), kind_column(kind)],
        |row| read(row, false),
    )?);
    changes.sort_unstable_by_key(|change| (change.modseq, change.id));
    Ok((changes, since >= horizon))
}

fn kind_column(kind: ObjectKind) -> i64 {
    match kind {
        ObjectKind::Identity => 1,
        ObjectKind::Submission => 2,
    }
}
