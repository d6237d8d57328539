//! HTTP requests to responses: the side of the application servers (RFC 8030 §5, §7; RFC 8292), and that of user agents
//! that read over HTTP (RFC 8030 §4, §6).
//!
//! Works on any request body, so that any HTTP implementation can bring requests; sockets and connections are in
//! [`crate::server`]. What becomes of a refusal on the wire is decided in [`reply`] alone.

mod aggregate;
mod body;
mod broadcast;
pub mod date;
pub mod delivery;
mod headers;
mod link;
mod message;
mod push;
mod receipt;
pub mod reply;
mod sender;
mod simple;
mod subscribe;

use std::net::IpAddr;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Body;

use self::delivery::Monitoring;
use self::reply::Refusal;
use crate::service::{
    AGGREGATE_PATH, AGGREGATES_PATH, BROADCAST_PATH, DELIVERY_PATH, MESSAGE_PATH, PUSH_PATH, RECEIPT_PATH,
    SET_PATH, SUBSCRIBE_PATH, SUBSCRIPTION_PATH, Service,
};

/// What becomes of a request.
#[derive(Debug)]
pub enum Answer {
    /// It is answered.
    Complete(Response<Full<Bytes>>),
    /// It stays open, and messages or receipts are delivered on it (RFC 8030 §6).
    Monitor(Monitoring),
}

/// Answers one request of `peer`.
pub async fn respond<B>(service: &Service, request: Request<B>, peer: IpAddr) -> Answer
where
    B: Body<Data = Bytes> + Unpin,
{
    let answer = route(service, request, peer).await;
    let mut response = match answer {
        Ok(Answer::Complete(response)) => response,
        Ok(monitor) => return monitor,
        Err(refusal) => refusal.response(),
    };
    reply::add_common_fields(response.headers_mut());
    Answer::Complete(response)
}

async fn route<B>(service: &Service, request: Request<B>, peer: IpAddr) -> Result<Answer, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let path = request.uri().path();
    if let Some(token) = path.strip_prefix(PUSH_PATH) {
        let token = token.to_owned();
        return push_resource(service, request, &token, peer).await.map(Answer::Complete);
    }
    if let Some(token) = path.strip_prefix(DELIVERY_PATH) {
        return delivered_resource(service, &request, token).await.map(Answer::Complete);
    }
    if let Some(token) = path.strip_prefix(MESSAGE_PATH) {
        return message_resource(service, &request, token).await.map(Answer::Complete);
    }
    if let Some(token) = path.strip_prefix(SUBSCRIPTION_PATH) {
        return subscription_resource(service, &request, token).await;
    }
    if let Some(token) = path.strip_prefix(SET_PATH) {
        return set_resource(service, &request, token).await;
    }
    if let Some(token) = path.strip_prefix(AGGREGATE_PATH) {
        let token = token.to_owned();
        return aggregate::resource(service, request, &token, peer).await.map(Answer::Complete);
    }
    if let Some(token) = path.strip_prefix(RECEIPT_PATH) {
        return receipt_resource(service, &request, token).await;
    }
    if let Some(rest) = path.strip_prefix(BROADCAST_PATH) {
        let rest = rest.to_owned();
        return broadcast::respond(service, request, &rest).await.map(Answer::Complete);
    }
    if path == AGGREGATES_PATH {
        return aggregate::collection(service, request, peer).await.map(Answer::Complete);
    }
    if path == SUBSCRIBE_PATH {
        return subscribe_resource(service, request, peer).await.map(Answer::Complete);
    }
    Err(Refusal::Unknown)
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
) -> Result<Answer, Refusal> {
    match *request.method() {
        Method::GET => delivery::of_receipts(service, request.headers(), token).await.map(Answer::Monitor),
        Method::DELETE => receipt::remove(service, token).await.map(Answer::Complete),
        Method::OPTIONS => Ok(Answer::Complete(reply::preflight())),
        _ => Err(Refusal::Method("GET, DELETE, OPTIONS")),
    }
}

async fn subscribe_resource<B>(
    service: &Service,
    request: Request<B>,
    peer: IpAddr,
) -> Result<Response<Full<Bytes>>, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    match *request.method() {
        Method::POST => subscribe::subscribe(service, request, peer).await,
        Method::OPTIONS => Ok(reply::preflight()),
        _ => Err(Refusal::Method("POST, OPTIONS")),
    }
}

async fn subscription_resource<B>(
    service: &Service,
    request: &Request<B>,
    token: &str,
) -> Result<Answer, Refusal> {
    match *request.method() {
        Method::GET => {
            delivery::of_subscription(service, request.headers(), token).await.map(Answer::Monitor)
        }
        Method::DELETE => subscribe::remove(service, token).await.map(Answer::Complete),
        Method::OPTIONS => Ok(Answer::Complete(reply::preflight())),
        _ => Err(Refusal::Method("GET, DELETE, OPTIONS")),
    }
}

async fn set_resource<B>(service: &Service, request: &Request<B>, token: &str) -> Result<Answer, Refusal> {
    match *request.method() {
        Method::GET => delivery::of_set(service, request.headers(), token).await.map(Answer::Monitor),
        Method::DELETE => subscribe::remove_set(service, token).await.map(Answer::Complete),
        Method::OPTIONS => Ok(Answer::Complete(reply::preflight())),
        _ => Err(Refusal::Method("GET, DELETE, OPTIONS")),
    }
}

async fn delivered_resource<B>(
    service: &Service,
    request: &Request<B>,
    token: &str,
) -> Result<Response<Full<Bytes>>, Refusal> {
    match *request.method() {
        Method::GET => delivery::fetch(service, token).await,
        Method::DELETE => delivery::acknowledge(service, token).await,
        Method::OPTIONS => Ok(reply::preflight()),
        _ => Err(Refusal::Method("GET, DELETE, OPTIONS")),
    }
}

/// UnifiedPush (server specification, SERV_1.2): a GET tells an application server that this is a push resource. The
/// `gateway` field is for gateways from other protocols, which this is not.
async fn discover(service: &Service, token: &str) -> Result<Response<Full<Bytes>>, Refusal> {
    push::find(service, push::open(service, token)?).await?;
    Ok(reply::json(StatusCode::OK, "application/json", r#"{"unifiedpush":{"version":1}}"#.to_owned()))
}

#[cfg(test)]
mod tests;
