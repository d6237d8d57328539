//! Annotations on the wire: GETMETADATA, SETMETADATA, METADATA, and the return option of LIST (RFC 5464 §5, RFC 9590 §5).
//!
//! Names of entries leave in lower case: they are compared without regard to ASCII case.

use bytes::{Bytes, BytesMut};

use crate::wire::cursor::{Cursor, Empty, ListBounds, Parsed};
use crate::wire::encode::{self, Quoting};
use crate::wire::mailbox::{Names, reference};

/// Most entries in one command; more are BAD.
pub const ENTRIES_MAX: usize = 100;

/// GETMETADATA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetMetadata {
    /// The mailbox; empty for the server.
    pub mailbox: String,
    /// Values longer than this many octets are left out.
    pub max_size: Option<u32>,
    /// How far below the entries to look.
    pub depth: Depth,
    /// At least one.
    pub entries: Vec<String>,
}

/// How far below an entry (RFC 5464 §4.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// The entry alone.
    #[default]
    Zero,
    /// And what is directly below it.
    One,
    /// And all below it.
    Infinity,
}

impl Depth {
    /// Whether a request for `asked` means `entry` too.
    #[must_use]
    pub fn reaches(self, asked: &str, entry: &str) -> bool {
        let Some(rest) = entry.strip_prefix(asked) else { return false };
        match self {
            _ if rest.is_empty() => true,
            Self::Zero => false,
            Self::One => rest.starts_with('/') && rest.matches('/').count() == 1,
            Self::Infinity => rest.starts_with('/'),
        }
    }
}

/// SETMETADATA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetMetadata {
    /// The mailbox; empty for the server.
    pub mailbox: String,
    /// Entries with their values; `None` removes one. At least one.
    pub values: Vec<(String, Option<Bytes>)>,
}

/// METADATA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataLine<'a> {
    /// The mailbox in UTF-8; empty for the server.
    pub mailbox: &'a str,
    /// What is said.
    pub content: MetadataContent<'a>,
}

/// With or without values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataContent<'a> {
    /// RFC 5464 §4.4.1: not empty.
    Values(&'a [(String, Option<&'a [u8]>)]),
    /// RFC 5464 §4.4.2: not empty; they have changed.
    Changed(&'a [String]),
}

// getmetadata = "GETMETADATA" [SP getmetadata-options] SP mailbox SP entries
/// The arguments of GETMETADATA. RFC 5464's own examples have the options behind the mailbox: both are taken.
pub fn get_metadata(cursor: &mut Cursor<'_>) -> Parsed<GetMetadata> {
    let mut asked =
        GetMetadata { mailbox: String::new(), max_size: None, depth: Depth::default(), entries: Vec::new() };
    let stands_first = cursor.peek() == Some(b'(');
    if stands_first {
        options(cursor, &mut asked)?;
        cursor.sp()?;
    }
    asked.mailbox = reference(cursor)?;
    cursor.sp()?;
    if !stands_first && are_options(cursor) {
        options(cursor, &mut asked)?;
        cursor.sp()?;
    }
    asked.entries = entries(cursor)?;
    cursor.end()?;
    Ok(asked)
}

/// Whether a list holds options: an entry begins with a slash or is a string.
fn are_options(cursor: &Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    ahead.eat(b'(') && ahead.peek().is_some_and(|byte| byte.is_ascii_alphabetic())
}

// getmetadata-options = "(" getmetadata-option *(SP getmetadata-option) ")"
// maxsize-opt = "MAXSIZE" SP number
// scope-opt = "DEPTH" SP ("0" / "1" / "infinity")
fn options(cursor: &mut Cursor<'_>, asked: &mut GetMetadata) -> Parsed<()> {
    cursor.list(ListBounds { max: 8, empty: Empty::Refused }, |cursor| {
        let start = cursor.clone();
        match cursor.keyword("an option")?.as_str() {
            "MAXSIZE" => {
                cursor.sp()?;
                asked.max_size = Some(cursor.number()?);
            }
            "DEPTH" => {
                cursor.sp()?;
                let start = cursor.clone();
                asked.depth = match cursor.keyword("a depth")?.as_str() {
                    "0" => Depth::Zero,
                    "1" => Depth::One,
                    "INFINITY" => Depth::Infinity,
                    _ => return Err(start.invalid("a depth is 0, 1 or infinity")),
                };
            }
            _ => return Err(start.invalid("there is no such option")),
        }
        Ok(())
    })?;
    Ok(())
}

// entries = entry / "(" entry *(SP entry) ")"
/// One entry or a list of them.
pub fn entries(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    if cursor.peek() == Some(b'(') {
        return cursor.list(ENTRIES, entry);
    }
    entry(cursor).map(|entry| vec![entry])
}

// entry = astring
/// Which names there can be (RFC 5464 §3.2), the store knows.
fn entry(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let mut name = cursor.astring_text()?;
    name.make_ascii_lowercase();
    Ok(name)
}

// setmetadata = "SETMETADATA" SP mailbox SP entry-values
// entry-values = "(" entry-value *(SP entry-value) ")"
/// The arguments of SETMETADATA.
pub fn set_metadata(cursor: &mut Cursor<'_>) -> Parsed<SetMetadata> {
    let mailbox = reference(cursor)?;
    cursor.sp()?;
    let values = cursor.list(ENTRIES, |cursor| {
        let name = entry(cursor)?;
        cursor.sp()?;
        // value = nstring / literal8
        let value = if cursor.peek() == Some(b'~') { Some(cursor.literal8()?) } else { cursor.nstring()? };
        Ok((name, value))
    })?;
    cursor.end()?;
    Ok(SetMetadata { mailbox, values })
}

// metadata-resp = "METADATA" SP mailbox SP (entry-values / entry-list)
pub(crate) fn push_metadata(out: &mut BytesMut, line: &MetadataLine<'_>, names: Names) {
    out.extend_from_slice(b"METADATA ");
    encode::mailbox(out, line.mailbox, names);
    match line.content {
        MetadataContent::Changed(entries) => {
            for entry in entries {
                out.extend_from_slice(b" ");
                encode::astring(out, entry.as_bytes(), Quoting::Ascii);
            }
        }
        MetadataContent::Values(values) => {
            for (index, (entry, value)) in values.iter().enumerate() {
                out.extend_from_slice(if index == 0 { b" (" } else { b" " });
                encode::astring(out, entry.as_bytes(), Quoting::Ascii);
                out.extend_from_slice(b" ");
                push_value(out, *value, names);
            }
            out.extend_from_slice(b")");
        }
    }
}

/// A value with NUL is a literal8; RFC 5464 §5 has it for nothing else.
fn push_value(out: &mut BytesMut, value: Option<&[u8]>, names: Names) {
    match value {
        Some(value) if memchr::memchr(0, value).is_some() => {
            out.extend_from_slice(b"~");
            encode::literal_head(out, value.len());
            out.extend_from_slice(value);
        }
        value => encode::nstring(out, value, Quoting::from(names)),
    }
}

const ENTRIES: ListBounds = ListBounds { max: ENTRIES_MAX, empty: Empty::Refused };

#[cfg(test)]
mod tests;
