//! `POST` to a push resource: an application server sends a message (RFC 8030 §5).
//!
//! Checks come in the order of their cost: the token's tag, the header fields, the subscription, the VAPID token, the
//! rates, the body. Nothing is read of a body that would be refused anyway.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{LINK, LOCATION};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Body;

use super::headers;
use super::reply::{self, Refusal};
use super::{body, headers::TTL, receipt, sender};
use crate::id::{MessageId, ReceiptSubscriptionId, SubscriptionId};
use crate::measure;
use crate::message::{Content, Keeping, Message, NewMessage, Subscription};
use crate::service::{Sender, Service};
use crate::storage::Stored;

/// Takes a message, or says why not.
pub(super) async fn accept<B>(
    service: &Service,
    request: Request<B>,
    token: &str,
    peer: IpAddr,
) -> Result<Response<Full<Bytes>>, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let began = Instant::now();
    let outcome = push(service, request, token, peer).await;
    let word = match &outcome {
        Ok((_, word)) => word,
        Err(refusal) => refusal.reason(),
    };
    let took = began.elapsed();
    measure::push(word, took);
    tracing::debug!(name: "push.accept", outcome = word, duration = ?took);
    outcome.map(|(response, _)| response)
}

/// The id that a token names.
pub(super) fn open(service: &Service, token: &str) -> Result<SubscriptionId, Refusal> {
    service.tokens.open_endpoint(token).ok_or(Refusal::Unknown)
}

/// The subscription with this id.
pub(super) async fn find(service: &Service, id: SubscriptionId) -> Result<Arc<Subscription>, Refusal> {
    // RFC 8030 §7.3: 404 for what never was; what we once made and no longer have is gone.
    service.storage.subscription(id).await?.ok_or(Refusal::Gone)
}

async fn push<B>(
    service: &Service,
    request: Request<B>,
    token: &str,
    peer: IpAddr,
) -> Result<(Response<Full<Bytes>>, &'static str), Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let id = open(service, token)?;
    let (head, body) = request.into_parts();
    let fields = headers::read(&head.headers)?;
    let (subscription, sender) = authorize(service, id, &head.headers, peer).await?;
    let limit = service.config.body_bytes_max;
    let body = body::read(body, limit, service.config.http.body_timeout).await?;
    // RFC 8030 §5.2: the service may keep a message for less long, and says so.
    let ttl = fields.ttl.min(service.config.ttl_max);
    let now = service.now();
    let mut new = NewMessage {
        subscription,
        topic: fields.topic,
        urgency: fields.urgency,
        expires: now.plus_seconds(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX)),
        content: Content { encoding: fields.encoding, media_type: fields.media_type, body },
        receipt: None,
        shared: None,
    };
    if ttl.is_zero() {
        // RFC 8030 §5.2: nobody can rely on the receipt of such a message, so none is promised (RFC 7240 §2).
        return Ok(deliver_or_drop(service, new));
    }
    new.receipt = receipt::asked(service, &head.headers, &sender).await?;
    let receipt = new.receipt;
    match service.storage.store(new, now).await? {
        Stored::Kept(id) => Ok((created(service, id, ttl, receipt), "stored")),
        Stored::Gone => Err(Refusal::Gone),
        Stored::Full => Err(Refusal::Full),
    }
}

/// A subscription, and who posts to it: what is authorised is counted, and within the rates.
pub(super) async fn authorize(
    service: &Service,
    id: SubscriptionId,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Result<(Arc<Subscription>, Sender), Refusal> {
    let subscription = find(service, id).await?;
    let sender = sender::identify(service, headers, peer)?;
    sender::admit(subscription.restricted_to.as_ref(), &sender)?;
    take_rates(service, &subscription, sender)?;
    Ok((subscription, sender))
}

/// RFC 8030 §8.4. Only what has been authorised counts, so that a stranger can't use up a sender's rate.
fn take_rates(service: &Service, subscription: &Subscription, sender: Sender) -> Result<(), Refusal> {
    let now = service.now();
    service.subscription_rates.take(subscription.id, now).map_err(Refusal::TooMany)?;
    service.sender_rates.take(sender, now).map_err(Refusal::TooMany)
}

/// RFC 8030 §5.2: a TTL of 0 is now or never.
fn deliver_or_drop(service: &Service, new: NewMessage) -> (Response<Full<Bytes>>, &'static str) {
    let id = service.storage.next_id(service.now());
    let message = Arc::new(Message::new(id, new, Keeping::NowOrNever));
    let delivered = service.agents.deliver_now(&message);
    let word = if delivered { "delivered_now" } else { "expired_now" };
    (created(service, id, Duration::ZERO, None), word)
}

/// The message's resource and the TTL that holds; with 201, or with 202 and the place where its receipt will be found.
pub(super) fn created(
    service: &Service,
    id: MessageId,
    ttl: Duration,
    receipt: Option<ReceiptSubscriptionId>,
) -> Response<Full<Bytes>> {
    // RFC 8030 §5, §5.1
    let mut response =
        reply::empty(if receipt.is_some() { StatusCode::ACCEPTED } else { StatusCode::CREATED });
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::try_from(service.message_resource(id)) {
        headers.insert(LOCATION, location);
    }
    headers.insert(TTL, HeaderValue::from(ttl.as_secs()));
    if let Some(link) = receipt.and_then(|receipt| receipt::link_to(service, receipt)) {
        headers.insert(LINK, link);
    }
    response
}
