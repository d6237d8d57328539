//! Creation of an email from its properties (RFC 8621 §4.6).
//!
//! Reads the object into header fields and a tree of parts; [`compose`] writes them as a message.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};
use store::Expected;

use super::super::header::{Form, HeaderProperty};
use super::super::import::Place;
use crate::http::blob;
use crate::method::Context;
use crate::reply::SetError;
use crate::wire::date;
use compose::{Address, Field, Part, Payload};

mod compose;

/// Makes an email; what the server set of it.
pub(crate) async fn run(
    mut object: Map<String, Value>,
    context: &Context<'_>,
    expected: Expected,
) -> Result<Value, SetError> {
    let place = Place::take(&mut object, context)?;
    let values: BTreeMap<String, BodyValue> = match object.remove("bodyValues") {
        None => BTreeMap::new(),
        Some(values) => serde_json::from_value(values).map_err(|_| SetError::property("bodyValues"))?,
    };
    if values.values().any(|value| value.is_truncated || value.is_encoding_problem) {
        return Err(SetError::property("bodyValues"));
    }
    let root = body(&mut object)?;
    let mut fields = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, value) in object {
        let field = field(&name, &value)?;
        let Some(field) = field else { continue };
        // RFC 8621 §4.6: a field is given in one way only.
        if !seen.insert(field.name.to_ascii_lowercase()) {
            return Err(SetError::property(&name));
        }
        fields.push(field);
    }
    let root = part(root, &values, 0, context)?;
    let root = fetched(root, context).await?;
    let stamp = compose::Stamp {
        now: super::super::import::now().0,
        unique: uuid::Uuid::new_v4().simple().to_string(),
    };
    let hostname = &context.server.options.hostname;
    let message = compose::message(fields, &root, &stamp, hostname);
    place.put(Bytes::from(message), context, expected).await
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BodyValue {
    value: String,
    #[serde(default)]
    is_encoding_problem: bool,
    #[serde(default)]
    is_truncated: bool,
}

/// The body as one tree: as it is given, or of text, HTML and attachments.
fn body(object: &mut Map<String, Value>) -> Result<Value, SetError> {
    let mut list = |name: &str| match object.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(parts)) => Ok(Some(parts)),
        Some(_) => Err(SetError::property(name)),
    };
    let (texts, htmls, attachments) = (list("textBody")?, list("htmlBody")?, list("attachments")?);
    let structure = object.remove("bodyStructure").filter(|structure| !structure.is_null());
    if let Some(structure) = structure {
        // RFC 8621 §4.6: either the tree or the lists.
        return match texts.is_none() && htmls.is_none() && attachments.is_none() {
            true => Ok(structure),
            false => Err(SetError::property("bodyStructure")),
        };
    }
    let mut shown = Vec::new();
    for (name, parts, media_type) in [("textBody", texts, "text/plain"), ("htmlBody", htmls, "text/html")] {
        let Some(parts) = parts else { continue };
        let [mut part] = <[Value; 1]>::try_from(parts).map_err(|_| SetError::property(name))?;
        let fields = part.as_object_mut().ok_or_else(|| SetError::property(name))?;
        let given = fields.entry("type").or_insert_with(|| Value::from(media_type));
        if given != media_type {
            return Err(SetError::property(name));
        }
        shown.push(part);
    }
    let multipart = |subtype: &str, parts: Vec<Value>| serde_json::json!({ "type": format!("multipart/{subtype}"), "subParts": parts });
    let mut text = if shown.len() > 1 { vec![multipart("alternative", shown)] } else { shown };
    for mut attachment in attachments.unwrap_or_default() {
        let fields = attachment.as_object_mut().ok_or_else(|| SetError::property("attachments"))?;
        fields.entry("disposition").or_insert_with(|| Value::from("attachment"));
        text.push(attachment);
    }
    match <[Value; 1]>::try_from(text) {
        Ok([one]) => Ok(one),
        Err(none) if none.is_empty() => Ok(serde_json::json!({ "type": "text/plain" })),
        Err(several) => Ok(multipart("mixed", several)),
    }
}

/// A header field from a property; `None` for one that is null.
fn field(name: &str, value: &Value) -> Result<Option<Field>, SetError> {
    let wrong = || SetError::property(name);
    if value.is_null() {
        return Ok(None);
    }
    let convenient = CONVENIENT.iter().find(|(property, ..)| *property == name);
    let (field, form) = match convenient {
        Some((_, field, form)) => ((*field).to_owned(), *form),
        None => {
            let header = HeaderProperty::parse(name).filter(|header| !header.is_all).ok_or_else(wrong)?;
            (header.name, header.form)
        }
    };
    // RFC 8621 §4.6: what describes the body is the body parts' business.
    if field.to_ascii_lowercase().starts_with("content-") {
        return Err(wrong());
    }
    let value = form_value(form, value).ok_or_else(wrong)?;
    Ok(Some(Field { name: field, value }))
}

/// A value in a form, as it is sent.
fn form_value(form: Form, value: &Value) -> Option<String> {
    let list = || value.as_array().filter(|list| !list.is_empty());
    let texts = || list()?.iter().map(Value::as_str).collect::<Option<Vec<_>>>();
    let is_id = |id: &&str| {
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'<' && byte != b'>')
    };
    match form {
        Form::Raw => {
            let raw = value.as_str()?;
            let is_safe = raw.is_ascii() && !raw.chars().any(|char| char.is_ascii_control());
            is_safe.then(|| raw.trim_start().to_owned())
        }
        Form::Text => Some(compose::text(value.as_str()?)),
        Form::Date => {
            let (seconds, offset) = date::parse_with_offset(value.as_str()?)?;
            Some(compose::date(seconds, offset))
        }
        Form::MessageIds => {
            let ids = texts()?;
            ids.iter()
                .all(is_id)
                .then(|| ids.iter().map(|id| format!("<{id}>")).collect::<Vec<_>>().join("\r\n "))
        }
        Form::Urls => {
            let urls = texts()?;
            urls.iter()
                .all(is_id)
                .then(|| urls.iter().map(|url| format!("<{url}>")).collect::<Vec<_>>().join(",\r\n "))
        }
        Form::Addresses => {
            let addresses =
                list()?.iter().map(|one| Address::deserialize(one).ok()).collect::<Option<Vec<_>>>()?;
            compose::addresses(&addresses)
        }
        Form::GroupedAddresses => None,
    }
}

/// What of a body part may be given.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PartObject {
    part_id: Option<String>,
    blob_id: Option<String>,
    #[serde(rename = "type")]
    media_type: Option<String>,
    charset: Option<String>,
    disposition: Option<String>,
    name: Option<String>,
    cid: Option<String>,
    sub_parts: Option<Vec<Value>>,
}

fn part(
    value: Value,
    values: &BTreeMap<String, BodyValue>,
    depth: usize,
    context: &Context<'_>,
) -> Result<Part, SetError> {
    let wrong = || SetError::property("bodyStructure");
    let object: PartObject = serde_json::from_value(value).map_err(|_| wrong())?;
    let media_type = object.media_type.unwrap_or_else(|| "text/plain".to_owned());
    let is_token = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    let is_type =
        media_type.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    if !is_type || depth > DEPTH_MAX || object.disposition.as_deref().is_some_and(|kind| !is_token(kind)) {
        return Err(wrong());
    }
    let payload = match (object.sub_parts, object.part_id, object.blob_id) {
        (Some(parts), None, None) if media_type.starts_with("multipart/") => Payload::Parts(
            parts
                .into_iter()
                .map(|inner| part(inner, values, depth + 1, context))
                .collect::<Result<_, _>>()?,
        ),
        (None, Some(id), None) => {
            // RFC 8621 §4.6: a part with a value has no charset of its own.
            let value = values.get(&id).filter(|_| object.charset.is_none());
            Payload::Text(value.ok_or_else(|| SetError::property("bodyValues"))?.value.clone())
        }
        (None, None, Some(blob)) => {
            let blob = context.blob(&blob).ok_or_else(|| SetError::blob_not_found(&blob))?;
            Payload::Blob(blob, object.charset)
        }
        (None, None, None) if depth == 0 => Payload::Text(String::new()),
        _ => return Err(wrong()),
    };
    Ok(Part { media_type, payload, disposition: object.disposition, name: object.name, cid: object.cid })
}

/// Puts what blobs hold into the tree.
async fn fetched(mut root: Part, context: &Context<'_>) -> Result<Part, SetError> {
    let mut waiting = vec![&mut root];
    let mut total = 0_u64;
    while let Some(part) = waiting.pop() {
        if let Payload::Blob(blob, charset) = &part.payload {
            let read = blob::read(context.server, context.access, blob).await;
            let read = read.map_err(|_| SetError::new("serverFail", "a blob can't be read"))?;
            let bytes = read.ok_or_else(|| SetError::blob_not_found(&blob.to_string()))?;
            total = total.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            if total > context.server.options.limits.message_bytes {
                return Err(SetError::new("tooLarge", "the attachments are too large"));
            }
            part.payload = Payload::Bytes(bytes, charset.clone());
        }
        if let Payload::Parts(parts) = &mut part.payload {
            waiting.extend(parts);
        }
    }
    Ok(root)
}

/// Properties that stand for header fields (RFC 8621 §4.1.3).
const CONVENIENT: [(&str, &str, Form); 11] = [
    ("messageId", "Message-ID", Form::MessageIds),
    ("inReplyTo", "In-Reply-To", Form::MessageIds),
    ("references", "References", Form::MessageIds),
    ("sender", "Sender", Form::Addresses),
    ("from", "From", Form::Addresses),
    ("to", "To", Form::Addresses),
    ("cc", "Cc", Form::Addresses),
    ("bcc", "Bcc", Form::Addresses),
    ("replyTo", "Reply-To", Form::Addresses),
    ("subject", "Subject", Form::Text),
    ("sentAt", "Date", Form::Date),
];
/// Multiparts in each other; deeper ones are invalid.
const DEPTH_MAX: usize = 20;
