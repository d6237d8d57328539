//! The journal: what has happened to young messages (see [`young`](super::young)), as records that are appended and synced.
//!
//! A record holds all that one batch did, a number that counts up, and a digest over both. Once the database holds all that
//! the records say, it notes a [mark](Journal::mark) in the same transaction, and the file is overwritten from its
//! beginning. So what counts after a crash are the records from the beginning on whose numbers follow the mark without a
//! gap; what is torn, or was left by an earlier pass, ends them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::unit::{urgency_number, urgency_of};
use crate::clock::Instant;
use crate::id::{AgentId, ChannelId, MessageId, SubscriptionId};
use crate::message::{Content, Encoding, Keeping, Message};

/// The file, and where the next record goes.
pub(super) struct Journal {
    file: File,
    /// The number of the last record.
    last: u64,
    /// Where the next record begins.
    end: u64,
    /// Up to here the file has been written before: a record there changes nothing but content.
    written: u64,
    /// The record that is being made, its head included.
    record: Vec<u8>,
    /// Why the record can't be made.
    unwritable: Option<postcard::Error>,
}

/// What a record tells, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry<M> {
    Stored(M),
    Removed(MessageId),
}

/// What the journal held when it was opened.
struct Left {
    entries: Vec<Entry<Message>>,
    /// The number of the last record.
    last: u64,
}

impl Journal {
    /// The journal beside a database that has noted a mark, and what has happened since, in order. The database has to be
    /// told that, and the journal to be [emptied](Self::empty), before anything is put here.
    pub(super) fn open(database: &Path, noted: u64) -> io::Result<(Self, Vec<Entry<Message>>)> {
        let path = path_beside(database);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        // Its name has to be on disk before anything that stands in it counts.
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
        let mut bytes = vec![0; usize::try_from(file.metadata()?.len()).unwrap_or(0)];
        file.read_exact_at(&mut bytes, 0)?;
        let left = read_records(&bytes, noted)?;
        let journal = Self {
            file,
            last: left.last,
            end: 0,
            written: length(&bytes),
            record: Vec::new(),
            unwritable: None,
        };
        Ok((journal, left.entries))
    }

    /// Removes all records, which the database has: whatever is found here later is this process's.
    pub(super) fn empty(&mut self) -> io::Result<()> {
        if self.written > 0 {
            self.file.set_len(0)?;
            self.file.sync_all()?;
            self.written = 0;
        }
        Ok(())
    }

    /// What the database has to note when it holds all that was kept here. Greater than the number of any record, those
    /// included that were not kept.
    pub(super) const fn mark(&self) -> u64 {
        self.last.saturating_add(1)
    }

    /// Bytes that stand in it.
    pub(super) const fn len(&self) -> u64 {
        self.end
    }

    /// Notes for the record that is being made.
    pub(super) fn note(&mut self, entry: Entry<&Message>) {
        if self.record.is_empty() {
            self.record.resize(HEAD_BYTES, 0);
        }
        let stored = match entry {
            Entry::Stored(message) => Noted::Stored(Row::of(message)),
            Entry::Removed(id) => Noted::Removed(id.number()),
        };
        match postcard::to_extend(&stored, std::mem::take(&mut self.record)) {
            Ok(record) => self.record = record,
            Err(error) => self.unwritable = Some(error),
        }
    }

    /// Forgets the record that is being made.
    pub(super) fn discard(&mut self) {
        self.record.clear();
        self.unwritable = None;
    }

    /// Puts the record on disk. It counts from then on, but stands only once it is [kept](Self::keep).
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if let Some(error) = self.unwritable.take() {
            return Err(io::Error::other(error));
        }
        if self.record.is_empty() {
            return Ok(());
        }
        let number = self.last.saturating_add(1);
        seal(&mut self.record, number)?;
        let after = self.end.saturating_add(length(&self.record));
        if after > self.written {
            self.grow(after)?;
        }
        self.file.write_all_at(&self.record, self.end)?;
        self.file.sync_data()
    }

    /// Goes on behind the record. Without this the next one takes its place and its number.
    pub(super) fn keep(&mut self) {
        if !self.record.is_empty() {
            self.last = self.last.saturating_add(1);
            self.end = self.end.saturating_add(length(&self.record));
            self.record.clear();
        }
    }

    /// Goes back to the beginning, once the database has noted the [`mark`](Self::mark).
    pub(super) fn rewind(&mut self) {
        self.record.clear();
        self.last = self.mark();
        self.end = 0;
    }

    /// Writes ahead, so that most records find their blocks there and a sync has no metadata to write.
    fn grow(&mut self, after: u64) -> io::Result<()> {
        let target = after.next_multiple_of(GROWN_AT_ONCE);
        let zeros = vec![0; usize::try_from(target - self.written).unwrap_or(0)];
        self.file.write_all_at(&zeros, self.written)?;
        self.written = target;
        Ok(())
    }
}

/// The journal of a database.
pub(super) fn path_beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    // SQLite has a use of its own for the suffix `-journal`.
    name.push(".recent");
    PathBuf::from(name)
}

/// Fills the head of a record: length, number, digest.
fn seal(record: &mut [u8], number: u64) -> io::Result<()> {
    let too_long = || io::Error::other("a record of the journal is too long");
    let (head, body) = record.split_at_mut_checked(HEAD_BYTES).ok_or_else(too_long)?;
    let bytes = u32::try_from(body.len()).map_err(|_| too_long())?;
    let digest = digest(number, body);
    let fields = bytes.to_le_bytes().into_iter().chain(number.to_le_bytes()).chain(digest);
    head.iter_mut().zip(fields).for_each(|(byte, field)| *byte = field);
    Ok(())
}

fn digest(number: u64, body: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&number.to_le_bytes()).update(body);
    let mut digest = [0; DIGEST_BYTES];
    hasher.finalize_xof().fill(&mut digest);
    digest
}

/// The entries of the records from the beginning on that follow `noted`. One that is whole and can't be understood was
/// written by another version: what it says must not be passed over.
fn read_records(mut bytes: &[u8], noted: u64) -> io::Result<Left> {
    let mut left = Left { entries: Vec::new(), last: noted };
    while let Some((number, body, rest)) = split_record(bytes)
        && number == left.last.saturating_add(1)
    {
        let unknown = || io::Error::new(io::ErrorKind::InvalidData, "a record of an unknown form");
        left.entries.extend(read_entries(body).ok_or_else(unknown)?);
        left.last = number;
        bytes = rest;
    }
    Ok(left)
}

/// The first record, whole: its number, its body, and what follows.
fn split_record(bytes: &[u8]) -> Option<(u64, &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (noted, rest) = rest.split_first_chunk::<DIGEST_BYTES>()?;
    let number = u64::from_le_bytes(*number);
    let (body, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    (number > 0 && digest(number, body) == *noted).then_some((number, body, rest))
}

fn read_entries(mut body: &[u8]) -> Option<Vec<Entry<Message>>> {
    let mut entries = Vec::new();
    while !body.is_empty() {
        let (noted, rest) = postcard::take_from_bytes::<Noted<'_>>(body).ok()?;
        entries.push(match noted {
            Noted::Stored(row) => Entry::Stored(row.message()?),
            Noted::Removed(number) => Entry::Removed(MessageId::from_number(number)),
        });
        body = rest;
    }
    Some(entries)
}

/// An entry as it is written.
#[derive(Serialize, Deserialize)]
enum Noted<'a> {
    #[serde(borrow)]
    Stored(Row<'a>),
    Removed(i64),
}

/// A message as it is written.
#[derive(Serialize, Deserialize)]
struct Row<'a> {
    id: i64,
    agent: [u8; 16],
    subscription: [u8; 16],
    channel: [u8; 16],
    urgency: i64,
    expires: i64,
    encoding: NotedEncoding<'a>,
    media_type: Option<&'a str>,
    body: &'a [u8],
}

#[derive(Serialize, Deserialize)]
enum NotedEncoding<'a> {
    Unnamed,
    Aes128gcm,
    Aesgcm { encryption: &'a str, crypto_key: &'a str },
}

impl<'a> Row<'a> {
    fn of(message: &'a Message) -> Self {
        Self {
            id: message.id.number(),
            agent: *message.agent.bytes(),
            subscription: *message.subscription.bytes(),
            channel: *message.channel.bytes(),
            urgency: urgency_number(message.urgency),
            expires: message.expires.micros(),
            encoding: match &message.content.encoding {
                Encoding::Unnamed => NotedEncoding::Unnamed,
                Encoding::Aes128gcm => NotedEncoding::Aes128gcm,
                Encoding::Aesgcm { encryption, crypto_key } => {
                    NotedEncoding::Aesgcm { encryption, crypto_key }
                }
            },
            media_type: message.content.media_type.as_deref(),
            body: &message.content.body,
        }
    }

    fn message(self) -> Option<Message> {
        let encoding = match self.encoding {
            NotedEncoding::Unnamed => Encoding::Unnamed,
            NotedEncoding::Aes128gcm => Encoding::Aes128gcm,
            NotedEncoding::Aesgcm { encryption, crypto_key } => {
                Encoding::Aesgcm { encryption: encryption.to_owned(), crypto_key: crypto_key.to_owned() }
            }
        };
        Some(Message {
            id: MessageId::from_number(self.id),
            agent: AgentId::from_bytes(self.agent),
            subscription: SubscriptionId::from_bytes(self.subscription),
            channel: ChannelId::from_bytes(self.channel),
            urgency: urgency_of(self.urgency).ok()?,
            expires: Instant::from_micros(self.expires),
            keeping: Keeping::Stored,
            content: Content {
                encoding,
                media_type: self.media_type.map(Arc::from),
                body: Bytes::copy_from_slice(self.body),
            },
        })
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

const DIGEST_BYTES: usize = 16;
/// Length (4 bytes), number (8), digest.
const HEAD_BYTES: usize = 12 + DIGEST_BYTES;
const GROWN_AT_ONCE: u64 = 256 * 1024;

#[cfg(test)]
mod tests;
