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
        let (node, fields) = if path.is_empty() {
            (self.root(), Some(self.fields.as_slice()))
        } else {
            let part = self.part_at(path)?;
            match (section, &part.part.kind) {
                (Section::Whole, _) => return Some(vec![part.part.body_range()]),
                (Section::Mime, _) => return Some(vec![part.part.header_range()]),
                (_, Kind::Message(message)) => (self.node(part.index + 1)?, Some(message.fields.as_slice())),
                (_, Kind::Leaf | Kind::Multipart) => return None,
            }
        };
        let (header, body) = (node.part.header_range(), node.part.body_range());
        let whole = header.start..body.end;
        match section {
            Section::Whole => Some(vec![whole]),
            Section::Header => Some(vec![header]),
            Section::Text => Some(vec![body]),
            Section::Mime => None,
            Section::HeaderFields(selection, names) => {
                Some(selected(raw, header, fields?, |name| selects(selection, names, name)))
            }
        }
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

fn selects(selection: HeaderSelection, names: &[&[u8]], name: &[u8]) -> bool {
    let is_named = names.iter().any(|other| other.eq_ignore_ascii_case(name));
    is_named == (selection == HeaderSelection::Named)
}

/// RFC 9051 §6.4.5.1: the empty line that ends the header is part of every subset of it, where there is one.
fn selected(
    raw: &[u8],
    header: Range<usize>,
    fields: &[HeaderField],
    selects: impl Fn(&[u8]) -> bool,
) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let chosen = fields.iter().filter(|field| selects(field.name(raw))).map(HeaderField::range);
    for range in chosen.chain(std::iter::once(empty_line(raw, header))) {
        match ranges.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => ranges.push(range),
        }
    }
    ranges.retain(|range| !range.is_empty());
    ranges
}

fn empty_line(raw: &[u8], header: Range<usize>) -> Range<usize> {
    let text = raw.get(header.clone()).unwrap_or_default();
    let length = match text {
        b"\r\n" | [.., b'\n', b'\r', b'\n'] => 2,
        b"\n" | [.., b'\n', b'\n'] => 1,
        _ => 0,
    };
    header.end - length..header.end
}
