//! `POST` to an aggregate: one message to all its members (draft-thomson-webpush-aggregate-00 §4; RFC 8030 §5).
//!
//! The members are taken in steps, each a transaction of its own, so that other messages go on in between; the answer
//! comes when all of them are durable. When a step fails, what the steps before it have stored is revoked, and the sender
//! can post again. What a member's own rules refuse is reported, and is no obstacle to the others.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Body;
use serde_json::{Map, Value};
use tokio::sync::OwnedSemaphorePermit;

use super::document::{Refused, Report};
use crate::aggregate::{Aggregate, Member};
use crate::clock;
use crate::http::headers::{self, PushFields};
use crate::http::reply::Refusal;
use crate::http::{body, push, receipt, sender};
use crate::id::{MessageId, ReceiptSubscriptionId, SubscriptionId};
use crate::measure;
use crate::message::{Content, Keeping, Message, NewMessage};
use crate::service::{Sender, Service};
use crate::storage::Stored;

/// Takes a message for all members, or says why not.
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
    let outcome = distribute(service, request, token, peer).await;
    let word = match &outcome {
        Ok(distributed) => distributed.word,
        Err(refusal) => refusal.reason(),
    };
    let took = began.elapsed();
    measure::push(word, took);
    tracing::debug!(name: "push.distribute", outcome = word, duration = ?took);
    outcome.map(|distributed| distributed.response)
}

/// A message that was offered to the members.
struct Distributed {
    response: Response<Full<Bytes>>,
    /// What became of it as a whole, for the metrics.
    word: &'static str,
}

/// One message on its way to the members.
struct Distribution<'a> {
    service: &'a Service,
    sender: Sender,
    fields: PushFields,
    body: Bytes,
    ttl: Duration,
    now: clock::Instant,
    receipt: Option<ReceiptSubscriptionId>,
    /// The id of the body, and of all messages with it.
    shared: MessageId,
    /// Messages that are stored, or had a TTL of 0.
    taken: u64,
    /// Messages with a TTL of 0 that reached a user agent.
    delivered_now: u64,
    stored: u64,
    refused: Vec<Refused>,
    /// Members that are none any more.
    gone: Vec<SubscriptionId>,
    /// Push resource and message of each member, when there will be receipts to tell apart.
    messages: Map<String, Value>,
}

async fn distribute<B>(
    service: &Service,
    request: Request<B>,
    token: &str,
    peer: IpAddr,
) -> Result<Distributed, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (head, body) = request.into_parts();
    let fields = headers::read(&head.headers)?;
    let (aggregate, sender) = super::find(service, &head.headers, token, peer).await?;
    // Each member counts as a message of the sender.
    let members = usize::try_from(aggregate.members).unwrap_or(usize::MAX);
    super::take_rate(service, sender, members)?;
    let body = body::read(body, service.config.body_bytes_max, service.config.http.body_timeout).await?;
    let ttl = fields.ttl.min(service.config.ttl_max);
    let receipt = if ttl.is_zero() { None } else { receipt::asked(service, &head.headers, &sender).await? };
    let now = service.now();
    let place =
        if aggregate.members > MEMBERS_OF_SMALL_REPORT { Some(super::take_place(service)?) } else { None };
    let mut distribution = Distribution {
        service,
        sender,
        fields,
        body,
        ttl,
        now,
        receipt,
        shared: service.storage.next_id(now),
        taken: 0,
        delivered_now: 0,
        stored: 0,
        refused: Vec::new(),
        gone: Vec::new(),
        messages: Map::new(),
    };
    if let Err(refusal) = distribution.deliver_to_all(&aggregate).await {
        // What can't be revoked now is delivered and comes again with the sender's next attempt.
        let _revoked = service.storage.revoke(distribution.shared).await;
        return Err(refusal);
    }
    measure::aggregated(distribution.taken);
    super::forget(service, aggregate.id, std::mem::take(&mut distribution.gone)).await;
    Ok(distribution.answer(place))
}

impl Distribution<'_> {
    async fn deliver_to_all(&mut self, aggregate: &Aggregate) -> Result<(), Refusal> {
        let mut after = None;
        loop {
            let page = self.service.storage.members(aggregate.id, after, MEMBERS_AT_ONCE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            let mut stored = Vec::new();
            for member in page {
                self.offer(member, &mut stored);
            }
            self.store(stored).await?;
        }
    }

    /// Judges a member by its own rules; a message that is to be kept goes to `stored`.
    fn offer(&mut self, member: Member, stored: &mut Vec<NewMessage>) {
        let service = self.service;
        // draft §3.2: what has expired is no member.
        if member.membership.expires.is_some_and(|expires| expires <= self.now) {
            self.gone.push(member.id);
            return;
        }
        let Some(subscription) = member.subscription else {
            self.gone.push(member.id);
            self.refuse(member.id, Refusal::Gone);
            return;
        };
        let admitted = sender::admit(subscription.restricted_to.as_ref(), &self.sender);
        let rated = || service.subscription_rates.take(member.id, self.now).map_err(Refusal::TooMany);
        if let Err(why) = admitted.and_then(|()| rated()) {
            self.refuse(member.id, why);
            return;
        }
        let ttl = member.membership.ttl_max.map_or(self.ttl, |ttl_max| ttl_max.min(self.ttl));
        let expires = self.now.plus_seconds(i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX));
        let new = NewMessage {
            subscription,
            topic: self.fields.topic.clone(),
            urgency: self.fields.urgency,
            expires: member.membership.expires.map_or(expires, |end| end.min(expires)),
            content: Content {
                encoding: self.fields.encoding.clone(),
                media_type: self.fields.media_type.clone(),
                body: self.body.clone(),
            },
            receipt: self.receipt,
            shared: Some(self.shared),
        };
        if ttl.is_zero() {
            // RFC 8030 §5.2: now or never.
            let id = service.storage.next_id(self.now);
            let message = Arc::new(Message::new(id, new, Keeping::NowOrNever));
            self.delivered_now += u64::from(service.agents.deliver_now(&message));
            self.taken += 1;
        } else {
            stored.push(new);
        }
    }

    async fn store(&mut self, messages: Vec<NewMessage>) -> Result<(), Refusal> {
        if messages.is_empty() {
            return Ok(());
        }
        let members: Vec<_> = messages.iter().map(|message| message.subscription.id).collect();
        let answers = self.service.storage.store_all(messages, self.now).await?;
        for (member, stored) in members.into_iter().zip(answers) {
            match stored {
                Stored::Kept(id) => {
                    self.taken += 1;
                    self.stored += 1;
                    if self.receipt.is_some() {
                        let resource = self.service.push_resource(member);
                        self.messages.insert(resource, self.service.message_resource(id).into());
                    }
                }
                Stored::Gone => {
                    self.gone.push(member);
                    self.refuse(member, Refusal::Gone);
                }
                Stored::Full => self.refuse(member, Refusal::Full),
            }
        }
        Ok(())
    }

    fn refuse(&mut self, member: SubscriptionId, why: Refusal) {
        self.refused.push(Refused { resource: self.service.push_resource(member), why });
    }

    /// As for any message (RFC 8030 §5, §5.1), with a report. The message's resource revokes it for all members. When
    /// nobody has taken it, it is 410, or 429 when some may take it later.
    fn answer(self, place: Option<OwnedSemaphorePermit>) -> Distributed {
        if self.taken == 0 && !self.refused.is_empty() {
            let later =
                self.refused.iter().find(|refused| refused.why.status() == StatusCode::TOO_MANY_REQUESTS);
            let why = later.map_or(Refusal::Gone, |refused| refused.why);
            let report = Report::new("taken", 0, &self.refused).response(why.status(), place);
            let (head, body) = report.into_parts();
            let mut response = why.response().map(|_| body);
            response.headers_mut().extend(head.headers);
            return Distributed { response, word: why.reason() };
        }
        let created = push::created(self.service, self.shared, self.ttl, self.receipt);
        let (head, _) = created.into_parts();
        let mut report = Report::new("taken", self.taken, &self.refused);
        if self.receipt.is_some() {
            report = report.with_messages(self.messages);
        }
        let mut response = report.response(head.status, place);
        response.headers_mut().extend(head.headers);
        let word = match (self.stored, self.delivered_now) {
            (1.., _) => "stored",
            (0, 1..) => "delivered_now",
            (0, 0) => "expired_now",
        };
        Distributed { response, word }
    }
}

/// Reports about so many members need no place among the large documents: a few hundred bytes for each.
const MEMBERS_OF_SMALL_REPORT: u64 = 200;
/// Members in one transaction: about 5 ms of the writer's time.
const MEMBERS_AT_ONCE: usize = 200;
