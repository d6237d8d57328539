//! What the index has not seen yet of an account: messages beyond its cursor, and messages that are gone.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use bytes::Bytes;
use message::{EnvelopeRef, Structure};
use rusqlite::params;

use super::{Cursor, IndexedText, SEPARATOR, Step};
use crate::sqlite::blobs::{self, Directory};
use crate::sqlite::{Sql, int, no_account, uint};
use crate::{AccountId, Error, MessageId, ModSeq, Result};

/// News, as they stand in the mail's database.
pub(crate) struct News {
    from: Cursor,
    to: Cursor,
    messages: Vec<Message>,
    gone: Vec<MessageId>,
    /// Whether there is more.
    pub(crate) more: bool,
    /// Why this can't be told from the cursor alone.
    pub(crate) gap: Option<Gap>,
}

/// Why the index has to be compared with all messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    /// The log of what is gone does not reach back to the cursor.
    Log,
    /// The mail is older than its index: somebody has put an older database in its place.
    Mail,
}

struct Message {
    id: MessageId,
    envelope: Vec<u8>,
    structure: Vec<u8>,
    raw: Bytes,
}

/// Reads some of them. NotFound if the account is gone.
pub(crate) fn read(sql: Sql<'_>, files: &Directory, account: AccountId, from: Cursor) -> Result<News> {
    let bounds = sql.one(
        "read bounds for the index",
        "SELECT modseq, horizon, next_message_id FROM account WHERE id = ?1",
        [int(account.0)],
        |row| Ok((ModSeq(uint(row, 0)?), ModSeq(uint(row, 1)?), uint(row, 2)?)),
    )?;
    let (modseq, horizon, next) = bounds.ok_or_else(|| no_account(account))?;
    let is_new = from.message == Cursor::START.message;
    let gap = if from.message.0 >= next {
        Some(Gap::Mail)
    } else {
        (!is_new && from.modseq < horizon).then_some(Gap::Log)
    };
    let (messages, more_messages) = messages(sql, files, account, from.message)?;
    // Of what was gone before the first look, nothing is in the index.
    let (gone, until) = if is_new { (Vec::new(), None) } else { gone(sql, account, from.modseq)? };
    let to = Cursor {
        message: messages.last().map_or(from.message, |message| message.id),
        modseq: until.unwrap_or(modseq),
    };
    Ok(News { from, to, messages, gone, more: more_messages || until.is_some(), gap })
}

impl News {
    /// Works out what is to be indexed. Blocking: folds up to 1 MiB of text a message.
    pub(crate) fn step(self) -> Step {
        let text = |message: &Message| (message.id, message.text());
        let texts = self.messages.iter().map(text).collect();
        Step { from: self.from, to: self.to, texts, gone: self.gone }
    }
}

impl Message {
    fn text(&self) -> IndexedText {
        let (mut all, mut is_cut) = (String::new(), false);
        let (Ok(envelope), Ok(structure)) =
            (EnvelopeRef::decode(&self.envelope), Structure::decode(&self.structure))
        else {
            // Nothing is found in it then, however it is searched.
            return IndexedText::new("", false);
        };
        message::texts(&envelope, &structure, &self.raw, |text| {
            let room = TEXT_BYTES_MAX.saturating_sub(all.len());
            let folded = message::fold(text);
            is_cut |= folded.len() > room;
            all.push_str(folded.get(..folded.floor_char_boundary(room)).unwrap_or_default());
            all.push(SEPARATOR);
        });
        IndexedText::new(&all, is_cut)
    }
}

/// Messages after one, as many as are indexed at once, and whether there are more.
fn messages(
    sql: Sql<'_>,
    files: &Directory,
    account: AccountId,
    after: MessageId,
) -> Result<(Vec<Message>, bool)> {
    let rows = sql.all(
        "read messages for the index",
        "SELECT id, envelope, structure FROM message WHERE account_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        params![int(account.0), int(after.0), MESSAGES_AT_ONCE],
        |row| Ok((MessageId(uint(row, 0)?), row.get(1)?, row.get(2)?)),
    )?;
    let found = rows.len();
    let mut messages = Vec::with_capacity(found);
    let mut bytes = 0;
    let stopped = rows.into_iter().try_for_each(|(id, envelope, structure)| {
        let raw = match blobs::of_message(sql, files, account, id) {
            Ok(raw) => raw,
            // It can't be searched either.
            Err(Error::Bug(_)) => Bytes::new(),
            Err(error) => return ControlFlow::Break(Some(error)),
        };
        bytes += raw.len();
        messages.push(Message { id, envelope, structure, raw });
        if bytes < BYTES_AT_ONCE { ControlFlow::Continue(()) } else { ControlFlow::Break(None) }
    });
    match stopped {
        ControlFlow::Break(Some(error)) => Err(error),
        ControlFlow::Break(None) => Ok((messages, true)),
        ControlFlow::Continue(()) => Ok((messages, found == MESSAGES_AT_ONCE as usize)),
    }
}

/// Messages that have gone since, and up to where that is complete if there are more.
fn gone(sql: Sql<'_>, account: AccountId, since: ModSeq) -> Result<(Vec<MessageId>, Option<ModSeq>)> {
    let until = sql.one(
        "find where to stop",
        "SELECT modseq FROM expunged WHERE account_id = ?1 AND modseq > ?2 ORDER BY modseq LIMIT 1 OFFSET ?3",
        params![int(account.0), int(since.0), GONE_AT_ONCE],
        |row| uint(row, 0),
    )?;
    let gone = sql.all(
        "read what is gone for the index",
        "SELECT DISTINCT x.message_id FROM expunged x WHERE x.account_id = ?1 AND x.modseq > ?2 AND x.modseq <= ?3 \
         AND NOT EXISTS (SELECT 1 FROM message m WHERE m.account_id = ?1 AND m.id = x.message_id)",
        params![int(account.0), int(since.0), until.map_or(i64::MAX, int)],
        |row| uint(row, 0).map(MessageId),
    )?;
    Ok((gone, until.map(ModSeq)))
}

/// Messages that have gone since; `None` if the log does not reach back so far.
pub(crate) fn gone_since(
    sql: Sql<'_>,
    account: AccountId,
    since: ModSeq,
) -> Result<Option<BTreeSet<MessageId>>> {
    let text = "SELECT 1 FROM account WHERE id = ?1 AND horizon <= ?2";
    let key = [int(account.0), int(since.0)];
    if sql.one("compare the horizon", text, key, |_| Ok(()))?.is_none() {
        return Ok(None);
    }
    let text = "SELECT message_id FROM expunged WHERE account_id = ?1 AND modseq > ?2";
    let gone = sql.all("read what is gone", text, key, |row| uint(row, 0).map(MessageId))?;
    Ok(Some(gone.into_iter().collect()))
}

/// The ids of all messages of an account, ascending.
pub(crate) fn all_messages(sql: Sql<'_>, account: AccountId) -> Result<Vec<MessageId>> {
    sql.all(
        "list messages for the index",
        "SELECT id FROM message WHERE account_id = ?1 ORDER BY id",
        [int(account.0)],
        |row| uint(row, 0).map(MessageId),
    )
}

/// Messages that are indexed in one transaction.
const MESSAGES_AT_ONCE: u32 = 512;
/// Beyond so many bytes fewer are.
const BYTES_AT_ONCE: usize = 8 << 20;
/// Rows of what is gone that are looked at in one transaction, about.
const GONE_AT_ONCE: u32 = 500;
/// Of a longer message the beginning is indexed, and the message is read whenever somebody searches.
const TEXT_BYTES_MAX: usize = 1 << 20;
