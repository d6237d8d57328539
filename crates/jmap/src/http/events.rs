//! Events (RFC 8620 §7.3): what changed, for as long as the client listens.
//!
//! Level, not edge: a wake makes the states be read again, and what differs from what was last told is told. A client that
//! reads slowly is told less often. The id of an event is all states, so that `Last-Event-ID` brings what was missed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use admission::places::Place;
use bytes::Bytes;
use futures_util::stream;
use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use serde_json::{Map, Value, json};
use store::{AccountId, ModSeq, TypeStates};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::answer::{self, Body};
use super::blob::parameter;
use super::clients::Client;
use crate::reply::Problem;
use crate::server::Inner;
use crate::wire::id;
use crate::wire::state::State;

/// What a client listens to.
struct Feed {
    server: Arc<Inner>,
    client: Client,
    watch: bus::Watch,
    told: TypeStates,
    types: Vec<&'static str>,
    closes_after_state: bool,
    pings: Option<Interval>,
    is_over: bool,
    _place: Place<AccountId>,
}

/// Answers a request for events.
pub(crate) async fn run(
    server: &Arc<Inner>,
    client: &Client,
    request: &Request<Incoming>,
) -> Result<Response<Body>, Problem> {
    let owner = client.access.owner();
    let place = server.events.take(owner);
    let why = "too many event sources of this account";
    let place = place.ok_or(Problem::Status(StatusCode::TOO_MANY_REQUESTS, why))?;
    let query = request.uri().query().unwrap_or_default();
    let wanted = parameter(query, "types").unwrap_or_else(|| "*".to_owned());
    let is_wanted = |name: &&str| wanted == "*" || wanted.split(',').any(|wanted| wanted == *name);
    let ping = parameter(query, "ping").and_then(|ping| ping.parse::<u64>().ok()).filter(|ping| *ping > 0);
    let ping = ping.map(|ping| Duration::from_secs(ping.clamp(PING_SECONDS_MIN, PING_SECONDS_MAX)));
    // Watched before the states are read, so that nothing comes in between unseen.
    let watch = server.bus.watch(owner.0);
    let unavailable = |_| Problem::Status(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer");
    let now = server.store.type_states(&client.access).await.map_err(unavailable)?;
    let last = request.headers().get("last-event-id").and_then(|id| parse_id(id.to_str().ok()?, now.epoch));
    let feed = Feed {
        server: Arc::clone(server),
        client: client.clone(),
        watch,
        told: last.unwrap_or(now),
        types: TYPES.into_iter().filter(is_wanted).collect(),
        closes_after_state: parameter(query, "closeafter").as_deref() == Some("state"),
        pings: ping.map(|ping| {
            let mut pings = interval_at(Instant::now() + ping, ping);
            pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
            pings
        }),
        is_over: false,
        _place: place,
    };
    let events = stream::unfold(feed, |mut feed| async move {
        let event = feed.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(event)), feed))
    });
    let mut answer = answer::empty(StatusCode::OK);
    *answer.body_mut() = StreamBody::new(events).map_err(|never| match never {}).boxed_unsync();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies would hold events back otherwise.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(answer)
}

impl Feed {
    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.is_over {
                return None;
            }
            if let Some(event) = self.news().await? {
                self.is_over = self.closes_after_state;
                return Some(event);
            }
            // Each of these is cancel-safe: a wake or a tick that is not taken stays.
            tokio::select! {
                () = self.watch.changed() => {}
                () = tick(self.pings.as_mut()) => {
                    let seconds = self.pings.as_ref().map_or(0, |pings| pings.period().as_secs());
                    let data = json!({ "interval": seconds });
                    return Some(Bytes::from(format!("event: ping\ndata: {data}\n\n")));
                }
                () = self.client.end.cancelled() => return None,
                () = self.server.stop.cancelled() => return None,
            }
        }
    }

    /// What has changed since it was last told; the outer `None` ends the feed: the account is gone.
    async fn news(&mut self) -> Option<Option<Bytes>> {
        let now = match self.server.store.type_states(&self.client.access).await {
            Ok(now) => now,
            Err(store::Error::NotFound(_)) => return None,
            Err(error) => {
                tracing::warn!(%error, "states for an event source not read");
                return Some(None);
            }
        };
        let before = std::mem::replace(&mut self.told, now);
        let changed = changed(&before, &now, &self.types);
        if changed.is_empty() {
            return Some(None);
        }
        let account = id::of_account(self.client.access.owner());
        let data = json!({ "@type": "StateChange", "changed": { account: changed } });
        Some(Some(Bytes::from(format!("id: {}\nevent: state\ndata: {data}\n\n", event_id(&now)))))
    }
}

async fn tick(pings: Option<&mut Interval>) {
    match pings {
        Some(pings) => {
            pings.tick().await;
        }
        None => std::future::pending().await,
    }
}

/// A TypeState (RFC 8620 §7.1) of the types that differ.
pub(super) fn changed(before: &TypeStates, now: &TypeStates, types: &[&'static str]) -> Map<String, Value> {
    let differs =
        |name: &&&'static str| before.epoch != now.epoch || state_of(before, name) != state_of(now, name);
    let state = |name: &'static str| State::at(now.epoch, state_of(now, name)).to_string();
    types.iter().filter(differs).map(|name| ((*name).to_owned(), Value::String(state(name)))).collect()
}

/// How far one of [`TYPES`] has come.
pub(crate) fn state_of(states: &TypeStates, name: &str) -> ModSeq {
    match name {
        "Email" => states.email,
        "EmailDelivery" => states.delivery,
        "EmailSubmission" => states.submission,
        "Identity" => states.identity,
        "Mailbox" => states.mailbox,
        "VacationResponse" => states.vacation,
        _ => states.thread,
    }
}

/// All states in one, as a client gives them back.
pub(super) fn event_id(states: &TypeStates) -> String {
    let TypeStates { epoch, email, mailbox, thread, delivery, identity, submission, vacation } = states;
    let all = [email, mailbox, thread, delivery, identity, submission, vacation];
    let numbers: Vec<String> = all.iter().map(|modseq| modseq.0.to_string()).collect();
    format!("{epoch}-{}", numbers.join("-"))
}

/// Reads what [`event_id`] wrote; what is of another epoch differs in everything.
pub(super) fn parse_id(text: &str, epoch: u64) -> Option<TypeStates> {
    let numbers: Vec<u64> = text.split('-').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    let (of, states) = numbers.split_first()?;
    let states = <[u64; 7]>::try_from(states).ok()?;
    let [email, mailbox, thread, delivery, identity, submission, vacation] =
        states.map(|modseq| ModSeq(if *of == epoch { modseq } else { u64::MAX }));
    Some(TypeStates { epoch: *of, email, mailbox, thread, delivery, identity, submission, vacation })
}

/// Types whose changes are told.
pub(crate) const TYPES: [&str; 7] =
    ["Email", "EmailDelivery", "EmailSubmission", "Identity", "Mailbox", "Thread", "VacationResponse"];
/// Seconds between pings; other wishes are set to the nearest.
const PING_SECONDS_MIN: u64 = 5;
const PING_SECONDS_MAX: u64 = 3600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_events_id_says_what_was_told() {
        let states = |email| TypeStates {
            epoch: 3,
            email: ModSeq(email),
            mailbox: ModSeq(5),
            thread: ModSeq(6),
            delivery: ModSeq(7),
            identity: ModSeq(8),
            submission: ModSeq(9),
            vacation: ModSeq(10),
        };
        assert_eq!(parse_id(&event_id(&states(4)), 3), Some(states(4)));
        assert_eq!(changed(&states(4), &states(4), &TYPES), Map::new());
        let news = changed(&states(4), &states(9), &TYPES);
        assert_eq!(Value::Object(news), json!({ "Email": "3-9" }));
        let restored = parse_id("2-9-5-6-7-8-9-10", 3).unwrap();
        assert_eq!(changed(&restored, &states(9), &TYPES).len(), TYPES.len());
        for text in ["", "3", "3-1-2-3-4", "3-1-2-3-4-5-6-7-8", "a-b-c-d-e-f-g-h"] {
            assert_eq!(parse_id(text, 3), None, "{text:?}");
        }
    }
}
