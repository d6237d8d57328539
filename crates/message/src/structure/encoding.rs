//! The stored form of a [`Structure`], and the check of its invariants when it is read back.

use super::{Disposition, EmbeddedMessage, Kind, Part, Structure};
use crate::codec::{DecodeError, Reader, Writer};
use crate::envelope::EnvelopeRef;
use crate::header::HeaderField;
use crate::mime_field::Parameter;

pub(super) fn encode(structure: &Structure) -> Vec<u8> {
    let mut writer = Writer::new(STRUCTURE_VERSION);
    write_fields(&mut writer, &structure.fields);
    writer.count(structure.parts.len());
    for part in &structure.parts {
        write_part(&mut writer, part);
    }
    writer.finish()
}

pub(super) fn decode(bytes: &[u8]) -> Result<Structure, DecodeError> {
    let mut reader = Reader::new(bytes, STRUCTURE_VERSION)?;
    let fields = read_fields(&mut reader)?;
    let count = reader.count()?;
    // Grows as parts are read: a part in memory is much larger than the one byte that `count` vouches for.
    let mut parts = Vec::new();
    for _ in 0..count {
        parts.push(read_part(&mut reader)?);
    }
    reader.finish()?;
    let structure = Structure { parts, fields };
    check(&structure)?;
    Ok(structure)
}

/// Checks the invariants that the module of [`Structure`] states.
pub(super) fn check(structure: &Structure) -> Result<(), DecodeError> {
    let malformed = DecodeError::Malformed;
    let root = structure.parts.first().ok_or(malformed("no root"))?;
    if root.descendants as usize != structure.parts.len() - 1 {
        return Err(malformed("parts outside the root"));
    }
    check_fields(&structure.fields, root)?;
    // The ends (exclusive, as indices) and body ranges of the parts that are open at each point of the list.
    let mut open: Vec<(usize, &Part)> = Vec::new();
    for (index, part) in structure.parts.iter().enumerate() {
        while open.pop_if(|(end, _)| *end == index).is_some() {}
        if part.header > part.body || part.body > part.end {
            return Err(malformed("part ends before it starts"));
        }
        let end = index + 1 + part.descendants as usize;
        if let Some((ancestor_end, ancestor)) = open.last()
            && (end > *ancestor_end || part.header < ancestor.body || part.end > ancestor.end)
        {
            return Err(malformed("part outside its ancestor"));
        }
        match &part.kind {
            Kind::Leaf if part.descendants != 0 => return Err(malformed("leaf with descendants")),
            Kind::Multipart if part.descendants == 0 => return Err(malformed("multipart without a child")),
            Kind::Message(message) => {
                let root = structure.parts.get(index + 1).ok_or(malformed("message without a root"))?;
                if root.descendants.checked_add(1) != Some(part.descendants) {
                    return Err(malformed("message with more than a root"));
                }
                EnvelopeRef::decode(&message.envelope)?;
                check_fields(&message.fields, root)?;
            }
            Kind::Leaf | Kind::Multipart => {}
        }
        open.push((end, part));
    }
    Ok(())
}

fn check_fields(fields: &[HeaderField], part: &Part) -> Result<(), DecodeError> {
    let mut position = part.header;
    for field in fields {
        let name_end = field.start.saturating_add(u32::from(field.name_len));
        let is_ordered = position <= field.start && name_end < field.value && field.value <= field.end;
        if !is_ordered || field.end > part.body {
            return Err(DecodeError::Malformed("header field outside its header"));
        }
        position = field.end;
    }
    Ok(())
}

fn write_fields(writer: &mut Writer, fields: &[HeaderField]) {
    writer.count(fields.len());
    for field in fields {
        writer.number(u64::from(field.start));
        writer.number(u64::from(field.name_len));
        writer.number(u64::from(field.value.saturating_sub(field.start)));
        writer.number(u64::from(field.end.saturating_sub(field.start)));
    }
}

fn read_fields(reader: &mut Reader<'_>) -> Result<Vec<HeaderField>, DecodeError> {
    let count = reader.count()?;
    let mut fields = Vec::with_capacity(count.min(FIELDS_RESERVED_MAX));
    for _ in 0..count {
        let start = reader.number32()?;
        let name_len =
            u16::try_from(reader.number()?).map_err(|_| DecodeError::Malformed("field name too long"))?;
        let value = add(start, reader.number32()?)?;
        let end = add(start, reader.number32()?)?;
        fields.push(HeaderField { start, name_len, value, end });
    }
    Ok(fields)
}

fn write_part(writer: &mut Writer, part: &Part) {
    writer.number(u64::from(part.header));
    writer.number(u64::from(part.body.saturating_sub(part.header)));
    writer.number(u64::from(part.end.saturating_sub(part.body)));
    writer.number(u64::from(part.lines));
    writer.number(u64::from(part.descendants));
    writer.string(&part.media_type);
    writer.string(&part.subtype);
    write_parameters(writer, &part.parameters);
    writer.optional(part.id.as_deref());
    writer.optional(part.description.as_deref());
    writer.string(&part.encoding);
    writer.optional(part.md5.as_deref());
    match &part.disposition {
        None => writer.byte(ABSENT),
        Some(disposition) => {
            writer.byte(PRESENT);
            writer.string(&disposition.kind);
            write_parameters(writer, &disposition.parameters);
        }
    }
    writer.count(part.language.len());
    for tag in &part.language {
        writer.string(tag);
    }
    writer.optional(part.location.as_deref());
    match &part.kind {
        Kind::Leaf => writer.byte(LEAF),
        Kind::Multipart => writer.byte(MULTIPART),
        Kind::Message(message) => {
            writer.byte(MESSAGE);
            writer.string(&message.envelope);
            write_fields(writer, &message.fields);
        }
    }
}

fn read_part(reader: &mut Reader<'_>) -> Result<Part, DecodeError> {
    let header = reader.number32()?;
    let body = add(header, reader.number32()?)?;
    let end = add(body, reader.number32()?)?;
    Ok(Part {
        header,
        body,
        end,
        lines: reader.number32()?,
        descendants: reader.number32()?,
        media_type: reader.string()?.to_vec(),
        subtype: reader.string()?.to_vec(),
        parameters: read_parameters(reader)?,
        id: reader.optional()?.map(<[u8]>::to_vec),
        description: reader.optional()?.map(<[u8]>::to_vec),
        encoding: reader.string()?.to_vec(),
        md5: reader.optional()?.map(<[u8]>::to_vec),
        disposition: match reader.byte()? {
            ABSENT => None,
            PRESENT => {
                let kind = reader.string()?.to_vec();
                Some(Disposition { kind, parameters: read_parameters(reader)? })
            }
            _ => return Err(DecodeError::Malformed("disposition mark")),
        },
        language: read_strings(reader)?,
        location: reader.optional()?.map(<[u8]>::to_vec),
        kind: match reader.byte()? {
            LEAF => Kind::Leaf,
            MULTIPART => Kind::Multipart,
            MESSAGE => {
                let envelope = reader.string()?.to_vec();
                Kind::Message(EmbeddedMessage { envelope, fields: read_fields(reader)? })
            }
            _ => return Err(DecodeError::Malformed("part kind")),
        },
    })
}

fn write_parameters(writer: &mut Writer, parameters: &[Parameter]) {
    writer.count(parameters.len());
    for parameter in parameters {
        writer.string(&parameter.name);
        writer.string(&parameter.value);
    }
}

fn read_parameters(reader: &mut Reader<'_>) -> Result<Vec<Parameter>, DecodeError> {
    let mut parameters = Vec::new();
    for _ in 0..reader.count()? {
        parameters.push(Parameter { name: reader.string()?.to_vec(), value: reader.string()?.to_vec() });
    }
    Ok(parameters)
}

fn read_strings(reader: &mut Reader<'_>) -> Result<Vec<Vec<u8>>, DecodeError> {
    let mut strings = Vec::new();
    for _ in 0..reader.count()? {
        strings.push(reader.string()?.to_vec());
    }
    Ok(strings)
}

fn add(start: u32, length: u32) -> Result<u32, DecodeError> {
    start.checked_add(length).ok_or(DecodeError::Malformed("offset over 32 bits"))
}

const STRUCTURE_VERSION: u8 = 1;
const ABSENT: u8 = 0;
const PRESENT: u8 = 1;
const LEAF: u8 = 0;
const MULTIPART: u8 = 1;
const MESSAGE: u8 = 2;
/// Fields reserved before any of them has been read.
const FIELDS_RESERVED_MAX: usize = 256;
