//! Decoding piece by piece: what a body larger than memory should hold is decoded by.
//!
//! Invariant: however a body is cut into pieces, what comes out is what decoding it as a whole gives. One exception: in
//! quoted-printable, a run of blanks of [`LINE_BYTES_MAX`] at the end of a line stays.

use super::{Group, TransferEncoding, quoted_lines};
use crate::content::UnknownTransferEncoding;
use crate::structure::Part;

/// Removes a transfer encoding from a body that comes in pieces.
#[derive(Debug)]
pub struct Decoder {
    state: State,
}

#[derive(Debug)]
enum State {
    Identity,
    Base64(Group),
    /// The line that has begun, at most [`LINE_BYTES_MAX`] of it.
    QuotedPrintable(Vec<u8>),
}

impl Decoder {
    /// A decoder for the body of `part`. Multiparts and messages stay as they were sent.
    ///
    /// # Errors
    /// [`UnknownTransferEncoding`] where the body can't be decoded at all.
    pub fn new(part: &Part) -> Result<Self, UnknownTransferEncoding> {
        let state = match part.transfer_encoding() {
            _ if !part.is_leaf() => State::Identity,
            TransferEncoding::Identity => State::Identity,
            TransferEncoding::Base64 => State::Base64(Group::default()),
            TransferEncoding::QuotedPrintable => State::QuotedPrintable(Vec::new()),
            TransferEncoding::Unknown => return Err(UnknownTransferEncoding),
        };
        Ok(Self { state })
    }

    /// Takes the next piece of the body and appends what it decodes to: at most the bytes of the piece and
    /// [`LINE_BYTES_MAX`] more.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        match &mut self.state {
            State::Identity => out.extend_from_slice(piece),
            State::Base64(group) => {
                group.decode(piece, out);
            }
            State::QuotedPrintable(line) => {
                line.extend_from_slice(piece);
                let cut = last_cut(line);
                quoted_lines(line.get(..cut).unwrap_or_default(), out);
                line.drain(..cut);
            }
        }
    }

    /// Appends what the end of the body decodes to.
    pub fn finish(self, out: &mut Vec<u8>) {
        match self.state {
            State::Identity => {}
            State::Base64(group) => {
                group.finish(out);
            }
            State::QuotedPrintable(line) => {
                quoted_lines(&line, out);
            }
        }
    }
}

/// Up to where the lines can be decoded whatever comes next.
fn last_cut(lines: &[u8]) -> usize {
    if let Some(end) = memchr::memrchr(b'\n', lines) {
        return end + 1;
    }
    if lines.len() < LINE_BYTES_MAX {
        return 0;
    }
    // A line that has no end: all but what may be the beginning of a line end or of an escape.
    let mut text = lines;
    while let [before @ .., b' ' | b'\t' | b'\r'] = text {
        text = before;
    }
    let text = match text {
        [before @ .., b'='] => before,
        [before @ .., b'=', digit] if digit.is_ascii_hexdigit() => before,
        _ => text,
    };
    // Blanks alone are no line.
    if text.is_empty() { lines.len() } else { text.len() }
}

/// Bytes of a line in quoted-printable that wait for its end. RFC 2045 §6.7 rule 5 allows 76.
const LINE_BYTES_MAX: usize = 32 << 10;

#[cfg(test)]
mod tests;
