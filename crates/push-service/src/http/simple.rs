//! `PUT` to a push resource: SimplePush, where all that an application server says is `version=N`.
//!
//! The user agent gets an empty message, which is to say that there is something new; only the newest waits for it. A
//! version that is not greater than the one before gives none, so that an application server may repeat itself.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Body;
use webpush::header::{Topic, Urgency};

use super::reply::{self, Refusal};
use super::{body, headers, push};
use crate::measure;
use crate::message::{Content, Encoding, NewMessage};
use crate::service::Service;
use crate::storage::Stored;

/// Takes a version, or says why not. 200 whether it was new or not.
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
    let outcome = advance(service, request, token, peer).await;
    let word = outcome.map_or_else(Refusal::reason, |()| "stored");
    measure::push(word, began.elapsed());
    outcome.map(|()| reply::json(StatusCode::OK, "application/json", "{}".to_owned()))
}

async fn advance<B>(service: &Service, request: Request<B>, token: &str, peer: IpAddr) -> Result<(), Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let (head, body) = request.into_parts();
    let kind = headers::kind_of_content(&head.headers);
    if head.headers.contains_key(CONTENT_TYPE) && !kind.eq_ignore_ascii_case(FORM) {
        return Err(Refusal::Field("send application/x-www-form-urlencoded"));
    }
    let (subscription, _) =
        push::authorize(service, push::open(service, token)?, &head.headers, peer).await?;
    let body = body::read(body, FORM_BYTES_MAX, service.config.http.body_timeout).await?;
    let version =
        version(&body).ok_or(Refusal::Field("send version=N with an unsigned number of 64 bits"))?;
    let now = service.now();
    let seconds = i64::try_from(TTL.min(service.config.ttl_max).as_secs()).unwrap_or(i64::MAX);
    let message = NewMessage {
        subscription,
        topic: TOPIC.parse::<Topic>().ok(),
        urgency: Urgency::Normal,
        expires: now.plus_seconds(seconds),
        content: Content { encoding: Encoding::Unnamed, media_type: None, body: Bytes::new() },
        receipt: None,
        shared: None,
    };
    match service.storage.store_version(message, version, now).await? {
        None | Some(Stored::Kept(_)) => Ok(()),
        Some(Stored::Gone) => Err(Refusal::Gone),
        Some(Stored::Full) => Err(Refusal::Full),
    }
}

fn version(form: &[u8]) -> Option<u64> {
    let mut versions = url::form_urlencoded::parse(form).filter(|(name, _)| name == "version");
    let (_, version) = versions.next()?;
    let digits = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    if digits && versions.next().is_none() { version.parse().ok() } else { None }
}

const FORM: &str = "application/x-www-form-urlencoded";
const FORM_BYTES_MAX: usize = 1024;
/// SimplePush knows no TTL: a user agent that comes back later asks its application servers anyway.
const TTL: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Application servers that speak RFC 8030 as well should not use this topic for something else.
const TOPIC: &str = "simplepush-version";

#[cfg(test)]
mod tests;
