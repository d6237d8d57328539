//! Ids of blobs: a message `B5`, an upload `U0a1b..`, and the decoded content of a part of either, `B5-2`, by its place in
//! the list of all parts ([`message::Node::index`]).

use store::MessageId;

use super::id;

/// What a blob's id stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobId {
    /// The whole.
    pub whole: Whole,
    /// The part of it; `None` for all.
    pub part: Option<u32>,
}

/// What was stored as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whole {
    /// A message.
    Message(MessageId),
    /// What a client has sent.
    Upload(String),
}

impl BlobId {
    /// Reads an id; `None` for what is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, part) = match text.split_once('-') {
            None => (text, None),
            Some((whole, part)) => (whole, Some(u32::try_from(id::number('P', &format!("P{part}"))?).ok()?)),
        };
        if let Some(message) = id::number('B', whole) {
            return Some(Self { whole: Whole::Message(MessageId(message)), part });
        }
        let upload = whole.strip_prefix('U')?;
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_upload = upload.len() == UPLOAD_CHARS && upload.bytes().all(is_hex);
        is_upload.then(|| Self { whole: Whole::Upload(upload.to_owned()), part })
    }

    /// A part of the same whole.
    #[must_use]
    pub fn part(&self, index: usize) -> Self {
        Self { whole: self.whole.clone(), part: u32::try_from(index).ok() }
    }
}

impl std::fmt::Display for BlobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.whole {
            Whole::Message(id) => write!(f, "B{id}")?,
            Whole::Upload(id) => write!(f, "U{id}")?,
        }
        match self.part {
            Some(part) => write!(f, "-{part}"),
            None => Ok(()),
        }
    }
}

/// Hexadecimal digits of an upload's id.
const UPLOAD_CHARS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_and_has_one_form() {
        let upload = format!("U{}", "0a".repeat(16));
        for text in ["B5", "B5-0", "B5-12", &upload, &format!("{upload}-3")] {
            assert_eq!(BlobId::parse(text).unwrap().to_string(), *text);
        }
        for text in
            ["", "B", "B05", "B5-", "B5-01", "B5-1-1", "M5", "U0a", &upload.to_uppercase(), "B5-4294967296"]
        {
            assert_eq!(BlobId::parse(text), None, "{text:?}");
        }
    }
}
