//! The JSON of aggregates (draft-thomson-webpush-aggregate-00 §3.2): an object with a member for each push resource,
//! whose value has its terms. `ttl`, in seconds, is an addition of ours to the draft's `expires`.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::{Map, Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::timestamp;
use crate::aggregate::{Membership, Setting, Terms};
use crate::http::reply::{self, Refusal};

/// What a document says of one push resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// It is a member on these terms.
    Put(Terms),
    /// It is none.
    Remove,
}

/// A push resource that was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) resource: String,
    pub(super) why: Refusal,
}

/// Reads a document or a merge patch of one (RFC 7396 §2).
pub(super) fn parse(body: &[u8]) -> Result<Vec<(String, Entry)>, Refusal> {
    let object: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| Refusal::Field("send a JSON object of push resources"))?;
    object.into_iter().map(|(resource, value)| Ok((resource, entry(&value)?))).collect()
}

fn entry(value: &Value) -> Result<Entry, Refusal> {
    let terms = match value {
        Value::Null => return Ok(Entry::Remove),
        Value::Object(terms) => terms,
        _ => return Err(Refusal::Field("the value of a push resource is an object or null")),
    };
    if terms.contains_key("encrypted_key") {
        return Err(Refusal::Field("encrypted_key is not supported: all members get the same body"));
    }
    let expires = setting(terms, "expires", |value| timestamp::parse(value.as_str()?))
        .ok_or(Refusal::Field("expires is a date and time of RFC 3339"))?;
    let ttl_max = setting(terms, "ttl", |value| value.as_u64().map(Duration::from_secs))
        .ok_or(Refusal::Field("ttl is a number of seconds"))?;
    Ok(Entry::Put(Terms { expires, ttl_max }))
}

/// One term; `None` when it is of the wrong kind.
fn setting<T>(
    terms: &Map<String, Value>,
    name: &str,
    read: impl Fn(&Value) -> Option<T>,
) -> Option<Setting<T>> {
    match terms.get(name) {
        None => Some(Setting::Unchanged),
        Some(Value::Null) => Some(Setting::To(None)),
        Some(value) => Some(Setting::To(Some(read(value)?))),
    }
}

/// The terms of a member, as they are listed.
pub(super) fn terms(membership: &Membership) -> Value {
    let mut terms = Map::new();
    if let Some(expires) = membership.expires {
        terms.insert("expires".into(), timestamp::format(expires).into());
    }
    if let Some(ttl) = membership.ttl_max {
        terms.insert("ttl".into(), ttl.as_secs().into());
    }
    Value::Object(terms)
}

/// The members of an aggregate.
pub(super) fn list(members: &BTreeMap<String, Value>, place: OwnedSemaphorePermit) -> Response<Full<Bytes>> {
    let text = json!(members).to_string();
    respond(StatusCode::OK, "application/push-aggregation+json", text, Some(place))
}

/// What became of a document or of a message to all members.
pub(super) struct Report(Map<String, Value>);

impl Report {
    /// How many were taken, under this name, and who was refused with what status.
    pub(super) fn new(taken: &str, count: u64, refused: &[Refused]) -> Self {
        let refused: Vec<_> = refused
            .iter()
            .map(|refused| json!({"resource": refused.resource, "status": refused.why.status().as_u16()}))
            .collect();
        let mut report = Map::new();
        report.insert(taken.to_owned(), count.into());
        report.insert("refused".to_owned(), refused.into());
        Self(report)
    }

    /// The same with the message of each member.
    pub(super) fn with_messages(mut self, messages: Map<String, Value>) -> Self {
        self.0.insert("messages".to_owned(), messages.into());
        self
    }

    pub(super) fn response(
        self,
        status: StatusCode,
        place: Option<OwnedSemaphorePermit>,
    ) -> Response<Full<Bytes>> {
        respond(status, "application/json", Value::Object(self.0).to_string(), place)
    }
}

/// A text that gives its place back when it has been sent, or nobody wants it any more.
struct Placed {
    text: String,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Placed {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

fn respond(
    status: StatusCode,
    media_type: &'static str,
    text: String,
    place: Option<OwnedSemaphorePermit>,
) -> Response<Full<Bytes>> {
    let Some(place) = place else { return reply::json(status, media_type, text) };
    let body = Bytes::from_owner(Placed { text, _place: place });
    reply::json(status, media_type, String::new()).map(|_| Full::new(body))
}

#[cfg(test)]
mod tests;
