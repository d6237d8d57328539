//! FETCH: what a client asks of messages (RFC 9051 §6.4.5, RFC 3501 §6.4.5, RFC 3516, RFC 7162 §3.1.4,
//! RFC 8474 §5, RFC 8514, RFC 8970).

use bytes::{Bytes, BytesMut};

use crate::wire::cursor::{Cursor, Empty, ListBounds, Parsed};
use crate::wire::encode::{self, Quoting};
use crate::wire::partial::PartialRange;
use crate::wire::set::{Numbering, SeqSet};

/// Most items in one FETCH; more are BAD.
pub const FETCH_ITEMS_MAX: usize = 256;
/// Most header field names in one section; more are BAD.
pub const HEADER_FIELDS_MAX: usize = 256;
/// Deepest part number (`1.2.3` is three deep); deeper ones are BAD.
pub const PART_DEPTH_MAX: usize = 64;

/// FETCH and UID FETCH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// What the set's numbers are.
    pub numbering: Numbering,
    /// The messages.
    pub set: SeqSet,
    /// What to tell, macros expanded, in the client's order.
    pub items: Vec<FetchItem>,
    /// RFC 7162 §3.1.4.1: only messages changed after this MODSEQ.
    pub changed_since: Option<u64>,
    /// RFC 9394 §3.3: only a page of these messages.
    pub page: Option<PartialRange>,
    /// RFC 7162 §3.2.6: also which messages have vanished since.
    pub vanished: bool,
}

impl Fetch {
    /// Without modifiers.
    #[must_use]
    pub fn new(numbering: Numbering, set: SeqSet, items: Vec<FetchItem>) -> Self {
        Self { numbering, set, items, changed_since: None, page: None, vanished: false }
    }
}

/// One item of a FETCH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchItem {
    /// `UID`
    Uid,
    /// `FLAGS`
    Flags,
    /// `ENVELOPE`
    Envelope,
    /// `INTERNALDATE`
    InternalDate,
    /// `RFC822.SIZE`
    Size,
    /// `BODY`: BODYSTRUCTURE without its extensions.
    Body,
    /// `BODYSTRUCTURE`
    BodyStructure,
    /// `BODY[..]`, `BODY.PEEK[..]`, `RFC822`, `RFC822.HEADER`, `RFC822.TEXT`
    Section(FetchSection),
    /// `BINARY[..]`, `BINARY.PEEK[..]`
    Binary(FetchBinary),
    /// `BINARY.SIZE[..]`
    BinarySize(PartPath),
    /// `MODSEQ`
    ModSeq,
    /// `EMAILID`
    EmailId,
    /// `THREADID`
    ThreadId,
    /// `SAVEDATE`
    SaveDate,
    /// `PREVIEW`, `PREVIEW (LAZY)`: what there is, is stored, so both answer alike.
    Preview,
}

/// Whether a FETCH sets `\Seen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It does.
    Set,
    /// `.PEEK`: it does not.
    Keep,
}

/// A stretch of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchSection {
    /// How the client spelt it, and hence how the answer spells it.
    pub name: SectionName,
    /// Which part and what of it.
    pub section: Section,
    /// Whether `\Seen` is set.
    pub seen: Seen,
    /// `<offset.length>`
    pub partial: Option<Partial>,
}

/// The four ways to ask for text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SectionName {
    /// `BODY[..]`
    Body,
    /// `RFC822` is `BODY[]`.
    Rfc822,
    /// `RFC822.HEADER` is `BODY.PEEK[HEADER]`.
    Rfc822Header,
    /// `RFC822.TEXT` is `BODY[TEXT]`.
    Rfc822Text,
}

/// A decoded part (RFC 3516 §4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchBinary {
    /// Which part.
    pub part: PartPath,
    /// Whether `\Seen` is set.
    pub seen: Seen,
    /// `<offset.length>` of the decoded bytes.
    pub partial: Option<Partial>,
}

/// `<offset.length>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partial {
    /// First byte, counted from 0.
    pub offset: u64,
    /// Most bytes, above zero.
    pub length: u64,
}

impl Partial {
    /// The bytes of `whole` that are meant; empty where `whole` is shorter than the offset.
    #[must_use]
    pub fn of<'b>(&self, whole: &'b [u8]) -> &'b [u8] {
        let length = whole.len() as u64;
        let start = usize::try_from(self.offset.min(length)).unwrap_or(whole.len());
        let end = usize::try_from(self.offset.saturating_add(self.length).min(length)).unwrap_or(whole.len());
        whole.get(start..end).unwrap_or_default()
    }
}

/// A part number: `1.2.3`; empty for the whole message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartPath(pub Vec<u32>);

/// What stands between the brackets of `BODY[..]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The part.
    pub part: PartPath,
    /// What of it.
    pub text: SectionText,
}

/// What of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SectionText {
    /// All of it: for the message with its header, for a part its body.
    All,
    /// `HEADER`
    Header,
    /// `HEADER.FIELDS (..)`: names as the client wrote them.
    HeaderFields(Vec<Bytes>),
    /// `HEADER.FIELDS.NOT (..)`
    HeaderFieldsNot(Vec<Bytes>),
    /// `TEXT`
    Text,
    /// `MIME`: the MIME header of a part.
    Mime,
}

// fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")")
//         [SP fetch-modifiers]
/// The arguments of FETCH.
pub fn fetch(cursor: &mut Cursor<'_>, numbering: Numbering) -> Parsed<Fetch> {
    let set = SeqSet::parse(cursor)?;
    cursor.sp()?;
    let items = if cursor.peek() == Some(b'(') {
        cursor.list(ListBounds { max: FETCH_ITEMS_MAX, empty: Empty::Refused }, item)?
    } else {
        match fetch_macro(cursor) {
            Some(items) => items,
            None => vec![item(cursor)?],
        }
    };
    let mut fetch = Fetch::new(numbering, set, items);
    if cursor.eat(b' ') {
        modifiers(cursor, &mut fetch)?;
    }
    cursor.end()?;
    Ok(fetch)
}

fn fetch_macro(cursor: &mut Cursor<'_>) -> Option<Vec<FetchItem>> {
    use FetchItem::{Body, Envelope, Flags, InternalDate, Size};
    if cursor.eat_word("FAST") {
        Some(vec![Flags, InternalDate, Size])
    } else if cursor.eat_word("ALL") {
        Some(vec![Flags, InternalDate, Size, Envelope])
    } else if cursor.eat_word("FULL") {
        Some(vec![Flags, InternalDate, Size, Envelope, Body])
    } else {
        None
    }
}

// fetch-modifiers = "(" fetch-modifier *(SP fetch-modifier) ")"
// fetch-modifier = chgsince-fetch-mod / rexpunges-fetch-mod / modifier-partial
// chgsince-fetch-mod = "CHANGEDSINCE" SP mod-sequence-value
// modifier-partial = "PARTIAL" SP partial-range
// rexpunges-fetch-mod = "VANISHED"
fn modifiers(cursor: &mut Cursor<'_>, fetch: &mut Fetch) -> Parsed<()> {
    let start = cursor.clone();
    cursor.list(ListBounds { max: 8, empty: Empty::Refused }, |cursor| {
        let start = cursor.clone();
        let is_second = match cursor.keyword("a modifier")?.as_str() {
            "CHANGEDSINCE" => {
                cursor.sp()?;
                fetch.changed_since.replace(cursor.number64()?).is_some()
            }
            "PARTIAL" => {
                cursor.sp()?;
                fetch.page.replace(PartialRange::parse(cursor)?).is_some()
            }
            "VANISHED" => std::mem::replace(&mut fetch.vanished, true),
            _ => return Err(start.invalid("there is no such modifier")),
        };
        if is_second { Err(start.invalid("a modifier stands twice")) } else { Ok(()) }
    })?;
    // RFC 7162 §3.2.6
    if fetch.vanished && fetch.changed_since.is_none() {
        return Err(start.invalid("VANISHED needs CHANGEDSINCE beside it"));
    }
    Ok(())
}

// fetch-att = "ENVELOPE" / "FLAGS" / "INTERNALDATE" / "RFC822" [".HEADER" / ".SIZE" / ".TEXT"] /
//             "BODY" ["STRUCTURE"] / "UID" / "BODY" section [partial] / "BODY.PEEK" section [partial] /
//             "BINARY" [".PEEK"] section-binary [partial] / "BINARY.SIZE" section-binary
/// One item.
pub(super) fn item(cursor: &mut Cursor<'_>) -> Parsed<FetchItem> {
    let start = cursor.clone();
    let name = cursor.some(|b| b.is_ascii_alphanumeric() || b == b'.', "a fetch item")?;
    let bracket = cursor.peek() == Some(b'[');
    Ok(match (name.to_ascii_uppercase().as_slice(), bracket) {
        (b"UID", false) => FetchItem::Uid,
        (b"FLAGS", false) => FetchItem::Flags,
        (b"ENVELOPE", false) => FetchItem::Envelope,
        (b"INTERNALDATE", false) => FetchItem::InternalDate,
        (b"RFC822.SIZE", false) => FetchItem::Size,
        (b"BODY", false) => FetchItem::Body,
        (b"BODYSTRUCTURE", false) => FetchItem::BodyStructure,
        (b"MODSEQ", false) => FetchItem::ModSeq,
        (b"EMAILID", false) => FetchItem::EmailId,
        (b"THREADID", false) => FetchItem::ThreadId,
        (b"SAVEDATE", false) => FetchItem::SaveDate,
        (b"PREVIEW", false) => preview(cursor),
        (b"RFC822", false) => rfc822(SectionName::Rfc822, SectionText::All, Seen::Set),
        (b"RFC822.HEADER", false) => rfc822(SectionName::Rfc822Header, SectionText::Header, Seen::Keep),
        (b"RFC822.TEXT", false) => rfc822(SectionName::Rfc822Text, SectionText::Text, Seen::Set),
        (b"BODY", true) => body_section(cursor, Seen::Set)?,
        (b"BODY.PEEK", true) => body_section(cursor, Seen::Keep)?,
        (b"BINARY", true) => binary(cursor, Seen::Set)?,
        (b"BINARY.PEEK", true) => binary(cursor, Seen::Keep)?,
        (b"BINARY.SIZE", true) => FetchItem::BinarySize(section_binary(cursor)?),
        _ => return Err(start.invalid("there is no such fetch item")),
    })
}

fn preview(cursor: &mut Cursor<'_>) -> FetchItem {
    // RFC 8970 §3.1: the modifier LAZY, alone in its list.
    cursor.eat_text(" (LAZY)");
    FetchItem::Preview
}

fn rfc822(name: SectionName, text: SectionText, seen: Seen) -> FetchItem {
    let section = Section { part: PartPath::default(), text };
    FetchItem::Section(FetchSection { name, section, seen, partial: None })
}

fn body_section(cursor: &mut Cursor<'_>, seen: Seen) -> Parsed<FetchItem> {
    let section = section(cursor)?;
    let partial = partial(cursor)?;
    Ok(FetchItem::Section(FetchSection { name: SectionName::Body, section, seen, partial }))
}

fn binary(cursor: &mut Cursor<'_>, seen: Seen) -> Parsed<FetchItem> {
    let part = section_binary(cursor)?;
    let partial = partial(cursor)?;
    Ok(FetchItem::Binary(FetchBinary { part, seen, partial }))
}

// section-binary = "[" [section-part] "]"
fn section_binary(cursor: &mut Cursor<'_>) -> Parsed<PartPath> {
    cursor.expect(b'[', "an opening bracket")?;
    let mut part = PartPath::default();
    if cursor.peek() != Some(b']') {
        part.0.push(cursor.nz_number()?);
        while cursor.eat(b'.') {
            push_part(cursor, &mut part)?;
        }
    }
    cursor.expect(b']', "a closing bracket")?;
    Ok(part)
}

// section = "[" [section-spec] "]"
// section-spec = section-msgtext / (section-part ["." section-text])
pub(in crate::wire) fn section(cursor: &mut Cursor<'_>) -> Parsed<Section> {
    cursor.expect(b'[', "an opening bracket")?;
    let mut part = PartPath::default();
    let mut text = SectionText::All;
    while cursor.peek() != Some(b']') {
        if matches!(cursor.peek(), Some(b'0'..=b'9')) {
            push_part(cursor, &mut part)?;
            // A dot promises more.
            if !cursor.eat(b'.') {
                break;
            }
            if cursor.peek() == Some(b']') {
                return Err(cursor.expected("a part number or a section text"));
            }
        } else {
            text = section_text(cursor, &part)?;
            break;
        }
    }
    cursor.expect(b']', "a closing bracket")?;
    Ok(Section { part, text })
}

fn push_part(cursor: &mut Cursor<'_>, part: &mut PartPath) -> Parsed<()> {
    if part.0.len() == PART_DEPTH_MAX {
        return Err(cursor.invalid("the part number is too deep"));
    }
    part.0.push(cursor.nz_number()?);
    Ok(())
}

// section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"
// section-text = section-msgtext / "MIME"
fn section_text(cursor: &mut Cursor<'_>, part: &PartPath) -> Parsed<SectionText> {
    let start = cursor.clone();
    let name = cursor.some(|b| b.is_ascii_alphabetic() || b == b'.', "a section text")?;
    match name.to_ascii_uppercase().as_slice() {
        b"HEADER" => Ok(SectionText::Header),
        b"TEXT" => Ok(SectionText::Text),
        b"HEADER.FIELDS" => header_list(cursor).map(SectionText::HeaderFields),
        b"HEADER.FIELDS.NOT" => header_list(cursor).map(SectionText::HeaderFieldsNot),
        b"MIME" if part.0.is_empty() => Err(start.invalid("MIME needs a part number before it")),
        b"MIME" => Ok(SectionText::Mime),
        _ => Err(start.invalid("there is no such section text")),
    }
}

// header-list = "(" header-fld-name *(SP header-fld-name) ")"
fn header_list(cursor: &mut Cursor<'_>) -> Parsed<Vec<Bytes>> {
    cursor.sp()?;
    cursor.list(ListBounds { max: HEADER_FIELDS_MAX, empty: Empty::Refused }, |cursor| {
        let start = cursor.clone();
        let name = cursor.astring()?;
        // RFC 5322 §2.2: a field name is printable ASCII without a colon.
        if name.is_empty() || !name.iter().all(|&b| matches!(b, 0x21..=0x7e) && b != b':') {
            return Err(start.expected("a header field name"));
        }
        Ok(name)
    })
}

// partial = "<" number64 "." nz-number64 ">"
fn partial(cursor: &mut Cursor<'_>) -> Parsed<Option<Partial>> {
    if !cursor.eat(b'<') {
        return Ok(None);
    }
    let offset = cursor.number64()?;
    cursor.expect(b'.', "a dot")?;
    let start = cursor.clone();
    let length = cursor.number64()?;
    if length == 0 {
        return Err(start.expected("a number above zero"));
    }
    cursor.expect(b'>', "a closing angle bracket")?;
    Ok(Some(Partial { offset, length }))
}

impl FetchSection {
    /// Writes the item's name in a response: `BODY[1.HEADER]<0>`, `RFC822.TEXT`.
    pub fn encode_label(&self, out: &mut BytesMut) {
        match self.name {
            SectionName::Rfc822 => return out.extend_from_slice(b"RFC822"),
            SectionName::Rfc822Header => return out.extend_from_slice(b"RFC822.HEADER"),
            SectionName::Rfc822Text => return out.extend_from_slice(b"RFC822.TEXT"),
            SectionName::Body => out.extend_from_slice(b"BODY["),
        }
        self.section.part.encode(out);
        let text: &[u8] = match self.section.text {
            SectionText::All => b"",
            SectionText::Header => b"HEADER",
            SectionText::HeaderFields(_) => b"HEADER.FIELDS",
            SectionText::HeaderFieldsNot(_) => b"HEADER.FIELDS.NOT",
            SectionText::Text => b"TEXT",
            SectionText::Mime => b"MIME",
        };
        if !text.is_empty() && !self.section.part.0.is_empty() {
            out.extend_from_slice(b".");
        }
        out.extend_from_slice(text);
        if let SectionText::HeaderFields(names) | SectionText::HeaderFieldsNot(names) = &self.section.text {
            for (index, name) in names.iter().enumerate() {
                out.extend_from_slice(if index == 0 { b" (" } else { b" " });
                encode::astring(out, name, Quoting::Ascii);
            }
            out.extend_from_slice(b")");
        }
        out.extend_from_slice(b"]");
        push_origin(out, self.partial);
    }
}

impl FetchBinary {
    /// Writes the item's name in a response: `BINARY[1]<0>`.
    pub fn encode_label(&self, out: &mut BytesMut) {
        out.extend_from_slice(b"BINARY[");
        self.part.encode(out);
        out.extend_from_slice(b"]");
        push_origin(out, self.partial);
    }
}

impl PartPath {
    /// Writes `1.2.3`, nothing for the whole message.
    pub fn encode(&self, out: &mut BytesMut) {
        for (index, &number) in self.0.iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(b".");
            }
            encode::number(out, u64::from(number));
        }
    }
}

fn push_origin(out: &mut BytesMut, partial: Option<Partial>) {
    if let Some(partial) = partial {
        out.extend_from_slice(b"<");
        encode::number(out, partial.offset);
        out.extend_from_slice(b">");
    }
}

#[cfg(test)]
mod tests;
