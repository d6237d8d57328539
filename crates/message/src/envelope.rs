//! ENVELOPE: what IMAP and JMAP show of a message without opening it (RFC 9051 §7.5.2).
//!
//! [`Envelope`] is made once at delivery and encoded; [`EnvelopeRef`] reads the stored bytes without allocating, which
//! is what FETCH of a whole mailbox lives on. Where a field stands twice the last one counts, as in RFC 8621 §4.1.3.
//! Invariant: no string holds CR, LF or NUL.

use crate::address::{self, Address};
use crate::codec::{DecodeError, Reader, Writer};
use crate::encoded_word;
use crate::header::{HeaderField, unfold};

/// The envelope of one message. Strings are the unfolded header values as they were sent: encoded words are kept,
/// bytes outside ASCII too. `None` is a field that is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Date, as it was written.
    pub date: Option<Vec<u8>>,
    /// Subject.
    pub subject: Option<Vec<u8>>,
    /// From.
    pub from: Vec<Address>,
    /// Sender; the same as `from` where the field is absent or empty.
    pub sender: Vec<Address>,
    /// Reply-To; the same as `from` where the field is absent or empty.
    pub reply_to: Vec<Address>,
    /// To.
    pub to: Vec<Address>,
    /// Cc.
    pub cc: Vec<Address>,
    /// Bcc.
    pub bcc: Vec<Address>,
    /// In-Reply-To, as it was written.
    pub in_reply_to: Option<Vec<u8>>,
    /// Message-ID, as it was written.
    pub message_id: Option<Vec<u8>>,
}

impl Envelope {
    /// Reads the envelope out of the fields of one message header.
    pub fn from_fields(fields: &[HeaderField], raw: &[u8]) -> Envelope {
        let mut envelope = Envelope::default();
        for field in fields {
            envelope.take(field.name(raw), field.value(raw));
        }
        // RFC 9051 §7.5.2: without Sender or Reply-To, or when they are empty, From stands in.
        if envelope.sender.is_empty() {
            envelope.sender.clone_from(&envelope.from);
        }
        if envelope.reply_to.is_empty() {
            envelope.reply_to.clone_from(&envelope.from);
        }
        envelope
    }

    /// The bytes to store; [`EnvelopeRef::decode`] reads them.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(ENVELOPE_VERSION);
        writer.optional(self.date.as_deref());
        writer.optional(self.subject.as_deref());
        write_addresses(&mut writer, &self.from);
        write_unless_same(&mut writer, &self.sender, &self.from);
        write_unless_same(&mut writer, &self.reply_to, &self.from);
        write_addresses(&mut writer, &self.to);
        write_addresses(&mut writer, &self.cc);
        write_addresses(&mut writer, &self.bcc);
        writer.optional(self.in_reply_to.as_deref());
        writer.optional(self.message_id.as_deref());
        writer.finish()
    }

    fn take(&mut self, name: &[u8], value: &[u8]) {
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        // By length first: most fields of a header (Received, DKIM-Signature, X-...) are none of these.
        match name.len() {
            2 if is("To") => self.to = addresses(value),
            2 if is("Cc") => self.cc = addresses(value),
            3 if is("Bcc") => self.bcc = addresses(value),
            4 if is("Date") => self.date = Some(unfold(value)),
            4 if is("From") => self.from = addresses(value),
            6 if is("Sender") => self.sender = addresses(value),
            7 if is("Subject") => self.subject = Some(unfold(value)),
            8 if is("Reply-To") => self.reply_to = addresses(value),
            10 if is("Message-ID") => self.message_id = Some(unfold(value)),
            11 if is("In-Reply-To") => self.in_reply_to = Some(unfold(value)),
            _ => {}
        }
    }
}

/// A stored envelope, borrowed from its bytes. Fields are those of [`Envelope`].
#[derive(Debug, Clone, Copy)]
pub struct EnvelopeRef<'a> {
    /// Date, as it was written.
    pub date: Option<&'a [u8]>,
    /// Subject, encoded words kept; [`encoded_word::decode`] decodes it.
    pub subject: Option<&'a [u8]>,
    /// From.
    pub from: AddressListRef<'a>,
    /// Sender, or From.
    pub sender: AddressListRef<'a>,
    /// Reply-To, or From.
    pub reply_to: AddressListRef<'a>,
    /// To.
    pub to: AddressListRef<'a>,
    /// Cc.
    pub cc: AddressListRef<'a>,
    /// Bcc.
    pub bcc: AddressListRef<'a>,
    /// In-Reply-To, as it was written.
    pub in_reply_to: Option<&'a [u8]>,
    /// Message-ID, as it was written.
    pub message_id: Option<&'a [u8]>,
}

impl<'a> EnvelopeRef<'a> {
    /// Reads what [`Envelope::encode`] wrote, all of it checked, so that walking it can't fail later.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not such an encoding.
    pub fn decode(bytes: &'a [u8]) -> Result<EnvelopeRef<'a>, DecodeError> {
        let mut reader = Reader::new(bytes, ENVELOPE_VERSION)?;
        let date = reader.optional()?;
        let subject = reader.optional()?;
        let from = read_addresses(&mut reader)?;
        let envelope = EnvelopeRef {
            date,
            subject,
            from,
            sender: read_unless_same(&mut reader, from)?,
            reply_to: read_unless_same(&mut reader, from)?,
            to: read_addresses(&mut reader)?,
            cc: read_addresses(&mut reader)?,
            bcc: read_addresses(&mut reader)?,
            in_reply_to: reader.optional()?,
            message_id: reader.optional()?,
        };
        reader.finish()?;
        Ok(envelope)
    }

    /// The same envelope with strings of its own.
    pub fn to_owned(&self) -> Envelope {
        let owned = |list: AddressListRef<'_>| list.iter().map(|address| address.to_owned()).collect();
        Envelope {
            date: self.date.map(<[u8]>::to_vec),
            subject: self.subject.map(<[u8]>::to_vec),
            from: owned(self.from),
            sender: owned(self.sender),
            reply_to: owned(self.reply_to),
            to: owned(self.to),
            cc: owned(self.cc),
            bcc: owned(self.bcc),
            in_reply_to: self.in_reply_to.map(<[u8]>::to_vec),
            message_id: self.message_id.map(<[u8]>::to_vec),
        }
    }
}

/// An address list inside a stored envelope.
#[derive(Debug, Clone, Copy)]
pub struct AddressListRef<'a> {
    bytes: &'a [u8],
}

impl<'a> AddressListRef<'a> {
    /// Whether there is no entry (IMAP's NIL).
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = AddressRef<'a>> + use<'a> {
        let mut reader = Reader::nested(self.bytes);
        std::iter::from_fn(move || if reader.is_empty() { None } else { read_address(&mut reader).ok() })
    }
}

/// One entry of an address list; see [`Address`] for the group markers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRef<'a> {
    /// Display name, encoded words kept.
    pub name: Option<&'a [u8]>,
    /// Local part, or the name of the group that starts here.
    pub mailbox: Option<&'a [u8]>,
    /// Domain.
    pub host: Option<&'a [u8]>,
}

impl AddressRef<'_> {
    /// The display name in UTF-8, encoded words decoded.
    pub fn decoded_name(&self) -> Option<String> {
        self.name.map(encoded_word::decode)
    }

    /// The same address with strings of its own.
    pub fn to_owned(&self) -> Address {
        Address {
            name: self.name.map(<[u8]>::to_vec),
            mailbox: self.mailbox.map(<[u8]>::to_vec),
            host: self.host.map(<[u8]>::to_vec),
        }
    }
}

fn addresses(value: &[u8]) -> Vec<Address> {
    address::parse(&unfold(value))
}

/// A list is one string, so that reading can step over it and hand it out.
fn write_addresses(writer: &mut Writer, list: &[Address]) {
    let mut nested = Writer::nested();
    for address in list {
        nested.optional(address.name.as_deref());
        nested.optional(address.mailbox.as_deref());
        nested.optional(address.host.as_deref());
    }
    writer.string(&nested.finish());
}

fn write_unless_same(writer: &mut Writer, list: &[Address], from: &[Address]) {
    if list == from {
        writer.byte(SAME_AS_FROM);
    } else {
        writer.byte(OWN_LIST);
        write_addresses(writer, list);
    }
}

fn read_unless_same<'a>(
    reader: &mut Reader<'a>,
    from: AddressListRef<'a>,
) -> Result<AddressListRef<'a>, DecodeError> {
    match reader.byte()? {
        SAME_AS_FROM => Ok(from),
        OWN_LIST => read_addresses(reader),
        _ => Err(DecodeError::Malformed("address list mark")),
    }
}

fn read_addresses<'a>(reader: &mut Reader<'a>) -> Result<AddressListRef<'a>, DecodeError> {
    let bytes = reader.string()?;
    let mut nested = Reader::nested(bytes);
    while !nested.is_empty() {
        read_address(&mut nested)?;
    }
    Ok(AddressListRef { bytes })
}

fn read_address<'a>(reader: &mut Reader<'a>) -> Result<AddressRef<'a>, DecodeError> {
    Ok(AddressRef { name: reader.optional()?, mailbox: reader.optional()?, host: reader.optional()? })
}

const ENVELOPE_VERSION: u8 = 1;
const SAME_AS_FROM: u8 = 0;
const OWN_LIST: u8 = 1;

#[cfg(test)]
mod tests;
