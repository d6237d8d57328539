//! From the octets that came in to the message that is stored, and what its header says to delivery.
//!
//! Pure. One pass over the line ends, one over the header section; the usual message is not copied.

use bytes::Bytes;

use crate::{BodyType, Incoming};

/// A message ready to be parsed and stored.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) bytes: Bytes,
    /// `Received` header fields, the one that was added here not counted.
    pub(crate) received: usize,
    pub(crate) spam: Spam,
}

/// Whether the filter in front marked it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spam {
    Marked,
    Unmarked,
}

/// Normalises line ends, drops foreign `Return-Path` fields, counts hops, looks for marks (name and value pairs).
pub(crate) fn prepare(incoming: Incoming, marks: &[(String, String)]) -> Prepared {
    let Incoming { bytes, trace_bytes, body, .. } = incoming;
    // A CR or LF inside a binary part is no line end, and changing it would break the part.
    let bytes = match body {
        BodyType::Lines => with_crlf(bytes),
        BodyType::Binary => bytes,
    };
    let mut received = 0_usize;
    let mut spam = Spam::Unmarked;
    let mut return_paths = Vec::new();
    let (trace, content) = bytes.split_at_checked(trace_bytes).unwrap_or((&bytes, &[]));
    let mut start = trace.len();
    for field in fields(content) {
        let end = start.saturating_add(field.len());
        if let Some((name, value)) = split(field) {
            if name.eq_ignore_ascii_case(b"Received") {
                received = received.saturating_add(1);
            } else if name.eq_ignore_ascii_case(b"Return-Path") {
                return_paths.push(start..end);
            } else if marks.iter().any(|(mark, wanted)| {
                name.eq_ignore_ascii_case(mark.as_bytes()) && says(value, wanted.as_bytes())
            }) {
                spam = Spam::Marked;
            }
        }
        start = end;
    }
    Prepared { bytes: without(bytes, &return_paths), received, spam }
}

/// Every LF that no CR precedes becomes CRLF. A CR alone is left: nothing that sends mail ends lines with it, and
/// making it a line end could turn text into header fields.
///
/// Only if there is such an LF a second buffer is needed for a moment.
fn with_crlf(bytes: Vec<u8>) -> Vec<u8> {
    let is_bare = |at: usize| at.checked_sub(1).and_then(|before| bytes.get(before)) != Some(&b'\r');
    let Some(first) = memchr::memchr_iter(b'\n', &bytes).find(|&at| is_bare(at)) else {
        return bytes;
    };
    let mut normalised = Vec::with_capacity(bytes.len().saturating_add(bytes.len() / 16));
    let mut copied = 0;
    for at in memchr::memchr_iter(b'\n', &bytes).skip_while(|&at| at < first).filter(|&at| is_bare(at)) {
        normalised.extend_from_slice(bytes.get(copied..at).unwrap_or_default());
        normalised.push(b'\r');
        copied = at;
    }
    normalised.extend_from_slice(bytes.get(copied..).unwrap_or_default());
    normalised
}

/// The fields of the header section, each with its folded lines and line ends; ends before the empty line.
fn fields(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = content;
    std::iter::from_fn(move || {
        if rest.is_empty() || rest.starts_with(b"\r\n") || rest.starts_with(b"\n") {
            return None;
        }
        // RFC 5322 §2.2.3: a line that begins with white space belongs to the field before it.
        let end = memchr::memchr_iter(b'\n', rest)
            .map(|at| at.saturating_add(1))
            .find(|&next| !matches!(rest.get(next), Some(b' ' | b'\t')))
            .unwrap_or(rest.len());
        let (field, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(field)
    })
}

/// Name and value of a field; `None` for a line that is none.
fn split(field: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', field)?;
    let (name, value) = field.split_at_checked(colon)?;
    // RFC 5322 §4.5: white space before the colon is obsolete, not wrong.
    Some((name.trim_ascii_end(), value.get(1..)?))
}

/// Whether a value begins with a word: `Yes`, also in `Yes, score=9.1`.
fn says(value: &[u8], wanted: &[u8]) -> bool {
    let value = value.trim_ascii();
    let Some((head, tail)) = value.split_at_checked(wanted.len()) else {
        return false;
    };
    head.eq_ignore_ascii_case(wanted)
        && !tail.first().is_some_and(|c| c.is_ascii_alphanumeric() || *c == b'-')
}

/// RFC 5321 §4.4: final delivery may remove `Return-Path` fields that were there before it adds its own, and ought
/// to, since only its own is true.
fn without(mut bytes: Vec<u8>, ranges: &[std::ops::Range<usize>]) -> Bytes {
    for range in ranges.iter().rev() {
        bytes.drain(range.clone());
    }
    Bytes::from(bytes)
}

#[cfg(test)]
mod tests;
