//! The text of a message or a part: BODY[..], RFC822.., BINARY[..], BINARY.SIZE[..] (RFC 9051 §6.4.5, RFC 3516).

//!
//! Nothing here holds more than a piece of a message: what is long is read, decoded and sent piece by piece, at the
//! client's pace. A part that is decoded goes through twice: its length comes before its bytes.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use message::{Decoder, HeaderSelection, Part, Section, Structure};

use super::pieces::{PIECE_BYTES, Pieces};
use crate::conn::Link;
use crate::reply::Failure;
use crate::wire::encode::fetch_line::PausedLine;
use crate::wire::encode::{literal_head, number};
use crate::wire::fetch::{FetchBinary, FetchItem, FetchSection, PartPath, Partial, SectionText};
use crate::wire::status::Code;

/// What an item's answer is made of.
pub(super) enum Content<'s> {
    /// The item does not ask for text.
    Elsewhere,
    /// There is no such part or section.
    Nil,
    /// Stretches of the message, one after the other.
    Ranges(Vec<Range<usize>>),
    /// A part without its transfer encoding.
    Decoded(Decoded<'s>),
    /// The size of such a part.
    Size(u64),
}

/// A part without its transfer encoding.
pub(super) struct Decoded<'s> {
    /// `None` for the whole message, as it is (RFC 3516 §4.2).
    part: Option<&'s Part>,
    source: Range<usize>,
    size: u64,
    has_nul: bool,
    /// All of it, if it is short.
    bytes: Option<Vec<u8>>,
}

/// Where in the message the text that an item asks for begins; `None` if it asks for none.
pub(super) fn start(item: &FetchItem, structure: &Structure) -> Option<usize> {
    let path = match item {
        FetchItem::Section(section) if section.section.text == SectionText::Mime => {
            return structure.part_at(&section.section.part.0).map(|node| node.part.header_range().start);
        }
        FetchItem::Section(section) => &section.section.part.0,
        FetchItem::Binary(FetchBinary { part, .. }) | FetchItem::BinarySize(part) => &part.0,
        _ => return None,
    };
    match path.as_slice() {
        [] => Some(0),
        path => structure.part_at(path).map(|node| node.part.body_range().start),
    }
}

impl<'s> Content<'s> {
    /// Finds what an item asks for. Fails if a part has a transfer encoding that nobody knows.
    pub(super) async fn of(
        item: &FetchItem,
        structure: &'s Structure,
        pieces: &mut Pieces,
    ) -> Result<Self, Failure> {
        match item {
            FetchItem::Section(section) => section_of(section, structure, pieces).await,
            FetchItem::Binary(binary) => {
                let decoded = Decoded::of(&binary.part, structure, pieces).await?;
                Ok(decoded.map_or(Content::Nil, Content::Decoded))
            }
            FetchItem::BinarySize(part) => {
                let decoded = Decoded::of(part, structure, pieces).await?;
                Ok(Content::Size(decoded.map_or(0, |decoded| decoded.size)))
            }
            _ => Ok(Content::Elsewhere),
        }
    }

    /// Writes the item, sending what fills the output on the way. An error leaves half of an answer.
    pub(super) async fn write(
        &self,
        item: &FetchItem,
        pieces: &mut Pieces,
        line: PausedLine,
        link: &mut Link,
    ) -> Result<PausedLine, Failure> {
        let mut line = line.resume(&mut link.out);
        let out = line.item(b"");
        label(item, out);
        match self {
            Self::Elsewhere | Self::Nil => out.extend_from_slice(b"NIL"),
            Self::Size(size) => number(out, *size),
            Self::Ranges(ranges) => {
                literal_head(out, ranges.iter().map(Range::len).sum());
                let line = line.pause();
                for range in ranges {
                    send(range.clone(), pieces, link).await?;
                }
                return Ok(line);
            }
            Self::Decoded(decoded) => {
                let partial = match item {
                    FetchItem::Binary(binary) => binary.partial,
                    _ => None,
                };
                let sent = window(partial, decoded.size);
                // RFC 3516 §4.2: a literal holds no NUL, a literal8 does.
                if decoded.has_nul {
                    out.extend_from_slice(b"~");
                }
                literal_head(out, usize::try_from(sent.end - sent.start).unwrap_or(usize::MAX));
                let line = line.pause();
                decoded.send(sent, pieces, link).await?;
                return Ok(line);
            }
        }
        Ok(line.pause())
    }
}

/// Sends a stretch as it is, but for NUL, which no literal holds (RFC 9051 §4.3.1): `?` stands for it.
async fn send(range: Range<usize>, pieces: &mut Pieces, link: &mut Link) -> Result<(), Failure> {
    let mut rest = range;
    while !rest.is_empty() {
        let bytes = pieces.first_of(rest.clone()).await?;
        rest.start += bytes.len();
        match memchr::memchr(0, &bytes) {
            None => link.write(&bytes).await?,
            Some(_) => {
                let without: Vec<u8> = bytes.iter().map(|&b| if b == 0 { b'?' } else { b }).collect();
                link.write(&without).await?;
            }
        }
    }
    Ok(())
}

impl<'s> Decoded<'s> {
    /// Measures a part; `None` if there is no such part.
    async fn of(
        path: &PartPath,
        structure: &'s Structure,
        pieces: &mut Pieces,
    ) -> Result<Option<Self>, Failure> {
        let (part, source) = if path.0.is_empty() {
            let root = structure.root().part;
            (None, root.header_range().start..root.body_range().end)
        } else {
            let Some(node) = structure.part_at(&path.0) else { return Ok(None) };
            (Some(node.part), node.part.body_range())
        };
        let mut measured = Self { part, source, size: 0, has_nul: false, bytes: Some(Vec::new()) };
        let mut decoding = measured.decode()?;
        while let Some(bytes) = decoding.next(pieces).await? {
            measured.size += bytes.len() as u64;
            measured.has_nul |= memchr::memchr(0, bytes).is_some();
            if measured.size > PIECE_BYTES {
                measured.bytes = None;
            } else if let Some(kept) = &mut measured.bytes {
                kept.extend_from_slice(bytes);
            }
        }
        Ok(Some(measured))
    }

    fn decode(&self) -> Result<Decoding, Failure> {
        let decoder = match self.part.map(Decoder::new).transpose() {
            Ok(decoder) => decoder,
            Err(error) => return Err(Failure::refused(Code::UnknownCte, error.to_string())),
        };
        Ok(Decoding { decoder, rest: self.source.clone(), out: Vec::new(), is_over: false })
    }

    /// Sends a stretch of it.
    async fn send(&self, sent: Range<u64>, pieces: &mut Pieces, link: &mut Link) -> Result<(), Failure> {
        if let Some(bytes) = &self.bytes {
            link.write(slice(bytes, 0, &sent)).await?;
            return Ok(());
        }
        let (mut decoding, mut position) = (self.decode()?, 0);
        while position < sent.end
            && let Some(bytes) = decoding.next(pieces).await?
        {
            link.write(slice(bytes, position, &sent)).await?;
            position += bytes.len() as u64;
        }
        Ok(())
    }
}

/// A part on its way through its decoder.
struct Decoding {
    /// `None`: the bytes are the content.
    decoder: Option<Decoder>,
    rest: Range<usize>,
    out: Vec<u8>,
    is_over: bool,
}

impl Decoding {
    /// The next bytes, which may be none; `None` at the end.
    async fn next(&mut self, pieces: &mut Pieces) -> Result<Option<&[u8]>, Failure> {
        if self.is_over {
            return Ok(None);
        }
        self.out.clear();
        let bytes: Bytes = pieces.first_of(self.rest.clone()).await?;
        self.rest.start += bytes.len();
        match &mut self.decoder {
            Some(decoder) => decoder.push(&bytes, &mut self.out),
            None => self.out.extend_from_slice(&bytes),
        }
        if self.rest.is_empty() {
            self.is_over = true;
            if let Some(decoder) = self.decoder.take() {
                decoder.finish(&mut self.out);
            }
        }
        Ok(Some(&self.out))
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

async fn section_of<'s>(
    fetch: &FetchSection,
    structure: &Structure,
    pieces: &mut Pieces,
) -> Result<Content<'s>, Failure> {
    let path = &fetch.section.part.0;
    let section = match &fetch.section.text {
        SectionText::All => Section::Whole,
        SectionText::Header => Section::Header,
        SectionText::Text => Section::Text,
        SectionText::Mime => Section::Mime,
        SectionText::HeaderFields(names) | SectionText::HeaderFieldsNot(names) => {
            let selection = match fetch.section.text {
                SectionText::HeaderFields(_) => HeaderSelection::Named,
                _ => HeaderSelection::NotNamed,
            };
            let names: Vec<&[u8]> = names.iter().map(AsRef::as_ref).collect();
            let ranges = header_fields(structure, path, (selection, &names), pieces).await?;
            return Ok(ranges.map_or(Content::Nil, |ranges| Content::Ranges(cut(ranges, fetch.partial))));
        }
    };
    Ok(match structure.section(&[], path, section) {
        None => Content::Nil,
        Some(ranges) => Content::Ranges(cut(ranges, fetch.partial)),
    })
}

/// RFC 9051 §6.4.5.1: HEADER.FIELDS and HEADER.FIELDS.NOT. The names of fields are in the message only.
async fn header_fields(
    structure: &Structure,
    path: &[u32],
    (selection, names): (HeaderSelection, &[&[u8]]),
    pieces: &mut Pieces,
) -> Result<Option<Vec<Range<usize>>>, Failure> {
    let Some(header) = structure.header_at(path) else { return Ok(None) };
    let mut chosen = Vec::with_capacity(header.fields().len());
    for field in header.fields() {
        let name = pieces.all_of(field.name_range()).await?;
        chosen.push(selection.selects(names, &name));
    }
    let end = pieces.all_of(header.end_range()).await?;
    let mut chosen = chosen.into_iter();
    Ok(Some(header.select(&end, |_| chosen.next().unwrap_or_default())))
}

/// What a partial leaves of so many bytes.
fn window(partial: Option<Partial>, size: u64) -> Range<u64> {
    let Some(Partial { offset, length }) = partial else { return 0..size };
    offset.min(size)..offset.saturating_add(length).min(size)
}

/// The part of `bytes`, which stand at `position`, that lies in `sent`.
fn slice<'b>(bytes: &'b [u8], position: u64, sent: &Range<u64>) -> &'b [u8] {
    let place = |at: u64| usize::try_from(at.saturating_sub(position)).unwrap_or(usize::MAX).min(bytes.len());
    bytes.get(place(sent.start)..place(sent.end)).unwrap_or_default()
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
