//! One Email object.

use message::{EnvelopeRef, Structure, Summary};
use serde_json::{Map, Value, json};
use store::{Email, Flags, Keywords};

use super::body::Message;
use super::header::{self, Form, HeaderProperty};
use super::property::{Property, Wanted};
use crate::reply::MethodError;
use crate::wire::blob::{BlobId, Whole};
use crate::wire::{date, id};

/// An email, or a message that is none yet.
pub(crate) struct Source<'s> {
    /// What a mailbox knows of it; `None` for a message in a blob.
    pub(crate) email: Option<(&'s Email, &'s Keywords)>,
    pub(crate) blob: BlobId,
    /// Octets of the message.
    pub(crate) size: usize,
    /// The stored columns, or what they would be. The structure is empty if it is not needed.
    pub(crate) envelope: &'s [u8],
    pub(crate) structure: &'s [u8],
    pub(crate) summary: &'s [u8],
    /// As much of the message as is needed.
    pub(crate) raw: &'s [u8],
}

/// The wanted properties of an email. `budget` is for values of bodies.
///
/// # Errors
/// serverFail if what is stored can't be read.
pub(crate) fn object(source: &Source<'_>, wanted: &Wanted, budget: &mut usize) -> Result<Value, MethodError> {
    let broken = |error: message::DecodeError| {
        tracing::error!(%error, blob = %source.blob, "a stored column can't be read");
        MethodError::ServerFail
    };
    let envelope = EnvelopeRef::decode(source.envelope).map_err(broken)?;
    let summary = Summary::decode(source.summary).map_err(broken)?;
    let structure = match wanted.needs_structure() {
        true => Some(Structure::decode(source.structure).map_err(broken)?),
        false => None,
    };
    let message =
        structure.as_ref().map(|structure| Message { structure, raw: source.raw, blob: &source.blob });
    let mut object = Map::new();
    for (name, property) in &wanted.properties {
        let value = match (property, &message) {
            (Property::Header(header), Some(message)) => of_header(header, message),
            (Property::Plain("sender"), Some(message)) => of_header(&addresses_of("Sender"), message),
            (Property::Plain("replyTo"), Some(message)) => of_header(&addresses_of("Reply-To"), message),
            (Property::Plain("headers"), Some(message)) => message.headers(message.structure.root()),
            (Property::Plain("bodyStructure"), Some(message)) => message.tree(&wanted.body),
            (Property::Plain(list @ ("textBody" | "htmlBody" | "attachments")), Some(message)) => {
                message.list(list, &wanted.body)
            }
            (Property::Plain("bodyValues"), Some(message)) => message.values(wanted.values, budget),
            (Property::Plain(plain), _) => match of_content(plain, &envelope, &summary) {
                Some(value) => value,
                None => of_mailbox(plain, source),
            },
            (Property::Header(_), None) => Value::Null,
        };
        object.insert(name.clone(), value);
    }
    Ok(Value::Object(object))
}

fn of_header(property: &HeaderProperty, message: &Message<'_>) -> Value {
    property.value(message.structure.fields(), message.raw)
}

fn addresses_of(name: &str) -> HeaderProperty {
    HeaderProperty { name: name.to_owned(), form: Form::Addresses, is_all: false }
}

/// Properties that the stored columns answer.
fn of_content(name: &str, envelope: &EnvelopeRef<'_>, summary: &Summary) -> Option<Value> {
    let list = |list: message::AddressListRef<'_>| match list.is_empty() {
        true => Value::Null,
        false => header::addresses(list),
    };
    let ids = |ids: &[String]| if ids.is_empty() { Value::Null } else { json!(ids) };
    Some(match name {
        "messageId" => summary.message_id.as_ref().map_or(Value::Null, |id| json!([id])),
        "inReplyTo" => ids(&summary.in_reply_to),
        "references" => ids(&summary.references),
        "from" => list(envelope.from),
        "to" => list(envelope.to),
        "cc" => list(envelope.cc),
        "bcc" => list(envelope.bcc),
        "subject" => json!(envelope.subject.map(header::text)),
        "sentAt" => {
            json!(summary.sent.map(|sent| date::with_offset(sent.unix_seconds, sent.offset_minutes)))
        }
        "hasAttachment" => json!(summary.has_attachment),
        "preview" => json!(summary.preview),
        _ => return None,
    })
}

/// Properties of an email in its mailboxes; null for a message that is in none.
fn of_mailbox(name: &str, source: &Source<'_>) -> Value {
    match (name, source.email) {
        ("blobId", _) => json!(source.blob.to_string()),
        ("size", _) => json!(source.size),
        (_, None) => Value::Null,
        ("id", Some((email, _))) => json!(id::of_email(email.id)),
        ("threadId", Some((email, _))) => json!(id::of_thread(email.thread)),
        ("receivedAt", Some((email, _))) => json!(date::utc(email.received_at.0)),
        ("mailboxIds", Some((email, _))) => {
            let ids = email.mailboxes.iter().map(|mailbox| (id::of_mailbox(*mailbox), Value::Bool(true)));
            Value::Object(ids.collect())
        }
        ("keywords", Some((email, keywords))) => keyword_object(email.flags, keywords),
        _ => Value::Null,
    }
}

/// RFC 8621 §4.1.1: keywords as JMAP has them, in lower case.
pub(crate) fn keyword_object(flags: Flags, keywords: &Keywords) -> Value {
    let system = SYSTEM_KEYWORDS.iter().filter(|(_, flag)| flags.contains(*flag)).map(|(name, _)| *name);
    let names = system.map(str::to_owned).chain(keywords.of(flags).map(str::to_ascii_lowercase));
    Value::Object(names.map(|name| (name, Value::Bool(true))).collect())
}

/// The blob of an email.
pub(crate) fn blob_of(email: &Email) -> BlobId {
    BlobId { whole: Whole::Message(email.id), part: None }
}

/// RFC 8621 §4.1.1: IMAP's system flags under their names in JMAP.
pub(crate) const SYSTEM_KEYWORDS: [(&str, Flags); 4] = [
    ("$seen", Flags::SEEN),
    ("$answered", Flags::ANSWERED),
    ("$flagged", Flags::FLAGGED),
    ("$draft", Flags::DRAFT),
];
