//! What lists and threads need of a message, next to its envelope.

use crate::codec::{DecodeError, Reader, Writer};
use crate::date::{SentDate, parse_date};
use crate::envelope::Envelope;
use crate::header::unfold;
use crate::message_id::message_ids;
use crate::preview::preview;
use crate::structure::Structure;
use crate::subject::{BaseSubject, base_subject};

/// The summary of one message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// The first words of the text: one line, at most [`crate::PREVIEW_CHARS_MAX`] characters.
    pub preview: String,
    /// The Date field, where it holds a date.
    pub sent: Option<SentDate>,
    /// Message-ID's identifier, without brackets.
    pub message_id: Option<String>,
    /// In-Reply-To's identifiers.
    pub in_reply_to: Vec<String>,
    /// References' identifiers, the thread's root first.
    pub references: Vec<String>,
    /// Subject without the marks of replies, forwards and lists.
    pub base_subject: BaseSubject,
    /// RFC 8621's `hasAttachment`.
    pub has_attachment: bool,
}

impl Summary {
    pub(crate) fn new(envelope: &Envelope, structure: &Structure, raw: &[u8]) -> Summary {
        let fields = structure.fields().iter();
        let references = fields.rev().find(|field| field.name(raw).eq_ignore_ascii_case(b"References"));
        let ids = |value: &Option<Vec<u8>>| value.as_deref().map(message_ids).unwrap_or_default();
        Summary {
            preview: preview(structure, raw),
            sent: envelope.date.as_deref().and_then(parse_date),
            message_id: ids(&envelope.message_id).into_iter().next(),
            in_reply_to: ids(&envelope.in_reply_to),
            references: references.map(|field| message_ids(&unfold(field.value(raw)))).unwrap_or_default(),
            base_subject: envelope.subject.as_deref().map(base_subject).unwrap_or_default(),
            has_attachment: structure.body_lists().has_attachment(),
        }
    }

    /// The bytes to store; [`Summary::decode`] reads them.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(SUMMARY_VERSION);
        writer.string(self.preview.as_bytes());
        match self.sent {
            None => writer.byte(ABSENT),
            Some(sent) => {
                writer.byte(PRESENT);
                writer.number(zigzag(sent.unix_seconds));
                writer.number(zigzag(i64::from(sent.offset_minutes)));
            }
        }
        writer.optional(self.message_id.as_deref().map(str::as_bytes));
        for ids in [&self.in_reply_to, &self.references] {
            writer.count(ids.len());
            for id in ids {
                writer.string(id.as_bytes());
            }
        }
        writer.string(self.base_subject.text.as_bytes());
        writer.byte(u8::from(self.base_subject.is_reply_or_forward));
        writer.byte(u8::from(self.has_attachment));
        writer.finish()
    }

    /// Reads what [`Summary::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not such an encoding.
    pub fn decode(bytes: &[u8]) -> Result<Summary, DecodeError> {
        let mut reader = Reader::new(bytes, SUMMARY_VERSION)?;
        let summary = Summary {
            preview: read_string(&mut reader)?,
            sent: match reader.byte()? {
                ABSENT => None,
                PRESENT => Some(SentDate {
                    unix_seconds: unzigzag(reader.number()?),
                    offset_minutes: i16::try_from(unzigzag(reader.number()?))
                        .map_err(|_| DecodeError::Malformed("zone offset"))?,
                }),
                _ => return Err(DecodeError::Malformed("date mark")),
            },
            message_id: reader.optional()?.map(utf8).transpose()?,
            in_reply_to: read_strings(&mut reader)?,
            references: read_strings(&mut reader)?,
            base_subject: BaseSubject {
                text: read_string(&mut reader)?,
                is_reply_or_forward: read_bool(&mut reader)?,
            },
            has_attachment: read_bool(&mut reader)?,
        };
        reader.finish()?;
        Ok(summary)
    }
}

fn read_string(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    utf8(reader.string()?)
}

fn read_strings(reader: &mut Reader<'_>) -> Result<Vec<String>, DecodeError> {
    let mut strings = Vec::new();
    for _ in 0..reader.count()? {
        strings.push(read_string(reader)?);
    }
    Ok(strings)
}

fn read_bool(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    match reader.byte()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(DecodeError::Malformed("boolean")),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, DecodeError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| DecodeError::Malformed("text is not UTF-8"))
}

/// Small numbers of either sign become small numbers without one.
fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

const SUMMARY_VERSION: u8 = 1;
const ABSENT: u8 = 0;
const PRESENT: u8 = 1;

#[cfg(test)]
mod tests;
