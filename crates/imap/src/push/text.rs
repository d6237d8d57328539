//! The text of a message, as a push shows it: the first text/plain part, or text/html where there is none.

use message::{Part, Structure};

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

/// Finds and decodes the text. `None`: the message has none.
pub(super) fn text_of(structure: &Structure, raw: &[u8]) -> Option<MessageText> {
    let lists = structure.body_lists();
    let plain = lists.text_body.iter().find(|node| node.part.is_type("text", "plain"));
    let node = plain.or_else(|| lists.html_body.iter().find(|node| node.part.is_type("text", "html")))?;
    let part: &Part = node.part;
    let text = message::text_start(part, raw, SOURCE_BYTES_MAX).text.replace('\0', "");
    let is_whole = part.body_range().len() <= SOURCE_BYTES_MAX;
    Some(MessageText { part: node.path(), text, is_whole })
}

/// Bytes of a part that are decoded: more than fit into a push in any transfer encoding and charset.
const SOURCE_BYTES_MAX: usize = 32 * 1024;
