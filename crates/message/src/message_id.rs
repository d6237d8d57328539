//! Message identifiers (RFC 5322 §3.6.4) as threads are made of them.

use std::collections::BTreeSet;

use crate::address::comment;

/// The identifiers in an unfolded Message-ID, In-Reply-To or References value, without brackets, white space and
/// comments, each once, in order. Words outside of brackets (`Your message of Monday`) are none; a value that has no
/// brackets at all is one identifier if it is one word with an `@` in it.
///
/// At most [`MESSAGE_IDS_MAX`]: the first, which is a thread's root, and the last ones, which are nearest. One of over
/// [`MESSAGE_ID_BYTES_MAX`] bytes is left out.
pub fn message_ids(value: &[u8]) -> Vec<String> {
    let mut ids = bracketed(value);
    let bare = value.trim_ascii();
    if ids.is_empty()
        && bare.contains(&b'@')
        && !bare.iter().any(|byte| matches!(byte, b' ' | b'\t' | b'<' | b'>'))
    {
        ids.extend(identifier(bare));
    }
    let mut seen = BTreeSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    if ids.len() > MESSAGE_IDS_MAX {
        ids.drain(1..=ids.len() - MESSAGE_IDS_MAX);
    }
    ids
}

fn bracketed(value: &[u8]) -> Vec<String> {
    let mut ids = Vec::new();
    let mut rest = value;
    while let Some((byte, after)) = rest.split_first() {
        rest = match byte {
            b'(' => comment(after, &mut Vec::new()),
            b'<' => match after.iter().position(|byte| matches!(byte, b'<' | b'>')) {
                Some(end) if after.get(end) == Some(&b'>') => {
                    ids.extend(after.get(..end).and_then(identifier));
                    after.get(end + 1..).unwrap_or_default()
                }
                // An identifier that never ends is none; the next one may be whole.
                Some(next) => after.get(next..).unwrap_or_default(),
                None => return ids,
            },
            _ => after,
        };
    }
    ids
}

fn identifier(text: &[u8]) -> Option<String> {
    let plain = unquoted(text.trim_ascii());
    let text = plain.as_deref().unwrap_or(text);
    let bytes: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if bytes.is_empty() || bytes.len() > MESSAGE_ID_BYTES_MAX {
        return None;
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// RFC 5256 §3: a left part in quotes that need not be there is the same as one without them. `None` if it has none, or
/// needs them.
fn unquoted(text: &[u8]) -> Option<Vec<u8>> {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut left = Vec::new();
    loop {
        let (first, after) = rest.split_first()?;
        rest = after;
        let byte = match first {
            b'"' => break,
            b'\\' => {
                let (escaped, after) = rest.split_first()?;
                rest = after;
                escaped
            }
            plain => plain,
        };
        left.push(*byte);
    }
    let is_atom = |atom: &[u8]| !atom.is_empty() && atom.iter().copied().all(is_atext);
    let is_plain = rest.starts_with(b"@") && left.split(|byte| *byte == b'.').all(is_atom);
    left.extend_from_slice(rest);
    is_plain.then_some(left)
}

// atext (RFC 5322 §3.2.3, RFC 6532 §3.2)
fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// Identifiers of one field.
pub const MESSAGE_IDS_MAX: usize = 100;
/// Bytes of one identifier (RFC 5322 §2.1.1: it can't be folded, so no line could hold a longer one).
pub const MESSAGE_ID_BYTES_MAX: usize = 998;

#[cfg(test)]
mod tests;
