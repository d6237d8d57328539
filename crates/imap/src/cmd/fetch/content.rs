//! The text of a message or a part: BODY[..], RFC822.., BINARY[..], BINARY.SIZE[..] (RFC 9051 §6.4.5, RFC 3516).

use std::borrow::Cow;
use std::ops::Range;

use bytes::BytesMut;
use message::{HeaderSelection, Section, Structure};

use crate::conn::Link;
use crate::reply::Failure;
use crate::wire::encode::fetch_line::PausedLine;
use crate::wire::encode::{literal, literal_head, literal8, number};
use crate::wire::fetch::{FetchItem, FetchSection, PartPath, Partial, SectionText};
use crate::wire::response::Code;

/// What an item's answer is made of.
pub(super) enum Content<'r> {
    /// The item does not ask for text.
    Elsewhere,
    /// There is no such part or section.
    Nil,
    /// Stretches of the message, one after the other.
    Ranges(Vec<Range<usize>>),
    /// A part without its transfer encoding.
    Decoded(Cow<'r, [u8]>),
    /// The size of such a part.
    Size(u64),
}

impl<'r> Content<'r> {
    /// Finds what an item asks for. Fails if a part has a transfer encoding that nobody knows.
    pub(super) fn of(item: &FetchItem, structure: &Structure, raw: &'r [u8]) -> Result<Self, Failure> {
        match item {
            FetchItem::Section(section) => Ok(section_of(section, structure, raw)),
            FetchItem::Binary(binary) => Ok(match decoded(&binary.part, structure, raw)? {
                Some(bytes) => Content::Decoded(within(bytes, binary.partial)),
                None => Content::Nil,
            }),
            FetchItem::BinarySize(part) => {
                let size = decoded(part, structure, raw)?.map_or(0, |bytes| bytes.len());
                Ok(Content::Size(size as u64))
            }
            _ => Ok(Content::Elsewhere),
        }
    }

    /// Writes the item, sending what fills the output on the way.
    pub(super) async fn write(
        &self,
        item: &FetchItem,
        raw: &[u8],
        line: PausedLine,
        link: &mut Link,
    ) -> Result<PausedLine, Failure> {
        let mut line = line.resume(&mut link.out);
        let out = line.item(b"");
        label(item, out);
        let pieces: Vec<&[u8]> = match self {
            Self::Ranges(ranges) => ranges.iter().filter_map(|range| raw.get(range.clone())).collect(),
            Self::Decoded(bytes) => vec![bytes],
            Self::Elsewhere | Self::Nil => {
                out.extend_from_slice(b"NIL");
                return Ok(line.pause());
            }
            Self::Size(size) => {
                number(out, *size);
                return Ok(line.pause());
            }
        };
        let has_nul = pieces.iter().any(|piece| memchr::memchr(0, piece).is_some());
        match self {
            Self::Decoded(bytes) if has_nul => literal8(out, bytes),
            // RFC 9051 §4.3.1: a literal holds no NUL; the encoder replaces it.
            _ if has_nul => literal(out, &pieces.concat()),
            _ => {
                literal_head(out, pieces.iter().map(|piece| piece.len()).sum());
                let line = line.pause();
                for piece in pieces {
                    link.write(piece).await?;
                }
                return Ok(line);
            }
        }
        Ok(line.pause())
    }
}

/// Writes the item's name and a space.
fn label(item: &FetchItem, out: &mut BytesMut) {
    match item {
        FetchItem::Section(section) => section.encode_label(out),
        FetchItem::Binary(binary) => binary.encode_label(out),
        FetchItem::BinarySize(part) => {
            out.extend_from_slice(b"BINARY.SIZE[");
            part.encode(out);
            out.extend_from_slice(b"]");
        }
        _ => {}
    }
    out.extend_from_slice(b" ");
}

fn section_of<'r>(fetch: &FetchSection, structure: &Structure, raw: &[u8]) -> Content<'r> {
    let names: Vec<&[u8]> = match &fetch.section.text {
        SectionText::HeaderFields(names) | SectionText::HeaderFieldsNot(names) => {
            names.iter().map(AsRef::as_ref).collect()
        }
        _ => Vec::new(),
    };
    let section = match fetch.section.text {
        SectionText::All => Section::Whole,
        SectionText::Header => Section::Header,
        SectionText::HeaderFields(_) => Section::HeaderFields(HeaderSelection::Named, &names),
        SectionText::HeaderFieldsNot(_) => Section::HeaderFields(HeaderSelection::NotNamed, &names),
        SectionText::Text => Section::Text,
        SectionText::Mime => Section::Mime,
    };
    match structure.section(raw, &fetch.section.part.0, section) {
        None => Content::Nil,
        Some(ranges) => Content::Ranges(cut(ranges, fetch.partial)),
    }
}

/// The part's bytes without transfer encoding; `None` if there is no such part. RFC 3516 §4.2: no part number
/// means the whole message, as it is.
fn decoded<'r>(
    part: &PartPath,
    structure: &Structure,
    raw: &'r [u8],
) -> Result<Option<Cow<'r, [u8]>>, Failure> {
    if part.0.is_empty() {
        return Ok(Some(Cow::Borrowed(raw)));
    }
    let Some(node) = structure.part_at(&part.0) else { return Ok(None) };
    match message::content(node.part, raw) {
        Ok(decoded) => Ok(Some(decoded.bytes)),
        Err(error) => Err(Failure::refused(Code::UnknownCte, error.to_string())),
    }
}

fn within(bytes: Cow<'_, [u8]>, partial: Option<Partial>) -> Cow<'_, [u8]> {
    match (partial, bytes) {
        (None, bytes) => bytes,
        (Some(partial), Cow::Borrowed(bytes)) => Cow::Borrowed(partial.of(bytes)),
        (Some(partial), Cow::Owned(bytes)) => Cow::Owned(partial.of(&bytes).to_vec()),
    }
}

/// What a partial leaves of stretches that count as one string.
fn cut(ranges: Vec<Range<usize>>, partial: Option<Partial>) -> Vec<Range<usize>> {
    let Some(partial) = partial else { return ranges };
    let mut skip = usize::try_from(partial.offset).unwrap_or(usize::MAX);
    let mut left = usize::try_from(partial.length).unwrap_or(usize::MAX);
    let mut kept = Vec::new();
    for range in ranges {
        let skipped = skip.min(range.len());
        let taken = left.min(range.len() - skipped);
        let start = range.start + skipped;
        if taken > 0 {
            kept.push(start..start + taken);
        }
        skip -= skipped;
        left -= taken;
    }
    kept
}

#[cfg(test)]
mod tests;
