//! Answers of HTTP and their headers.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use serde_json::Value;

use crate::reply::Problem;

/// The body of an answer. An error ends the connection, so that nobody takes a part for the whole.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An answer with nothing in it.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = status;
    answer
}

/// An answer of a media type.
pub(crate) fn full(status: StatusCode, media_type: &'static str, bytes: Bytes) -> Response<Body> {
    let mut answer = Response::new(Full::new(bytes).map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}

/// An answer with JSON that no cache may keep.
pub(crate) fn json(status: StatusCode, value: &Value) -> Response<Body> {
    let mut answer = full(status, "application/json", Bytes::from(value.to_string()));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// An answer that says what is wrong (RFC 7807).
pub(crate) fn problem(problem: &Problem) -> Response<Body> {
    let bytes = Bytes::from(problem.body().to_string());
    let mut answer = full(problem.status(), "application/problem+json", bytes);
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if problem.status() == StatusCode::SERVICE_UNAVAILABLE {
        retry_after(&mut answer, RETRY_AFTER);
    }
    answer
}

/// Says when it is worth trying again.
pub(crate) fn retry_after(answer: &mut Response<Body>, wait: Duration) {
    let seconds = wait.as_secs().saturating_add(1);
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
}

/// Lets pages of every origin ask: they have to show a password or token, which no browser sends by itself.
pub(crate) fn allow_origins(answer: &mut Response<Body>) {
    let headers: [(HeaderName, &'static str); 5] = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PATCH, DELETE, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, Last-Event-ID"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Retry-After, WWW-Authenticate"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    for (name, value) in headers {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    // What a message holds is never to run as a page of this origin.
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// What passes, passes soon.
const RETRY_AFTER: Duration = Duration::from_secs(9);
