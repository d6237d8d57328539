//! Content: stored once in this database, by its BLAKE3 hash, however many messages have it.
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
use std::sync::atomic::{AtomicBool, Ordering};

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

/// Content that is ready to be referred to.
#[derive(Debug)]
pub(crate) enum Content {
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

    /// Makes content ready. Blocking; for a large one it writes and syncs.
    pub(crate) fn prepare(&self, hash: &[u8; 32], bytes: &Bytes, nonce: u64) -> io::Result<Content> {
        if bytes.len() <= INLINE_BYTES_MAX {
            return Ok(Content::Inline(bytes.clone()));
        }
        let hex = blake3::Hash::from_bytes(*hash).to_hex();
        let (first, rest) = hex.split_at(2);
        let directory = self.path.join(first);
        let name = format!("{first}/{rest}-{nonce:016x}");
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.path.join(&name))?;
        let new = NewFile { directory: self.clone(), name, is_named: AtomicBool::new(false) };
        file.write_all(bytes)?;
        file.sync_all()?;
        File::open(&directory)?.sync_all()?;
        Ok(Content::File(new))
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
pub(crate) fn retain(tx: &Tx<'_>, hash: &[u8; 32], size: u64, content: &Content) -> Result<()> {
    let sql = "UPDATE blob SET refs = refs + 1, freed_at = 0 WHERE hash = ?1";
    if tx.sql.run("retain blob", sql, [hash])? > 0 {
        return Ok(());
    }
    let (data_id, file_name) = match content {
        Content::Inline(bytes) => {
            tx.sql.run("insert blob data", "INSERT INTO blob_data (data) VALUES (?1)", [&bytes[..]])?;
            (tx.sql.0.last_insert_rowid(), "")
        }
        Content::File(file) => {
            file.is_named.store(true, Ordering::Release);
            (0, file.name.as_str())
        }
    };
    tx.sql.run(
        "insert blob",
        "INSERT INTO blob (hash, refs, size, freed_at, data_id, file_name) VALUES (?1, 1, ?2, 0, ?3, ?4)",
        params![hash, int(size), data_id, file_name],
    )?;
    Ok(())
}

/// Refers to content once less.
pub(crate) fn release(tx: &Tx<'_>, hash: &[u8; 32]) -> Result<()> {
    let released = tx.sql.run(
        "release blob",
        "UPDATE blob SET refs = refs - 1, freed_at = CASE WHEN refs = 1 THEN ?2 ELSE 0 END WHERE hash = ?1 AND refs > 0",
        params![hash, tx.now.0],
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
        "SELECT b.data_id, b.file_name FROM message m JOIN blob b ON b.hash = m.blob_hash \
         WHERE m.account_id = ?1 AND m.id = ?2",
        [int(account.0), int(message.0)],
        |row| Ok((uint(row, 0)?, row.get::<_, String>(1)?)),
    )?;
    let (data_id, file_name) = found.ok_or(Error::NotFound("message"))?;
    if !file_name.is_empty() {
        return files.read(&file_name).map_err(|error| Error::Unavailable(format!("read blob: {error}")));
    }
    let sql_text = "SELECT data FROM blob_data WHERE id = ?1";
    let data = sql.one("read blob", sql_text, [int(data_id)], |row| row.get::<_, Vec<u8>>(0))?;
    data.map(Bytes::from).ok_or_else(|| Error::Bug(format!("the content of message {message} is not there")))
}

/// Which content a message has, and how long it is.
pub(crate) fn identity(sql: Sql<'_>, account: AccountId, message: MessageId) -> Result<([u8; 32], u64)> {
    let found = sql.one(
        "find content",
        "SELECT b.hash, b.size FROM message m JOIN blob b ON b.hash = m.blob_hash \
         WHERE m.account_id = ?1 AND m.id = ?2",
        [int(account.0), int(message.0)],
        |row| Ok((row.get(0)?, uint(row, 1)?)),
    )?;
    found.ok_or(Error::NotFound("message"))
}

/// A stretch of content that is `size` bytes long; of what is beyond its end, nothing.
///
/// Content is found by its hash each time: the row that holds it may have been given to other content since.
pub(crate) fn range(
    sql: Sql<'_>,
    files: &Directory,
    (hash, size): (&[u8; 32], u64),
    range: Range<u64>,
) -> Result<Bytes> {
    let range = range.start.min(size)..range.end.min(size);
    if range.is_empty() {
        return Ok(Bytes::new());
    }
    let found =
        sql.one("find blob by hash", "SELECT data_id, file_name FROM blob WHERE hash = ?1", [hash], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })?;
    let (data_id, file_name) = found.ok_or(Error::NotFound("message"))?;
    if !file_name.is_empty() {
        let read = files.read_range(&file_name, range);
        return read.map_err(|error| Error::Unavailable(format!("read blob: {error}")));
    }
    if range == (0..size) {
        let sql_text = "SELECT data FROM blob_data WHERE id = ?1";
        let data = sql.one("read blob", sql_text, [data_id], |row| row.get::<_, Vec<u8>>(0))?;
        return data.map(Bytes::from).ok_or_else(|| Error::Bug("a blob's content is not there".into()));
    }
    let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(usize::MAX)];
    let start = usize::try_from(range.start).unwrap_or(usize::MAX);
    let blob = sql.0.blob_open("main", "blob_data", "data", data_id, true);
    blob.and_then(|blob| blob.read_at_exact(&mut bytes, start)).map_err(failed("read a range of a blob"))?;
    Ok(Bytes::from(bytes))
}

/// Larger content is a file.
pub(crate) const INLINE_BYTES_MAX: usize = 256 * 1024;
