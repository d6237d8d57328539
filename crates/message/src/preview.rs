//! The preview: the first words of a message (RFC 8970 §3.1, RFC 8621 §4.1.4).
//!
//! Takes what its sender wrote: quoted lines, the line that announces them and signatures are left out, unless nothing else is
//! there. Not a summary in any other sense.

use std::borrow::Cow;

use crate::content::{body, text_start};
use crate::html;
use crate::structure::{Part, Structure};

/// The preview of a message: one line of at most [`PREVIEW_CHARS_MAX`] characters, empty where it has no text.
pub(crate) fn preview(structure: &Structure, raw: &[u8]) -> String {
    let lists = structure.body_lists();
    let texts = lists.text_body.iter().chain(&lists.html_body).map(|node| node.part);
    texts
        .filter(|part| part.is_media_type("text"))
        .take(TEXTS_MAX)
        .map(|part| preview_of(part, raw))
        .find(|preview| !preview.is_empty())
        .unwrap_or_default()
}

fn preview_of(part: &Part, raw: &[u8]) -> String {
    let body = body(part, raw);
    let source = text_start(part, body.get(..SOURCE_BYTES_MAX).unwrap_or(body)).text;
    let text = if part.is_type("text", "html") {
        Cow::Owned(html::to_text(&source, TEXT_BYTES_MAX))
    } else {
        source
    };
    let own = folded(own_lines(&text));
    if own.is_empty() { folded(text.lines()) } else { own }
}

/// The lines that are neither quoted, nor announce a quotation, nor belong to the signature.
fn own_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut lines = text
        .lines()
        // RFC 3676 §4.3: the line that starts a signature.
        .take_while(|line| !matches!(*line, "-- " | "--"))
        .filter(|line| !line.trim().is_empty())
        .peekable();
    std::iter::from_fn(move || {
        loop {
            let line = lines.next()?;
            let is_quoted = line.trim_start().starts_with('>');
            let announces = line.trim_end().ends_with(':')
                && lines.peek().is_some_and(|next| next.trim_start().starts_with('>'));
            if !is_quoted && !announces {
                return Some(line);
            }
        }
    })
}

/// Words with one space between them, without what can't be seen.
fn folded<'t>(lines: impl Iterator<Item = &'t str>) -> String {
    let mut preview = String::new();
    let mut count = 0;
    for word in lines.flat_map(str::split_whitespace) {
        let mut is_started = false;
        for character in word.chars().filter(|character| is_visible(*character)) {
            // Nothing to join: bulk mail fills its preview with these, too.
            if !is_started && matches!(character, '\u{200c}' | '\u{200d}') {
                continue;
            }
            let is_spaced = !is_started && !preview.is_empty();
            if count + 1 + usize::from(is_spaced) > PREVIEW_CHARS_MAX {
                return preview;
            }
            if is_spaced {
                preview.push(' ');
                count += 1;
            }
            preview.push(character);
            count += 1;
            is_started = true;
        }
    }
    preview
}

/// Control characters, and those that senders of bulk mail fill their preview with. The joiners (U+200C, U+200D) stay,
/// because scripts and emoji need them.
fn is_visible(character: char) -> bool {
    let is_filler = matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{feff}'
    );
    !character.is_control() && !is_filler
}

/// Characters of a preview (RFC 8970 §3.1).
pub const PREVIEW_CHARS_MAX: usize = 200;

/// Bytes of a text part that are looked at: HTML mail often has 30 KiB of style before its first word.
const SOURCE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of text taken from HTML, enough for a preview after quoted text has been left out.
const TEXT_BYTES_MAX: usize = 4 * 1024;
/// Text parts that are looked at until one gives a preview.
const TEXTS_MAX: usize = 10;

#[cfg(test)]
mod tests;
