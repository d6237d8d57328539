//! The small productions that responses are made of: numbers, strings, mailbox names (RFC 9051 §9).
//!
//! Everything appends to a `BytesMut` and allocates nothing of its own.

pub mod body;
pub mod envelope;
pub mod fetch_line;

use bytes::BytesMut;

use crate::wire::cursor::is_astring_char;
use crate::wire::mailbox::{Names, push_modified_utf7};

/// Longest string that is written in quotes; longer ones become literals, which a client reads without
/// looking for escapes.
pub const QUOTED_BYTES_MAX: usize = 1024;

/// Whether this client takes bytes above 127 in a quoted string (RFC 6855 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quoting {
    /// ASCII only: other strings are literals.
    #[default]
    Ascii,
    /// UTF-8, after ENABLE UTF8=ACCEPT or IMAP4rev2.
    Utf8,
}

impl From<Names> for Quoting {
    /// One ENABLE switches both.
    fn from(names: Names) -> Self {
        match names {
            Names::ModifiedUtf7 => Self::Ascii,
            Names::Utf8 => Self::Utf8,
        }
    }
}

/// Writes a number in decimal.
pub fn number(out: &mut BytesMut, value: u64) {
    let mut digits = [0_u8; 20];
    let mut left = value;
    let mut length = 0;
    for slot in digits.iter_mut().rev() {
        // Always below ten.
        *slot = b'0' + u8::try_from(left % 10).unwrap_or_default();
        left /= 10;
        length += 1;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - length..).unwrap_or_default());
}

/// Writes a number with leading zeros, at least `width` digits.
pub fn number_padded(out: &mut BytesMut, value: u64, width: u32) {
    for place in (1..width).rev() {
        if value < 10_u64.saturating_pow(place) {
            out.extend_from_slice(b"0");
        }
    }
    number(out, value);
}

// string = quoted / literal
/// Writes a string: quoted where it can be, else a literal. NUL, which neither holds, leaves as `?`.
pub fn string(out: &mut BytesMut, value: &[u8], quoting: Quoting) {
    match form(value, quoting) {
        Form::Plain => {
            out.reserve(value.len() + 2);
            out.extend_from_slice(b"\"");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\"");
        }
        Form::Escaped => quoted(out, value),
        Form::Literal => literal(out, value),
    }
}

// nstring = string / nil
/// Writes a string or NIL.
pub fn nstring(out: &mut BytesMut, value: Option<&[u8]>, quoting: Quoting) {
    match value {
        Some(value) => string(out, value, quoting),
        None => out.extend_from_slice(b"NIL"),
    }
}

// astring = 1*ASTRING-CHAR / string
/// Writes an atom where it can be, else a string.
pub fn astring(out: &mut BytesMut, value: &[u8], quoting: Quoting) {
    if !value.is_empty() && !value.eq_ignore_ascii_case(b"NIL") && value.iter().all(|&b| is_astring_char(b)) {
        out.extend_from_slice(value);
    } else {
        string(out, value, quoting);
    }
}

// mailbox = "INBOX" / astring
/// Writes a mailbox name as this client reads names.
pub fn mailbox(out: &mut BytesMut, name: &str, names: Names) {
    match names {
        Names::Utf8 => astring(out, name.as_bytes(), Quoting::Utf8),
        Names::ModifiedUtf7 => {
            let mut encoded = BytesMut::with_capacity(name.len());
            push_modified_utf7(&mut encoded, name);
            astring(out, &encoded, Quoting::Ascii);
        }
    }
}

// literal = "{" number64 "}" CRLF *CHAR8
/// Writes a literal. NUL, which a literal does not hold, leaves as `?`.
pub fn literal(out: &mut BytesMut, value: &[u8]) {
    literal_head(out, value.len());
    match memchr::memchr(0, value) {
        None => out.extend_from_slice(value),
        Some(_) => out.extend(value.iter().map(|&b| if b == 0 { b'?' } else { b })),
    }
}

/// Writes `{length}` CRLF; the caller writes exactly `length` bytes after it.
pub fn literal_head(out: &mut BytesMut, length: usize) {
    out.extend_from_slice(b"{");
    number(out, length as u64);
    out.extend_from_slice(b"}\r\n");
}

fn quoted(out: &mut BytesMut, value: &[u8]) {
    out.reserve(value.len() + 8);
    out.extend_from_slice(b"\"");
    let mut rest = value;
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        out.extend_from_slice(b"\\");
        let (special, after) = special.split_at(1);
        out.extend_from_slice(special);
        rest = after;
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(b"\"");
}

enum Form {
    Plain,
    Escaped,
    Literal,
}

/// One pass without a branch decides: header values are short, and almost always plain.
fn form(value: &[u8], quoting: Quoting) -> Form {
    if value.len() > QUOTED_BYTES_MAX {
        return Form::Literal;
    }
    let (mut high, mut special, mut control) = (false, false, false);
    for &byte in value {
        high |= byte >= 0x80;
        special |= (byte == b'"') | (byte == b'\\');
        // TEXT-CHAR has control characters but CR, LF and NUL; many parsers choke on the others too.
        control |= ((byte < 0x20) & (byte != b'\t')) | (byte == 0x7f);
    }
    if control || (high && (quoting == Quoting::Ascii || std::str::from_utf8(value).is_err())) {
        return Form::Literal;
    }
    if special { Form::Escaped } else { Form::Plain }
}

#[cfg(test)]
mod tests;
