//! The side of the application servers: HTTP requests to responses (RFC 8030 §5, §7; RFC 8292).
//!
//! Works on any request body, so that any HTTP implementation can bring requests; sockets and connections are in
//! [`crate::server`]. What becomes of a refusal on the wire is decided in [`reply`] alone.

mod aggregate;
mod body;
mod broadcast;
mod headers;
mod link;
mod message;

mod push;
mod receipt;
pub mod reply;
mod sender;
mod simple;

use std::net::IpAddr;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Body;

use self::reply::Refusal;
use crate::service::{
    AGGREGATE_PATH, AGGREGATES_PATH, BROADCAST_PATH, MESSAGE_PATH, PUSH_PATH, RECEIPT_PATH, Service,
};

/// Answers one request of `peer`.
pub async fn respond<B>(service: &Service, request: Request<B>, peer: IpAddr) -> Response<Full<Bytes>>
where
    B: Body<Data = Bytes> + Unpin,
{
    let path = request.uri().path();
    let answer = if let Some(token) = path.strip_prefix(PUSH_PATH) {
        let token = token.to_owned();
        push_resource(service, request, &token, peer).await
    } else if let Some(token) = path.strip_prefix(MESSAGE_PATH) {
        let token = token.to_owned();
        message_resource(service, &request, &token).await
    } else if let Some(token) = path.strip_prefix(AGGREGATE_PATH) {
        let token = token.to_owned();
        aggregate::resource(service, request, &token, peer).await
    } else if path == AGGREGATES_PATH {
        aggregate::collection(service, request, peer).await
    } else if let Some(token) = path.strip_prefix(RECEIPT_PATH) {
        let token = token.to_owned();
        receipt_resource(service, &request, &token).await
    } else if let Some(rest) = path.strip_prefix(BROADCAST_PATH) {
        let rest = rest.to_owned();
        broadcast::respond(service, request, &rest).await
    } else {
        Err(Refusal::Unknown)
    };
    let mut response = answer.unwrap_or_else(|refusal| refusal.response());
    reply::add_common_fields(response.headers_mut());
    response
}

async fn push_resource<B>(
    service: &Service,
    request: Request<B>,
    token: &str,
    peer: IpAddr,
) -> Result<Response<Full<Bytes>>, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    match *request.method() {
        Method::POST => push::accept(service, request, token, peer).await,
        Method::GET => discover(service, token).await,
        Method::PUT => simple::accept(service, request, token, peer).await,
        Method::OPTIONS => Ok(reply::preflight()),
        _ => Err(Refusal::Method("GET, POST, PUT, OPTIONS")),
    }
}

async fn message_resource<B>(
    service: &Service,
    request: &Request<B>,
    token: &str,
) -> Result<Response<Full<Bytes>>, Refusal> {
    match *request.method() {
        Method::DELETE => message::revoke(service, token).await,
        Method::OPTIONS => Ok(reply::preflight()),
        _ => Err(Refusal::Method("DELETE, OPTIONS")),
    }
}

async fn receipt_resource<B>(
    service: &Service,
    request: &Request<B>,
    token: &str,
) -> Result<Response<Full<Bytes>>, Refusal> {
    match *request.method() {
        Method::DELETE => receipt::remove(service, token).await,
        Method::OPTIONS => Ok(reply::preflight()),
        _ => Err(Refusal::Method("DELETE, OPTIONS")),
    }
}

/// UnifiedPush: a GET tells an application server that this is a push resource.
async fn discover(service: &Service, token: &str) -> Result<Response<Full<Bytes>>, Refusal> {
    push::find(service, token).await?;
    Ok(reply::json(StatusCode::OK, "application/json", r#"{"unifiedpush":{"version":1}}"#.to_owned()))
}

#[cfg(test)]
mod tests;
