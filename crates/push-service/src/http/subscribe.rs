//! Subscriptions over HTTP: `POST /subscribe` makes one (RFC 8030 §4, RFC 8292 §4), `DELETE` removes it or its set
//! (RFC 8030 §7.3).

use std::net::IpAddr;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, LINK, LOCATION};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Body;
use serde::Deserialize;
use webpush::key::PublicKey;

use super::reply::{self, Refusal};
use super::{body, headers, link};
use crate::id::{AgentId, ChannelId};
use crate::message::Subscription;
use crate::service::{SET_PATH, Service};
use crate::storage::{Registered, Registration};

/// `POST /subscribe`: a new subscription, in a set of its own or in the one that a `Link` field names.
pub(super) async fn subscribe<B>(
    service: &Service,
    request: Request<B>,
    peer: IpAddr,
) -> Result<Response<Full<Bytes>>, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let now = service.now();
    service.admit_new_subscription(peer).map_err(Refusal::TooMany)?;
    let (head, body) = request.into_parts();
    let set = set_of(service, &head.headers)?;
    let body = body::read(body, OPTIONS_BYTES_MAX, service.config.http.body_timeout).await?;
    let restricted_to = options(&head.headers, &body)?;
    let agent = match set {
        Some(agent) => {
            let known = service.storage.resume(agent, now).await?;
            // RFC 8030 §4.1: 400 for a set that is not valid, or no longer.
            if known { agent } else { return Err(NO_SUCH_SET) }
        }
        None => {
            service.admit_new_agent(peer).map_err(Refusal::TooMany)?;
            AgentId::random().map_err(|_| Refusal::Unavailable)?
        }
    };
    let channel = ChannelId::random().map_err(|_| Refusal::Unavailable)?;
    let wish = Registration { agent, channel, restricted_to, now };
    match service.storage.register(wish).await? {
        Registered::Subscription(subscription) => Ok(created(service, &subscription)),
        Registered::TooManyChannels => Err(Refusal::SetFull),
    }
}

/// `DELETE` of a subscription by its user agent (RFC 8030 §7.3).
pub(super) async fn remove(service: &Service, token: &str) -> Result<Response<Full<Bytes>>, Refusal> {
    let id = service.tokens.open_subscription(token).ok_or(Refusal::Unknown)?;
    let subscription = service.storage.subscription(id).await?.ok_or(Refusal::Unknown)?;
    service.storage.unregister(subscription.agent, subscription.channel).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `DELETE` of a set, with all its subscriptions (RFC 8030 §7.3.1).
pub(super) async fn remove_set(service: &Service, token: &str) -> Result<Response<Full<Bytes>>, Refusal> {
    let agent = service.tokens.open_set(token).ok_or(Refusal::Unknown)?;
    let removed = service.storage.remove(agent).await?;
    removed.then(|| reply::empty(StatusCode::NO_CONTENT)).ok_or(Refusal::Unknown)
}

/// The set that a request wants its subscription in, by a path or by a URL of this service.
fn set_of(service: &Service, headers: &HeaderMap) -> Result<Option<AgentId>, Refusal> {
    let mut targets = link::targets(headers, "urn:ietf:params:push:set");
    let Some(target) = targets.pop() else { return Ok(None) };
    if !targets.is_empty() {
        return Err(Refusal::Field("send at most one subscription set"));
    }
    let token = service.own_path(&target).strip_prefix(SET_PATH);
    token.and_then(|token| service.tokens.open_set(token)).map(Some).ok_or(NO_SUCH_SET)
}

/// RFC 8292 §4.1; members that are not known are skipped.
#[derive(Deserialize)]
struct Options {
    vapid: Option<String>,
}

/// The key that the subscription is to be restricted to (RFC 8292 §4.1).
fn options(headers: &HeaderMap, body: &[u8]) -> Result<Option<PublicKey>, Refusal> {
    if body.is_empty() {
        return Ok(None);
    }
    if !headers::kind_of_content(headers).eq_ignore_ascii_case("application/webpush-options+json") {
        return Err(Refusal::MediaType);
    }
    let options: Options = serde_json::from_slice(body)
        .map_err(|_| Refusal::Field("the options are not a JSON object of RFC 8292"))?;
    let Some(key) = options.vapid else { return Ok(None) };
    PublicKey::from_base64url_maybe_padded(&key)
        .map(Some)
        .map_err(|_| Refusal::Field("vapid is no P-256 public key in base64url"))
}

/// RFC 8030 §4: 201 with the subscription, its push resource and its set.
fn created(service: &Service, subscription: &Subscription) -> Response<Full<Bytes>> {
    let mut response = reply::empty(StatusCode::CREATED);
    let headers = response.headers_mut();
    // Who reads the answer can read the messages.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(location) = HeaderValue::try_from(service.subscription_resource(subscription.id)) {
        headers.insert(LOCATION, location);
    }
    let links = [
        (service.push_resource(subscription.id), "urn:ietf:params:push"),
        (service.set_resource(subscription.agent), "urn:ietf:params:push:set"),
    ];
    for (target, relation) in links {
        if let Some(link) = link::to(&target, relation) {
            headers.append(LINK, link);
        }
    }
    response
}

const NO_SUCH_SET: Refusal = Refusal::Field("there is no such subscription set");
/// A key takes about 100.
const OPTIONS_BYTES_MAX: usize = 4096;

#[cfg(test)]
mod tests;
