//! The content of a part: its body without transfer encoding, and its text in UTF-8.
//!
//! Ranges outside of `raw` read as nothing, so a structure that belongs to another message can do no harm.

use std::borrow::Cow;

use crate::charset::{Text, to_utf8};
use crate::html;
use crate::structure::Part;
use crate::transfer::{self, Decoded, TransferEncoding};

/// The part's Content-Transfer-Encoding is none that anybody has defined. In IMAP: `NO [UNKNOWN-CTE]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown content transfer encoding")]
pub struct UnknownTransferEncoding;

/// The body of `part` without its transfer encoding. Multiparts and messages are as they were sent.
///
/// # Errors
/// [`UnknownTransferEncoding`] where the body can't be decoded at all. An encoding that is broken somewhere is no error,
/// but damage.
pub fn content<'r>(part: &Part, raw: &'r [u8]) -> Result<Decoded<'r>, UnknownTransferEncoding> {
    if !part.is_leaf() {
        return Ok(transfer::decode(body(part, raw), TransferEncoding::Identity));
    }
    match part.transfer_encoding() {
        TransferEncoding::Unknown => Err(UnknownTransferEncoding),
        encoding => Ok(transfer::decode(body(part, raw), encoding)),
    }
}

/// The text of `part` in UTF-8. Never fails: an unknown transfer encoding or charset gives damaged text.
pub fn text<'r>(part: &Part, raw: &'r [u8]) -> Text<'r> {
    text_start(part, body(part, raw))
}

/// The text of what the body of `part` begins with: of all of it, or of as much as was read.
pub fn text_start<'r>(part: &Part, body_start: &'r [u8]) -> Text<'r> {
    let decoded = transfer::decode(body_start, part.transfer_encoding());
    match decoded.bytes {
        Cow::Borrowed(bytes) => damage(to_utf8(bytes, part.charset()), decoded.is_damaged),
        Cow::Owned(bytes) => {
            let Text { text, is_damaged } = to_utf8(&bytes, part.charset());
            damage(Text { text: Cow::Owned(text.into_owned()), is_damaged }, decoded.is_damaged)
        }
    }
}

/// The text of `part` as a reader sees it, HTML without its tags: of so many bytes of the body, and as many of text, at most.
pub fn plain_text(part: &Part, raw: &[u8], bytes_max: usize) -> String {
    let body = body(part, raw);
    let text = text_start(part, body.get(..bytes_max).unwrap_or(body)).text;
    if part.is_type("text", "html") { html::to_text(&text, bytes_max) } else { text.into_owned() }
}

fn damage(text: Text<'_>, is_damaged: bool) -> Text<'_> {
    Text { is_damaged: text.is_damaged || is_damaged, ..text }
}

pub(crate) fn body<'r>(part: &Part, raw: &'r [u8]) -> &'r [u8] {
    raw.get(part.body_range()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
