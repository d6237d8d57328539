//! Texts with marks around the words that were looked for, as HTML (RFC 8621 §5).

use std::ops::Range;

/// Words and phrases, folded.
#[derive(Clone, Debug)]
pub(super) struct Words(Vec<String>);

impl Words {
    /// White space in a phrase stands for any.
    pub(super) fn new(words: Vec<String>) -> Self {
        let mut words: Vec<String> =
            words.iter().map(|word| spaced(word)).filter(|word| !word.is_empty()).collect();
        words.sort_unstable();
        words.dedup();
        words.truncate(WORDS_MAX);
        Self(words)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A whole text; `None` if none of the words is in it.
    pub(super) fn marked(&self, text: &str) -> Option<String> {
        let marks = self.marks(text);
        let html = Html { octets_max: usize::MAX, ..Html::default() };
        (!marks.is_empty()).then(|| html.write(text, &marks))
    }

    /// What stands around the first of the words; `None` if none is there.
    pub(super) fn excerpt(&self, text: &str) -> Option<String> {
        let text = spaced(text);
        let marks = self.marks(&text);
        let first = marks.first()?.start;
        // From the beginning of a word, if there is one near.
        let from = text.floor_char_boundary(first.saturating_sub(CONTEXT_OCTETS));
        let before = text.get(from..first).unwrap_or_default();
        let skipped = if from == 0 { 0 } else { before.find(' ').map_or(0, |space| space + 1) };
        let from = from + skipped;
        let marks: Vec<Range<usize>> =
            marks.into_iter().map(|mark| mark.start - from..mark.end - from).collect();
        let html = Html { octets_max: EXCERPT_OCTETS_MAX, ..Html::default() };
        Some(html.write(text.get(from..).unwrap_or_default(), &marks))
    }

    /// Where the words stand, ascending, apart from each other.
    fn marks(&self, text: &str) -> Vec<Range<usize>> {
        let (folded, origins) = folded(text);
        let origin = |at: usize| match origins.partition_point(|(start, _)| *start <= at) {
            0 => 0,
            after => origins.get(after - 1).map_or(text.len(), |(_, origin)| *origin),
        };
        let mut found: Vec<Range<usize>> = Vec::new();
        for word in &self.0 {
            let all = folded.match_indices(word.as_str()).take(MARKS_MAX);
            // The end is that of the character which the last folded one came from.
            let ends = |end: usize| {
                let after = origins.partition_point(|(start, _)| *start < end);
                origins.get(after).map_or(text.len(), |(_, origin)| *origin)
            };
            found.extend(all.map(|(start, word)| origin(start)..ends(start + word.len())));
        }
        found.sort_unstable_by_key(|mark| (mark.start, mark.end));
        let mut marks: Vec<Range<usize>> = Vec::with_capacity(found.len());
        for mark in found {
            match marks.last_mut() {
                Some(last) if mark.start <= last.end => last.end = last.end.max(mark.end),
                _ => marks.push(mark),
            }
        }
        marks
    }
}

/// A text without regard to case, and where each of its characters came from.
fn folded(text: &str) -> (String, Vec<(usize, usize)>) {
    let mut folded = String::with_capacity(text.len());
    let mut origins = Vec::with_capacity(text.len());
    let mut buffer = [0; 4];
    for (at, character) in text.char_indices() {
        origins.push((folded.len(), at));
        match character.is_ascii() {
            true => folded.push(character.to_ascii_lowercase()),
            false => folded.push_str(&message::fold(character.encode_utf8(&mut buffer))),
        }
    }
    (folded, origins)
}

/// With one space where there was white space, and none at the ends.
fn spaced(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !spaced.is_empty() {
            spaced.push(' ');
        }
        spaced.push_str(word);
    }
    spaced
}

/// HTML that is being written.
#[derive(Default)]
struct Html {
    text: String,
    octets_max: usize,
}

impl Html {
    /// As much of a text as there is room for.
    fn write(mut self, text: &str, marks: &[Range<usize>]) -> String {
        let mut at = 0;
        for mark in marks {
            if !self.escaped(text.get(at..mark.start).unwrap_or_default(), self.octets_max) {
                return self.text;
            }
            let before = self.text.len();
            self.text.push_str(MARK_START);
            let opened = self.text.len();
            let room = self.octets_max.saturating_sub(MARK_END.len());
            let is_whole = self.escaped(text.get(mark.clone()).unwrap_or_default(), room);
            if self.text.len() == opened {
                self.text.truncate(before);
                return self.text;
            }
            self.text.push_str(MARK_END);
            if !is_whole {
                return self.text;
            }
            at = mark.end;
        }
        self.escaped(text.get(at..).unwrap_or_default(), self.octets_max);
        self.text
    }

    /// Whether all of it has found room.
    fn escaped(&mut self, text: &str, octets_max: usize) -> bool {
        let mut buffer = [0; 4];
        for character in text.chars() {
            let written = match character {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\'' => "&#39;",
                '\0' => "",
                other => other.encode_utf8(&mut buffer),
            };
            if self.text.len().saturating_add(written.len()) > octets_max {
                return false;
            }
            self.text.push_str(written);
        }
        true
    }
}

/// RFC 8621 §5.
const EXCERPT_OCTETS_MAX: usize = 255;
/// Of what stands before the first word.
const CONTEXT_OCTETS: usize = 60;
/// Words that are looked for in one text; of more, some are not marked.
const WORDS_MAX: usize = 32;
/// Places of one word that are marked.
const MARKS_MAX: usize = 1000;
const MARK_START: &str = "<mark>";
const MARK_END: &str = "</mark>";

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Words {
        Words::new(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn words_are_marked_whatever_their_case_and_the_rest_is_escaped() {
        for (wanted, text, expected) in [
            (&["cat"][..], "A Cat & a CAT", Some("A <mark>Cat</mark> &amp; a <mark>CAT</mark>")),
            (&["ab", "bc"], "xabcx", Some("x<mark>abc</mark>x")),
            (&["é"], "<É>", Some("&lt;<mark>É</mark>&gt;")),
            (&["i"], "İ.", Some("<mark>İ</mark>.")),
            (&["σ"], "ς", Some("<mark>ς</mark>")),
            (&["dog"], "a cat", None),
            (&[], "a cat", None),
        ] {
            assert_eq!(words(wanted).marked(text).as_deref(), expected, "{wanted:?} {text:?}");
        }
    }

    #[test]
    fn an_excerpt_begins_with_a_word_and_has_255_octets_at_most() {
        let text = format!("{}needle  <in>\r\n\ta\thay  stack {}", "straw ".repeat(50), "straw ".repeat(100));
        let excerpt = words(&["needle <in> a"]).excerpt(&text).unwrap();
        assert!(excerpt.starts_with("straw straw "), "{excerpt}");
        assert!(excerpt.contains(" <mark>needle &lt;in&gt; a</mark> hay stack straw "), "{excerpt}");
        assert!((250..=255).contains(&excerpt.len()), "{excerpt}");
        let all = words(&["é"]).excerpt(&"é".repeat(1000)).unwrap();
        assert!(all.len() >= 250 && all.len() <= 255 && all.ends_with("é</mark>"), "{all}");
        assert_eq!(words(&["x"]).excerpt("abc"), None);
        let many = words(&["&"]).excerpt(&"& ".repeat(1000)).unwrap();
        assert!(many.len() <= 255 && many.ends_with("</mark> "), "{many}");
    }
}
