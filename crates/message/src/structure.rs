//! The MIME tree of a message (RFC 9051 §7.5.2 BODYSTRUCTURE), with where every part stands in the raw message.
//!
//! A value that [`crate::Parsed::parse`] makes and the store keeps; FETCH walks it and never parses. Parts lie in one list in
//! the order of the message, each followed by its descendants. Invariants, checked when stored bytes are decoded:
//! part 0 is the message itself; a part's header ends where its body starts; a descendant lies inside the body of its
//! ancestors; a multipart has a child, a message part has exactly one, others have none; all header fields lie
//! inside their header.

use std::ops::Range;

use crate::codec::DecodeError;
use crate::envelope::EnvelopeRef;
use crate::header::HeaderField;
use crate::mime_field::{Parameter, decoded};
use crate::transfer::TransferEncoding;

mod encoding;
pub(crate) mod section;

/// The MIME tree of one message and the index of its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    pub(crate) parts: Vec<Part>,
    pub(crate) fields: Vec<HeaderField>,
}

/// One body part. Strings are as they were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Content-Type's type, such as `text`, in the case it was written in.
    pub media_type: Vec<u8>,
    /// Content-Type's subtype, such as `plain`.
    pub subtype: Vec<u8>,
    /// Content-Type's parameters. A part without (valid) Content-Type has `charset=us-ascii` (RFC 2045 §5.2).
    pub parameters: Vec<Parameter>,
    /// Content-ID.
    pub id: Option<Vec<u8>>,
    /// Content-Description.
    pub description: Option<Vec<u8>>,
    /// Content-Transfer-Encoding, `7bit` where there is none.
    pub encoding: Vec<u8>,
    /// Content-MD5.
    pub md5: Option<Vec<u8>>,
    /// Content-Disposition.
    pub disposition: Option<Disposition>,
    /// Content-Language's tags.
    pub language: Vec<Vec<u8>>,
    /// Content-Location.
    pub location: Option<Vec<u8>>,
    /// Line ends in the body.
    pub lines: u32,
    pub(crate) header: u32,
    pub(crate) body: u32,
    pub(crate) end: u32,
    /// How many of the parts that follow in the list stand inside this one.
    pub(crate) descendants: u32,
    pub(crate) kind: Kind,
}

/// Content-Disposition (RFC 2183).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposition {
    /// `inline`, `attachment`, or anything else.
    pub kind: Vec<u8>,
    /// Parameters, such as `filename`.
    pub parameters: Vec<Parameter>,
}

/// What a part consists of, which its type alone doesn't tell where MIME is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Leaf,
    Multipart,
    Message(EmbeddedMessage),
}

/// What IMAP asks about the message inside a `message/rfc822` part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EmbeddedMessage {
    pub(crate) envelope: Vec<u8>,
    pub(crate) fields: Vec<HeaderField>,
}

/// What a part consists of.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// Data.
    Leaf,
    /// Parts: see [`Node::children`]. Never without a child.
    Multipart,
    /// A message (RFC 9051 body-type-msg), its envelope and the root of its own tree.
    Message(EnvelopeRef<'a>, Node<'a>),
}

/// A part together with the tree it stands in.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    structure: &'a Structure,
    index: usize,
    /// The part itself.
    pub part: &'a Part,
}

impl Structure {
    /// The message itself as the root of the tree.
    pub fn root(&self) -> Node<'_> {
        match self.node(0) {
            Some(root) => root,
            None => unreachable!("a structure has a root: parsing makes one, decoding checks it"),
        }
    }

    /// Every part in the order of the message, the root first.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        self.parts.iter().enumerate().map(|(index, part)| Node { structure: self, index, part })
    }

    /// The part with this index ([`Node::index`]).
    pub fn node(&self, index: usize) -> Option<Node<'_>> {
        self.parts.get(index).map(|part| Node { structure: self, index, part })
    }

    /// The index of the message's own header, in its order.
    pub fn fields(&self) -> &[HeaderField] {
        &self.fields
    }

    /// The bytes to store; [`Structure::decode`] reads them.
    pub fn encode(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// Reads what [`Structure::encode`] wrote and checks the invariants of this type.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not such an encoding.
    pub fn decode(bytes: &[u8]) -> Result<Structure, DecodeError> {
        encoding::decode(bytes)
    }
}

impl Part {
    /// Where the part's header stands: from its first byte to the end of the empty line that ends it.
    pub fn header_range(&self) -> Range<usize> {
        self.header as usize..self.body as usize
    }

    /// Where the part's body stands, as it was sent. For a message part that is the whole message inside.
    pub fn body_range(&self) -> Range<usize> {
        self.body as usize..self.end as usize
    }

    /// Bytes of the body, with its transfer encoding.
    pub fn octets(&self) -> u32 {
        self.end.saturating_sub(self.body)
    }

    /// Whether the media type is `media_type`/`subtype`, ASCII case ignored.
    pub fn is_type(&self, media_type: &str, subtype: &str) -> bool {
        self.is_media_type(media_type) && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }

    /// Whether the media type is `media_type`/anything, ASCII case ignored.
    pub fn is_media_type(&self, media_type: &str) -> bool {
        self.media_type.eq_ignore_ascii_case(media_type.as_bytes())
    }

    /// The transfer encoding.
    pub fn transfer_encoding(&self) -> TransferEncoding {
        TransferEncoding::named(&self.encoding)
    }

    /// Content-Type's charset as it was sent.
    pub fn charset(&self) -> Option<&[u8]> {
        let charset = |parameter: &&Parameter| parameter.name.eq_ignore_ascii_case(b"charset");
        self.parameters.iter().find(charset).map(|parameter| parameter.value.as_slice())
    }

    /// The file name in UTF-8: Content-Disposition's `filename`, or Content-Type's `name` (RFC 8621 §4.1.4).
    pub fn file_name(&self) -> Option<String> {
        let disposition = self.disposition.as_ref();
        disposition
            .and_then(|disposition| decoded(&disposition.parameters, "filename"))
            .or_else(|| decoded(&self.parameters, "name"))
    }

    pub(crate) fn is_leaf(&self) -> bool {
        self.kind == Kind::Leaf
    }

    /// Whether Content-Disposition is `kind`, ASCII case ignored.
    pub fn is_disposition(&self, kind: &str) -> bool {
        let disposition = self.disposition.as_ref();
        disposition.is_some_and(|disposition| disposition.kind.eq_ignore_ascii_case(kind.as_bytes()))
    }
}

impl<'a> Node<'a> {
    /// The part's place in the list of all parts, stable for a stored message.
    pub fn index(&self) -> usize {
        self.index
    }

    /// What the part consists of.
    pub fn content(&self) -> Content<'a> {
        match &self.part.kind {
            Kind::Leaf => Content::Leaf,
            Kind::Multipart => Content::Multipart,
            Kind::Message(message) => {
                match (EnvelopeRef::decode(&message.envelope), self.structure.node(self.index + 1)) {
                    (Ok(envelope), Some(root)) => Content::Message(envelope, root),
                    _ => unreachable!("a message part has an envelope and a root: decoding checks both"),
                }
            }
        }
    }

    /// The parts of a multipart, in order; none for any other part.
    pub fn children(&self) -> impl Iterator<Item = Node<'a>> + use<'a> {
        let structure = self.structure;
        let end = match self.part.kind {
            Kind::Multipart => self.end(),
            Kind::Leaf | Kind::Message(_) => self.index + 1,
        };
        let mut next = self.index + 1;
        std::iter::from_fn(move || {
            let child = if next < end { structure.node(next) } else { None }?;
            next = child.end();
            Some(child)
        })
    }

    /// The part numbers that lead here, as FETCH and JMAP's partId name the part (RFC 9051 §6.4.5.1). A multipart that is
    /// the whole body of a message has no number of its own: its path is that of the message, empty for the root.
    pub fn path(&self) -> Vec<u32> {
        section::path(self.structure, self.index)
    }

    /// The index after the part's last descendant.
    fn end(&self) -> usize {
        self.index + 1 + self.part.descendants as usize
    }
}
