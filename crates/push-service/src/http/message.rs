//! The resource of one push message: the application server that posted it can take it back.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;

use super::reply::{self, Refusal};
use crate::service::Service;

/// `DELETE`: revokes a message that has not been acknowledged. Who knows its URL was told it with the 201.
pub(super) async fn revoke(service: &Service, token: &str) -> Result<Response<Full<Bytes>>, Refusal> {
    let id = service.tokens.open_message(token).ok_or(Refusal::Unknown)?;
    let revoked = service.storage.revoke(id).await?;
    revoked.then(|| reply::empty(StatusCode::NO_CONTENT)).ok_or(Refusal::Gone)
}
