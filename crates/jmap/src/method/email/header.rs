//! Header fields in the forms of RFC 8621 §4.1.2.

use message::{AddressListRef, Envelope, HeaderField, decode_encoded_words, message_ids, parse_date, unfold};
use serde_json::{Value, json};

use crate::wire::date;

#[cfg(test)]
mod tests;

/// `header:{name}`, `header:{name}:as{form}`, either with `:all`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeaderProperty {
    /// The field's name, in whatever case.
    pub(crate) name: String,
    /// How its value is shown.
    pub(crate) form: Form,
    /// Every field of the name, or the last one.
    pub(crate) is_all: bool,
}

/// How a value is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Raw,
    Text,
    Addresses,
    GroupedAddresses,
    MessageIds,
    Date,
    Urls,
}

impl HeaderProperty {
    /// Reads a property's name; `None` if it is none, or the field has no such form.
    pub(crate) fn parse(property: &str) -> Option<Self> {
        let mut parts = property.strip_prefix("header:")?.split(':');
        let name = parts.next()?;
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        let (mut form, mut is_all) = (Form::Raw, false);
        let mut next = parts.next();
        if let Some(named) = next.filter(|part| *part != "all") {
            form = match named {
                "asRaw" => Form::Raw,
                "asText" => Form::Text,
                "asAddresses" => Form::Addresses,
                "asGroupedAddresses" => Form::GroupedAddresses,
                "asMessageIds" => Form::MessageIds,
                "asDate" => Form::Date,
                "asURLs" => Form::Urls,
                _ => return None,
            };
            next = parts.next();
        }
        if next == Some("all") {
            is_all = true;
            next = parts.next();
        }
        let fits = is_name && next.is_none() && form.fits(name);
        fits.then(|| Self { name: name.to_owned(), form, is_all })
    }

    /// What the fields of a header say; offsets of `fields` count in `raw`.
    pub(crate) fn value(&self, fields: &[HeaderField], raw: &[u8]) -> Value {
        let named = |field: &&HeaderField| field.name(raw).eq_ignore_ascii_case(self.name.as_bytes());
        let mut found = fields.iter().filter(named).map(|field| self.form.value(field.value(raw)));
        if self.is_all { Value::Array(found.collect()) } else { found.next_back().unwrap_or(Value::Null) }
    }
}

impl Form {
    /// RFC 8621 §4.1.2: a form is for the fields that it is made for, and for those that no standard knows.
    fn fits(self, name: &str) -> bool {
        let is_in = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        let own: &[&str] = match self {
            Self::Raw => return true,
            Self::Text => &TEXTS,
            Self::Addresses | Self::GroupedAddresses => &ADDRESSES,
            Self::MessageIds => &MESSAGE_IDS,
            Self::Date => &DATES,
            Self::Urls => &URLS,
        };
        let is_known =
            [&TEXTS[..], &ADDRESSES, &MESSAGE_IDS, &DATES, &URLS, &OTHERS].iter().any(|all| is_in(all));
        is_in(own) || !is_known
    }

    /// A value, folded as it was sent, in this form.
    fn value(self, value: &[u8]) -> Value {
        match self {
            Self::Raw => Value::String(String::from_utf8_lossy(value).replace('\0', "")),
            Self::Text => json!(text(&unfold(value))),
            Self::Addresses => addresses_in(value, addresses),
            Self::GroupedAddresses => addresses_in(value, groups),
            Self::MessageIds => {
                let ids = message_ids(&unfold(value));
                if ids.is_empty() { Value::Null } else { json!(ids) }
            }
            Self::Date => parse_date(&unfold(value))
                .map_or(Value::Null, |sent| json!(date::with_offset(sent.unix_seconds, sent.offset_minutes))),
            Self::Urls => {
                let urls = urls(&unfold(value));
                if urls.is_empty() { Value::Null } else { json!(urls) }
            }
        }
    }
}

/// A value in words.
pub(crate) fn text(unfolded: &[u8]) -> String {
    decode_encoded_words(unfolded).trim().to_owned()
}

/// The list of EmailAddress objects (RFC 8621 §4.1.2.3), groups taken apart.
pub(crate) fn addresses(list: AddressListRef<'_>) -> Value {
    list.iter().filter(|address| address.host.is_some()).map(|address| object(&address)).collect()
}

/// The list of EmailAddressGroup objects (RFC 8621 §4.1.2.4).
fn groups(list: AddressListRef<'_>) -> Value {
    let mut groups: Vec<(Option<String>, Vec<Value>)> = Vec::new();
    let mut is_inside = false;
    for address in list.iter() {
        match (address.mailbox, address.host) {
            (Some(name), None) => {
                groups.push((Some(text(name)), Vec::new()));
                is_inside = true;
            }
            (None, _) => is_inside = false,
            (Some(_), Some(_)) => {
                // Addresses that stand together outside of a group are one without a name.
                if !is_inside && groups.last().is_none_or(|(name, _)| name.is_some()) {
                    groups.push((None, Vec::new()));
                }
                if let Some((_, members)) = groups.last_mut() {
                    members.push(object(&address));
                }
            }
        }
    }
    groups.into_iter().map(|(name, addresses)| json!({ "name": name, "addresses": addresses })).collect()
}

fn object(address: &message::AddressRef<'_>) -> Value {
    let name = address.decoded_name().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    json!({ "name": name, "email": email(address) })
}

/// The address itself; a local part that is no dot-atom is quoted again (RFC 5322 §3.4.1).
pub(crate) fn email(address: &message::AddressRef<'_>) -> String {
    let local = String::from_utf8_lossy(address.mailbox.unwrap_or_default());
    let host = String::from_utf8_lossy(address.host.unwrap_or_default());
    if host.is_empty() {
        return local.into_owned();
    }
    let needs_quotes = local.is_empty()
        || local.split('.').any(str::is_empty)
        || local.chars().any(|char| char.is_ascii_control() || " ()<>[]:;@\\,\"".contains(char));
    if !needs_quotes {
        return format!("{local}@{host}");
    }
    format!("\"{}\"@{host}", local.replace('\\', "\\\\").replace('"', "\\\""))
}

fn addresses_in(value: &[u8], show: impl Fn(AddressListRef<'_>) -> Value) -> Value {
    let raw = [b"To:", value, b"\r\n"].concat();
    let stored = Envelope::from_fields(&message::header_fields(&raw), &raw).encode();
    message::EnvelopeRef::decode(&stored).map_or(Value::Null, |envelope| show(envelope.to))
}

// RFC 2369 §2: `"<" URL ">"`, comments between them.
fn urls(value: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(value);
    let inside = text.split('<').skip(1).filter_map(|rest| rest.split_once('>'));
    inside.map(|(url, _)| url.split_whitespace().collect::<String>()).filter(|url| !url.is_empty()).collect()
}

const TEXTS: [&str; 4] = ["Subject", "Comments", "Keywords", "List-Id"];
const ADDRESSES: [&str; 12] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Resent-From",
    "Resent-Sender",
    "Resent-Reply-To",
    "Resent-To",
    "Resent-Cc",
    "Resent-Bcc",
];
const MESSAGE_IDS: [&str; 4] = ["Message-ID", "In-Reply-To", "References", "Resent-Message-ID"];
const DATES: [&str; 2] = ["Date", "Resent-Date"];
const URLS: [&str; 6] =
    ["List-Help", "List-Unsubscribe", "List-Subscribe", "List-Post", "List-Owner", "List-Archive"];
/// Known, but in no form than raw.
const OTHERS: [&str; 2] = ["Return-Path", "Received"];
