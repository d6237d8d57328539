//! The side of the user agents over HTTP: `GET` of a subscription or a set delivers its messages, `DELETE` of a message
//! acknowledges it (RFC 8030 §6). `docs/push-service.md` shows it to those who write user agents.
//!
//! A request that monitors is not answered here: it becomes a [`Monitoring`], which the connection opens as a [`Feed`] of
//! messages or of receipts ([`receipts`], the application servers' side) and delivers in the form that the peer can take:
//! by server push ([`promise`]), or as a stream ([`fallback`]).

pub mod fallback;
pub mod feed;
pub mod promise;
pub mod receipts;
mod timing;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;
use tokio_util::sync::CancellationToken;
use webpush::header::Urgency;

use self::feed::{MessageFeed, Next};
use self::receipts::ReceiptFeed;
use super::reply::{self, Refusal};
use super::{headers, receipt};
use crate::id::{AgentId, MessageId, ReceiptSubscriptionId};
use crate::measure;
use crate::message::{Scope, Selection};
use crate::service::Service;

/// A request for messages that is acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Monitoring {
    /// What is to be delivered.
    pub subject: Subject,
    /// For how long.
    pub wait: Wait,
    /// What the user agent can read.
    pub form: Form,
}

/// What a request monitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Messages (RFC 8030 §6).
    Messages(Selection),
    /// Receipts (RFC 8030 §6.3).
    Receipts(ReceiptSubscriptionId),
}

/// What is delivered on an open request, one after another.
pub enum Feed {
    /// Messages.
    Messages(MessageFeed),
    /// Receipts.
    Receipts(ReceiptFeed),
}

impl Feed {
    /// Begins to read. Another reader of the same is ended.
    pub async fn open(service: Arc<Service>, wish: &Monitoring, shutdown: CancellationToken) -> Self {
        match wish.subject {
            Subject::Messages(selection) => {
                Self::Messages(MessageFeed::open(service, selection, wish.wait, shutdown).await)
            }
            Subject::Receipts(id) => {
                Self::Receipts(ReceiptFeed::open(service, id, wish.wait, shutdown).await)
            }
        }
    }

    /// What comes next. Not cancel-safe: what it was about to return may be lost until the next request.
    pub async fn next(&mut self) -> Next {
        match self {
            Self::Messages(feed) => feed.next().await,
            Self::Receipts(feed) => feed.next().await,
        }
    }

    /// How many promises it has given.
    #[must_use]
    pub const fn delivered(&self) -> u64 {
        match self {
            Self::Messages(feed) => feed.delivered(),
            Self::Receipts(feed) => feed.delivered(),
        }
    }
}

/// How long a request for messages stays open (RFC 7240 §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// `Prefer: wait=0`: until everything that waits has been delivered.
    Not,
    /// `Prefer: wait=N`: at most for this time.
    For(Duration),
    /// As long as the user agent likes.
    Unlimited,
}

/// How messages are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// By server push, and as [`Multipart`](Self::Multipart) where that can't be.
    Promises,
    /// `multipart/mixed` (RFC 2046 §5.1.3).
    Multipart,
    /// `text/event-stream` (HTML Living Standard, "Server-sent events").
    EventStream,
}

/// `GET` of a subscription (RFC 8030 §6).
pub(super) async fn of_subscription(
    service: &Service,
    headers: &HeaderMap,
    token: &str,
) -> Result<Monitoring, Refusal> {
    // RFC 8030 §7.3: 404 whether it has expired or never was.
    let id = service.tokens.open_subscription(token).ok_or(Refusal::Unknown)?;
    let subscription = service.storage.subscription(id).await?.ok_or(Refusal::Unknown)?;
    monitor(service, headers, subscription.agent, Scope::Subscription(id)).await
}

/// `GET` of a subscription set (RFC 8030 §6.1).
pub(super) async fn of_set(
    service: &Service,
    headers: &HeaderMap,
    token: &str,
) -> Result<Monitoring, Refusal> {
    let agent = service.tokens.open_set(token).ok_or(Refusal::Unknown)?;
    monitor(service, headers, agent, Scope::Set).await
}

async fn monitor(
    service: &Service,
    fields: &HeaderMap,
    agent: AgentId,
    scope: Scope,
) -> Result<Monitoring, Refusal> {
    // RFC 8030 §5.3: without the field messages of any urgency are delivered.
    let least_urgency = headers::urgency(fields)?.unwrap_or(Urgency::VeryLow);
    if !service.storage.resume(agent, service.now()).await? {
        return Err(Refusal::Unknown);
    }
    let selection = Selection { agent, scope, least_urgency };
    Ok(Monitoring { subject: Subject::Messages(selection), wait: wait(fields), form: form(fields) })
}

/// `GET` of a receipt subscription (RFC 8030 §6.3).
pub(super) async fn of_receipts(
    service: &Service,
    fields: &HeaderMap,
    token: &str,
) -> Result<Monitoring, Refusal> {
    let id = receipt::find(service, token).await?.id;
    Ok(Monitoring { subject: Subject::Receipts(id), wait: wait(fields), form: form(fields) })
}

/// RFC 7240 §4.3
fn wait(fields: &HeaderMap) -> Wait {
    match headers::preference(fields, "wait").and_then(|seconds| seconds.parse().ok()) {
        Some(0) => Wait::Not,
        Some(seconds) => Wait::For(Duration::from_secs(u64::from(seconds.min(WAIT_SECONDS_MAX)))),
        None => Wait::Unlimited,
    }
}

/// A user agent that names a form gets it, even where server push is possible.
fn form(fields: &HeaderMap) -> Form {
    let values = fields.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    for range in values.flat_map(|value| value.split(',')) {
        let name = range.split(';').next().unwrap_or_default().trim();
        if name.eq_ignore_ascii_case("text/event-stream") {
            return Form::EventStream;
        }
        if name.eq_ignore_ascii_case("multipart/mixed") {
            return Form::Multipart;
        }
    }
    Form::Promises
}

/// `DELETE` of a message by its user agent: it has it (RFC 8030 §6.2).
pub(super) async fn acknowledge(service: &Service, token: &str) -> Result<Response<Full<Bytes>>, Refusal> {
    let (id, subscription) = service.tokens.open_delivery(token).ok_or(Refusal::Unknown)?;
    let agent = service.storage.subscription(subscription).await?.ok_or(Refusal::Gone)?.agent;
    let removed = service.storage.acknowledge(agent, vec![id]).await? > 0;
    // A message with TTL 0 is only in the hands of who has it.
    if !removed && !service.agents.acknowledge(agent, id) {
        return Err(Refusal::Gone);
    }
    measure::acknowledged_over_http();
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `GET` of a message by its user agent: what the promise held, for as long as the message is stored.
pub(super) async fn fetch(service: &Service, token: &str) -> Result<Response<Full<Bytes>>, Refusal> {
    let (id, subscription) = service.tokens.open_delivery(token).ok_or(Refusal::Unknown)?;
    let agent = service.storage.subscription(subscription).await?.ok_or(Refusal::Gone)?.agent;
    let scope = Scope::Subscription(subscription);
    let selection = Selection { agent, scope, least_urgency: Urgency::VeryLow };
    let before = MessageId::from_number(id.number().saturating_sub(1));
    let found = service.storage.pending(selection, before, 1, service.now()).await?;
    let message = found.into_iter().find(|message| message.id == id).ok_or(Refusal::Gone)?;
    let link = feed::push_link(service, subscription);
    Ok(feed::promise(service, &message, link).response.map(Full::new))
}

/// A longer `wait` is taken as this one: a day.
const WAIT_SECONDS_MAX: u32 = 24 * 60 * 60;

#[cfg(test)]
mod tests;
