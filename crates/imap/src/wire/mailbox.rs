//! Mailbox names between the wire and UTF-8 (RFC 3501 §5.1.3, RFC 9051 §5.1, RFC 6855 §3).
//!
//! Inside the server a name is UTF-8. On the wire it is modified UTF-7 until the client enables UTF8=ACCEPT
//! (or IMAP4rev2), UTF-8 from then on. `INBOX` is one name in any case.

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use bytes::BytesMut;
use unicode_normalization::UnicodeNormalization as _;

use crate::wire::cursor::{Cursor, Parsed, SyntaxError, is_list_char};

/// Longest mailbox name, in bytes of UTF-8. Longer ones are BAD.
pub const MAILBOX_NAME_BYTES_MAX: usize = 1000;

/// How this connection writes mailbox names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Names {
    /// Modified UTF-7, the default of IMAP4rev1.
    #[default]
    ModifiedUtf7,
    /// UTF-8, after ENABLE UTF8=ACCEPT or IMAP4rev2.
    Utf8,
}

// mailbox = "INBOX" / astring
/// A mailbox argument as UTF-8; `INBOX` in any case leaves as `INBOX`.
pub fn mailbox(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let at = cursor.position();
    let raw = cursor.astring()?;
    let name = decode_name(&raw, cursor.names(), at)?;
    if name.is_empty() {
        return Err(SyntaxError::Invalid { what: "the mailbox name is empty", at });
    }
    Ok(canonical_inbox(name))
}

/// A mailbox argument that is not looked up but compared with the names of mailboxes, as these are written.
pub fn compared_mailbox(cursor: &mut Cursor<'_>) -> Parsed<String> {
    mailbox(cursor).map(|name| composed(&name))
}

/// RFC 9051 §5.1, RFC 5198 §2: a name as mailboxes have it, in Unicode's composed form.
#[must_use]
pub fn composed(name: &str) -> String {
    name.nfc().collect()
}

/// The reference name of LIST and LSUB: a mailbox name that may be empty.
pub fn reference(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let at = cursor.position();
    let raw = cursor.astring()?;
    Ok(canonical_inbox(decode_name(&raw, cursor.names(), at)?))
}

// list-mailbox = 1*list-char / string
/// A LIST pattern as UTF-8, wildcards included.
pub fn pattern(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let at = cursor.position();
    if matches!(cursor.peek(), Some(b'"' | b'{')) {
        let raw = cursor.string()?;
        return decode_name(&raw, cursor.names(), at);
    }
    let raw = cursor.some(is_list_char, "a mailbox pattern")?;
    decode_name(raw, cursor.names(), at)
}

fn canonical_inbox(name: String) -> String {
    if name.eq_ignore_ascii_case("INBOX") { "INBOX".to_owned() } else { name }
}

fn decode_name(raw: &[u8], names: Names, at: usize) -> Parsed<String> {
    if raw.len() > MAILBOX_NAME_BYTES_MAX {
        return Err(SyntaxError::Invalid { what: "the mailbox name is too long", at });
    }
    let utf8 = std::str::from_utf8(raw)
        .map_err(|_| SyntaxError::Invalid { what: "the mailbox name is not UTF-8", at })?;
    // RFC 9051 §5.1: control characters have no place in a name.
    if utf8.chars().any(char::is_control) {
        return Err(SyntaxError::Invalid { what: "the mailbox name has a control character", at });
    }
    match names {
        Names::Utf8 => Ok(utf8.to_owned()),
        Names::ModifiedUtf7 => from_modified_utf7(utf8)
            .ok_or(SyntaxError::Invalid { what: "the mailbox name is not modified UTF-7", at }),
    }
}

/// Modified UTF-7 to UTF-8 (RFC 3501 §5.1.3). Bytes above 127 pass as they are: some clients send UTF-8
/// without asking. `None` for a broken or a superfluous shift, a lone surrogate or an encoded printable ASCII character.
#[must_use]
pub fn from_modified_utf7(encoded: &str) -> Option<String> {
    let mut decoded = String::with_capacity(encoded.len());
    let mut rest = encoded;
    let mut was_shifted = false;
    while let Some((plain, shifted)) = rest.split_once('&') {
        decoded.push_str(plain);
        let (base64, after) = shifted.split_once('-')?;
        if base64.is_empty() {
            decoded.push('&');
            was_shifted = false;
        } else {
            // RFC 3501 §5.1.3: out of base64 and at once back into it would give one mailbox two names.
            if was_shifted && plain.is_empty() {
                return None;
            }
            was_shifted = true;
            push_shifted(&mut decoded, base64)?;
        }
        rest = after;
    }
    decoded.push_str(rest);
    Some(decoded)
}

fn push_shifted(decoded: &mut String, base64: &str) -> Option<()> {
    let bytes = MODIFIED_BASE64.decode(base64).ok()?;
    let pairs = bytes.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    let units = pairs.filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)));
    for unit in char::decode_utf16(units) {
        let character = unit.ok()?;
        // A printable character in base64 would give one mailbox two names.
        if matches!(character, ' '..='~') || character.is_control() {
            return None;
        }
        decoded.push(character);
    }
    Some(())
}

/// UTF-8 to modified UTF-7 (RFC 3501 §5.1.3), appended to `out`.
pub fn push_modified_utf7(out: &mut BytesMut, name: &str) {
    let mut shifted = Vec::new();
    for character in name.chars() {
        if matches!(character, ' '..='~') {
            flush_shifted(out, &mut shifted);
            match character {
                '&' => out.extend_from_slice(b"&-"),
                plain => out.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                shifted.extend_from_slice(&unit.to_be_bytes());
            }
        }
    }
    flush_shifted(out, &mut shifted);
}

fn flush_shifted(out: &mut BytesMut, shifted: &mut Vec<u8>) {
    if !shifted.is_empty() {
        out.extend_from_slice(b"&");
        out.extend_from_slice(MODIFIED_BASE64.encode(&*shifted).as_bytes());
        out.extend_from_slice(b"-");
        shifted.clear();
    }
}

// RFC 3501 §5.1.3: base64 with "," for "/", without padding.
const MODIFIED_BASE64: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

#[cfg(test)]
mod tests;
