//! Encoded words (RFC 2047): header text into UTF-8.
//!
//! Decodes leniently (words inside quoted strings, words that are too long, characters that were split between two
//! words), because that is what mail looks like. Encoding is not done here.

use crate::charset::{self, to_utf8};
use crate::transfer;

/// Decodes an unfolded header value into UTF-8. What is no valid encoded word stays as it stands; bytes outside
/// ASCII are UTF-8 where valid (RFC 6532), else windows-1252.
pub fn decode(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len());
    // Words that follow one another in one charset are joined before the charset is decoded, because senders cut
    // multi-byte characters in half.
    let mut pending: Option<Pending<'_>> = None;
    let mut rest = value;
    while let Some(at) = memchr::memmem::find(rest, b"=?") {
        let (before, found) = rest.split_at(at);
        let Some((word, after)) = word_at(found) else {
            let keep = at + 2;
            flush(&mut pending, &mut text);
            text.push_str(&charset::undeclared_str(rest.get(..keep).unwrap_or(rest)));
            rest = rest.get(keep..).unwrap_or_default();
            continue;
        };
        // RFC 2047 §6.2: white space between two encoded words is not part of the text.
        if !(pending.is_some() && before.iter().all(u8::is_ascii_whitespace)) {
            flush(&mut pending, &mut text);
            text.push_str(&charset::undeclared_str(before));
        }
        match &mut pending {
            Some(same) if same.charset.eq_ignore_ascii_case(word.charset) => same.bytes.extend(word.bytes()),
            _ => {
                flush(&mut pending, &mut text);
                pending = Some(Pending { charset: word.charset, bytes: word.bytes() });
            }
        }
        rest = after;
    }
    flush(&mut pending, &mut text);
    text.push_str(&charset::undeclared_str(rest));
    text
}

struct Pending<'v> {
    charset: &'v [u8],
    bytes: Vec<u8>,
}

struct Word<'v> {
    charset: &'v [u8],
    encoding: Encoding,
    text: &'v [u8],
}

#[derive(Clone, Copy)]
enum Encoding {
    B,
    Q,
}

impl Word<'_> {
    fn bytes(&self) -> Vec<u8> {
        match self.encoding {
            Encoding::B => transfer::base64(self.text).bytes.into_owned(),
            Encoding::Q => {
                // RFC 2047 §4.2: an underscore is a space.
                let spaced: Vec<u8> =
                    self.text.iter().map(|byte| if *byte == b'_' { b' ' } else { *byte }).collect();
                let mut bytes = Vec::with_capacity(spaced.len());
                transfer::quoted_line(&spaced, &mut bytes);
                bytes
            }
        }
    }
}

fn flush(pending: &mut Option<Pending<'_>>, text: &mut String) {
    if let Some(Pending { charset, bytes }) = pending.take() {
        text.push_str(&to_utf8(&bytes, Some(charset)).text);
    }
}

/// ABNF (RFC 2047 §2): `"=?" charset "?" encoding "?" encoded-text "?="`.
fn word_at(found: &[u8]) -> Option<(Word<'_>, &[u8])> {
    let (charset, rest) = until_question_mark(found.get(2..)?)?;
    let (encoding, rest) = until_question_mark(rest)?;
    let (text, rest) = until_question_mark(rest)?;
    let rest = rest.strip_prefix(b"=")?;
    // RFC 2231 §5: a language may follow the charset.
    let charset = charset.split(|byte| *byte == b'*').next()?;
    if charset.is_empty() || charset.iter().any(|byte| !byte.is_ascii_graphic()) {
        return None;
    }
    let encoding = match encoding {
        b"B" | b"b" => Encoding::B,
        b"Q" | b"q" => Encoding::Q,
        _ => return None,
    };
    Some((Word { charset, encoding, text }, rest))
}

fn until_question_mark(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b'?', bytes)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

#[cfg(test)]
mod tests;
