//! The search index: which messages may hold a text, by its trigrams (SQLite's FTS5).
//!
//! An account is indexed once its texts are searched, and for as long as they are now and then: of most accounts, nobody
//! ever searches texts on the server.
//!
//! It is derived, and stands in a database of its own beside the mail: indexing takes neither the writer's time nor its log,
//! a backup leaves it out, and whatever is wrong with it is mended by removing it. It keeps neither texts nor
//! places, which makes it the smallest of the forms that `benches/search.rs` compares; each message that it names is read to
//! be sure.
//!
//! # Invariants
//! - A cursor and what lies before it are written in one transaction. A commit may be lost in a crash, never torn.
//! - Every message up to the cursor that is still there is in the index. What is beyond is the searcher's to read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rusqlite::{Connection, TransactionBehavior, params};
use tokio::sync::Notify;

use super::readers::Readers;
use super::{Sql, failed, int, schema, uint};
use crate::{AccountId, MessageId, ModSeq, Result, TextCandidates, UnixTime};

pub(crate) mod news;
mod trigram;

/// The index of one store. Made when it is first written to.
pub(crate) struct Index {
    file: PathBuf,
    writer: Mutex<Option<Connection>>,
    /// Whether this process has looked at what is there, and made it anew if it was of no use.
    is_open: AtomicBool,
    readers: Readers,
    asked: Arc<Asked>,
}

/// Whose texts have been searched since the indexer last looked.
#[derive(Default)]
pub(crate) struct Asked {
    accounts: Mutex<BTreeSet<AccountId>>,
    is_there: Notify,
}

impl Asked {
    fn note(&self, account: AccountId) {
        if self.accounts.lock().insert(account) {
            self.is_there.notify_one();
        }
    }

    /// Waits until there are some. None is lost if this is dropped before it answers.
    pub(crate) async fn next(&self) -> BTreeSet<AccountId> {
        self.is_there.notified().await;
        std::mem::take(&mut self.accounts.lock())
    }
}

/// Up to where an account is indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// All messages up to this one are.
    pub(crate) message: MessageId,
    /// Messages that were gone by then are no longer.
    pub(crate) modseq: ModSeq,
}

impl Cursor {
    /// Nothing is indexed.
    pub(crate) const START: Self = Self { message: MessageId(0), modseq: ModSeq(0) };
}

/// Accounts that are in the index.
#[derive(Debug, Default)]
pub(crate) struct Indexed {
    pub(crate) wanted: BTreeSet<AccountId>,
    /// Nobody has searched their texts for long.
    pub(crate) unused: BTreeSet<AccountId>,
}

/// What brings an account from one cursor to another.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) from: Cursor,
    pub(crate) to: Cursor,
    pub(crate) texts: Vec<(MessageId, IndexedText)>,
    pub(crate) gone: Vec<MessageId>,
}

/// What is indexed of a message.
#[derive(Debug)]
pub(crate) struct IndexedText {
    words: String,
    /// Whether there is more of it, which is not indexed.
    is_cut: bool,
}

impl IndexedText {
    /// Of a folded text, or several that are parted by [`SEPARATOR`].
    pub(crate) fn new(text: &str, is_cut: bool) -> Self {
        Self { words: trigram::words(text), is_cut }
    }
}

impl Index {
    /// The index in a data directory, which need not be there yet.
    pub(crate) fn new(data_dir: &Path, readers: usize) -> Self {
        let file = data_dir.join(FILE_NAME);
        Self {
            readers: Readers::new(file.clone(), readers),
            file,
            writer: Mutex::default(),
            is_open: AtomicBool::new(false),
            asked: Arc::default(),
        }
    }

    /// Tells whose texts are searched.
    pub(crate) fn asked(&self) -> Arc<Asked> {
        Arc::clone(&self.asked)
    }

    /// Notes that the texts of accounts were searched, which makes them accounts to be indexed. Blocking.
    pub(crate) fn note_searched(&self, accounts: &BTreeSet<AccountId>, now: UnixTime) -> Result<()> {
        self.with_writer(|connection| {
            let text = "INSERT INTO cursor (account_id, message_id, modseq, searched) VALUES (?1, 0, 0, ?2) \
                        ON CONFLICT DO UPDATE SET searched = ?2";
            let note = |account: &AccountId| {
                Sql(connection).run("note search", text, params![int(account.0), now.0])
            };
            accounts.iter().try_for_each(|account| note(account).map(drop))
        })
    }

    /// Where an account stands. Blocking.
    pub(crate) fn cursor(&self, account: AccountId) -> Result<Cursor> {
        self.with_writer(|connection| cursor(Sql(connection), account))
    }

    /// The accounts that are indexed, and those of them whose texts were not searched since. Blocking.
    pub(crate) fn accounts(&self, since: UnixTime) -> Result<Indexed> {
        if !self.file.exists() {
            return Ok(Indexed::default());
        }
        let rows: Vec<(AccountId, bool)> = self.with_writer(|connection| {
            let text = "SELECT account_id, searched < ?1 FROM cursor";
            Sql(connection).all("list indexed accounts", text, [since.0], |row| {
                Ok((uint(row, 0).map(AccountId)?, row.get(1)?))
            })
        })?;
        let mut indexed = Indexed::default();
        for (account, is_unused) in rows {
            let accounts = if is_unused { &mut indexed.unused } else { &mut indexed.wanted };
            accounts.insert(account);
        }
        Ok(indexed)
    }

    /// Takes a step, unless somebody else has taken one from there meanwhile. Blocking.
    pub(crate) fn take(&self, account: AccountId, step: &Step) -> Result<()> {
        self.with_writer(|connection| {
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(failed("begin to index"))?;
            let sql = Sql(&transaction);
            if cursor(sql, account)? != step.from {
                return Ok(());
            }
            for (message, text) in &step.texts {
                let row = row_of(account, *message);
                sql.run(
                    "index text",
                    "INSERT INTO gram (rowid, words) VALUES (?1, ?2)",
                    params![row, text.words],
                )?;
                if text.is_cut {
                    sql.run("note a cut text", "INSERT INTO partly (row) VALUES (?1)", [row])?;
                }
            }
            for message in &step.gone {
                remove(sql, row_of(account, *message))?;
            }
            sql.run(
                "move index cursor",
                "INSERT INTO cursor (account_id, message_id, modseq, searched) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT DO UPDATE SET message_id = ?2, modseq = ?3",
                [int(account.0), int(step.to.message.0), int(step.to.modseq.0), crate::store::now().0],
            )?;
            transaction.commit().map_err(failed("commit the index"))
        })
    }

    /// Messages of an account that are in the index, ascending. Blocking.
    pub(crate) fn messages(&self, account: AccountId) -> Result<Vec<MessageId>> {
        self.with_writer(|connection| messages(Sql(connection), account))
    }

    /// Removes some of what an account that is gone has here. Whether there is more. Blocking.
    pub(crate) fn forget(&self, account: AccountId) -> Result<bool> {
        self.with_writer(|connection| {
            let transaction = connection.transaction().map_err(failed("begin to forget"))?;
            let sql = Sql(&transaction);
            let (first, last) = rows_of(account);
            let rows: Vec<i64> = sql.all(
                "find what to forget",
                "SELECT rowid FROM gram WHERE rowid BETWEEN ?1 AND ?2 LIMIT ?3",
                params![first, last, FORGOTTEN_AT_ONCE],
                |row| row.get(0),
            )?;
            rows.iter().try_for_each(|row| remove(sql, *row))?;
            if rows.is_empty() {
                sql.run("forget cursor", "DELETE FROM cursor WHERE account_id = ?1", [int(account.0)])?;
            }
            transaction.commit().map_err(failed("commit what is forgotten"))?;
            Ok(!rows.is_empty())
        })
    }

    /// Which messages may hold a folded text. `None` if the index can't say: the text is too short, or nothing is
    /// indexed yet, which this sets going.
    pub(crate) async fn candidates(&self, account: AccountId, text: &str) -> Result<Option<TextCandidates>> {
        let Some(query) = trigram::query(text) else { return Ok(None) };
        self.asked.note(account);
        // Before that, a reader might open what is about to be replaced, and go on reading it.
        if !self.is_open.load(Ordering::Acquire) {
            return Ok(None);
        }
        self.read(move |sql| candidates(sql, account, &query)).await
    }

    /// Where an account stands and which of its messages are there, in one snapshot; `None` if nothing is indexed yet.
    pub(crate) async fn contents(&self, account: AccountId) -> Result<Option<(Cursor, Vec<MessageId>)>> {
        self.read(move |sql| Ok(Some((cursor(sql, account)?, messages(sql, account)?)))).await
    }

    async fn read<T: Send + 'static>(
        &self,
        operation: impl FnOnce(Sql<'_>) -> Result<Option<T>> + Send + 'static,
    ) -> Result<Option<T>> {
        if !self.file.exists() {
            return Ok(None);
        }
        self.readers
            .read(move |sql| {
                // It may be another version's, which the indexer has not replaced yet.
                let version = sql.0.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0));
                if version.map_err(failed("read the index's version"))? == VERSION {
                    operation(sql)
                } else {
                    Ok(None)
                }
            })
            .await
    }

    /// Closes what is open. A later write opens it again.
    pub(crate) fn close(&self) {
        self.readers.close();
        drop(self.writer.lock().take());
    }

    fn with_writer<T>(&self, operation: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        let mut writer = self.writer.lock();
        let connection = match writer.as_mut() {
            Some(connection) => connection,
            None => {
                let opened = writer.insert(open(&self.file)?);
                self.is_open.store(true, Ordering::Release);
                opened
            }
        };
        operation(connection)
    }
}

/// Opens the index for writing; one that can't be read, or is of another version, is made anew.
fn open(file: &Path) -> Result<Connection> {
    match try_open(file) {
        Ok(Some(connection)) => return Ok(connection),
        Ok(None) => {}
        Err(error) if is_damaged(&error) => {
            tracing::warn!(%error, "the search index is damaged and will be made anew");
        }
        Err(error) => return Err(failed("open the index")(error)),
    }
    for suffix in ["", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        // What is not there need not be removed; what can't be shows when it is opened.
        let _ = fs::remove_file(name);
    }
    let opened = try_open(file).map_err(failed("make the index"))?;
    opened.ok_or_else(|| crate::Error::Unavailable("the search index can't be made anew".into()))
}

/// `None` if it is another version's.
fn try_open(file: &Path) -> rusqlite::Result<Option<Connection>> {
    let mut connection = Connection::open(file)?;
    schema::wait_and_log_ahead(&connection)?;
    // A commit may be lost with the power, which costs indexing it again.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version == 0 {
        transaction.execute_batch(include_str!("index/schema.sql"))?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    Ok((version == 0 || version == VERSION).then_some(connection))
}

fn is_damaged(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

fn cursor(sql: Sql<'_>, account: AccountId) -> Result<Cursor> {
    let found = sql.one(
        "read index cursor",
        "SELECT message_id, modseq FROM cursor WHERE account_id = ?1",
        [int(account.0)],
        |row| Ok(Cursor { message: MessageId(uint(row, 0)?), modseq: ModSeq(uint(row, 1)?) }),
    )?;
    Ok(found.unwrap_or(Cursor::START))
}

fn candidates(sql: Sql<'_>, account: AccountId, query: &str) -> Result<Option<TextCandidates>> {
    let covered = cursor(sql, account)?.message;
    if covered == Cursor::START.message {
        return Ok(None);
    }
    let (first, last) = rows_of(account);
    let message = |row: &rusqlite::Row<'_>| uint(row, 0).map(|row| MessageId(row & MESSAGE_MASK));
    let mut messages = sql.all(
        "look trigrams up",
        "SELECT rowid FROM gram WHERE gram MATCH ?1 AND rowid BETWEEN ?2 AND ?3",
        params![query, first, last],
        message,
    )?;
    let cut = "SELECT row FROM partly WHERE row BETWEEN ?1 AND ?2";
    messages.extend(sql.all("list cut texts", cut, [first, last], message)?);
    messages.sort_unstable();
    messages.dedup();
    Ok(Some(TextCandidates { covered, messages }))
}

fn messages(sql: Sql<'_>, account: AccountId) -> Result<Vec<MessageId>> {
    let (first, last) = rows_of(account);
    sql.all(
        "list indexed messages",
        "SELECT rowid FROM gram WHERE rowid BETWEEN ?1 AND ?2 ORDER BY rowid",
        [first, last],
        |row| uint(row, 0).map(|row| MessageId(row & MESSAGE_MASK)),
    )
}

fn remove(sql: Sql<'_>, row: i64) -> Result<()> {
    sql.run("remove text", "DELETE FROM gram WHERE rowid = ?1", [row])?;
    sql.run("remove cut text", "DELETE FROM partly WHERE row = ?1", [row])?;
    Ok(())
}

fn row_of(account: AccountId, message: MessageId) -> i64 {
    assert!(message.0 <= MESSAGE_MASK, "an account has fewer messages than that");
    int(account.0 << MESSAGE_BITS | message.0)
}

fn rows_of(account: AccountId) -> (i64, i64) {
    (row_of(account, MessageId(0)), row_of(account, MessageId(MESSAGE_MASK)))
}

/// Stands between the texts of a message, so that none is found across two.
pub(crate) const SEPARATOR: char = '\u{1}';
const FILE_NAME: &str = "search.sqlite";
/// Raised whenever the schema or what is indexed changes.
const VERSION: u32 = 2;
const WRITER_CACHE_KIB: i64 = 16 * 1024;
const FORGOTTEN_AT_ONCE: u32 = 500;
const MESSAGE_BITS: u32 = 36;
const MESSAGE_MASK: u64 = (1 << MESSAGE_BITS) - 1;
