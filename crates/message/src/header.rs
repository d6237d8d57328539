//! Header blocks: where the fields of a header stand, and what their values are (RFC 5322 §2.2).
//!
//! Finds fields and unfolds values; does not know what any field means. Lines end in LF, with or without CR before
//! it; a CR alone is data. Invariants: fields are in order, do not overlap, and lie inside their header; the header
//! and the body that follows it share no byte and leave none out.

use std::ops::Range;

use memchr::{memchr, memchr3};

/// Where one header field stands in the raw message. Offsets are bytes from the start of what was scanned: for
/// the fields of a [`crate::structure::Structure`], the start of the raw message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderField {
    pub(crate) start: u32,
    pub(crate) name_len: u16,
    pub(crate) value: u32,
    pub(crate) end: u32,
}

impl HeaderField {
    /// The whole field, from its name to its last line end.
    pub fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Where the field's name stands, at most [`FIELD_NAME_BYTES_MAX`] bytes.
    pub fn name_range(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + usize::from(self.name_len)
    }

    /// The field's name as it was written; compare it ignoring ASCII case.
    pub fn name<'r>(&self, raw: &'r [u8]) -> &'r [u8] {
        raw.get(self.name_range()).unwrap_or_default()
    }

    /// What follows the colon, still folded, without the last line end.
    pub fn value<'r>(&self, raw: &'r [u8]) -> &'r [u8] {
        let value = raw.get(self.value as usize..self.end as usize).unwrap_or_default();
        let value = value.strip_suffix(b"\n").unwrap_or(value);
        value.strip_suffix(b"\r").unwrap_or(value)
    }
}

/// The fields of a header block that stands at the start of `raw`, at most [`HEADER_FIELDS_MAX`].
///
/// For the header of a message part, pass the slice of that header: offsets count from its start.
pub fn fields(raw: &[u8]) -> Vec<HeaderField> {
    scan(raw, 0, HEADER_FIELDS_MAX, |_| false).fields
}

/// The unfolded value of the first field called `name` (ASCII case ignored) in the header at the start of `raw`.
///
/// Scans the header each time: meant for one question at delivery, such as for the mark of a spam filter.
pub fn header_value(raw: &[u8], name: &str) -> Option<Vec<u8>> {
    let fields = fields(raw);
    let field = fields.iter().find(|field| field.name(raw).eq_ignore_ascii_case(name.as_bytes()))?;
    Some(unfold(field.value(raw)))
}

/// A field's value on one line: line ends and NULs are removed, a CR alone becomes a space, white space at both
/// ends goes, and what is longer than [`HEADER_VALUE_BYTES_MAX`] is cut.
///
/// The result holds no CR, LF or NUL, so it can always stand in an IMAP string.
pub fn unfold(value: &[u8]) -> Vec<u8> {
    let value = value.get(..HEADER_VALUE_BYTES_MAX).unwrap_or(value).trim_ascii();
    let mut line = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = memchr3(b'\r', b'\n', 0, rest) {
        let (before, found) = rest.split_at(at);
        line.extend_from_slice(before);
        rest = found.get(1..).unwrap_or_default();
        if found.starts_with(b"\r") && !rest.starts_with(b"\n") {
            line.push(b' ');
        }
    }
    line.extend_from_slice(rest);
    line
}

/// A header block and the offset at which its body starts.
pub(crate) struct Block {
    pub(crate) fields: Vec<HeaderField>,
    pub(crate) body: usize,
}

/// Scans the header that starts at `start`. It ends after an empty line, or before the first line that is neither
/// a field nor the continuation of one, or that `is_delimiter` claims: a header of zero lines is a header too.
pub(crate) fn scan(
    raw: &[u8],
    start: usize,
    fields_max: usize,
    is_delimiter: impl Fn(&[u8]) -> bool,
) -> Block {
    let mut fields: Vec<HeaderField> = Vec::new();
    let mut position = start + leading_junk(raw.get(start..).unwrap_or_default());
    // Whether a continuation line belongs to the last field of the list, or to one beyond the limit.
    let mut last = Last::None;
    while let Some(rest) = raw.get(position..).filter(|rest| !rest.is_empty()) {
        let line = rest.get(..memchr(b'\n', rest).map_or(rest.len(), |at| at + 1)).unwrap_or(rest);
        let end = position + line.len();
        match line {
            b"\n" | b"\r\n" => return Block { fields, body: end },
            [b' ' | b'\t', ..] if last != Last::None => {
                if let (Last::Indexed, Some(field)) = (last, fields.last_mut()) {
                    field.end = offset(end);
                }
            }
            _ if is_delimiter(line) => break,
            _ => match field_at(line, position) {
                Some(field) if fields.len() < fields_max => {
                    fields.push(field);
                    last = Last::Indexed;
                }
                Some(_) => last = Last::BeyondLimit,
                None => break,
            },
        }
        position = end;
    }
    // RFC 5322 §3.6.8 has no such lines; Postfix, too, ends the header there.
    let body = if fields.is_empty() && last == Last::None { start } else { position };
    Block { fields, body }
}

/// An offset into a message, which is never longer than [`crate::MESSAGE_BYTES_MAX`].
pub(crate) fn offset(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    None,
    Indexed,
    BeyondLimit,
}

/// A byte order mark or an mbox separator before the first field, which would hide the whole header.
fn leading_junk(raw: &[u8]) -> usize {
    let mark = if raw.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let rest = raw.get(mark..).unwrap_or_default();
    if rest.starts_with(b"From ") || rest.starts_with(b">From ") {
        return mark + memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
    }
    mark
}

/// ABNF (RFC 5322 §3.6.8, §4.5.8): `field-name *WSP ":"`.
fn field_at(line: &[u8], position: usize) -> Option<HeaderField> {
    let name_len = line.iter().position(|byte| !is_name_byte(*byte))?;
    let after = line.get(name_len..)?;
    let blanks = after.iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
    if name_len == 0 || name_len > FIELD_NAME_BYTES_MAX || after.get(blanks) != Some(&b':') {
        return None;
    }
    Some(HeaderField {
        start: offset(position),
        name_len: u16::try_from(name_len).ok()?,
        value: offset(position + name_len + blanks + 1),
        end: offset(position + line.len()),
    })
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b':'
}

/// Fields that are indexed in one header. Those beyond stay in the raw header, but no field list finds them.
pub const HEADER_FIELDS_MAX: usize = 5_000;
/// Bytes of one field value that are looked at. What follows stays in the raw header, but is in no envelope.
pub const HEADER_VALUE_BYTES_MAX: usize = 256 * 1024;
/// A longer name is no field name, so it ends the header (RFC 5322 §2.1.1: no line is longer than this).
pub const FIELD_NAME_BYTES_MAX: usize = 998;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests;
