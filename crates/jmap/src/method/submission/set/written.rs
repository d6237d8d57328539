//! What the header of an email says of its writer and its readers, and whether it is one that may be sent (RFC 5322 §3.6).

use message::{AddressListRef, Envelope, EnvelopeRef, HeaderField, header_fields, message_ids, unfold};
use serde_json::json;

use crate::method::email::header;
use crate::reply::SetError;
use crate::wire::address;

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// Addresses of From; at least one.
    pub(super) from: Vec<String>,
    /// The address of Sender, if there is that field.
    pub(super) sender: Vec<String>,
    /// Addresses of To, Cc and Bcc, in this order.
    pub(super) recipients: Vec<String>,
    /// Its Message-ID without brackets, or nothing.
    pub(super) message_id: String,
}

impl Written {
    /// Reads it.
    ///
    /// # Errors
    /// invalidEmail with all properties that are wrong: missing, there twice, not an address.
    pub(super) fn read(raw: &[u8]) -> Result<Self, SetError> {
        let fields = header_fields(raw);
        let count = |name: &str| fields.iter().filter(|field| is_named(field, raw, name)).count();
        let envelope = Envelope::from_fields(&fields, raw).encode();
        let broken = || SetError::new("serverFail", "the header can't be read");
        let envelope = EnvelopeRef::decode(&envelope).map_err(|_| broken())?;
        let (from, has_sender) = (emails(envelope.from), count("Sender") > 0);
        let sender = if has_sender { emails(envelope.sender) } else { Vec::new() };
        let are_wrong = |list: &[String]| list.is_empty() || !list.iter().all(|one| address::is_mailbox(one));
        let mut wrong: Vec<&str> =
            ONCE.iter().filter(|(name, _)| count(name) > 1).map(|(_, property)| *property).collect();
        if are_wrong(&from) {
            wrong.push("from");
        }
        // RFC 5322 §3.6.2: of several writers one is the sender.
        if (has_sender && (are_wrong(&sender) || sender.len() > 1)) || (from.len() > 1 && !has_sender) {
            wrong.push("sender");
        }
        if count("Date") == 0 {
            wrong.push("sentAt");
        }
        if !wrong.is_empty() {
            wrong.sort_unstable();
            wrong.dedup();
            let why = SetError::new("invalidEmail", "the header is not one that may be sent");
            return Err(why.with("properties", json!(wrong)));
        }
        let recipients = [envelope.to, envelope.cc, envelope.bcc].into_iter().flat_map(emails).collect();
        let field = fields.iter().find(|field| is_named(field, raw, "Message-ID"));
        let ids = field.map(|field| message_ids(&unfold(field.value(raw)))).unwrap_or_default();
        Ok(Self { from, sender, recipients, message_id: ids.into_iter().next().unwrap_or_default() })
    }
}

fn is_named(field: &HeaderField, raw: &[u8], name: &str) -> bool {
    field.name(raw).eq_ignore_ascii_case(name.as_bytes())
}

fn emails(list: AddressListRef<'_>) -> Vec<String> {
    list.iter().filter(|address| address.host.is_some()).map(|address| header::email(&address)).collect()
}

/// Fields that stand at most once (RFC 5322 §3.6), and the properties of an Email that they are.
const ONCE: [(&str, &str); 11] = [
    ("From", "from"),
    ("Sender", "sender"),
    ("Reply-To", "replyTo"),
    ("To", "to"),
    ("Cc", "cc"),
    ("Bcc", "bcc"),
    ("Subject", "subject"),
    ("Date", "sentAt"),
    ("Message-ID", "messageId"),
    ("In-Reply-To", "inReplyTo"),
    ("References", "references"),
];

#[cfg(test)]
mod tests;
