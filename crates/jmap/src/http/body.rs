//! Bodies of requests, with a limit on octets and on patience.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::reply::Problem;
use http::StatusCode;

/// Reads a body to its end.
///
/// # Errors
/// `limit` with this name above so many octets, 408 if nothing comes for [`PATIENCE`], 400 if it breaks off.
pub(crate) async fn read(
    mut body: Incoming,
    bytes_max: usize,
    limit: &'static str,
) -> Result<Bytes, Problem> {
    let promised = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if promised > bytes_max {
        return Err(Problem::Limit(limit));
    }
    let mut all = BytesMut::new();
    loop {
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await;
        let frame =
            frame.map_err(|_| Problem::Status(StatusCode::REQUEST_TIMEOUT, "the body does not come"))?;
        let Some(frame) = frame else { return Ok(all.freeze()) };
        let frame = frame.map_err(|_| Problem::Status(StatusCode::BAD_REQUEST, "the body breaks off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > bytes_max - all.len() {
            return Err(Problem::Limit(limit));
        }
        all.extend_from_slice(&data);
    }
}

/// How long a client may be silent amidst a body.
const PATIENCE: Duration = Duration::from_secs(30);
