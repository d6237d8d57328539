//! HTML as plain text, good enough for a preview.
//!
//! No HTML parser: tags are removed, those of blocks end a line, `style`, `script` and what else is never shown goes
//! with its content, entities are decoded by mail-parser. Lines inside `blockquote` begin with `>`, as quoted text in
//! plain mail does. Not for showing to anybody as HTML: nothing here makes it safe.

/// The text of `html`; reading stops once the text has `text_bytes_max` bytes.
pub(crate) fn to_text(html: &str, text_bytes_max: usize) -> String {
    let mut output = Output { text: String::new(), quotes: 0, is_spaced: false };
    let mut rest = html;
    while output.text.len() < text_bytes_max {
        let Some(at) = rest.find(['<', '&']) else {
            output.push_text(rest);
            break;
        };
        let (before, found) = rest.split_at(at);
        output.push_text(before);
        rest = match found.as_bytes() {
            [b'&', ..] => output.entity(found),
            [b'<', b'!', b'-', b'-', ..] => after(found, "-->"),
            [b'<', b'!' | b'?' | b'/' | b'a'..=b'z' | b'A'..=b'Z', ..] => output.tag(found),
            _ => {
                output.push_text("<");
                found.get(1..).unwrap_or_default()
            }
        };
    }
    output.text
}

struct Output {
    text: String,
    quotes: usize,
    is_spaced: bool,
}

impl Output {
    /// White space of any length is one space.
    fn push_text(&mut self, text: &str) {
        for character in text.chars() {
            if character.is_whitespace() {
                self.is_spaced = true;
                continue;
            }
            let is_line_start = self.text.is_empty() || self.text.ends_with('\n');
            if is_line_start && self.quotes > 0 {
                self.text.push_str("> ");
            } else if self.is_spaced && !is_line_start {
                self.text.push(' ');
            }
            self.is_spaced = false;
            self.text.push(character);
        }
    }

    fn end_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.is_spaced = false;
    }

    fn entity<'h>(&mut self, found: &'h str) -> &'h str {
        let length = found.bytes().take(ENTITY_BYTES_MAX).position(|byte| byte == b';');
        let token = length.and_then(|length| found.get(..=length));
        let Some(token) = token.filter(|token| is_entity(token)) else {
            self.push_text("&");
            return found.get(1..).unwrap_or_default();
        };
        let mut decoded = String::new();
        mail_parser::decoders::html::add_html_token(&mut decoded, token.as_bytes(), false);
        self.push_text(&decoded);
        found.get(token.len()..).unwrap_or_default()
    }

    fn tag<'h>(&mut self, found: &'h str) -> &'h str {
        let inner = found.get(1..).unwrap_or_default();
        let (is_end, inner) = match inner.strip_prefix('/') {
            Some(inner) => (true, inner),
            None => (false, inner),
        };
        let length = inner.find(|byte: char| !byte.is_ascii_alphanumeric()).unwrap_or(inner.len());
        let name = inner.get(..length).unwrap_or_default().to_ascii_lowercase();
        let rest = tag_end(inner);
        match name.as_str() {
            "blockquote" => {
                self.end_line();
                self.quotes = if is_end { self.quotes.saturating_sub(1) } else { self.quotes + 1 };
            }
            // What these hold is never shown.
            "style" | "script" | "head" | "title" | "template" if !is_end => {
                return after_end_tag(rest, &name);
            }
            name if BLOCKS.contains(&name) => self.end_line(),
            "td" | "th" => self.is_spaced = true,
            _ => {}
        }
        rest
    }
}

fn is_entity(token: &str) -> bool {
    let name = token.trim_start_matches('&').trim_start_matches('#').trim_end_matches(';');
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// What follows the `>` of a tag, which may stand in a quoted attribute before that.
fn tag_end(tag: &str) -> &str {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return tag.get(at + 1..).unwrap_or_default(),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    // A quote that never ends: the first `>` ends the tag.
    after(tag, ">")
}

fn after_end_tag<'h>(html: &'h str, name: &str) -> &'h str {
    let mut rest = html;
    while let Some(at) = rest.find("</") {
        rest = rest.get(at + 2..).unwrap_or_default();
        if rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
            return after(rest, ">");
        }
    }
    ""
}

/// What follows the first `end`; nothing where there is none.
fn after<'h>(html: &'h str, end: &str) -> &'h str {
    html.find(end).and_then(|at| html.get(at + end.len()..)).unwrap_or_default()
}

/// Tags that begin or end a line.
const BLOCKS: [&str; 24] = [
    "address", "article", "aside", "body", "br", "center", "dd", "div", "dl", "dt", "footer", "h1", "h2",
    "h3", "h4", "header", "hr", "li", "main", "ol", "p", "table", "tr", "ul",
];
/// Bytes in which an entity must end; the longest name has 31.
const ENTITY_BYTES_MAX: usize = 34;

#[cfg(test)]
mod tests;
