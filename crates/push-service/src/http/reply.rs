//! Refusals and the fields that all responses have: the one place where an error becomes an HTTP answer.

use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;

use crate::storage::StorageError;

/// Why a request is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such resource, and there never was.
    Unknown,
    /// The subscription or message is no longer there.
    Gone,
    /// The resource does not know this method; these it knows.
    Method(&'static str),
    /// A header field is absent or breaks its grammar.
    Field(&'static str),
    /// RFC 8292 §4.2: no credentials, or unreadable ones.
    Unauthorized,
    /// RFC 8292 §4.2: the credentials do not allow this.
    Forbidden,
    /// RFC 8030 §7.2: the body is over the limit.
    TooLarge,
    /// A content coding that no agent understands.
    Encoding,
    /// RFC 6750 §3: the operator's token is missing or wrong.
    Bearer,
    /// A body of a kind that the resource does not read.
    MediaType,
    /// The body did not come in time.
    BodyTimeout,
    /// The body broke off.
    BodyBroken,
    /// RFC 8030 §8.4: this subscription or this sender gets too much.
    TooMany(Duration),
    /// The subscription is full of more urgent messages.
    Full,
    /// The subscription set has as many subscriptions as it may have.
    SetFull,
    /// The storage can't take it now.
    Unavailable,
}

impl Refusal {
    /// The status code.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Gone => StatusCode::GONE,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Field(_) | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::Unauthorized | Self::Bearer => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Encoding | Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::TooMany(_) | Self::Full | Self::SetFull => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// A word for log and metrics.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Gone => "gone",
            Self::Method(_) => "method",
            Self::Field(_) => "bad_field",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::TooLarge => "too_large",
            Self::Encoding => "encoding",
            Self::Bearer => "bearer",
            Self::MediaType => "media_type",
            Self::BodyTimeout => "body_timeout",
            Self::BodyBroken => "body_broken",
            Self::TooMany(_) => "rate",
            Self::Full => "full",
            Self::SetFull => "set_full",
            Self::Unavailable => "unavailable",
        }
    }

    /// The answer, with a problem document (RFC 9457).
    #[must_use]
    pub fn response(self) -> Response<Full<Bytes>> {
        let status = self.status();
        let problem = serde_json::json!({
            "status": status.as_u16(),
            "title": status.canonical_reason().unwrap_or_default(),
            "detail": self.detail(),
        });
        let mut response = json(status, "application/problem+json", problem.to_string());
        let headers = response.headers_mut();
        match self {
            // RFC 9110 §15.5.6
            Self::Method(allowed) => drop(headers.insert(ALLOW, HeaderValue::from_static(allowed))),
            // RFC 9110 §15.5.2, RFC 8292 §3
            Self::Unauthorized => {
                drop(headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("vapid")));
            }
            Self::Bearer => drop(headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            // RFC 8030 §8.4
            Self::TooMany(wait) => retry_after(headers, wait),
            Self::Full | Self::SetFull => retry_after(headers, FULL_RETRY_AFTER),
            Self::Unavailable => retry_after(headers, UNAVAILABLE_RETRY_AFTER),
            // What never existed may be asked for again after a repair; what is gone stays gone.
            Self::Gone => drop(headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=86400"))),
            _ => {}
        }
        response
    }

    const fn detail(self) -> &'static str {
        match self {
            Self::Unknown => "there is no such resource",
            Self::Gone => "it has been removed or has expired; do not use it again",
            Self::Method(_) => "the resource does not have this method",
            Self::Field(field) => field,
            Self::Unauthorized => "send `Authorization: vapid t=..., k=...` (RFC 8292)",
            Self::Forbidden => "the VAPID token is wrong or signed with another key than the subscription's",
            Self::TooLarge => "the message is too large",
            Self::Encoding => "use Content-Encoding aes128gcm (RFC 8291)",
            Self::Bearer => "send `Authorization: Bearer ...` with the operator's token",
            Self::MediaType => "the resource does not read this media type",
            Self::BodyTimeout => "the message came too slowly",
            Self::BodyBroken => "the message broke off",
            Self::TooMany(_) => "too many messages",
            Self::Full => "the subscription is full of more urgent messages",
            Self::SetFull => "the subscription set is full; remove subscriptions or begin another set",
            Self::Unavailable => "try again later",
        }
    }
}

impl From<StorageError> for Refusal {
    fn from(StorageError::Unavailable(_): StorageError) -> Self {
        Self::Unavailable
    }
}

/// A response with a short document.
#[must_use]
pub fn json(status: StatusCode, media_type: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = empty(status);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    *response.body_mut() = Full::from(text);
    response
}

/// A response without content.
#[must_use]
pub fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// The answer to a browser's preflight: pages of any origin may post, as with the browsers' own push services.
#[must_use]
pub fn preflight() -> Response<Full<Bytes>> {
    let mut response = empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    let fields = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, PATCH, DELETE, OPTIONS"),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "Authorization, Content-Encoding, Content-Type, Crypto-Key, Encryption, Link, Prefer, TTL, Topic, Urgency",
        ),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    for (name, value) in fields {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What every response says to browsers.
pub fn add_common_fields(headers: &mut HeaderMap) {
    let fields: [(HeaderName, &'static str); 7] = [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_EXPOSE_HEADERS, "Location, Link, TTL, Retry-After, WWW-Authenticate"),
        // Nothing here is a page; what is shown as one all the same can do nothing.
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
        ),
        (X_FRAME_OPTIONS, "DENY"),
        // Pages that are isolated from other origins may read the answers too.
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fields {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// RFC 9110 §10.2.3, in whole seconds, rounded up.
fn retry_after(headers: &mut HeaderMap, wait: Duration) {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
}

const FULL_RETRY_AFTER: Duration = Duration::from_secs(600);
const UNAVAILABLE_RETRY_AFTER: Duration = Duration::from_secs(10);
