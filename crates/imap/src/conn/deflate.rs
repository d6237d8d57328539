//! Both directions of a connection under COMPRESS=DEFLATE (RFC 4978): raw DEFLATE (RFC 1951), flushed with each answer.
//!
//! Invariants: a call inflates [`INFLATE_BYTES_MAX`] at most, and no more is inflated before that was used, so the limits
//! of commands are limits of inflated bytes and a bomb is only a long command; a connection that waits keeps the window
//! of what it has read (some 45 KiB) and nothing of what it has written.

use std::io;

use bytes::{Buf as _, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// The state of both directions.
pub(super) struct Deflated {
    inflater: Decompress,
    /// What has come and is not inflated.
    pub(super) packed_input: BytesMut,
    /// `None` while nothing is being written: one that begins anew refers to nothing that came before it.
    deflater: Option<Compress>,
    /// What is deflated and to be written.
    pub(super) packed_output: BytesMut,
}

impl Deflated {
    /// Begins with bytes that have been read already.
    pub(super) fn new(packed_input: BytesMut) -> Self {
        let (inflater, packed_output) = (Decompress::new(false), BytesMut::new());
        Self { inflater, packed_input, deflater: None, packed_output }
    }

    /// Inflates a piece of what has come; `false` if there is nothing to be had of it yet. An error for what is not
    /// DEFLATE, `UnexpectedEof` for its end.
    pub(super) fn inflate(&mut self, input: &mut BytesMut) -> io::Result<bool> {
        let start = input.len();
        input.resize(start + INFLATE_BYTES_MAX, 0);
        let (taken, made) = (self.inflater.total_in(), self.inflater.total_out());
        let room = input.get_mut(start..).unwrap_or_default();
        let status = self.inflater.decompress(&self.packed_input, room, FlushDecompress::Sync);
        let taken = difference(self.inflater.total_in(), taken);
        let made = difference(self.inflater.total_out(), made);
        self.packed_input.advance(taken);
        input.truncate(start + made);
        match status {
            Ok(_) if made > 0 => Ok(true),
            Ok(Status::StreamEnd) => Err(io::ErrorKind::UnexpectedEof.into()),
            // Whatever has come and makes nothing has been taken: otherwise it would be kept for ever.
            Ok(_) if self.packed_input.is_empty() => Ok(false),
            Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "the compressed stream makes no sense")),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }

    /// Deflates all of `output`, so that the peer can read every byte of it.
    pub(super) fn deflate(&mut self, output: &mut BytesMut) -> io::Result<()> {
        if output.is_empty() {
            return Ok(());
        }
        let deflater = self.deflater.get_or_insert_with(|| Compress::new(Compression::fast(), false));
        loop {
            let start = self.packed_output.len();
            self.packed_output.resize(start + DEFLATE_BYTES, 0);
            let (taken, made) = (deflater.total_in(), deflater.total_out());
            let room = self.packed_output.get_mut(start..).unwrap_or_default();
            let status = deflater.compress(output, room, FlushCompress::Sync);
            let taken = difference(deflater.total_in(), taken);
            let made = difference(deflater.total_out(), made);
            output.advance(taken);
            self.packed_output.truncate(start + made);
            status.map_err(io::Error::other)?;
            // Room that is left says that the flush is complete.
            if output.is_empty() && made < DEFLATE_BYTES {
                return Ok(());
            }
        }
    }

    /// Gives back what a waiting connection does not need.
    pub(super) fn release(&mut self) {
        if self.packed_output.is_empty() {
            self.packed_output = BytesMut::new();
            self.deflater = None;
        }
        if self.packed_input.is_empty() {
            self.packed_input = BytesMut::new();
        }
    }
}

/// Bytes of one call, which has buffers in memory.
fn difference(now: u64, before: u64) -> usize {
    usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX)
}

const INFLATE_BYTES_MAX: usize = 16 << 10;
const DEFLATE_BYTES: usize = 8 << 10;

#[cfg(test)]
mod tests;
