//! Content: stored once for all messages of a delivery; and what is put in one by one, or is large, once in this database,
//! found by its BLAKE3 hash.
//!
//! Up to [`INLINE_BYTES_MAX`] it is a row; above, a file `blobs/ab/cdef...-<nonce>`, named by its hash. The file is
//! written and synced, with its directory, before the request that refers to it goes to the writer (ARCHITECTURE.md, invariant 1), so
//! that no delivery waits behind a large file. The nonce is why that needs no lock: each writing has a file of its
//! own, and of two deliveries of the same content the one that comes second removes its file again.
//!
//! A blob that nothing refers to is kept for a grace time (a backup or a slow reader may still want it), then
//! `upkeep` removes the row, commits, and only then the file. A crash in between leaves a file that no row
//! names: harmless, found by `check`, removed by `upkeep` once it is old.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use bytes::Bytes;
use rusqlite::params;

use super::writer::Tx;
use super::{Sql, failed, int, uint};
use crate::{AccountId, Error, MessageId, Result};

/// Where the large ones are.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    path: PathBuf,
}

/// The number of a row of `blob`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlobId(pub(crate) i64);

/// Content that is ready to be referred to.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) hash: [u8; 32],
    pub(crate) size: u64,
    pub(crate) reach: Reach,
    place: Place,
    /// The row that the last message with this content has referred to, 0 before the first. That may have been rolled
    /// back, and the number be another's now: it counts only together with the hash.
    row: AtomicI64,
}

/// Who shares the row of some content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Whoever refers to this value: the recipients of a delivery. Small content that came by LMTP is unlike any other
    /// because of its trace fields, and to look for it costs each delivery a page.
    Here,
    /// All content with the same hash.
    Database,
}

#[derive(Debug)]
enum Place {
    /// Goes into the database.
    Inline(Bytes),
    /// Has been written to a file, and synced.
    File(NewFile),
}

/// A file that no row names yet; it is removed with this value unless one does.
#[derive(Debug)]
pub(crate) struct NewFile {
    directory: Directory,
    name: String,
    /// A row has been written that names it. It stays then, also if that is rolled back: after a failed COMMIT nobody
    /// knows what is on disk, and a file too many is removed once it is old.
    is_named: AtomicBool,
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.is_named.load(Ordering::Acquire) {
            self.directory.remove(&self.name);
        }
    }
}

impl Directory {
    /// `blobs` in the data directory with its 256 directories, made if they are not there: no writing of a blob then
    /// has to make one, and to wonder whether somebody else's is on disk yet.
    pub(crate) fn open(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join("blobs");
        make_directory(&path)?;
        for first in 0..=u8::MAX {
            make_directory(&path.join(format!("{first:02x}")))?;
        }
        File::open(&path)?.sync_all()?;
        File::open(data_dir)?.sync_all()?;
        Ok(Self { path })
    }

    /// That of a backup, which is only read from, and may lie where nothing can be written.
    pub(crate) fn of_backup(directory: &Path) -> Self {
        Self { path: directory.join("blobs") }
    }

    /// Makes content ready. Blocking; large content is written and synced, and shared by all.
    pub(crate) fn prepare(&self, bytes: &Bytes, reach: Reach, nonce: u64) -> io::Result<Content> {
        let hash = blake3::hash(bytes);
        let (place, reach) = if bytes.len() <= INLINE_BYTES_MAX {
            (Place::Inline(bytes.clone()), reach)
        } else {
            (Place::File(self.write(&hash, bytes, nonce)?), Reach::Database)
        };
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(Content { hash: *hash.as_bytes(), size, reach, place, row: AtomicI64::new(0) })
    }

    fn write(&self, hash: &blake3::Hash, bytes: &[u8], nonce: u64) -> io::Result<NewFile> {
        let hex = hash.to_hex();
        let (first, rest) = hex.split_at(2);
        let directory = self.path.join(first);
        let name = format!("{first}/{rest}-{nonce:016x}");
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.path.join(&name))?;
        let new = NewFile { directory: self.clone(), name, is_named: AtomicBool::new(false) };
        file.write_all(bytes)?;
        file.sync_all()?;
        File::open(&directory)?.sync_all()?;
        Ok(new)
    }

    /// Removes a file that no row names (any more).
    pub(crate) fn remove(&self, name: &str) {
        if let Err(error) = fs::remove_file(self.path.join(name)) {
            tracing::warn!(%error, name, "can't remove a blob's file; it will be tried again");
        }
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> io::Result<Bytes> {
        fs::read(self.path.join(name)).map(Bytes::from)
    }

    /// Reads a stretch of a file, which has to be there.
    fn read_range(&self, name: &str, range: Range<u64>) -> io::Result<Bytes> {
        let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(usize::MAX)];
        File::open(self.path.join(name))?.read_exact_at(&mut bytes, range.start)?;
        Ok(Bytes::from(bytes))
    }

    /// The path of a file, for copying.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Names and last changes of all files there are.
    pub(crate) fn files(&self) -> io::Result<Vec<(String, std::time::SystemTime)>> {
        let mut files = Vec::new();
        for directory in fs::read_dir(&self.path)? {
            let directory = directory?;
            for file in fs::read_dir(directory.path())? {
                let file = file?;
                let name = format!("{}/{}", directory.file_name().display(), file.file_name().display());
                // One that has just been removed is no longer of interest.
                if let Ok(changed) = file.metadata().and_then(|metadata| metadata.modified()) {
                    files.push((name, changed));
                }
            }
        }
        files.sort();
        Ok(files)
    }
}

/// Makes a directory for us alone. Its parent is not synced.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Refers to content once more.
pub(crate) fn retain(tx: &Tx<'_>, content: &Content) -> Result<BlobId> {
    if let Some(id) = retain_known(tx, content)? {
        return Ok(id);
    }
    let file_name = match &content.place {
        Place::Inline(_) => "",
        Place::File(file) => {
            file.is_named.store(true, Ordering::Release);
            &file.name
        }
    };
    tx.sql.run(
        "insert blob",
        "INSERT INTO blob (refs, size, freed_at, is_findable, hash, file_name) VALUES (1, ?1, 0, ?2, ?3, ?4)",
        params![int(content.size), content.reach == Reach::Database, content.hash, file_name],
    )?;
    let id = tx.sql.0.last_insert_rowid();
    if let Place::Inline(bytes) = &content.place {
        let sql = "INSERT INTO blob_data (id, data) VALUES (?1, ?2)";
        tx.sql.run("insert blob data", sql, params![id, &bytes[..]])?;
    }
    content.row.store(id, Ordering::Relaxed);
    Ok(BlobId(id))
}

/// Refers to content that has a row already.
fn retain_known(tx: &Tx<'_>, content: &Content) -> Result<Option<BlobId>> {
    let known = content.row.load(Ordering::Relaxed);
    if known != 0 {
        let sql = "UPDATE blob SET refs = refs + 1, freed_at = 0 WHERE id = ?1 AND hash = ?2";
        if tx.sql.run("retain known blob", sql, params![known, content.hash])? > 0 {
            return Ok(Some(BlobId(known)));
        }
    }
    if content.reach == Reach::Here {
        return Ok(None);
    }
    tx.sql.one(
        "retain blob",
        "UPDATE blob SET refs = refs + 1, freed_at = 0 WHERE hash = ?1 AND is_findable = 1 RETURNING id",
        [content.hash],
        |row| row.get(0).map(BlobId),
    )
}

/// Refers once more to content that is referred to.
pub(crate) fn retain_again(tx: &Tx<'_>, id: BlobId) -> Result<()> {
    let sql = "UPDATE blob SET refs = refs + 1 WHERE id = ?1 AND refs > 0";
    match tx.sql.run("retain blob again", sql, [id.0])? {
        1 => Ok(()),
        _ => Err(Error::Bug("a message's blob is not counted".into())),
    }
}

/// Refers to content once less.
pub(crate) fn release(tx: &Tx<'_>, id: BlobId) -> Result<()> {
    let released = tx.sql.run(
        "release blob",
        "UPDATE blob SET refs = refs - 1, freed_at = CASE WHEN refs = 1 THEN ?2 ELSE 0 END WHERE id = ?1 AND refs > 0",
        params![id.0, tx.now.0],
    )?;
    if released == 1 { Ok(()) } else { Err(Error::Bug("a message's blob is not counted".into())) }
}

/// A message's content, from wherever it is.
pub(crate) fn of_message(
    sql: Sql<'_>,
    files: &Directory,
    account: AccountId,
    message: MessageId,
) -> Result<Bytes> {
    let found = sql.one(
        "find blob",
        "SELECT b.id, b.file_name FROM message m JOIN blob b ON b.id = m.blob_id \
         WHERE m.account_id = ?1 AND m.id = ?2",
        [int(account.0), int(message.0)],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)),
    )?;
    let (id, file_name) = found.ok_or(Error::NotFound("message"))?;
    if !file_name.is_empty() {
        return files.read(&file_name).map_err(|error| Error::Unavailable(format!("read blob: {error}")));
    }
    let sql_text = "SELECT data FROM blob_data WHERE id = ?1";
    let data = sql.one("read blob", sql_text, [id], |row| row.get::<_, Vec<u8>>(0))?;
    data.map(Bytes::from).ok_or_else(|| Error::Bug(format!("the content of message {message} is not there")))
}

/// Which content it is, for as long as it is there: its number may be given to other content after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    id: BlobId,
    hash: [u8; 32],
    /// Bytes of it.
    pub(crate) size: u64,
}

/// Which content a message has.
pub(crate) fn identity(sql: Sql<'_>, account: AccountId, message: MessageId) -> Result<Identity> {
    let found = sql.one(
        "find content",
        "SELECT b.id, b.hash, b.size FROM message m JOIN blob b ON b.id = m.blob_id \
         WHERE m.account_id = ?1 AND m.id = ?2",
        [int(account.0), int(message.0)],
        identity_of,
    )?;
    found.ok_or(Error::NotFound("message"))
}

/// Reads `id, hash, size` of a blob.
pub(crate) fn identity_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Identity> {
    Ok(Identity { id: BlobId(row.get(0)?), hash: row.get(1)?, size: uint(row, 2)? })
}

/// A stretch of content; of what is beyond its end, nothing.
pub(crate) fn range(
    sql: Sql<'_>,
    files: &Directory,
    Identity { id: BlobId(id), hash, size }: Identity,
    range: Range<u64>,
) -> Result<Bytes> {
    let range = range.start.min(size)..range.end.min(size);
    if range.is_empty() {
        return Ok(Bytes::new());
    }
    let sql_text = "SELECT file_name FROM blob WHERE id = ?1 AND hash = ?2";
    let found = sql.one("find blob again", sql_text, params![id, hash], |row| row.get::<_, String>(0))?;
    let file_name = found.ok_or(Error::NotFound("message"))?;
    if !file_name.is_empty() {
        let read = files.read_range(&file_name, range);
        return read.map_err(|error| Error::Unavailable(format!("read blob: {error}")));
    }
    if range == (0..size) {
        let sql_text = "SELECT data FROM blob_data WHERE id = ?1";
        let data = sql.one("read blob", sql_text, [id], |row| row.get::<_, Vec<u8>>(0))?;
        return data.map(Bytes::from).ok_or_else(|| Error::Bug("a blob's content is not there".into()));
    }
    let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(usize::MAX)];
    let start = usize::try_from(range.start).unwrap_or(usize::MAX);
    let blob = sql.0.blob_open("main", "blob_data", "data", id, true);
    blob.and_then(|blob| blob.read_at_exact(&mut bytes, start)).map_err(failed("read a range of a blob"))?;
    Ok(Bytes::from(bytes))
}

/// Larger content is a file.
pub(crate) const INLINE_BYTES_MAX: usize = 256 * 1024;

#[cfg(test)]
mod tests;
