//! `UIDFETCH` data items (RFC 9051 §7.5.2, RFC 7162 §3.1, RFC 8474 §5, RFC 8970 §3).

use std::collections::BTreeMap;

use serde::Serialize;

use super::encoded_word;
use super::syntax::Value;

/// What is told about a message.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Fetch {
    /// Its UID.
    pub uid: u32,
    /// `FLAGS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flags: Option<Vec<String>>,
    /// `ENVELOPE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope: Option<Envelope>,
    /// `BINARY[..]` and `BODY[..]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<BodyPart>,
    /// `MODSEQ`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modseq: Option<u64>,
    /// `EMAILID`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_id: Option<String>,
    /// `PREVIEW`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
    /// Other items whose value is a word or a string.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub other: BTreeMap<String, String>,
}

/// A piece of a message's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BodyPart {
    /// As sent, for example `BINARY[1]<0>`.
    pub section: String,
    /// Its content; bytes that are not UTF-8 are replaced.
    pub text: String,
}

/// RFC 9051 §7.5.2 ENVELOPE, with encoded words decoded (RFC 2047).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Envelope {
    /// As sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Authors.
    pub from: Vec<Person>,
    /// Recipients.
    pub to: Vec<Person>,
    /// Recipients of a copy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<Person>,
    /// Where answers go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reply_to: Vec<Person>,
    /// With its angle brackets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// As sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<String>,
}

/// A name with an address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Person {
    /// Decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `mailbox@host`.
    pub address: String,
}

impl Fetch {
    pub(super) fn read(uid: u32, items: &[Value]) -> Option<Self> {
        let mut fetch = Self { uid, ..Self::default() };
        for pair in items.chunks(2) {
            let [name, value] = pair else { return None };
            fetch.add(name.word()?, value)?;
        }
        Some(fetch)
    }

    fn add(&mut self, name: &str, value: &Value) -> Option<()> {
        let upper = name.to_ascii_uppercase();
        match upper.as_str() {
            "FLAGS" => self.flags = Some(value.words()?),
            "ENVELOPE" => self.envelope = Some(Envelope::read(value.list()?)?),
            "MODSEQ" => self.modseq = value.list()?.first()?.word()?.parse().ok(),
            "EMAILID" => self.email_id = value.list()?.first()?.text(),
            "PREVIEW" => self.preview = value.text(),
            "UID" => {}
            _ if upper.starts_with("BINARY[") || upper.starts_with("BODY[") => {
                self.parts
                    .push(BodyPart { section: name.to_owned(), text: value.text().unwrap_or_default() });
            }
            _ => {
                if let Some(text) = value.text() {
                    self.other.insert(upper, text);
                }
            }
        }
        Some(())
    }
}

impl Envelope {
    fn read(fields: &[Value]) -> Option<Self> {
        let [date, subject, from, _sender, reply_to, to, cc, _bcc, in_reply_to, message_id] = fields else {
            return None;
        };
        Some(Self {
            date: date.text(),
            subject: subject.text().map(|subject| encoded_word::decode(&subject)),
            from: people(from),
            to: people(to),
            cc: people(cc),
            reply_to: people(reply_to),
            message_id: message_id.text(),
            in_reply_to: in_reply_to.text(),
        })
    }
}

fn people(value: &Value) -> Vec<Person> {
    value.list().unwrap_or_default().iter().filter_map(person).collect()
}

fn person(value: &Value) -> Option<Person> {
    let [name, _route, mailbox, host] = value.list()? else { return None };
    // RFC 9051 §7.5.2: without a host it is the beginning or the end of a group.
    let address = format!("{}@{}", mailbox.text()?, host.text()?);
    Some(Person { name: name.text().map(|name| encoded_word::decode(&name)), address })
}
