//! Which request goes where.

use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::answer::{self, Body};
use super::clients::Client;
use super::{api, authentication, blob, events, upload, websocket};
use crate::reply::Problem;
use crate::server::{Caller, Inner};
use crate::session::{self, Subject};

/// Answers a request.
pub(crate) async fn respond(
    server: &Arc<Inner>,
    request: Request<Incoming>,
    caller: Caller,
) -> Response<Body> {
    let mut answer = match take(server, request, caller).await {
        Ok(answer) => answer,
        Err(refused) => *refused,
    };
    answer::allow_origins(&mut answer);
    answer
}

/// What a path stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Session,
    Api,
    Download,
    Upload,
    Events,
    WebSocket,
}

impl Place {
    fn of(path: &str) -> Option<Self> {
        match path {
            WELL_KNOWN | "/jmap/session" => Some(Self::Session),
            "/jmap/api" | "/jmap/api/" => Some(Self::Api),
            "/jmap/ws" | "/jmap/ws/" => Some(Self::WebSocket),
            "/jmap/events" | "/jmap/events/" => Some(Self::Events),
            _ if path.starts_with(DOWNLOAD) => Some(Self::Download),
            _ if path.starts_with(UPLOAD) => Some(Self::Upload),
            _ => None,
        }
    }

    fn takes(self, method: &Method) -> bool {
        match self {
            Self::Session | Self::Download => method == Method::GET || method == Method::HEAD,
            Self::Events | Self::WebSocket => method == Method::GET,
            Self::Api | Self::Upload => method == Method::POST,
        }
    }
}

async fn take(
    server: &Arc<Inner>,
    request: Request<Incoming>,
    caller: Caller,
) -> Result<Response<Body>, Box<Response<Body>>> {
    let refused = |status, why| Err(Box::new(answer::problem(&Problem::Status(status, why))));
    let Some(place) = Place::of(request.uri().path()) else {
        return refused(StatusCode::NOT_FOUND, "there is nothing here");
    };
    // A preflight shows no password; it is answered for what is here and nothing is done.
    if request.method() == Method::OPTIONS {
        return Ok(answer::empty(StatusCode::NO_CONTENT));
    }
    if !place.takes(request.method()) {
        return refused(StatusCode::METHOD_NOT_ALLOWED, "not with this method");
    }
    let client = authentication::client(server, request.headers(), caller).await?;
    let origin = origin(server, &request, caller);
    let subject = subject(server, &client, &origin);
    let answered = match place {
        Place::Session => Ok(answer::json(StatusCode::OK, &session::resource(&subject))),
        Place::Api => api::run(server, &client, client.session_state(&subject), request).await,
        Place::Download => {
            let uri = request.uri();
            let path = uri.path().strip_prefix(DOWNLOAD).unwrap_or_default();
            blob::download(server, &client.access, path, uri.query()).await
        }
        Place::Upload => upload::run(server, &client, request).await,
        Place::Events => events::run(server, &client, &request).await,
        Place::WebSocket => websocket::open(server, &client, origin.clone(), request),
    };
    answered.map_err(|problem| Box::new(answer::problem(&problem)))
}

/// What the session of a client who came to this origin says.
pub(crate) fn subject<'s>(server: &'s Inner, client: &'s Client, origin: &'s str) -> Subject<'s> {
    let options = &server.options;
    Subject {
        account: client.access.owner(),
        name: &client.name,
        origin,
        limits: &options.limits,
        sending: options.sending.as_ref(),
        application_server_key: options.push.keys.current_id(),
    }
}

/// Where URLs begin: what is configured, or whatever the client reached us at.
fn origin(server: &Inner, request: &Request<Incoming>, caller: Caller) -> String {
    if let Some(url) = &server.options.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let scheme = if caller.is_encrypted { "https" } else { "http" };
    let named = request.headers().get(http::header::HOST).and_then(|host| host.to_str().ok());
    let named = named
        .filter(|host| host.parse::<http::uri::Authority>().is_ok_and(|host| !host.as_str().contains('@')));
    let host = request.uri().authority().map(http::uri::Authority::as_str).or(named);
    format!("{scheme}://{}", host.unwrap_or(&server.options.hostname))
}

/// RFC 8620 §2.2.
pub(crate) const WELL_KNOWN: &str = "/.well-known/jmap";
/// RFC 8620 §6.2; account, blob and name follow.
const DOWNLOAD: &str = "/jmap/download/";
/// RFC 8620 §6.1; the account follows.
pub(crate) const UPLOAD: &str = "/jmap/upload/";
/// What all other paths begin with.
pub(crate) const PREFIX: &str = "/jmap/";
