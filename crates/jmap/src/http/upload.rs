//! Uploads (RFC 8620 §6.1).

use http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::json;

use super::answer::{self, Body};
use super::body;
use super::clients::Client;
use crate::Limits;
use crate::reply::Problem;
use crate::server::Inner;
use crate::wire::blob::{BlobId, Whole};
use crate::wire::id;

/// Keeps what a request's body holds: `path` is what follows `/jmap/upload/`.
pub(crate) async fn run(
    server: &Inner,
    client: &Client,
    request: Request<Incoming>,
) -> Result<Response<Body>, Problem> {
    let account = request.uri().path().strip_prefix(super::route::UPLOAD).unwrap_or_default();
    let owner = client.access.owner();
    if id::account(account.trim_end_matches('/')) != Some(owner) {
        return Err(Problem::Status(StatusCode::NOT_FOUND, "no such account"));
    }
    let place = server.uploads.take(owner);
    let _place = place.ok_or(Problem::Limit("maxConcurrentUpload"))?;
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or("application/octet-stream").to_owned();
    let max = usize::try_from(server.options.limits.upload_bytes).unwrap_or(usize::MAX);
    let bytes = body::read(request.into_body(), max, "maxSizeUpload").await?;
    let kept = server.store.upload(&client.access, bytes, kept_bytes_max(&server.options.limits)).await;
    let (id, upload) = kept.map_err(|error| match error {
        store::Error::Unavailable(_) => Problem::Status(StatusCode::SERVICE_UNAVAILABLE, "try again later"),
        store::Error::Forbidden(_) => Problem::Status(StatusCode::FORBIDDEN, "the account is read only"),
        other => {
            tracing::error!(error = %other, "an upload failed");
            Problem::Status(StatusCode::INTERNAL_SERVER_ERROR, "the upload failed")
        }
    })?;
    let blob = BlobId { whole: Whole::Upload(id), part: None };
    Ok(answer::json(
        StatusCode::CREATED,
        &json!({
            "accountId": id::of_account(owner),
            "blobId": blob.to_string(),
            "type": media_type,
            "size": upload.size,
        }),
    ))
}

/// Octets of an account's uploads; of more the oldest go.
pub(crate) fn kept_bytes_max(limits: &Limits) -> u64 {
    limits.upload_bytes.saturating_mul(KEPT)
}

/// Of what an account has uploaded the oldest goes when it is more than so many of the largest.
const KEPT: u64 = 10;
