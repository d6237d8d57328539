//! The resource of one push message: the application server that posted it can take it back.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;

use super::reply::{self, Refusal};
use crate::service::Service;

/// `DELETE`: revokes a message that has not been acknowledged. Who knows its URL was told it with the 201.
pub(super) async fn revoke(service: &Service, token: &str) -> Result<Response<Full<Bytes>>, Refusal> {
    let id = service.tokens.open_message(token).ok_or(Refusal::Unknown)?;
    match service.storage.revoke(id).await {
        Ok(true) => Ok(reply::empty(StatusCode::NO_CONTENT)),
        Ok(false) => Err(Refusal::Gone),
        Err(_) => Err(Refusal::Unavailable),
    }
}
