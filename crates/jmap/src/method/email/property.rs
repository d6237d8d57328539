//! Which properties of an email are wanted (RFC 8621 §4.1 and §4.2), and how much of the message has to be read for them.

use serde::Deserialize;

use super::header::HeaderProperty;
use crate::method::Shared;
use crate::method::get::unknown_property;
use crate::reply::MethodError;
use crate::wire::number::UnsignedInt;

/// A property of an email.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Property {
    Plain(&'static str),
    Header(HeaderProperty),
}

/// What of a message has to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    /// Nothing but what the store keeps beside it.
    Columns,
    /// Its header.
    Header,
    /// All of it.
    Whole,
}

/// Everything that is wanted of emails.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// With the names that the client knows them by.
    pub(crate) properties: Vec<(String, Property)>,
    /// Of each body part.
    pub(crate) body: Vec<(String, Property)>,
    pub(crate) values: Values,
    /// Whether `id`, which is always shown, was among them.
    pub(crate) asks_for_id: bool,
}

/// Which bodies are wanted in text, and how much of each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Values {
    pub(crate) of_text_body: bool,
    pub(crate) of_html_body: bool,
    pub(crate) of_all: bool,
    /// Bytes of each; 0 is no limit of the client's.
    pub(crate) bytes_max: usize,
}

/// What Email/get and Email/parse are asked to show.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Shown {
    properties: Option<Vec<String>>,
    body_properties: Option<Vec<String>>,
    fetch_text_body_values: bool,
    #[serde(rename = "fetchHTMLBodyValues")]
    fetch_html_body_values: bool,
    fetch_all_body_values: bool,
    max_body_value_bytes: UnsignedInt,
}

impl Shared for Shown {
    const NAMES: &'static [&'static str] = &[
        "properties",
        "bodyProperties",
        "fetchTextBodyValues",
        "fetchHTMLBodyValues",
        "fetchAllBodyValues",
        "maxBodyValueBytes",
    ];
}

impl Shown {
    /// Checks it; `default` is shown where no properties are named.
    ///
    /// # Errors
    /// invalidArguments for a property that does not exist.
    pub(crate) fn wanted(self, default: &[&str]) -> Result<Wanted, MethodError> {
        let values = Values {
            of_text_body: self.fetch_text_body_values,
            of_html_body: self.fetch_html_body_values,
            of_all: self.fetch_all_body_values,
            bytes_max: usize::try_from(self.max_body_value_bytes.0).unwrap_or(usize::MAX),
        };
        Wanted::parse(self.properties, self.body_properties, values, default)
    }
}

impl Wanted {
    /// Checks the names of properties.
    ///
    /// # Errors
    /// invalidArguments for one that does not exist.
    fn parse(
        properties: Option<Vec<String>>,
        body: Option<Vec<String>>,
        values: Values,
        default: &[&str],
    ) -> Result<Self, MethodError> {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let properties = properties.unwrap_or_else(|| own(default));
        let body = body.unwrap_or_else(|| own(BODY_DEFAULT));
        let parse = |names: Vec<String>, known: &[&'static str]| {
            names
                .into_iter()
                .map(|name| match find(&name, known) {
                    Some(property) => Ok((name, property)),
                    None => Err(unknown_property(&name)),
                })
                .collect::<Result<Vec<_>, _>>()
        };
        let mut properties = parse(properties, &ALL)?;
        let asks_for_id = properties.iter().any(|(name, _)| name == "id");
        if !asks_for_id {
            properties.push(("id".to_owned(), Property::Plain("id")));
        }
        Ok(Self { properties, body: parse(body, &BODY_ALL)?, values, asks_for_id })
    }

    /// How much of each message has to be read.
    pub(crate) fn depth(&self) -> Depth {
        self.properties.iter().map(|(_, property)| self.depth_of(property)).max().unwrap_or(Depth::Columns)
    }

    /// Whether bodies are looked at at all.
    pub(crate) fn needs_structure(&self) -> bool {
        let is_of_body =
            |property: &Property| matches!(property, Property::Plain(name) if BODIES.contains(name));
        self.depth() > Depth::Columns || self.properties.iter().any(|(_, property)| is_of_body(property))
    }

    fn depth_of(&self, property: &Property) -> Depth {
        match property {
            // The stored envelope has From where these are absent.
            Property::Header(_) | Property::Plain("headers" | "sender" | "replyTo") => Depth::Header,
            Property::Plain("bodyValues") => Depth::Whole,
            Property::Plain(name) if BODIES.contains(name) => {
                let reads = |property: &Property| {
                    matches!(property, Property::Header(_) | Property::Plain("size" | "headers"))
                };
                if self.body.iter().any(|(_, property)| reads(property)) {
                    Depth::Whole
                } else {
                    Depth::Columns
                }
            }
            Property::Plain(_) => Depth::Columns,
        }
    }
}

fn find(name: &str, known: &[&'static str]) -> Option<Property> {
    match known.iter().find(|known| **known == name) {
        Some(known) => Some(Property::Plain(known)),
        None => HeaderProperty::parse(name).map(Property::Header),
    }
}

/// All of an email, those first that only a stored one has, those last that are shown only when they are asked for.
const ALL: [&str; 26] = [
    "id",
    "blobId",
    "threadId",
    "mailboxIds",
    "keywords",
    "size",
    "receivedAt",
    "messageId",
    "inReplyTo",
    "references",
    "sender",
    "from",
    "to",
    "cc",
    "bcc",
    "replyTo",
    "subject",
    "sentAt",
    "hasAttachment",
    "preview",
    "bodyValues",
    "textBody",
    "htmlBody",
    "attachments",
    "bodyStructure",
    "headers",
];
/// RFC 8621 §4.2: what Email/get shows unless told otherwise.
pub(crate) const GET_DEFAULT: &[&str] = ALL.split_at(24).0;
/// RFC 8621 §4.9: what Email/parse shows unless told otherwise.
pub(crate) const PARSE_DEFAULT: &[&str] = GET_DEFAULT.split_at(7).1;
/// Those that are made of body parts.
const BODIES: [&str; 4] = ["bodyStructure", "textBody", "htmlBody", "attachments"];
/// All of a body part, those last that are shown only when they are asked for.
const BODY_ALL: [&str; 12] = [
    "partId",
    "blobId",
    "size",
    "name",
    "type",
    "charset",
    "disposition",
    "cid",
    "language",
    "location",
    "subParts",
    "headers",
];
/// RFC 8621 §4.2: the default of bodyProperties.
const BODY_DEFAULT: &[&str] = BODY_ALL.split_at(10).0;
