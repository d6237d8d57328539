//! `POST` to a push resource: an application server sends a message (RFC 8030 §5).
//!
//! Checks come in the order of their cost: the token's tag, the header fields, the subscription, the VAPID token, the
//! rates, the body. Nothing is read of a body that would be refused anyway.
//!
//! RFC 8030 §5.1 receipts (not done yet: `Prefer: respond-async` is taken as absent, the answer is 201).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{AUTHORIZATION, LOCATION};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Body;
use webpush::vapid::credentials::Unreadable;
use webpush::vapid::verify::VerifyError;

use super::headers::{self, PushFields};
use super::reply::{self, Refusal};
use super::{body, headers::TTL};
use crate::id::MessageId;
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

/// The subscription that a token stands for.
pub(super) async fn find(service: &Service, token: &str) -> Result<Arc<Subscription>, Refusal> {
    // RFC 8030 §7.3: 404 for what never was; what we once made and no longer have is gone.
    let id = service.tokens.open_endpoint(token).ok_or(Refusal::Unknown)?;
    let found = service.storage.subscription(id).await.map_err(|_| Refusal::Unavailable)?;
    found.ok_or(Refusal::Gone)
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
    if service.tokens.open_endpoint(token).is_none() {
        return Err(Refusal::Unknown);
    }
    let (head, body) = request.into_parts();
    let fields = headers::read(&head.headers)?;
    let subscription = find(service, token).await?;
    let sender = authorize(service, &subscription, &head.headers, peer)?;
    take_rates(service, &subscription, sender)?;
    let limit = service.config.body_bytes_max;
    let body = body::read(body, limit, service.config.http.body_timeout).await?;
    keep_or_deliver(service, subscription, fields, body).await
}

/// RFC 8292 §4.2: a restricted subscription takes only what is signed with its key. On others a token is not needed,
/// but one that is sent has to be right.
fn authorize(
    service: &Service,
    subscription: &Subscription,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Result<Sender, Refusal> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let authorization = text(AUTHORIZATION);
    let verified =
        service.verifier.verify(authorization, text(headers::CRYPTO_KEY), service.now().system_time());
    match (verified, &subscription.restricted_to) {
        (Ok(verified), Some(key)) => {
            verified.require_key(key).map_err(|_| Refusal::Forbidden)?;
            Ok(Sender::Key(verified.key))
        }
        (Ok(verified), None) => Ok(Sender::Key(verified.key)),
        (Err(VerifyError::Unreadable(Unreadable::Missing | Unreadable::Scheme)), None) => {
            Ok(Sender::at(peer))
        }
        (Err(VerifyError::Unreadable(_)), _) => Err(Refusal::Unauthorized),
        (Err(VerifyError::Wrong(_)), _) => Err(Refusal::Forbidden),
    }
}

/// RFC 8030 §8.4. Only what has been authorised counts, so that a stranger can't use up a sender's rate.
fn take_rates(service: &Service, subscription: &Subscription, sender: Sender) -> Result<(), Refusal> {
    let now = service.now();
    service.subscription_rates.take(subscription.id, now).map_err(Refusal::TooMany)?;
    service.sender_rates.take(sender, now).map_err(Refusal::TooMany)
}

async fn keep_or_deliver(
    service: &Service,
    subscription: Arc<Subscription>,
    fields: PushFields,
    body: Bytes,
) -> Result<(Response<Full<Bytes>>, &'static str), Refusal> {
    // RFC 8030 §5.2: the service may keep a message for less long, and says so.
    let seconds = fields.ttl.min(service.config.ttl_max);
    let now = service.now();
    let new = NewMessage {
        subscription,
        topic: fields.topic,
        urgency: fields.urgency,
        expires: now.plus_seconds(i64::try_from(seconds.as_secs()).unwrap_or(i64::MAX)),
        content: Content { encoding: fields.encoding, body },
        receipt: None,
        shared: None,
    };
    if seconds.is_zero() {
        let id = service.storage.next_id(now);
        let message = Arc::new(Message::new(id, new, Keeping::NowOrNever));
        let delivered = service.agents.deliver_now(&message);
        let word = if delivered { "delivered_now" } else { "expired_now" };
        return Ok((created(service, id, seconds), word));
    }
    match service.storage.store(new, now).await {
        Ok(Stored::Kept(id)) => Ok((created(service, id, seconds), "stored")),
        Ok(Stored::Gone) => Err(Refusal::Gone),
        Ok(Stored::Full) => Err(Refusal::Full),
        Err(_) => Err(Refusal::Unavailable),
    }
}

/// RFC 8030 §5: 201, the message's resource, and the TTL that holds.
fn created(service: &Service, id: MessageId, ttl: Duration) -> Response<Full<Bytes>> {
    let mut response = reply::empty(StatusCode::CREATED);
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::try_from(service.message_resource(id)) {
        headers.insert(LOCATION, location);
    }
    headers.insert(TTL, HeaderValue::from(ttl.as_secs()));
    response
}
