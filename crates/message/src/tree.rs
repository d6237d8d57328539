//! From raw bytes to the MIME tree: header scanning and boundaries (RFC 2046 §5.1), in one pass.
//!
//! Never fails. What MIME leaves undefined becomes the nearest sane tree: a multipart without a boundary or without a
//! part is text, a multipart without an end ends with its parent, a type that can't be read is text (RFC 2045 §5.2),
//! what nests too deep is a file. Time and memory are linear: a line is compared with all open boundaries at once, and
//! lines are counted once however many parts they belong to.

use std::collections::BTreeMap;

use memchr::memmem::Finder;
use memchr::{memchr, memchr_iter};

use crate::envelope::Envelope;
use crate::header::{HEADER_FIELDS_MAX, HeaderField, offset, scan, unfold};
use crate::mime_field::{self, Parameter};
use crate::structure::{Disposition, EmbeddedMessage, Kind, Part, Structure};

pub(crate) fn parse(raw: &[u8]) -> Structure {
    let mut builder = Builder {
        raw,
        parts: Vec::new(),
        fields: Vec::new(),
        levels: Vec::new(),
        boundaries: BTreeMap::new(),
        lines: LineCounter { raw, position: 0, lines: 0 },
    };
    let position = builder.open(0, Default::Text);
    builder.scan_bodies(position);
    builder.close_to(0, raw.len());
    Structure { parts: builder.parts, fields: builder.fields }
}

/// What a part without Content-Type is: text, or a message in a digest (RFC 2046 §5.1.5).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Default {
    Text,
    Message,
}

struct Builder<'r> {
    raw: &'r [u8],
    parts: Vec<Part>,
    /// The index of the message's own header.
    fields: Vec<HeaderField>,
    /// The parts that are open, each inside the one before it.
    levels: Vec<Level>,
    /// The boundaries that can end a part, with the levels they belong to.
    boundaries: BTreeMap<Vec<u8>, usize>,
    lines: LineCounter<'r>,
}

struct Level {
    part: usize,
    lines_before: u32,
    boundary: Option<Boundary>,
    default: Default,
}

struct Boundary {
    text: Vec<u8>,
    /// The level outside that uses the same boundary, which it gets back when this one ends.
    shadowed: Option<usize>,
}

/// A line that ends a part.
enum Delimiter {
    Next(usize),
    Close(usize),
}

impl Builder<'_> {
    /// Opens the part whose header starts at `position`, and the message inside it, and so on; returns where the body
    /// of the innermost starts.
    fn open(&mut self, position: usize, default: Default) -> usize {
        let (mut position, mut default) = (position, default);
        loop {
            let is_root = self.parts.is_empty();
            let block = scan(self.raw, position, HEADER_FIELDS_MAX, |line| self.delimiter(line).is_some());
            // A message part is the last of all parts only until the root of the message inside it is opened.
            if let Some(Kind::Message(message)) = self.parts.last_mut().map(|part| &mut part.kind) {
                message.envelope = Envelope::from_fields(&block.fields, self.raw).encode();
                message.fields.clone_from(&block.fields);
            }
            let mut part = read_part(self.raw, &block.fields, default);
            part.header = offset(position);
            part.body = offset(block.body);
            part.end = part.body;
            let boundary = self.settle_kind(&mut part);
            default = if boundary.is_some() && part.is_type("multipart", "digest") {
                Default::Message
            } else {
                Default::Text
            };
            let is_message = matches!(part.kind, Kind::Message(_));
            self.push(part, boundary, default);
            if is_root {
                self.fields = block.fields;
            }
            if !is_message {
                return block.body;
            }
            (position, default) = (block.body, Default::Text);
        }
    }

    /// Decides what the part consists of, within the limits; returns the boundary of a multipart.
    fn settle_kind(&self, part: &mut Part) -> Option<Vec<u8>> {
        let is_full = self.levels.len() >= DEPTH_MAX || self.parts.len() + 1 >= PARTS_MAX;
        if part.is_media_type("multipart") {
            if is_full {
                part.become_file();
                return None;
            }
            let boundary = boundary(&part.parameters);
            if boundary.is_none() {
                part.become_text();
            } else {
                part.kind = Kind::Multipart;
            }
            return boundary;
        }
        // RFC 9051 body-type-msg: both are shown with envelope and body.
        if part.is_type("message", "rfc822") || part.is_type("message", "global") {
            if is_full {
                part.become_file();
            } else {
                part.kind = Kind::Message(EmbeddedMessage { envelope: Vec::new(), fields: Vec::new() });
            }
        }
        None
    }

    fn push(&mut self, part: Part, boundary: Option<Vec<u8>>, default: Default) {
        let lines_before = self.lines.up_to(part.body as usize);
        let level = self.levels.len();
        let boundary = boundary.map(|text| {
            let shadowed = self.boundaries.insert(text.clone(), level);
            Boundary { text, shadowed }
        });
        self.levels.push(Level { part: self.parts.len(), lines_before, boundary, default });
        self.parts.push(part);
    }

    /// Takes lines from `position` to the end, opening and closing parts at their delimiters.
    fn scan_bodies(&mut self, mut position: usize) {
        let finder = Finder::new(b"\n--");
        while !self.boundaries.is_empty() {
            let rest = self.raw.get(position..).unwrap_or_default();
            if !rest.starts_with(b"--") {
                let Some(at) = finder.find(rest) else { return };
                position += at + 1;
            }
            let line = line_at(self.raw, position);
            let after = position + line.len();
            match self.delimiter(line) {
                None => position = after,
                // What is beyond the limit belongs to the part before it.
                Some(_) if self.parts.len() >= PARTS_MAX => return,
                Some(Delimiter::Next(level)) => {
                    self.close_to(level + 1, before_line_end(self.raw, position));
                    let default = self.levels.last().map_or(Default::Text, |level| level.default);
                    position = self.open(after, default);
                }
                Some(Delimiter::Close(level)) => {
                    self.close_to(level + 1, before_line_end(self.raw, position));
                    self.forget_boundary(level);
                    position = after;
                }
            }
        }
    }

    /// Closes all levels from the innermost to `level`, whose bodies end at `end`.
    fn close_to(&mut self, level: usize, end: usize) {
        let mut end = end;
        while self.levels.len() > level {
            self.forget_boundary(self.levels.len() - 1);
            let Some(closed) = self.levels.pop() else { return };
            let descendants = self.parts.len().saturating_sub(closed.part + 1);
            let Some(part) = self.parts.get_mut(closed.part) else { return };
            // The line end before a delimiter belongs to it, unless it is the one that ends the header; then what
            // is around the part can't end before it either.
            end = end.max(part.body as usize);
            part.end = offset(end);
            part.lines = self.lines.up_to(end).saturating_sub(closed.lines_before);
            part.descendants = offset(descendants);
            if part.kind == Kind::Multipart && descendants == 0 {
                part.become_text();
            }
        }
    }

    fn forget_boundary(&mut self, level: usize) {
        if let Some(boundary) = self.levels.get_mut(level).and_then(|level| level.boundary.take()) {
            match boundary.shadowed {
                Some(outer) => self.boundaries.insert(boundary.text, outer),
                None => self.boundaries.remove(&boundary.text),
            };
        }
    }

    /// ABNF (RFC 2046 §5.1.1): `"--" boundary ["--"] transport-padding`.
    fn delimiter(&self, line: &[u8]) -> Option<Delimiter> {
        if self.boundaries.is_empty() {
            return None;
        }
        let text = line.strip_prefix(b"--")?.trim_ascii_end();
        if text.len() > BOUNDARY_BYTES_MAX + 2 {
            return None;
        }
        if let Some(level) = self.boundaries.get(text) {
            return Some(Delimiter::Next(*level));
        }
        self.boundaries.get(text.strip_suffix(b"--")?).copied().map(Delimiter::Close)
    }
}

/// Counts line ends up to positions that only grow, so that each byte is looked at once.
struct LineCounter<'r> {
    raw: &'r [u8],
    position: usize,
    lines: u32,
}

impl LineCounter<'_> {
    fn up_to(&mut self, position: usize) -> u32 {
        if let Some(bytes) = self.raw.get(self.position..position) {
            self.lines = self.lines.saturating_add(offset(memchr_iter(b'\n', bytes).count()));
            self.position = position;
        }
        self.lines
    }
}

impl Part {
    fn become_text(&mut self) {
        self.kind = Kind::Leaf;
        self.media_type = b"text".to_vec();
        self.subtype = b"plain".to_vec();
        self.parameters = default_parameters();
    }

    fn become_file(&mut self) {
        self.kind = Kind::Leaf;
        self.media_type = b"application".to_vec();
        self.subtype = b"octet-stream".to_vec();
        self.parameters = Vec::new();
    }
}

/// Reads the MIME fields of a header; where one stands twice the first one counts.
fn read_part(raw: &[u8], fields: &[HeaderField], default: Default) -> Part {
    let mut part = untyped_part();
    let mut is_typed = false;
    let mut is_encoded = false;
    for field in fields {
        let Some(name) = content_field_name(field.name(raw)) else { continue };
        let value = field.value(raw);
        match name.as_slice() {
            b"type" if !is_typed => {
                is_typed = true;
                read_type(&mut part, &unfold(value));
            }
            b"transfer-encoding" if !is_encoded => {
                is_encoded = true;
                if let Some(encoding) = mime_field::parse(&unfold(value)) {
                    part.encoding = encoding.token;
                }
            }
            b"id" => set(&mut part.id, value),
            b"description" => set(&mut part.description, value),
            b"md5" => set(&mut part.md5, value),
            b"location" => set(&mut part.location, value),
            b"disposition" if part.disposition.is_none() => {
                let value = mime_field::parse(&unfold(value));
                part.disposition =
                    value.map(|value| Disposition { kind: value.token, parameters: value.parameters });
            }
            b"language" if part.language.is_empty() => part.language = languages(&unfold(value)),
            _ => {}
        }
    }
    if !is_typed && default == Default::Message {
        (part.media_type, part.subtype) = (b"message".to_vec(), b"rfc822".to_vec());
        part.parameters.clear();
    }
    part
}

/// The name of a MIME field after its `Content-`, in lower case.
fn content_field_name(name: &[u8]) -> Option<Vec<u8>> {
    let (head, rest) = name.split_at_checked(8)?;
    head.eq_ignore_ascii_case(b"content-").then(|| rest.to_ascii_lowercase())
}

fn read_type(part: &mut Part, value: &[u8]) {
    let Some(parsed) = mime_field::parse(value) else { return };
    let mut names = parsed.token.splitn(2, |byte| *byte == b'/');
    if let (Some(media_type), Some(subtype)) = (names.next(), names.next())
        && !media_type.is_empty()
        && !subtype.is_empty()
    {
        part.media_type = media_type.to_vec();
        part.subtype = subtype.to_vec();
        part.parameters = parsed.parameters;
    }
}

fn set(slot: &mut Option<Vec<u8>>, value: &[u8]) {
    if slot.is_none() {
        *slot = Some(unfold(value)).filter(|value| !value.is_empty());
    }
}

/// RFC 3282 §2: language tags, separated by commas.
fn languages(value: &[u8]) -> Vec<Vec<u8>> {
    let tags = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|tag| !tag.is_empty());
    tags.take(LANGUAGES_MAX).map(<[u8]>::to_vec).collect()
}

fn boundary(parameters: &[Parameter]) -> Option<Vec<u8>> {
    let boundary = mime_field::decoded(parameters, "boundary")?;
    let boundary = boundary.as_bytes().trim_ascii_end();
    (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len()).then(|| boundary.to_vec())
}

fn untyped_part() -> Part {
    Part {
        media_type: b"text".to_vec(),
        subtype: b"plain".to_vec(),
        parameters: default_parameters(),
        id: None,
        description: None,
        encoding: b"7bit".to_vec(),
        md5: None,
        disposition: None,
        language: Vec::new(),
        location: None,
        lines: 0,
        header: 0,
        body: 0,
        end: 0,
        descendants: 0,
        kind: Kind::Leaf,
    }
}

fn default_parameters() -> Vec<Parameter> {
    vec![Parameter { name: b"charset".to_vec(), value: b"us-ascii".to_vec() }]
}

fn line_at(raw: &[u8], position: usize) -> &[u8] {
    let rest = raw.get(position..).unwrap_or_default();
    rest.get(..memchr(b'\n', rest).map_or(rest.len(), |at| at + 1)).unwrap_or(rest)
}

/// Where the line before the one at `position` ends, its line end left out.
fn before_line_end(raw: &[u8], position: usize) -> usize {
    match raw.get(..position) {
        Some([.., b'\r', b'\n']) => position - 2,
        Some([.., b'\n']) => position - 1,
        _ => position,
    }
}

/// Parts inside parts, messages included. What is deeper is `application/octet-stream`.
pub const DEPTH_MAX: usize = 100;
/// Parts of one message. What comes after them belongs to the last one.
pub const PARTS_MAX: usize = 10_000;
/// A longer boundary is none (RFC 2046 §5.1.1 allows 70), so its multipart is text.
pub const BOUNDARY_BYTES_MAX: usize = 255;
/// Tags of one Content-Language field. Those beyond are left out.
pub const LANGUAGES_MAX: usize = 100;

#[cfg(test)]
mod tests;
