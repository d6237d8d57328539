//! Which request does what, and what every request has to pass: method, authentication, places.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use store::{Access, PushSubscription, PushSubscriptionId, UnixTime};

use crate::devices::{Shared, edit, id, test_push, view};
use crate::http::answer::{self, Body};
use crate::http::{authentication, body};
use crate::reply::Problem;
use crate::server::Caller;

/// Answers a request.
pub(super) async fn respond(shared: &Shared, request: Request<Incoming>, caller: Caller) -> Response<Body> {
    let mut answer = match take(shared, request, caller).await {
        Ok(answer) => answer,
        Err(refused) => *refused,
    };
    answer::allow_origins(&mut answer);
    answer
}

/// What a path stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The description of this API, for everybody.
    Description,
    Devices,
    /// `None`: the id has not even the form of one, so it is nobody's.
    Device(Option<PushSubscriptionId>),
    TestPush(Option<PushSubscriptionId>),
}

impl Place {
    fn of(path: &str) -> Option<Self> {
        match path.strip_prefix("/api/v1/")? {
            "openapi.json" => Some(Self::Description),
            "devices" => Some(Self::Devices),
            rest => match rest.strip_prefix("devices/")?.split_once('/') {
                None => rest.strip_prefix("devices/").map(|text| Self::Device(id::parse(text))),
                Some((text, "test")) => Some(Self::TestPush(id::parse(text))),
                Some(_) => None,
            },
        }
    }

    /// RFC 9110 §10.2.1.
    fn methods(self) -> &'static str {
        match self {
            Self::Description | Self::Devices => "GET, HEAD, OPTIONS",
            Self::Device(_) => "GET, HEAD, PATCH, DELETE, OPTIONS",
            Self::TestPush(_) => "POST, OPTIONS",
        }
    }
}

type Answered = Result<Response<Body>, Box<Response<Body>>>;

async fn take(shared: &Shared, request: Request<Incoming>, caller: Caller) -> Answered {
    let Some(place) = Place::of(request.uri().path()) else {
        return refuse(StatusCode::NOT_FOUND, "there is nothing here");
    };
    let method = request.method();
    // A preflight shows no password; it is answered for what is here and nothing is done.
    if method == Method::OPTIONS {
        return Ok(allowing(place, answer::empty(StatusCode::NO_CONTENT)));
    }
    if !place.methods().split(", ").any(|allowed| allowed == method.as_str()) {
        let problem = Problem::Status(StatusCode::METHOD_NOT_ALLOWED, "not with this method");
        return Ok(allowing(place, answer::problem(&problem)));
    }
    if place == Place::Description {
        let document = Bytes::from_static(DESCRIPTION.as_bytes());
        return Ok(answer::full(StatusCode::OK, "application/json", document));
    }
    let client = authentication::client(&shared.server, request.headers(), caller).await?;
    let owner = client.access.owner();
    let Some(_place) = shared.server.requests.take(owner) else {
        let why = "too many requests of this account at a time";
        let mut busy = answer::problem(&Problem::Status(StatusCode::TOO_MANY_REQUESTS, why));
        answer::retry_after(&mut busy, Duration::ZERO);
        return Ok(busy);
    };
    let operation = format!("{method} {}", place.name());
    let begun = std::time::Instant::now();
    let answered = run(shared, &client.access, place, request).await;
    let status = answered.as_ref().map_or_else(|refused| refused.status(), Response::status).as_u16();
    tracing::info!(account = owner.0, operation, status, duration = ?begun.elapsed(), "devices.request");
    answered
}

impl Place {
    /// Without ids, for the log.
    fn name(self) -> &'static str {
        match self {
            Self::Description => "description",
            Self::Devices => "devices",
            Self::Device(_) => "device",
            Self::TestPush(_) => "test push",
        }
    }
}

async fn run(shared: &Shared, access: &Access, place: Place, request: Request<Incoming>) -> Answered {
    let found = match place {
        Place::Description | Place::Devices => return list(shared, access).await,
        Place::Device(id) | Place::TestPush(id) => find(shared, access, id).await?,
    };
    match (place, request.method()) {
        (Place::TestPush(_), _) => Ok(test_push::run(shared, access.owner(), found.id).await),
        (_, &Method::PATCH) => patch(shared, access, found.id, request).await,
        (_, &Method::DELETE) => remove(shared, access, &found).await,
        _ => show(shared, access, &found).await,
    }
}

async fn list(shared: &Shared, access: &Access) -> Answered {
    let store = &shared.server.store;
    let mut all = store.push_subscriptions(access).await.map_err(boxed)?;
    let credentials = store.credentials(access.owner()).await.map_err(boxed)?;
    let now = now();
    let devices = all.iter_mut().map(|subscription| {
        shared.trials.bring_up_to_date(subscription);
        view::device(subscription, &credentials, now)
    });
    Ok(answer::json(StatusCode::OK, &json!({ "devices": devices.collect::<Vec<Value>>() })))
}

/// One that the access may know of. Whoever's an id is, all of the account's are read: the time that it takes tells nothing.
async fn find(
    shared: &Shared,
    access: &Access,
    id: Option<PushSubscriptionId>,
) -> Result<PushSubscription, Box<Response<Body>>> {
    let all = shared.server.store.push_subscriptions(access).await.map_err(boxed)?;
    let found = all.into_iter().find(|subscription| Some(subscription.id) == id);
    found.ok_or_else(|| boxed(store::Error::NotFound("push subscription")))
}

async fn show(shared: &Shared, access: &Access, found: &PushSubscription) -> Answered {
    let credentials = shared.server.store.credentials(access.owner()).await.map_err(boxed)?;
    let mut current = found.clone();
    shared.trials.bring_up_to_date(&mut current);
    Ok(answer::json(StatusCode::OK, &view::device(&current, &credentials, now())))
}

async fn patch(
    shared: &Shared,
    access: &Access,
    id: PushSubscriptionId,
    request: Request<Incoming>,
) -> Answered {
    if !is_json(request.headers()) {
        let why = "the Content-Type is neither application/json nor application/merge-patch+json";
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, why);
    }
    let bytes = match body::read(request.into_body(), BODY_BYTES_MAX, "").await {
        Ok(bytes) => bytes,
        Err(Problem::Limit(_)) => return refuse(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long"),
        Err(problem) => return Err(Box::new(answer::problem(&problem))),
    };
    let edit = edit::parse(&bytes, now());
    let edit = edit.or_else(|why| refuse(StatusCode::BAD_REQUEST, why))?;
    let edited = shared.server.store.edit_push_subscription(access, id, edit).await.map_err(boxed)?;
    // A silence may have ended, or begun.
    shared.handle.look(id);
    show(shared, access, &edited).await
}

async fn remove(shared: &Shared, access: &Access, found: &PushSubscription) -> Answered {
    let store = &shared.server.store;
    let removed =
        store.remove_push_subscription(access, found.kind, &found.client_id).await.map_err(boxed)?;
    // The notifier forgets it.
    shared.handle.look(found.id);
    match removed {
        true => Ok(answer::empty(StatusCode::NO_CONTENT)),
        false => Err(boxed(store::Error::NotFound("push subscription"))),
    }
}

fn boxed(error: store::Error) -> Box<Response<Body>> {
    Box::new(unreadable(error))
}

/// What the store's errors mean here.
pub(super) fn unreadable(error: store::Error) -> Response<Body> {
    let (status, why) = match error {
        // What goes away meanwhile, be it the account, is not there.
        store::Error::NotFound(_) => (StatusCode::NOT_FOUND, "there is no such device"),
        store::Error::Invalid { .. } => {
            (StatusCode::BAD_REQUEST, "name is longer than 100 characters, or has control characters")
        }
        store::Error::Forbidden(_) => (StatusCode::CONFLICT, "the device is not active"),
        store::Error::Unavailable(why) => {
            tracing::warn!(why, "the store is not available to the devices API");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer")
        }
        other => {
            tracing::error!(error = %other, "a request to the devices API failed");
            (StatusCode::INTERNAL_SERVER_ERROR, "the server failed")
        }
    };
    answer::problem(&Problem::Status(status, why))
}

fn refuse<T>(status: StatusCode, why: &'static str) -> Result<T, Box<Response<Body>>> {
    Err(Box::new(answer::problem(&Problem::Status(status, why))))
}

/// RFC 9110 §15.5.6.
fn allowing(place: Place, mut answer: Response<Body>) -> Response<Body> {
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(place.methods()));
    answer
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    ["application/json", "application/merge-patch+json"].contains(&media_type.as_str())
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

const DESCRIPTION: &str = include_str!("../../../../docs/devices.openapi.json");
/// A name, a time, and room for how they may be written.
const BODY_BYTES_MAX: usize = 4096;
