//! JMAP over WebSocket (RFC 8887): requests with ids, and changes pushed on the same connection.
//!
//! One request of a connection runs at a time, so that answers come in the order of the requests and a flood waits in the
//! client's own buffers. Limits: a message as large as a request to the API, connections as event sources.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use admission::places::Place;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{self, HeaderValue};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use store::{AccountId, TypeStates};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::answer::{self, Body};
use super::api;
use super::clients::Client;
use super::events::{TYPES, changed, event_id, parse_id};
use super::route;
use crate::reply::Problem;
use crate::server::Inner;
use crate::wire::request::{self, RequestError};
use crate::wire::{id, json};

/// Answers the opening handshake, and serves the connection from then on.
pub(crate) fn open(
    server: &Arc<Inner>,
    client: &Client,
    origin: String,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Problem> {
    let accept = judge(request.headers())?;
    let why = "too many connections of this account";
    let place = server.events.take(client.access.owner());
    let place = place.ok_or(Problem::Status(StatusCode::TOO_MANY_REQUESTS, why))?;
    let upgrading = hyper::upgrade::on(&mut request);
    let (shared, client) = (Arc::clone(server), client.clone());
    server.sockets.spawn(async move { serve(shared, client, origin, (upgrading, place)).await });
    let mut answer = answer::empty(StatusCode::SWITCHING_PROTOCOLS);
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    Ok(answer)
}

/// The `Sec-WebSocket-Accept` for a wish that can be granted.
fn judge(headers: &HeaderMap) -> Result<HeaderValue, Problem> {
    let refused = |status, why| Err(Problem::Status(status, why));
    if !lists(headers, &header::CONNECTION, "upgrade") || !lists(headers, &header::UPGRADE, "websocket") {
        return refused(StatusCode::UPGRADE_REQUIRED, "this is for WebSockets");
    }
    if headers.get(header::SEC_WEBSOCKET_VERSION).map(HeaderValue::as_bytes) != Some(b"13") {
        return refused(StatusCode::UPGRADE_REQUIRED, "version 13 is spoken");
    }
    // RFC 8887 §4.1
    if !lists(headers, &header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        return refused(StatusCode::BAD_REQUEST, "the subprotocol jmap is not offered");
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|key| key.len() == KEY_CHARACTERS);
    let accept = key.and_then(|key| HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok());
    accept.ok_or(Problem::Status(StatusCode::BAD_REQUEST, "no Sec-WebSocket-Key"))
}

fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case(wanted))
}

/// A connection.
struct Socket {
    server: Arc<Inner>,
    client: Client,
    /// Where the client came to.
    origin: String,
    stream: WebSocketStream<TokioIo<Upgraded>>,
    watch: bus::Watch,
    push: Option<Push>,
}

/// What the client wants to be pushed.
struct Push {
    told: TypeStates,
    types: Vec<&'static str>,
}

/// Why a connection ends.
enum End {
    /// The client has gone, or does not read.
    Gone,
    /// With this code.
    Close(CloseCode),
}

async fn serve(
    server: Arc<Inner>,
    client: Client,
    origin: String,
    (upgrading, _place): (OnUpgrade, Place<AccountId>),
) {
    let Ok(Ok(upgraded)) = timeout(PATIENCE, upgrading).await else { return };
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(server.options.limits.request_bytes))
        .max_frame_size(Some(server.options.limits.request_bytes));
    let stream = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let watch = server.bus.watch(client.access.owner().0);
    let mut socket = Socket { server, client, origin, stream, watch, push: None };
    let end = socket.run().await;
    if let End::Close(code) = end {
        let frame = CloseFrame { code, reason: Utf8Bytes::default() };
        // A client that does not read is not waited for.
        let _ = timeout(PATIENCE, socket.stream.close(Some(frame))).await;
    }
}

impl Socket {
    async fn run(&mut self) -> End {
        let (end, stop) = (self.client.end.clone(), self.server.stop.clone());
        let (mut heard, mut is_pinged) = (Instant::now(), false);
        loop {
            let patience = if is_pinged { SILENCE } else { SILENCE / 2 };
            let is_pushing = self.push.is_some();
            // Each of these is cancel-safe: frames and wakes that are not taken stay.
            let done = tokio::select! {
                message = self.stream.next() => {
                    (heard, is_pinged) = (Instant::now(), false);
                    self.hear(message).await
                }
                () = wake(&mut self.watch, is_pushing) => self.tell().await,
                () = tokio::time::sleep_until(heard + patience) => match is_pinged {
                    true => Err(End::Close(CloseCode::Away)),
                    false => {
                        is_pinged = true;
                        self.send(Message::Ping(bytes::Bytes::new())).await
                    }
                },
                () = end.cancelled() => Err(End::Close(CloseCode::Policy)),
                () = stop.cancelled() => Err(End::Close(CloseCode::Away)),
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    async fn hear(&mut self, message: Option<Result<Message, Error>>) -> Result<(), End> {
        match message {
            Some(Ok(Message::Text(text))) => self.take(text.as_bytes()).await,
            // RFC 8887 §4.2
            Some(Ok(Message::Binary(_))) => Err(End::Close(CloseCode::Unsupported)),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(()),
            Some(Err(Error::Capacity(_))) => Err(End::Close(CloseCode::Size)),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Gone),
        }
    }

    async fn take(&mut self, text: &[u8]) -> Result<(), End> {
        let value = match json::parse(text) {
            Ok(value) => value,
            Err(error) => return self.refuse(None, &Problem::from(RequestError::from(error))).await,
        };
        let request_id = value.get("id").and_then(Value::as_str).map(str::to_owned);
        match value.get("@type").and_then(Value::as_str) {
            Some("Request") => match answered(&self.server, &self.client, &self.origin, value).await {
                Ok(mut response) => {
                    response.insert("@type".to_owned(), Value::from("Response"));
                    if let Some(id) = request_id {
                        response.insert("requestId".to_owned(), Value::String(id));
                    }
                    self.say(Value::Object(response)).await
                }
                Err(problem) => self.refuse(request_id, &problem).await,
            },
            Some("WebSocketPushEnable") => self.enable(&value).await,
            Some("WebSocketPushDisable") => {
                self.push = None;
                Ok(())
            }
            _ => {
                let why = "\"@type\" is not that of a message".to_owned();
                self.refuse(request_id, &Problem::NotRequest(why)).await
            }
        }
    }

    /// RFC 8887 §4.3.5.2: from a pushState on, or from now on.
    async fn enable(&mut self, value: &Value) -> Result<(), End> {
        let types = match value.get("dataTypes") {
            None | Some(Value::Null) => TYPES.to_vec(),
            Some(Value::Array(names)) => {
                TYPES.into_iter().filter(|known| names.iter().any(|name| name == known)).collect()
            }
            Some(_) => {
                let why = "\"dataTypes\" is neither null nor a list".to_owned();
                return self.refuse(None, &Problem::NotRequest(why)).await;
            }
        };
        let now = self.server.store.type_states(&self.client.access).await;
        let now = now.map_err(|_| End::Close(CloseCode::Error))?;
        let told = value.get("pushState").and_then(Value::as_str).and_then(|id| parse_id(id, now.epoch));
        self.push = Some(Push { told: told.unwrap_or(now), types });
        self.tell().await
    }

    /// Pushes what has changed since it was last told.
    async fn tell(&mut self) -> Result<(), End> {
        let Some(push) = &mut self.push else { return Ok(()) };
        let now = self.server.store.type_states(&self.client.access).await;
        let now = now.map_err(|_| End::Close(CloseCode::Error))?;
        let before = std::mem::replace(&mut push.told, now);
        let changed = changed(&before, &now, &push.types);
        if changed.is_empty() {
            return Ok(());
        }
        let account = id::of_account(self.client.access.owner());
        self.say(
            json!({ "@type": "StateChange", "changed": { account: changed }, "pushState": event_id(&now) }),
        )
        .await
    }

    // RFC 8887 §4.3.4
    async fn refuse(&mut self, request_id: Option<String>, problem: &Problem) -> Result<(), End> {
        let mut body = problem.body();
        if let Some(fields) = body.as_object_mut() {
            fields.insert("@type".to_owned(), Value::from("RequestError"));
            fields.insert("requestId".to_owned(), json!(request_id));
        }
        self.say(body).await
    }

    async fn say(&mut self, value: Value) -> Result<(), End> {
        self.send(Message::text(value.to_string())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(PATIENCE, self.stream.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }
}

/// The Response object to a request.
async fn answered(
    server: &Inner,
    client: &Client,
    origin: &str,
    value: Value,
) -> Result<Map<String, Value>, Problem> {
    let place = server.requests.take(client.access.owner());
    let _place = place.ok_or(Problem::Limit("maxConcurrentRequests"))?;
    let request = request::Request::from_value(value)?;
    // The connection may outlive the key that its session showed first.
    let session_state = client.session_state(&route::subject(server, client, origin));
    match api::answered(server, client, session_state, request).await? {
        Value::Object(fields) => Ok(fields),
        _ => Ok(Map::new()),
    }
}

async fn wake(watch: &mut bus::Watch, is_pushing: bool) {
    if is_pushing { watch.changed().await } else { pending().await }
}

/// RFC 8887 §4.1
const SUBPROTOCOL: &str = "jmap";
const KEY_CHARACTERS: usize = 24;
/// The default of 128 KiB for each connection is too much.
const BUFFER_BYTES: usize = 4096;
/// How long a client may take to read what it is sent.
const PATIENCE: Duration = Duration::from_secs(60);
/// A client that says nothing for so long, not even to a ping after half of it, has gone.
const SILENCE: Duration = Duration::from_secs(600);
