//! A message read in pieces, as its client takes them.
//!
//! Invariant: at most [`PIECE_BYTES`] of the message are in memory, whatever is asked of it.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use store::{Access, MessageId, RawReader, Store};

use crate::reply::Failure;

/// An open message and the piece of it that was read last.
pub(super) struct Pieces {
    reader: RawReader,
    /// Where `piece` stands in the message.
    start: usize,
    piece: Bytes,
}

impl Pieces {
    /// Opens a message and reads the piece from `start` on.
    pub(super) async fn open(
        store: &Store,
        access: &Access,
        message: MessageId,
        start: usize,
    ) -> store::Result<Self> {
        let (reader, piece) = store.open_raw(access, message, range_from(start)).await?;
        Ok(Self { reader, start, piece })
    }

    /// What a range begins with: at least one byte (if it has any), at most [`PIECE_BYTES`].
    pub(super) async fn first_of(&mut self, range: Range<usize>) -> Result<Bytes, Failure> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let has_start = (self.start..self.start + self.piece.len()).contains(&range.start);
        if !has_start {
            // The former one goes before the next comes.
            self.piece = Bytes::new();
            self.piece = self.reader.read(range_from(range.start)).await?;
            self.start = range.start;
        }
        let from = range.start - self.start;
        let until = (range.end - self.start).min(self.piece.len());
        if from >= until {
            return Err(Failure::Store(store::Error::Bug("a message is shorter than its parts".into())));
        }
        Ok(self.piece.slice(from..until))
    }

    /// A short range as a whole.
    pub(super) async fn all_of(&mut self, range: Range<usize>) -> Result<Bytes, Failure> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        // Nearly always it lies in the piece that is there.
        let first = self.first_of(range.clone()).await?;
        if first.len() == range.len() {
            return Ok(first);
        }
        let mut all = BytesMut::with_capacity(range.len());
        all.extend_from_slice(&first);
        while all.len() < range.len() {
            all.extend_from_slice(&self.first_of(range.start + all.len()..range.end).await?);
        }
        Ok(all.freeze())
    }
}

fn range_from(start: usize) -> Range<u64> {
    let start = start as u64;
    start..start.saturating_add(PIECE_BYTES)
}

/// Most messages are shorter, and then read at once.
pub(super) const PIECE_BYTES: u64 = 64 << 10;
