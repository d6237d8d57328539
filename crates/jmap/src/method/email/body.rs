//! Body parts and their values (RFC 8621 §4.1.4).

use message::{Content, Node, Structure, TransferEncoding};
use serde_json::{Map, Value, json};

use super::property::{Property, Values};
use crate::wire::blob::BlobId;

/// A message whose parts are shown.
#[derive(Clone, Copy)]
pub(crate) struct Message<'m> {
    pub(crate) structure: &'m Structure,
    /// As much of it as the wanted properties need.
    pub(crate) raw: &'m [u8],
    /// Its blob.
    pub(crate) blob: &'m BlobId,
}

impl<'m> Message<'m> {
    /// The list of parts that a reader is shown, under one of its names.
    pub(crate) fn list(&self, name: &str, wanted: &[(String, Property)]) -> Value {
        let lists = self.structure.body_lists();
        let nodes = match name {
            "textBody" => lists.text_body,
            "htmlBody" => lists.html_body,
            _ => lists.attachments,
        };
        nodes.iter().map(|node| Value::Object(self.part(*node, wanted))).collect()
    }

    /// The whole tree.
    pub(crate) fn tree(&self, wanted: &[(String, Property)]) -> Value {
        self.subtree(self.structure.root(), wanted)
    }

    fn subtree(&self, node: Node<'m>, wanted: &[(String, Property)]) -> Value {
        let mut part = self.part(node, wanted);
        if matches!(node.content(), Content::Multipart) {
            let children: Vec<Value> = node.children().map(|child| self.subtree(child, wanted)).collect();
            part.insert("subParts".to_owned(), Value::Array(children));
        }
        Value::Object(part)
    }

    fn part(&self, node: Node<'m>, wanted: &[(String, Property)]) -> Map<String, Value> {
        let is_multipart = matches!(node.content(), Content::Multipart);
        let part = node.part;
        let text = |bytes: &Option<Vec<u8>>| {
            bytes.as_deref().map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned())
        };
        let mut object = Map::new();
        for (name, property) in wanted {
            let value = match property {
                Property::Header(header) => header.value(&self.fields(node), self.header(node)),
                Property::Plain(plain) => match *plain {
                    "partId" => json!((!is_multipart).then(|| node.index().to_string())),
                    "blobId" => json!((!is_multipart).then(|| self.blob.part(node.index()).to_string())),
                    "size" => json!(self.size(node)),
                    "headers" => self.headers(node),
                    "name" => json!(part.file_name()),
                    "type" => json!(media_type(node)),
                    "charset" => json!(charset(node)),
                    "disposition" => json!(
                        part.disposition
                            .as_ref()
                            .map(|found| String::from_utf8_lossy(&found.kind).to_ascii_lowercase())
                    ),
                    "cid" => json!(
                        text(&part.id)
                            .map(|id| { id.trim_start_matches('<').trim_end_matches('>').to_owned() })
                    ),
                    "language" if part.language.is_empty() => Value::Null,
                    "language" => {
                        part.language.iter().map(|tag| json!(String::from_utf8_lossy(tag))).collect()
                    }
                    "location" => json!(text(&part.location)),
                    // Only in the tree, where they are put in.
                    _ => continue,
                },
            };
            object.insert(name.clone(), value);
        }
        object
    }

    /// Octets of what would be downloaded.
    fn size(&self, node: Node<'m>) -> usize {
        let octets = node.part.body_range().len();
        match node.part.transfer_encoding() {
            TransferEncoding::Base64 | TransferEncoding::QuotedPrintable => {
                message::content(node.part, self.raw).map_or(octets, |content| content.bytes.len())
            }
            TransferEncoding::Identity | TransferEncoding::Unknown => octets,
        }
    }

    fn header(&self, node: Node<'m>) -> &'m [u8] {
        self.raw.get(node.part.header_range()).unwrap_or_default()
    }

    fn fields(&self, node: Node<'m>) -> Vec<message::HeaderField> {
        message::header_fields(self.header(node))
    }

    /// RFC 8621 §4.1.3: every field as it was sent.
    pub(crate) fn headers(&self, node: Node<'m>) -> Value {
        let raw = self.header(node);
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace('\0', "");
        let fields = message::header_fields(raw);
        fields
            .iter()
            .map(|field| json!({ "name": shown(field.name(raw)), "value": shown(field.value(raw)) }))
            .collect()
    }

    /// RFC 8621 §4.1.4: the values of the wanted text parts. `budget` is what may still be answered in bytes; what is beyond it is
    /// left out as if the client had asked for no more.
    pub(crate) fn values(&self, wanted: Values, budget: &mut usize) -> Value {
        let lists = self.structure.body_lists();
        let mut nodes: Vec<Node<'m>> = Vec::new();
        if wanted.of_all {
            nodes.extend(self.structure.nodes().filter(|node| matches!(node.content(), Content::Leaf)));
        }
        if wanted.of_text_body {
            nodes.extend(&lists.text_body);
        }
        if wanted.of_html_body {
            nodes.extend(&lists.html_body);
        }
        let mut values = Map::new();
        for node in nodes.into_iter().filter(|node| node.part.is_media_type("text")) {
            let key = node.index().to_string();
            if values.contains_key(&key) {
                continue;
            }
            let text = message::text(node.part, self.raw);
            let is_damaged = text.is_damaged;
            // RFC 8621 §4.1.4: line ends are LF.
            let text = text.text.replace("\r\n", "\n");
            let wanted_max = if wanted.bytes_max == 0 { usize::MAX } else { wanted.bytes_max };
            let shown = cut(&text, wanted_max.min(*budget), node.part.is_type("text", "html"));
            *budget = budget.saturating_sub(shown.len());
            values.insert(
                key,
                json!({ "value": shown, "isEncodingProblem": is_damaged, "isTruncated": shown.len() < text.len() }),
            );
        }
        Value::Object(values)
    }
}

fn media_type(node: Node<'_>) -> String {
    let lower = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_ascii_lowercase();
    format!("{}/{}", lower(&node.part.media_type), lower(&node.part.subtype))
}

/// RFC 8621 §4.1.4: a text without a charset has us-ascii, anything else than text has none.
fn charset(node: Node<'_>) -> Option<String> {
    let named = node.part.charset().map(|name| String::from_utf8_lossy(name).into_owned());
    let is_text = node.part.is_media_type("text");
    named.filter(|_| is_text).or_else(|| is_text.then(|| "us-ascii".to_owned()))
}

/// So many bytes at most, neither within a character nor, in HTML, within a tag.
fn cut(text: &str, bytes_max: usize, is_html: bool) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let shown = text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default();
    match (shown.rfind('<'), shown.rfind('>')) {
        (Some(open), close) if is_html && close.is_none_or(|close| close < open) => {
            shown.get(..open).unwrap_or_default()
        }
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_cut_between_characters_and_outside_of_tags() {
        let cases = [
            ("abc", 3, false, "abc"),
            ("abc", 2, false, "ab"),
            ("aé", 2, false, "a"),
            ("<p>x<b", 5, true, "<p>x"),
            ("<p>x</p>y", 8, true, "<p>x</p>"),
            ("<p>x</p>y", 6, true, "<p>x"),
            ("a < b > c d", 10, true, "a < b > c "),
        ];
        for (text, max, is_html, expected) in cases {
            assert_eq!(cut(text, max, is_html), expected, "{text:?} {max}");
        }
    }
}
