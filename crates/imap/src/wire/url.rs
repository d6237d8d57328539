//! URLs of messages and of what is in them, relative to the server and its user (RFC 5092 §7 and §11, RFC 4469 §3).
//!
//! Not here: absolute URLs and URLAUTH (RFC 4467), which name what others have.

use bytes::Bytes;

use crate::wire::cursor::Cursor;
use crate::wire::fetch::{FetchSection, PartPath, Partial, Section, SectionName, SectionText, Seen, section};
use crate::wire::mailbox::Names;

/// Longest URL in bytes; a longer one is NO [BADURL].
pub const URL_BYTES_MAX: usize = 4096;

/// A message, or a stretch of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageUrl {
    /// The mailbox in UTF-8; empty for the selected one.
    pub mailbox: String,
    /// The UIDVALIDITY that the mailbox has to have.
    pub uid_validity: Option<u32>,
    /// The message.
    pub uid: u32,
    /// What of it.
    pub section: FetchSection,
}

impl MessageUrl {
    // imessagepart = enc-mailbox [uidvalidity] "/;UID=" nz-number ["/;SECTION=" enc-section] ["/;PARTIAL=" partial-range]
    // uidvalidity = ";UIDVALIDITY=" nz-number
    /// Reads a URL with an absolute path, or one that begins with the UID and means the selected mailbox. `None` if it is
    /// none of them.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        if url.len() > URL_BYTES_MAX {
            return None;
        }
        let (place, message) = split_at_word(url, "/;UID=")
            .or_else(|| split_at_word(url, ";UID=").filter(|(before, _)| before.is_empty()))?;
        let place = match place.strip_prefix('/') {
            Some(path) => path,
            None if place.is_empty() => place,
            // Relative to a mailbox, or with a scheme.
            None => return None,
        };
        let (mailbox, uid_validity) = match split_at_word(place, ";UIDVALIDITY=") {
            Some((mailbox, number)) => (mailbox, Some(nz_number(number)?)),
            None => (place, None),
        };
        let (message, partial) = match split_at_word(message, "/;PARTIAL=") {
            Some((message, range)) => (message, Some(partial(range)?)),
            None => (message, None),
        };
        let (uid, text) = match split_at_word(message, "/;SECTION=") {
            Some((uid, text)) => (uid, Some(decoded(text)?)),
            None => (message, None),
        };
        let section = match text {
            Some(text) => section_of(&text)?,
            None => Section { part: PartPath::default(), text: SectionText::All },
        };
        let section = FetchSection { name: SectionName::Body, section, seen: Seen::Keep, partial };
        Some(Self { mailbox: decoded(mailbox)?, uid_validity, uid: nz_number(uid)?, section })
    }
}

/// What stands before and after a word that is written in any case.
fn split_at_word<'u>(url: &'u str, word: &str) -> Option<(&'u str, &'u str)> {
    let at = url.to_ascii_uppercase().find(word)?;
    Some((url.get(..at)?, url.get(at + word.len()..)?))
}

fn nz_number(digits: &str) -> Option<u32> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| is_number && *number > 0)
}

// partial-range = number ["." nz-number]
fn partial(range: &str) -> Option<Partial> {
    let (offset, length) = match range.split_once('.') {
        Some((offset, length)) => (offset, u64::from(nz_number(length)?)),
        None => (range, u64::MAX),
    };
    let is_number = !offset.is_empty() && offset.bytes().all(|byte| byte.is_ascii_digit());
    Some(Partial { offset: offset.parse().ok().filter(|_| is_number)?, length })
}

fn section_of(text: &str) -> Option<Section> {
    let frame = Bytes::from(format!("[{text}]"));
    let mut cursor = Cursor::new(&frame, Names::Utf8);
    let section = section(&mut cursor).ok()?;
    cursor.end().ok()?;
    Some(section)
}

// pct-encoded = "%" HEXDIG HEXDIG   (RFC 3986 §2.1)
fn decoded(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => (hex_digit(rest.next()?)? << 4) | hex_digit(rest.next()?)?,
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    u8::try_from(char::from(byte).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests;
