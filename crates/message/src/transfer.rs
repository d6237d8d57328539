//! Content-Transfer-Encoding (RFC 2045 §6): base64 and quoted-printable, decoded leniently.
//!
//! What can't be decoded is skipped (base64) or kept as it stands (quoted-printable) and reported as damage: a reader
//! prefers most of a message to none of it. Output is never longer than input.

use std::borrow::Cow;

mod decoder;

pub use decoder::Decoder;

/// The transfer encoding of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferEncoding {
    /// `7bit`, `8bit` or `binary`: the body is the content.
    Identity,
    /// `quoted-printable`.
    QuotedPrintable,
    /// `base64`.
    Base64,
    /// Anything else. IMAP's BINARY answers `NO [UNKNOWN-CTE]` (RFC 9051 §6.4.5).
    Unknown,
}

impl TransferEncoding {
    /// The encoding with this name, ASCII case ignored.
    pub fn named(name: &[u8]) -> TransferEncoding {
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        if is("7bit") || is("8bit") || is("binary") {
            TransferEncoding::Identity
        } else if is("quoted-printable") {
            TransferEncoding::QuotedPrintable
        } else if is("base64") {
            TransferEncoding::Base64
        } else {
            TransferEncoding::Unknown
        }
    }
}

/// A body without its transfer encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The content; borrowed where the encoding was the identity.
    pub bytes: Cow<'a, [u8]>,
    /// Whether the encoding was broken somewhere.
    pub is_damaged: bool,
}

/// Removes `encoding` from `body`; an unknown encoding leaves it as it stands, damaged.
pub(crate) fn decode(body: &[u8], encoding: TransferEncoding) -> Decoded<'_> {
    match encoding {
        TransferEncoding::Identity => Decoded { bytes: Cow::Borrowed(body), is_damaged: false },
        TransferEncoding::Unknown => Decoded { bytes: Cow::Borrowed(body), is_damaged: true },
        TransferEncoding::QuotedPrintable => quoted_printable(body),
        TransferEncoding::Base64 => base64(body),
    }
}

/// RFC 2045 §6.8: line ends and padding carry nothing; other bytes outside the alphabet are ignored.
pub(crate) fn base64(body: &[u8]) -> Decoded<'static> {
    let mut bytes = Vec::with_capacity(body.len() / 4 * 3 + 3);
    let mut group = Group::default();
    let mut is_damaged = group.decode(body, &mut bytes);
    is_damaged |= group.finish(&mut bytes);
    Decoded { bytes: Cow::Owned(bytes), is_damaged }
}

/// Base64 digits that are not four yet.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    bits: u32,
    digits: u32,
}

impl Group {
    /// Decodes a stretch of base64 onto `bytes`; says whether it was damaged.
    fn decode(&mut self, body: &[u8], bytes: &mut Vec<u8>) -> bool {
        let mut is_damaged = false;
        let Self { mut bits, mut digits } = *self;
        for &byte in body {
            match BASE64.get(usize::from(byte)).copied().unwrap_or(IGNORED) {
                digit @ 0..64 => {
                    bits = bits << 6 | u32::from(digit);
                    digits += 1;
                    if digits == 4 {
                        let [_, first, second, third] = bits.to_be_bytes();
                        bytes.extend_from_slice(&[first, second, third]);
                        (bits, digits) = (0, 0);
                    }
                }
                PADDING if digits > 0 => {
                    is_damaged |= digits == 1;
                    flush(bytes, bits, digits);
                    (bits, digits) = (0, 0);
                }
                PADDING | BLANK => {}
                _ => is_damaged = true,
            }
        }
        *self = Self { bits, digits };
        is_damaged
    }

    /// Padding that is missing at the very end is harmless; one digit alone is not even one byte: damage.
    fn finish(self, bytes: &mut Vec<u8>) -> bool {
        flush(bytes, self.bits, self.digits);
        self.digits == 1
    }
}

/// RFC 2045 §6.7.
pub(crate) fn quoted_printable(body: &[u8]) -> Decoded<'static> {
    let mut bytes = Vec::with_capacity(body.len());
    let is_damaged = quoted_lines(body, &mut bytes);
    Decoded { bytes: Cow::Owned(bytes), is_damaged }
}

/// Decodes whole lines, or the last one without its end, onto `bytes`; says whether they were damaged.
fn quoted_lines(body: &[u8], bytes: &mut Vec<u8>) -> bool {
    let mut is_damaged = false;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let (text, line_end) = split_line_end(line);
        // RFC 2045 §6.7 rule 3: white space at a line's end was added on the way.
        let text = if line_end.is_empty() { text } else { trim_blanks(text) };
        // Rule 5: a soft line break joins the lines.
        let (text, line_end) = match text.strip_suffix(b"=") {
            Some(text) => (text, &b""[..]),
            None => (text, line_end),
        };
        is_damaged |= quoted_line(text, bytes);
        bytes.extend_from_slice(line_end);
    }
    is_damaged
}

/// Decodes `=XX` in one line onto `bytes`; says whether an `=` was not followed by two digits.
pub(crate) fn quoted_line(text: &[u8], bytes: &mut Vec<u8>) -> bool {
    let mut is_damaged = false;
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'=', rest) {
        let (before, escape) = rest.split_at(at);
        bytes.extend_from_slice(before);
        match escape {
            [_, high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            _ => {
                bytes.push(b'=');
                is_damaged = true;
                rest = escape.get(1..).unwrap_or_default();
            }
        }
    }
    bytes.extend_from_slice(rest);
    is_damaged
}

/// The value of an ASCII hexadecimal digit, 0 for any other byte.
pub(crate) fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

fn flush(bytes: &mut Vec<u8>, group: u32, digits: u32) {
    let [_, _, two_first, two_second] = (group >> 2).to_be_bytes();
    let [_, _, _, one] = (group >> 4).to_be_bytes();
    match digits {
        2 => bytes.push(one),
        3 => bytes.extend_from_slice(&[two_first, two_second]),
        _ => {}
    }
}

fn split_line_end(line: &[u8]) -> (&[u8], &[u8]) {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let text = if text.len() < line.len() { text.strip_suffix(b"\r").unwrap_or(text) } else { text };
    line.split_at(text.len())
}

fn trim_blanks(mut text: &[u8]) -> &[u8] {
    while let [before @ .., b' ' | b'\t'] = text {
        text = before;
    }
    text
}

const PADDING: u8 = 64;
const BLANK: u8 = 65;
const IGNORED: u8 = 66;

/// The value of every byte in base64, or what it is instead.
static BASE64: [u8; 256] = base64_table();

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "evaluated when compiled")]
const fn base64_table() -> [u8; 256] {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [IGNORED; 256];
    let mut digit = 0;
    while digit < alphabet.len() {
        table[alphabet[digit] as usize] = digit as u8;
        digit += 1;
    }
    table[b'=' as usize] = PADDING;
    table[b'\r' as usize] = BLANK;
    table[b'\n' as usize] = BLANK;
    table[b' ' as usize] = BLANK;
    table[b'\t' as usize] = BLANK;
    table
}

#[cfg(test)]
mod tests;
