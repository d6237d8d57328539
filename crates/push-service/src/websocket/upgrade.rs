//! The opening handshake (RFC 6455 §4.2), within an HTTP/1.1 request.

use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Version};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// What a request is to the WebSocket side.
#[derive(Debug, PartialEq, Eq)]
pub enum Handshake {
    /// An ordinary request.
    None,
    /// A wish for a WebSocket that can be granted with this `Sec-WebSocket-Accept`.
    Accept(HeaderValue),
    /// A wish for one that can't.
    Refuse(StatusCode),
}

/// Judges a request's head. No subprotocol is chosen, whatever is offered: Firefox accepts that.
#[must_use]
pub fn judge<B>(request: &Request<B>) -> Handshake {
    let headers = request.headers();
    let wanted = request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && lists(headers, &CONNECTION, "upgrade")
        && lists(headers, &UPGRADE, "websocket");
    if !wanted {
        return Handshake::None;
    }
    // RFC 6455 §4.2.2 item 4: another version is answered with 426 and the version that is spoken.
    if headers.get(SEC_WEBSOCKET_VERSION).map(HeaderValue::as_bytes) != Some(b"13") {
        return Handshake::Refuse(StatusCode::UPGRADE_REQUIRED);
    }
    // RFC 6455 §4.2.1 item 5: 16 bytes in base64.
    match headers.get(SEC_WEBSOCKET_KEY).filter(|key| key.len() == KEY_CHARACTERS) {
        Some(key) => match HeaderValue::try_from(derive_accept_key(key.as_bytes())) {
            Ok(accept) => Handshake::Accept(accept),
            Err(_) => Handshake::Refuse(StatusCode::BAD_REQUEST),
        },
        None => Handshake::Refuse(StatusCode::BAD_REQUEST),
    }
}

/// The header fields of a 101 answer.
#[must_use]
pub fn accepting(accept: HeaderValue) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(3);
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    headers
}

fn lists(headers: &HeaderMap, name: &http::HeaderName, wanted: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|token| token.trim().eq_ignore_ascii_case(wanted))
}

const KEY_CHARACTERS: usize = 24;

#[cfg(test)]
mod tests;
