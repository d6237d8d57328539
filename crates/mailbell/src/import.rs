//! Mail from a Maildir or an mbox file into an account, resumable.
//!
//! [`maildir`] and [`mbox`] turn what lies on disk into [`Found`] messages one by one; [`importer`] puts them into
//! mailboxes in batches, each one commit; [`journal`] remembers on disk what is done. The source is only read.
//!
//! Invariant: a message is imported once, however often the import is interrupted and run again on the same source.

pub(crate) mod importer;
pub(crate) mod journal;
mod maildir;
mod mbox;
#[cfg(test)]
mod tests;

use store::{Flags, UnixTime};

pub(crate) use maildir::Maildir;
pub(crate) use mbox::Mbox;

/// A message as it lies in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// What names it in its source, now and in a later run.
    pub(crate) key: String,
    /// The folder in the source, in UTF-8 with `/` between levels; `None` is its root.
    pub(crate) folder: Option<String>,
    /// The raw message with CRLF line ends.
    pub(crate) raw: Vec<u8>,
    /// System flags.
    pub(crate) flags: Flags,
    /// Keywords by name.
    pub(crate) keywords: Vec<String>,
    /// When it came, for INTERNALDATE; `None` if the source doesn't say.
    pub(crate) received_at: Option<UnixTime>,
    /// How far the source has been read after it, in the unit of [`Source::length`].
    pub(crate) position: u64,
}

/// A thing that messages are read from.
pub(crate) trait Source {
    /// How much there is to read, for the progress bar.
    fn length(&self) -> u64;
    /// The next message; `None` at the end.
    fn next(&mut self) -> anyhow::Result<Option<Found>>;
}

/// Puts CRLF in the place of every line end (RFC 5322 §2.1).
fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 32);
    let mut before = 0;
    for &byte in bytes {
        if byte == b'\n' && before != b'\r' {
            out.push(b'\r');
        }
        out.push(byte);
        before = byte;
    }
    out
}
