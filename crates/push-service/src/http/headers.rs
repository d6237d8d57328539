//! The header fields of a `POST` to a push resource, read into values (RFC 8030 §5.2-§5.4, RFC 8188 §2).

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};
use webpush::header::{Topic, Ttl, Urgency};

use super::reply::Refusal;
use crate::message::Encoding;

/// What the header says about a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PushFields {
    pub(super) ttl: Duration,
    pub(super) urgency: Urgency,
    pub(super) topic: Option<Topic>,
    pub(super) encoding: Encoding,
    pub(super) media_type: Option<Arc<str>>,
}

/// Reads the fields; a field that stands twice is as bad as a malformed one.
pub(super) fn read(headers: &HeaderMap) -> Result<PushFields, Refusal> {
    // RFC 8030 §5.2: a request without TTL is refused with 400.
    let ttl: Ttl = one(headers, &TTL, "send one TTL header field with a number of seconds")?
        .ok_or(Refusal::Field("the TTL header field is required"))?;
    let urgency = urgency(headers)?;
    let topic = one(headers, &TOPIC, "Topic is at most 32 characters of base64url")?;
    let encoding = encoding(headers)?;
    let media_type = media_type(headers)?;
    // RFC 8030 §5.3: without the field it is normal.
    Ok(PushFields { ttl: ttl.duration(), urgency: urgency.unwrap_or_default(), topic, encoding, media_type })
}

/// RFC 8030 §5.3, on a message and on a request for messages.
pub(super) fn urgency(headers: &HeaderMap) -> Result<Option<Urgency>, Refusal> {
    one(headers, &URGENCY, "Urgency is one of very-low, low, normal, high")
}

/// The value of a preference (RFC 7240 §2): of the first one with this name, without quotes; empty when it has none.
pub(super) fn preference<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).find_map(|preference| {
        let preference = preference.split(';').next().unwrap_or_default();
        let (found, value) = preference.split_once('=').unwrap_or((preference, ""));
        found.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// RFC 9110 §8.3.1: what the content is, without parameters; empty when the field is absent.
pub(super) fn kind_of_content(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

/// RFC 8030 §5, §6: passed on with the message, as it came.
fn media_type(headers: &HeaderMap) -> Result<Option<Arc<str>>, Refusal> {
    let problem = "Content-Type is a media type of at most 255 characters";
    let value = text(headers, &CONTENT_TYPE, problem)?.filter(|value| !value.is_empty());
    let Some(value) = value else { return Ok(None) };
    let kind = kind_of_content(headers).split_once('/');
    let is_known = kind.is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    let is_good = is_known && value.len() <= MEDIA_TYPE_BYTES_MAX;
    is_good.then(|| Some(value.into())).ok_or(Refusal::Field(problem))
}

/// RFC 9110 §5.6.2
fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_tchar)
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let Some(name) = text(headers, &CONTENT_ENCODING, "send at most one Content-Encoding")? else {
        return Ok(Encoding::Unnamed);
    };
    // RFC 9110 §8.4.1: content codings are compared without regard to letter case.
    if name.eq_ignore_ascii_case("aes128gcm") {
        Ok(Encoding::Aes128gcm)
    } else if name.eq_ignore_ascii_case("aesgcm") {
        let encryption = parameter(headers, &ENCRYPTION, "aesgcm needs an Encryption header field")?;
        let crypto_key = parameter(headers, &CRYPTO_KEY, "aesgcm needs a Crypto-Key header field")?;
        Ok(Encoding::Aesgcm { encryption, crypto_key })
    } else {
        Err(Refusal::Encoding)
    }
}

fn parameter(headers: &HeaderMap, name: &HeaderName, problem: &'static str) -> Result<String, Refusal> {
    let value = text(headers, name, problem)?.filter(|value| value.len() <= PARAMETER_BYTES_MAX);
    value.map(str::to_owned).ok_or(Refusal::Field(problem))
}

fn one<T: FromStr>(
    headers: &HeaderMap,
    name: &HeaderName,
    problem: &'static str,
) -> Result<Option<T>, Refusal> {
    let value = text(headers, name, problem)?;
    value.map(|value| value.parse().map_err(|_| Refusal::Field(problem))).transpose()
}

fn text<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    problem: &'static str,
) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::Field(problem));
    }
    value.to_str().map(|value| Some(value.trim())).map_err(|_| Refusal::Field(problem))
}

/// RFC 8030 §5.2.
pub(super) const TTL: HeaderName = HeaderName::from_static("ttl");
/// RFC 8030 §5.3.
pub(super) const URGENCY: HeaderName = HeaderName::from_static("urgency");
/// RFC 7240.
const PREFER: HeaderName = HeaderName::from_static("prefer");
/// RFC 8030 §5.4.
const TOPIC: HeaderName = HeaderName::from_static("topic");
/// draft-ietf-webpush-encryption-04 §3.
pub(super) const ENCRYPTION: HeaderName = HeaderName::from_static("encryption");
/// draft-ietf-webpush-encryption-04 §4, and the key of draft-ietf-webpush-vapid-01.
pub(super) const CRYPTO_KEY: HeaderName = HeaderName::from_static("crypto-key");

/// RFC 6838 §4.2 has names of up to 127 characters on each side of the slash.
const MEDIA_TYPE_BYTES_MAX: usize = 255;
/// The parameters of `aesgcm` and of VAPID's draft take about 300.
const PARAMETER_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests;
