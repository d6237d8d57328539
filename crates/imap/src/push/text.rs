//! The text of a message, as a push shows it: the first text/plain part, or text/html where there is none.

use std::ops::Range;

use message::{Node, Structure};

/// The text, or its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MessageText {
    /// The part's numbers, as in `BINARY[1.2]`.
    pub(super) part: Vec<u32>,
    /// UTF-8, without NUL.
    pub(super) text: String,
    /// Whether this is all of it.
    pub(super) is_whole: bool,
}

/// The part of a message that holds its text.
#[derive(Debug)]
pub(super) struct TextPart<'s>(Node<'s>);

impl<'s> TextPart<'s> {
    /// Finds it. `None`: the message has no text.
    pub(super) fn of(structure: &'s Structure) -> Option<Self> {
        let lists = structure.body_lists();
        let plain = lists.text_body.iter().find(|node| node.part.is_type("text", "plain"));
        plain
            .or_else(|| lists.html_body.iter().find(|node| node.part.is_type("text", "html")))
            .map(|node| Self(*node))
    }

    /// What of the message has to be read.
    pub(super) fn range(&self) -> Range<u64> {
        let body = self.0.part.body_range();
        body.start as u64..body.end.min(body.start + SOURCE_BYTES_MAX) as u64
    }

    /// Decodes what stands there.
    pub(super) fn decode(&self, start: &[u8]) -> MessageText {
        let text = message::text_start(self.0.part, start).text.replace('\0', "");
        let is_whole = self.0.part.body_range().len() <= SOURCE_BYTES_MAX;
        MessageText { part: self.0.path(), text, is_whole }
    }
}

/// Bytes of a part that are decoded: more than fit into a push in any transfer encoding and charset.
const SOURCE_BYTES_MAX: usize = 32 * 1024;
