//! The operator's side of broadcasts: `PUT /v1/broadcasts/<broadcaster>/<channel>` with the version as its body,
//! `DELETE` of the same, and `GET /v1/broadcasts`. The paths, answers and the bearer token are those of Mozilla's
//! Megaphone, so that what publishes to it can publish to us.
//!
//! Without a token in the configuration none of these resources exists.

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Body;

use super::reply::{self, Refusal};
use crate::broadcast::{BroadcastId, Change, Version};
use crate::service::Service;

/// Answers a request below `/v1/broadcasts`; `path` is what follows.
pub(super) async fn respond<B>(
    service: &Service,
    request: Request<B>,
    path: &str,
) -> Result<Response<Full<Bytes>>, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    authorize(service, request.headers())?;
    let Some(id) = path.strip_prefix('/') else {
        return match (path, request.method()) {
            ("", &Method::GET) => Ok(list(service)),
            ("", _) => Err(Refusal::Method("GET")),
            _ => Err(Refusal::Unknown),
        };
    };
    let id = BroadcastId::parse(id).ok_or(Refusal::Unknown)?;
    let version = match *request.method() {
        Method::PUT => Some(read_version(service, request.into_body()).await?),
        Method::DELETE => None,
        _ => return Err(Refusal::Method("PUT, DELETE")),
    };
    let change = service.storage.set_broadcast(id.clone(), version).await?;
    let status = match change {
        Change::Created => StatusCode::CREATED,
        Change::Replaced => StatusCode::OK,
        Change::Removed => StatusCode::NO_CONTENT,
        Change::Unknown => return Err(Refusal::Unknown),
        Change::Full => return Err(Refusal::Field("there are too many broadcasts; remove one")),
    };
    tracing::info!(name: "push.broadcast", %id, ?change);
    Ok(reply::empty(status))
}

/// RFC 6750 §2.1
fn authorize(service: &Service, headers: &HeaderMap) -> Result<(), Refusal> {
    let token = service.config.broadcast_token.as_ref().ok_or(Refusal::Unknown)?;
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.split_once(' '));
    match given {
        Some((scheme, given)) if scheme.eq_ignore_ascii_case("bearer") && token.is(given.trim()) => Ok(()),
        _ => Err(Refusal::Bearer),
    }
}

async fn read_version<B>(service: &Service, body: B) -> Result<Version, Refusal>
where
    B: Body<Data = Bytes> + Unpin,
{
    let body = super::body::read(body, VERSION_BODY_BYTES_MAX, service.config.http.body_timeout).await?;
    let text = std::str::from_utf8(&body).ok().map(str::trim);
    text.and_then(Version::parse)
        .ok_or(Refusal::Field("the body is the version: 1 to 200 printable ASCII characters"))
}

fn list(service: &Service) -> Response<Full<Bytes>> {
    let all = service.storage.broadcasts().all();
    let all: serde_json::Map<_, _> =
        all.iter().map(|(id, version)| (id.to_string(), version.as_str().into())).collect();
    let document = serde_json::json!({ "code": 200, "broadcasts": all });
    reply::json(StatusCode::OK, "application/json", document.to_string())
}

/// A version with white space around it.
const VERSION_BODY_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests;
