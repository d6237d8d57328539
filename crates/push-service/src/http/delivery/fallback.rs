//! Messages for a peer that takes no server push (HTTP/1.1, or SETTINGS_ENABLE_PUSH = 0): one response that goes on, as
//! server-sent events or as `multipart/mixed`. What a promise would hold, its path included, stands in each event or
//! part; acknowledging is the same `DELETE`.
//!
//! A part is closed by its delimiter at once, so that a reader that waits for it need not wait for the next message; a
//! part without fields says only that the service is there.

use std::collections::VecDeque;
use std::pin::Pin;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_LOCATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value};

use super::feed::{End, Next};
use super::promise::Promise;
use super::{Feed, Form, Monitoring, Wait};
use crate::http::reply;
use crate::id::{ChannelId, NoEntropy};

/// The pieces of a response that goes on.
pub type Pieces = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// How one response writes what it is given.
#[derive(Debug)]
enum Writer {
    EventStream,
    Multipart { boundary: String, begun: bool },
}

struct Open {
    feed: Feed,
    writer: Writer,
    first: VecDeque<Next>,
    ended: bool,
}

/// The response to a request for messages. `first` is what has been taken out of the feed already, because it could
/// not be pushed. With `Prefer: wait=0` and nothing there it is 204 (RFC 8030 §6), else 200 and a stream of pieces.
pub async fn respond(
    mut feed: Feed,
    wish: &Monitoring,
    first: Option<Promise>,
) -> (Response<()>, Option<Pieces>) {
    let mut waiting: VecDeque<_> = first.map(Next::Promise).into_iter().collect();
    if wish.wait == Wait::Not && waiting.is_empty() {
        match feed.next().await {
            Next::End(end) => return (end.response(0).map(drop), None),
            next => waiting.push_back(next),
        }
    }
    let Ok(writer) = Writer::new(wish.form) else {
        return (head(StatusCode::SERVICE_UNAVAILABLE, None), None);
    };
    let response = head(StatusCode::OK, HeaderValue::try_from(writer.media_type()).ok());
    let open = Open { feed, writer, first: waiting, ended: false };
    (response, Some(Box::pin(stream::unfold(open, Open::piece))))
}

fn head(status: StatusCode, media_type: Option<HeaderValue>) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = status;
    let fields = response.headers_mut();
    reply::add_common_fields(fields);
    if let Some(media_type) = media_type {
        fields.insert(CONTENT_TYPE, media_type);
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // Proxies that collect a response before they pass it on would never pass this one on.
        fields.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    }
    response
}

impl Open {
    async fn piece(mut self) -> Option<(Bytes, Self)> {
        if self.ended {
            return None;
        }
        // Shows the peer that it is being served before the first message comes.
        if let Some(opening) = self.writer.opening() {
            return Some((opening, self));
        }
        let next = match self.first.pop_front() {
            Some(next) => next,
            None => self.feed.next().await,
        };
        let piece = match &next {
            Next::Promise(promise) => self.writer.promise(promise),
            Next::Quiet => self.writer.quiet(),
            Next::End(end) => {
                self.ended = true;
                self.writer.end(*end, self.feed.delivered())
            }
        };
        Some((piece, self))
    }
}

impl Writer {
    fn new(form: Form) -> Result<Self, NoEntropy> {
        match form {
            Form::EventStream => Ok(Self::EventStream),
            // 122 random bits stand in no message.
            Form::Promises | Form::Multipart => {
                ChannelId::random().map(|id| Self::Multipart { boundary: id.to_string(), begun: false })
            }
        }
    }

    fn media_type(&self) -> String {
        match self {
            Self::EventStream => "text/event-stream".to_owned(),
            Self::Multipart { boundary, .. } => format!("multipart/mixed; boundary=\"{boundary}\""),
        }
    }

    fn opening(&mut self) -> Option<Bytes> {
        match self {
            Self::Multipart { boundary, begun } if !*begun => {
                *begun = true;
                Some(Bytes::from(format!("--{boundary}")))
            }
            _ => None,
        }
    }

    fn promise(&self, promise: &Promise) -> Bytes {
        match self {
            Self::EventStream => event(promise),
            Self::Multipart { boundary, .. } => part(promise, boundary),
        }
    }

    fn quiet(&self) -> Bytes {
        match self {
            Self::EventStream => Bytes::from_static(b":\n\n"),
            Self::Multipart { boundary, .. } => Bytes::from(format!("\r\n\r\n\r\n--{boundary}")),
        }
    }

    fn end(&self, end: End, delivered: u64) -> Bytes {
        match self {
            Self::EventStream => {
                let status = end.response(delivered).status().as_u16();
                Bytes::from(format!("event: end\ndata: {{\"status\":{status}}}\n\n"))
            }
            Self::Multipart { .. } => Bytes::from_static(b"--\r\n"),
        }
    }
}

fn event(promise: &Promise) -> Bytes {
    let headers: Map<String, Value> = fields(promise.response.headers())
        .map(|(name, value)| (name.as_str().to_owned(), Value::from(value)))
        .collect();
    let message = serde_json::json!({
        "url": promise.path,
        "status": promise.response.status().as_u16(),
        "headers": headers,
        "body": URL_SAFE_NO_PAD.encode(promise.response.body()),
    });
    Bytes::from(format!("data: {message}\n\n"))
}

fn part(promise: &Promise, boundary: &str) -> Bytes {
    let body = promise.response.body();
    let mut part = BytesMut::with_capacity(PART_FIELDS_BYTES + body.len());
    let mut line = |name: &str, value: &str| {
        for text in ["\r\n", name, ": ", value] {
            part.extend_from_slice(text.as_bytes());
        }
    };
    line(CONTENT_LOCATION.as_str(), &promise.path);
    if promise.response.status() != StatusCode::OK {
        line("status", promise.response.status().as_str());
    }
    for (name, value) in fields(promise.response.headers()) {
        line(name.as_str(), value);
    }
    part.extend_from_slice(b"\r\n\r\n");
    part.extend_from_slice(body);
    part.extend_from_slice(b"\r\n--");
    part.extend_from_slice(boundary.as_bytes());
    part.freeze()
}

fn fields(headers: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &str)> {
    // What the service sends is text.
    headers.iter().filter_map(|(name, value)| Some((name, value.to_str().ok()?)))
}

const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// About what the fields of a part take.
const PART_FIELDS_BYTES: usize = 512;

#[cfg(test)]
mod tests;
