//! The base subject (RFC 5256 §2.1), by which threads are grouped and mailboxes sorted.

use crate::encoded_word;

/// A subject without what replies, forwards and mailing lists put around it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseSubject {
    /// UTF-8, in the case it was written in (compare it ignoring case), at most [`BASE_SUBJECT_BYTES_MAX`].
    pub text: String,
    /// Whether a mark of a reply or a forward was removed.
    pub is_reply_or_forward: bool,
}

/// The base subject of an unfolded Subject value.
pub fn base_subject(value: &[u8]) -> BaseSubject {
    // RFC 5256 §2.1 step 1: UTF-8, and all white space one space.
    let decoded = encoded_word::decode(value);
    let mut text = String::with_capacity(decoded.len().min(BASE_SUBJECT_BYTES_MAX));
    for word in decoded.split_whitespace() {
        if text.len() + word.len() >= BASE_SUBJECT_BYTES_MAX {
            let room = BASE_SUBJECT_BYTES_MAX.saturating_sub(text.len() + 1);
            text.push(' ');
            text.push_str(word.get(..word.floor_char_boundary(room)).unwrap_or_default());
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    let mut is_reply_or_forward = false;
    let base = strip(text.trim(), &mut is_reply_or_forward);
    BaseSubject { text: base.to_owned(), is_reply_or_forward }
}

/// Steps 2 to 6.
fn strip<'t>(text: &'t str, is_reply_or_forward: &mut bool) -> &'t str {
    let mut rest = text;
    loop {
        while let Some(before) = strip_suffix(rest, "(fwd)") {
            *is_reply_or_forward = true;
            rest = before.trim_end();
        }
        loop {
            rest = rest.trim_start();
            if let Some(after) = strip_leader(rest) {
                *is_reply_or_forward = true;
                rest = after;
                continue;
            }
            // Step 4: a blob goes only when something is left.
            match strip_blob(rest) {
                Some(after) if !after.is_empty() => rest = after,
                _ => break,
            }
        }
        // Step 6.
        match strip_prefix(rest, "[fwd:").and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => {
                *is_reply_or_forward = true;
                rest = inner.trim();
            }
            None => return rest.trim(),
        }
    }
}

/// ABNF (RFC 5256 §5): `subj-leader = (*subj-blob subj-refwd)`, `subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"`.
fn strip_leader(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(after) = strip_blob(rest) {
        rest = after;
    }
    // `fwd` before `fw`, of which it is the longer form.
    let rest = ["re", "fwd", "fw"].iter().find_map(|mark| strip_prefix(rest, mark))?.trim_start();
    let rest = strip_blob(rest).unwrap_or(rest);
    rest.strip_prefix(':')
}

/// ABNF (RFC 5256 §5): `subj-blob = "[" *BLOBCHAR "]" *WSP`, where BLOBCHAR is anything but brackets.
fn strip_blob(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let at = inner.find(['[', ']'])?;
    Some(inner.get(at..)?.strip_prefix(']')?.trim_start())
}

fn strip_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn strip_suffix<'t>(text: &'t str, suffix: &str) -> Option<&'t str> {
    let (rest, tail) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    tail.eq_ignore_ascii_case(suffix).then_some(rest)
}

/// Bytes of a base subject. What is longer is cut at a character, so two subjects that differ only later are one.
pub const BASE_SUBJECT_BYTES_MAX: usize = 1_000;

#[cfg(test)]
mod tests;
