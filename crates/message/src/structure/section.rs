//! Part numbers and sections (RFC 9051 §6.4.5.1): from `BODY[2.1.HEADER]` to byte ranges.
//!
//! Resolves names to ranges; does not parse IMAP's syntax and does not copy bytes.

use std::ops::Range;

use super::{Kind, Node, Structure};
use crate::header::HeaderField;

/// What of a part is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Section<'n> {
    /// `BODY[]`, `BODY[1.2]`: the whole message, or the body of a part.
    Whole,
    /// `HEADER`: the header of a message.
    Header,
    /// `HEADER.FIELDS`, `HEADER.FIELDS.NOT`: some fields and the empty line.
    HeaderFields(HeaderSelection, &'n [&'n [u8]]),
    /// `TEXT`: the body of a message.
    Text,
    /// `MIME`: the header of a part.
    Mime,
}

/// Which fields the names of a HEADER.FIELDS section select.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderSelection {
    /// `HEADER.FIELDS`: those named.
    Named,
    /// `HEADER.FIELDS.NOT`: all but those named.
    NotNamed,
}

impl Structure {
    /// The part at these part numbers; none leads to the message itself. `None` when there is no such part.
    pub fn part_at(&self, path: &[u32]) -> Option<Node<'_>> {
        let (mut node, mut counts) = (self.root(), CountsFrom::Message);
        for &number in path {
            if counts == CountsFrom::Part && matches!(node.part.kind, Kind::Message(_)) {
                (node, counts) = (self.node(node.index + 1)?, CountsFrom::Message);
            }
            node = match (&node.part.kind, counts) {
                (Kind::Multipart, _) => {
                    let skip = usize::try_from(number.checked_sub(1)?).ok()?;
                    node.children().nth(skip)?
                }
                (_, CountsFrom::Message) if number == 1 => node,
                _ => return None,
            };
            counts = CountsFrom::Part;
        }
        Some(node)
    }

    /// The ranges of the raw message that make up a section, in order, to be sent one after the other. `None` (IMAP's NIL)
    /// when there is no such part, or when it has no such section: HEADER and TEXT exist for messages only,
    /// MIME for parts only.
    pub fn section(&self, raw: &[u8], path: &[u32], section: Section<'_>) -> Option<Vec<Range<usize>>> {
        if !path.is_empty() {
            match section {
                Section::Whole => return self.part_at(path).map(|node| vec![node.part.body_range()]),
                Section::Mime => return self.part_at(path).map(|node| vec![node.part.header_range()]),
                Section::Header | Section::HeaderFields(..) | Section::Text => {}
            }
        }
        let message = self.message_at(path)?;
        let (header, body) = (message.header.range(), message.body);
        let whole = header.start..body.end;
        match section {
            Section::Whole => Some(vec![whole]),
            Section::Header => Some(vec![header]),
            Section::Text => Some(vec![body]),
            Section::Mime => None,
            Section::HeaderFields(selection, names) => {
                let end = raw.get(message.header.end_range()).unwrap_or_default();
                Some(message.header.select(end, |field| selection.selects(names, field.name(raw))))
            }
        }
    }

    /// The header of the message that these part numbers lead to; none for parts that are no message.
    pub fn header_at(&self, path: &[u32]) -> Option<Header<'_>> {
        self.message_at(path).map(|message| message.header)
    }

    fn message_at(&self, path: &[u32]) -> Option<MessageParts<'_>> {
        let (root, fields) = if path.is_empty() {
            (self.root(), self.fields.as_slice())
        } else {
            let node = self.part_at(path)?;
            let Kind::Message(message) = &node.part.kind else { return None };
            (self.node(node.index + 1)?, message.fields.as_slice())
        };
        let header = Header { range: root.part.header_range(), fields };
        Some(MessageParts { header, body: root.part.body_range() })
    }
}

/// A message, the outermost or one inside.
struct MessageParts<'s> {
    header: Header<'s>,
    body: Range<usize>,
}

/// The header of a message, for a reader who does not have the message in memory.
#[derive(Debug, Clone)]
pub struct Header<'s> {
    range: Range<usize>,
    fields: &'s [HeaderField],
}

impl<'s> Header<'s> {
    /// Where it stands in the raw message, with the empty line that ends it.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// Its fields, in order.
    pub fn fields(&self) -> &'s [HeaderField] {
        self.fields
    }

    /// The bytes that [`Header::select`] has to see: the last three.
    pub fn end_range(&self) -> Range<usize> {
        self.range.end.saturating_sub(3).max(self.range.start)..self.range.end
    }

    /// The ranges of the chosen fields and of the empty line, in order. `end` is what stands at [`Header::end_range`].
    // RFC 9051 §6.4.5.1: the empty line that ends the header is part of every subset of it, where there is one.
    pub fn select(&self, end: &[u8], chosen: impl FnMut(&&HeaderField) -> bool) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        let empty_line = self.range.end.saturating_sub(empty_line_bytes(end))..self.range.end;
        let chosen = self.fields.iter().filter(chosen).map(HeaderField::range);
        for range in chosen.chain(std::iter::once(empty_line)) {
            match ranges.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => ranges.push(range),
            }
        }
        ranges.retain(|range| !range.is_empty());
        ranges
    }
}

impl HeaderSelection {
    /// Whether a field of this name is selected by these names, ASCII case ignored.
    pub fn selects(self, names: &[&[u8]], name: &[u8]) -> bool {
        let is_named = names.iter().any(|other| other.eq_ignore_ascii_case(name));
        is_named == (self == HeaderSelection::Named)
    }
}

/// The numbers that lead to the part at `index`.
pub(super) fn path(structure: &Structure, index: usize) -> Vec<u32> {
    let mut path = Vec::new();
    let (mut node, mut counts) = (structure.root(), CountsFrom::Message);
    loop {
        if counts == CountsFrom::Message && node.part.kind != Kind::Multipart {
            path.push(1);
        }
        if node.index == index {
            return path;
        }
        // Every step leads to a part that lies deeper, so this ends.
        let next = match node.part.kind {
            Kind::Leaf => None,
            Kind::Multipart => (1..).zip(node.children()).find(|(_, child)| index < child.end()),
            Kind::Message(_) => structure.node(node.index + 1).map(|root| (0, root)),
        };
        let Some((number, child)) = next else { return path };
        counts = if number == 0 { CountsFrom::Message } else { CountsFrom::Part };
        path.extend(Some(number).filter(|number| *number > 0));
        node = child;
    }
}

/// Whether numbers count from a node as from a message or as from a part. They differ where the body of a message is not
/// a multipart: it is part 1 of the message, and has no part 1 of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CountsFrom {
    Message,
    Part,
}

fn empty_line_bytes(end: &[u8]) -> usize {
    match end {
        b"\r\n" | [.., b'\n', b'\r', b'\n'] => 2,
        b"\n" | [.., b'\n', b'\n'] => 1,
        _ => 0,
    }
}
