//! Aggregates over HTTP (draft-thomson-webpush-aggregate-00 §3): one resource for many push resources.
//!
//! `POST /aggregate` makes one, `GET` lists its members, `PATCH` changes them (RFC 7396), `DELETE` removes it, and `POST`
//! sends a message to all of them ([`distribute`]). It is for the application server that made it: when that signed, only
//! requests with the same key are taken (RFC 8292), else whoever knows the resource.
//!
//! draft §3.2 gzip (not done: documents are small beside the messages), `encrypted_key` and draft §4, the rewriting of
//! the key of each member's copy (not done: RFC 8291 and RFC 8188 have replaced that form; all members get one body).

mod distribute;
mod document;
mod timestamp;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use http::header::{CONTENT_ENCODING, LOCATION};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Body;
use tokio::sync::OwnedSemaphorePermit;

use self::document::{Entry, Refused, Report};
use super::headers::kind_of_content;
use super::reply::{self, Refusal};
use super::{body, sender};
use crate::aggregate::{Aggregate, MemberChange, MembersChanged};
use crate::id::{AggregateId, SubscriptionId};
use crate::service::{PUSH_PATH, Sender, Service};

/// Answers a request for `/aggregate`.
pub(super) async fn collection<B>(
    service: &Service,
    request: Request<B>,
    peer: IpAddr,
) -> Result<Response<Full<Bytes>>, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    match *request.method() {
        Method::POST => create(service, request, peer).await,
        Method::OPTIONS => Ok(reply::preflight()),
        _ => Err(Refusal::Method("POST, OPTIONS")),
    }
}

/// Answers a request for one aggregate.
pub(super) async fn resource<B>(
    service: &Service,
    request: Request<B>,
    token: &str,
    peer: IpAddr,
) -> Result<Response<Full<Bytes>>, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    match *request.method() {
        Method::POST => distribute::accept(service, request, token, peer).await,
        Method::GET => list(service, request.headers(), token, peer).await,
        Method::PATCH => change(service, request, token, peer).await,
        Method::DELETE => remove(service, request.headers(), token, peer).await,
        Method::OPTIONS => Ok(reply::preflight()),
        _ => Err(Refusal::Method("GET, POST, PATCH, DELETE, OPTIONS")),
    }
}

/// The aggregate that a token stands for, and its user.
async fn find(
    service: &Service,
    headers: &HeaderMap,
    token: &str,
    peer: IpAddr,
) -> Result<(Aggregate, Sender), Refusal> {
    let id = service.tokens.open_aggregate(token).ok_or(Refusal::Unknown)?;
    let user = sender::identify(service, headers, peer)?;
    let aggregate = service.storage.aggregate(id, service.now()).await?.ok_or(Refusal::Gone)?;
    sender::admit_to(aggregate.maker, service, &user)?;
    Ok((aggregate, user))
}

/// draft §3.1: 201 with the aggregate, and what of it was refused.
async fn create<B>(
    service: &Service,
    request: Request<B>,
    peer: IpAddr,
) -> Result<Response<Full<Bytes>>, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (head, body) = request.into_parts();
    let maker = sender::identify(service, &head.headers, peer)?;
    let (place, entries) = read(service, &head.headers, body, MEDIA_TYPES).await?;
    let members_max = service.config.retention.aggregate_members_max;
    if u64::try_from(entries.len()).unwrap_or(u64::MAX) > members_max {
        return Err(Refusal::TooLarge);
    }
    take_rate(service, maker, entries.len())?;
    let (changes, refused) = judge(service, &maker, entries).await?;
    let made = service.storage.create_aggregate(service.maker(&maker), service.now()).await;
    let id = made?.ok_or(Refusal::TooMany(LIMIT_RETRY_AFTER))?;
    let mut members = 0;
    for step in changes.chunks(CHANGES_AT_ONCE) {
        let changed = service.storage.change_members(id, step.to_vec()).await;
        let Ok(MembersChanged::Done(count)) = changed else {
            // Half an aggregate is none. If this fails too, nobody has been told of it, and it goes when it is idle.
            let _removed = service.storage.remove_aggregate(id).await;
            return Err(Refusal::Unavailable);
        };
        members = count;
    }
    let mut response = Report::new("members", members, &refused).response(StatusCode::CREATED, Some(place));
    if let Ok(location) = HeaderValue::try_from(service.aggregate_resource(id)) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// draft §3.3: the members that it has now. It costs the sender's rate what making the aggregate did.
async fn list(
    service: &Service,
    headers: &HeaderMap,
    token: &str,
    peer: IpAddr,
) -> Result<Response<Full<Bytes>>, Refusal> {
    let (aggregate, user) = find(service, headers, token, peer).await?;
    take_rate(service, user, usize::try_from(aggregate.members).unwrap_or(usize::MAX))?;
    let place = take_place(service)?;
    let now = service.now();
    let mut members = BTreeMap::new();
    let mut after = None;
    loop {
        let page = service.storage.members(aggregate.id, after, CHANGES_AT_ONCE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for member in page {
            let present = member.membership.expires.is_none_or(|expires| expires > now);
            if present && member.subscription.is_some() {
                members.insert(service.push_resource(member.id), document::terms(&member.membership));
            }
        }
    }
    Ok(document::list(&members, place))
}

/// draft §3.4: a JSON merge patch, all of it or nothing; `null` removes a member.
async fn change<B>(
    service: &Service,
    request: Request<B>,
    token: &str,
    peer: IpAddr,
) -> Result<Response<Full<Bytes>>, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (head, body) = request.into_parts();
    let (aggregate, user) = find(service, &head.headers, token, peer).await?;
    let (place, entries) = read(service, &head.headers, body, PATCH_MEDIA_TYPES).await?;
    if entries.len() > PATCH_ENTRIES_MAX {
        return Err(Refusal::TooLarge);
    }
    take_rate(service, user, entries.len())?;
    let (changes, refused) = judge(service, &user, entries).await?;
    match service.storage.change_members(aggregate.id, changes).await? {
        MembersChanged::Done(members) => {
            let report = Report::new("members", members, &refused);
            Ok(report.response(StatusCode::OK, Some(place)))
        }
        MembersChanged::TooMany => Err(Refusal::TooLarge),
        MembersChanged::Gone => Err(Refusal::Gone),
    }
}

async fn remove(
    service: &Service,
    headers: &HeaderMap,
    token: &str,
    peer: IpAddr,
) -> Result<Response<Full<Bytes>>, Refusal> {
    let (aggregate, _) = find(service, headers, token, peer).await?;
    let removed = service.storage.remove_aggregate(aggregate.id).await?;
    removed.then(|| reply::empty(StatusCode::NO_CONTENT)).ok_or(Refusal::Gone)
}

/// Reads a document. The place that comes with it bounds how many there are in memory at once.
async fn read<B>(
    service: &Service,
    headers: &HeaderMap,
    body: B,
    media_types: &[&str],
) -> Result<(OwnedSemaphorePermit, Vec<(String, Entry)>), Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let kind = kind_of_content(headers);
    if headers.contains_key(CONTENT_ENCODING) || !media_types.iter().any(|one| one.eq_ignore_ascii_case(kind))
    {
        return Err(Refusal::Field("send application/push-aggregation+json without a Content-Encoding"));
    }
    let place = take_place(service)?;
    let members_max = usize::try_from(service.config.retention.aggregate_members_max).unwrap_or(usize::MAX);
    let entry_bytes = service.config.public_url.origin().len() + ENTRY_BYTES;
    let limit = members_max.saturating_mul(entry_bytes);
    let body = body::read(body, limit, service.config.http.body_timeout).await?;
    Ok((place, document::parse(&body)?))
}

fn take_place(service: &Service) -> Result<OwnedSemaphorePermit, Refusal> {
    Arc::clone(&service.documents).try_acquire_owned().map_err(|_| Refusal::Unavailable)
}

/// A document costs its sender as much of its rate as so many messages.
fn take_rate(service: &Service, sender: Sender, entries: usize) -> Result<(), Refusal> {
    let units = u32::try_from(entries.max(1)).unwrap_or(u32::MAX);
    service.sender_rates.take_many(sender, units, service.now()).map_err(Refusal::TooMany)
}

/// What is to be changed, and who is no member because it can't be or because its key has not signed.
async fn judge(
    service: &Service,
    user: &Sender,
    entries: Vec<(String, Entry)>,
) -> Result<(Vec<MemberChange>, Vec<Refused>), Refusal> {
    let mut changes: BTreeMap<SubscriptionId, MemberChange> = BTreeMap::new();
    let mut refused = Vec::new();
    let mut wanted = Vec::new();
    for (resource, entry) in entries {
        let Some(id) = subscription_of(service, &resource) else {
            refused.push(Refused { resource, why: Refusal::Unknown });
            continue;
        };
        match entry {
            Entry::Remove => drop(changes.insert(id, MemberChange::Remove(id))),
            Entry::Put(terms) => wanted.push((resource, id, terms)),
        }
    }
    for step in wanted.chunks(CHANGES_AT_ONCE) {
        let calls = step.iter().map(|(_, id, _)| service.storage.subscription(*id));
        for ((resource, id, terms), found) in step.iter().zip(join_all(calls).await) {
            let admitted = match &found? {
                None => Err(Refusal::Gone),
                Some(subscription) => sender::admit(subscription.restricted_to.as_ref(), user),
            };
            match admitted {
                Ok(()) => drop(changes.insert(*id, MemberChange::Put(*id, *terms))),
                Err(why) => refused.push(Refused { resource: resource.clone(), why }),
            }
        }
    }
    Ok((changes.into_values().collect(), refused))
}

/// The subscription of a push resource of ours.
fn subscription_of(service: &Service, resource: &str) -> Option<SubscriptionId> {
    service.tokens.open_endpoint(service.own_path(resource).strip_prefix(PUSH_PATH)?)
}

/// Takes members out that are gone or have expired. What fails is done at the next message.
async fn forget(service: &Service, id: AggregateId, members: Vec<SubscriptionId>) {
    for step in members.chunks(CHANGES_AT_ONCE) {
        let changes = step.iter().map(|member| MemberChange::Remove(*member)).collect();
        let _done = service.storage.change_members(id, changes).await;
    }
}

const MEDIA_TYPES: &[&str] = &["application/push-aggregation+json", "application/json"];
const PATCH_MEDIA_TYPES: &[&str] =
    &["application/merge-patch+json", "application/push-aggregation+json", "application/json"];
/// Members in one transaction, so that messages wait for a few milliseconds at most.
const CHANGES_AT_ONCE: usize = 250;
/// A patch is one transaction; a larger one has to be sent in parts.
const PATCH_ENTRIES_MAX: usize = 1000;
/// What a member takes in a document, its origin not counted: path, terms, quotes, and some space.
const ENTRY_BYTES: usize = 160;
const LIMIT_RETRY_AFTER: std::time::Duration = std::time::Duration::from_secs(3600);

#[cfg(test)]
mod tests;
