//! Copies of a store, and coming back from one.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

use super::blobs::{self, Directory};
use super::{Sql, failed, schema};
use crate::{Error, Result, UnixTime};

/// Copies a store that is in use into an empty or new directory. Blocking.
///
/// The database is copied in one snapshot, the files of large blobs after it: none that the snapshot refers to is
/// removed before its grace time is over. What nothing refers to is left out.
pub(crate) fn backup(data_dir: &Path, files: &Directory, to: &Path) -> Result<()> {
    let target = prepare_target(to)?;
    let copy = to.join(schema::FILE_NAME);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source =
        Connection::open_with_flags(data_dir.join(schema::FILE_NAME), flags).map_err(failed("open"))?;
    let path = copy.to_str().ok_or_else(|| invalid("is not UTF-8"))?;
    source.execute("VACUUM INTO ?1", [path]).map_err(failed("copy the database"))?;
    let connection = Connection::open(&copy).map_err(failed("open the copy"))?;
    connection
        .execute_batch(
            "DELETE FROM blob_data WHERE id IN (SELECT id FROM blob WHERE refs = 0); DELETE FROM blob WHERE refs = 0;",
        )
        .map_err(failed("leave out free blobs"))?;
    copy_files(Sql(&connection), files, &target)?;
    connection.close().map_err(|(_, error)| failed("close the copy")(error))?;
    sync(&copy).and_then(|()| sync(to)).map_err(|error| unavailable(&error))
}

/// Copies a backup into an empty or new directory, and makes it a store that no client takes for the old one. Blocking.
pub(crate) fn restore(from: &Path, to: &Path, now: UnixTime) -> Result<()> {
    let file = from.join(schema::FILE_NAME);
    if !file.is_file() {
        return Err(Error::NotFound("backup in this directory"));
    }
    let source = Directory::of_backup(from);
    let target = prepare_target(to)?;
    // Not by its final name: an interrupted restore is no store.
    let (part, copy) = (to.join("restoring.sqlite"), to.join(schema::FILE_NAME));
    fs::copy(&file, &part).map_err(|error| unavailable(&error))?;
    let mut connection = Connection::open(&part).map_err(failed("open the copy"))?;
    let transaction = connection.transaction().map_err(failed("begin"))?;
    renew(Sql(&transaction), now)?;
    transaction.commit().map_err(failed("commit"))?;
    copy_files(Sql(&connection), &source, &target)?;
    connection.close().map_err(|(_, error)| failed("close the copy")(error))?;
    sync(&part)
        .and_then(|()| fs::rename(&part, &copy))
        .and_then(|()| sync(to))
        .map_err(|error| unavailable(&error))
}

/// What clients saw after the backup was made is gone, and the numbers that were given then will be given again. So the
/// epoch (JMAP states) and every UIDVALIDITY (IMAP caches) rise, and ids, which must never come back, leave a gap.
fn renew(sql: Sql<'_>, now: UnixTime) -> Result<()> {
    sql.run("raise epoch", "UPDATE meta SET value = value + 1 WHERE key = 'epoch'", [])?;
    // What was waiting then may have been sent since: nothing is sent twice because of a restore.
    let reply = "451 4.3.0 This server was restored from a backup; it is not known whether it was sent";
    sql.run(
        "settle recipients",
        "UPDATE submission_recipient SET fate = 2, reply = ?1 WHERE fate < 2",
        [reply],
    )?;
    sql.run(
        "release content",
        "UPDATE blob SET refs = refs - (SELECT count(*) FROM submission s WHERE s.blob_id = blob.id), \
         freed_at = iif(refs = (SELECT count(*) FROM submission s WHERE s.blob_id = blob.id), ?1, 0) \
         WHERE id IN (SELECT blob_id FROM submission WHERE blob_id <> 0)",
        [now.0],
    )?;
    sql.run("forget replies", "DELETE FROM submission WHERE is_shown = 0", [])?;
    sql.run(
        "forget recipients",
        "DELETE FROM submission_recipient WHERE submission_id NOT IN (SELECT id FROM submission)",
        [],
    )?;
    sql.run(
        "end submissions",
        "UPDATE submission SET blob_id = 0, undo = max(undo, 1), due_at = NULL, ended_at = ifnull(ended_at, ?1)",
        [now.0],
    )?;
    sql.run(
        "raise uidvalidity",
        "UPDATE mailbox SET uid_validity = max(?1, (SELECT a.last_uid_validity FROM account a \
         WHERE a.id = mailbox.account_id)) + id",
        [now.0],
    )?;
    sql.run(
        "leave a gap of ids",
        "UPDATE account SET next_message_id = next_message_id + ?1, next_mailbox_id = next_mailbox_id + ?1, \
         last_uid_validity = max(last_uid_validity, ifnull((SELECT max(m.uid_validity) FROM mailbox m \
         WHERE m.account_id = account.id), 0))",
        params![IDS_SKIPPED],
    )?;
    Ok(())
}

fn prepare_target(to: &Path) -> Result<Directory> {
    match fs::read_dir(to).map(|mut entries| entries.next().is_some()) {
        Ok(true) => return Err(Error::Exists("something in the directory")),
        Ok(false) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            blobs::make_directory(to).map_err(|error| unavailable(&error))?;
        }
        Err(error) => return Err(unavailable(&error)),
    }
    Directory::open(to).map_err(|error| unavailable(&error))
}

fn copy_files(sql: Sql<'_>, from: &Directory, to: &Directory) -> Result<()> {
    let names = sql.all("list files", "SELECT file_name FROM blob WHERE file_name <> ''", [], |row| {
        row.get::<_, String>(0)
    })?;
    for name in names {
        let (source, target) = (from.file(&name), to.file(&name));
        let directory = target.parent().ok_or_else(|| invalid("has no parent"))?;
        fs::copy(&source, &target)
            .and_then(|_| sync(&target))
            .and_then(|()| sync(directory))
            .map_err(|error| unavailable(&error))?;
    }
    Ok(())
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn unavailable(error: &io::Error) -> Error {
    Error::Unavailable(format!("copy: {error}"))
}

fn invalid(why: &str) -> Error {
    Error::Invalid { what: "directory", why: why.into() }
}

/// More than any store gives out between two backups that are worth the name.
const IDS_SKIPPED: i64 = 1 << 20;
