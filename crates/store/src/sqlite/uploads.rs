//! Content that a client has sent (RFC 8620 §6.1) and no message refers to yet. An id is of use in its account only.

use rusqlite::params;

use super::blobs::{self, BlobId, Content, Directory};
use super::writer::Tx;
use super::{Sql, int, uint};
use crate::{AccountId, Error, Result, UnixTime, Upload};

/// Keeps content under an id; the oldest of the account go where there would be more than `bytes_max` octets.
pub(crate) fn insert(
    tx: &Tx<'_>,
    account: AccountId,
    (id, content): (&str, &Content),
    bytes_max: u64,
) -> Result<Upload> {
    super::accounts::modseq(tx.sql, account)?;
    let blob = blobs::retain(tx, content)?;
    tx.sql.run(
        "insert upload",
        "INSERT INTO upload (account_id, id, blob_id, size, uploaded_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![int(account.0), id, blob.0, int(content.size), tx.now.0],
    )?;
    let all = tx.sql.all(
        "list uploads",
        "SELECT id, blob_id, size FROM upload WHERE account_id = ?1 AND id <> ?2 ORDER BY uploaded_at DESC, id",
        params![int(account.0), id],
        |row| Ok((row.get::<_, String>(0)?, BlobId(row.get(1)?), uint(row, 2)?)),
    )?;
    let mut total = content.size;
    for (place, (old, blob, size)) in all.into_iter().enumerate() {
        total = total.saturating_add(size);
        if total > bytes_max || place + 1 >= UPLOADS_MAX {
            remove(tx, account, &old, blob)?;
        }
    }
    Ok(Upload { size: content.size, uploaded_at: tx.now })
}

fn remove(tx: &Tx<'_>, account: AccountId, id: &str, blob: BlobId) -> Result<()> {
    let sql = "DELETE FROM upload WHERE account_id = ?1 AND id = ?2";
    if tx.sql.run("remove upload", sql, params![int(account.0), id])? == 1 {
        blobs::release(tx, blob)?;
    }
    Ok(())
}

/// Content by its id.
pub(crate) fn read(sql: Sql<'_>, files: &Directory, account: AccountId, id: &str) -> Result<bytes::Bytes> {
    let found = sql.one(
        "find upload",
        "SELECT b.id, b.hash, b.size FROM upload u JOIN blob b ON b.id = u.blob_id \
         WHERE u.account_id = ?1 AND u.id = ?2",
        params![int(account.0), id],
        blobs::identity_of,
    )?;
    let content = found.ok_or(Error::NotFound("upload"))?;
    blobs::range(sql, files, content, 0..content.size)
}

/// Removes what was uploaded before a time, some at a time. Whether there is more.
pub(crate) fn expire(tx: &Tx<'_>, before: UnixTime, limit: u32) -> Result<bool> {
    let old = tx.sql.all(
        "find old uploads",
        "SELECT account_id, id, blob_id FROM upload WHERE uploaded_at < ?1 LIMIT ?2",
        params![before.0, limit],
        |row| Ok((AccountId(uint(row, 0)?), row.get::<_, String>(1)?, BlobId(row.get(2)?))),
    )?;
    let more = u32::try_from(old.len()).is_ok_and(|found| found == limit);
    for (account, id, blob) in old {
        remove(tx, account, &id, blob)?;
    }
    Ok(more)
}

/// Removes all of an account that is gone.
pub(crate) fn purge(tx: &Tx<'_>, account: AccountId) -> Result<()> {
    let all = tx.sql.all(
        "find uploads to purge",
        "SELECT id, blob_id FROM upload WHERE account_id = ?1",
        [int(account.0)],
        |row| Ok((row.get::<_, String>(0)?, BlobId(row.get(1)?))),
    )?;
    for (id, blob) in all {
        remove(tx, account, &id, blob)?;
    }
    Ok(())
}

/// Uploads of one account; the oldest goes for one more.
const UPLOADS_MAX: usize = 1000;
