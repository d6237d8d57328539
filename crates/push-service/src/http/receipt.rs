//! Receipt subscriptions over HTTP: asked for with a message, removed with `DELETE` (RFC 8030 §5.1, §7.3). Reading
//! them is in [`super::delivery::receipts`].

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;

use super::reply::{self, Refusal};
use super::sender;
use super::{headers, link};
use crate::id::ReceiptSubscriptionId;
use crate::receipt::ReceiptSubscription;
use crate::service::{RECEIPT_PATH, Sender, Service};

/// The receipt subscription that a message with these fields asks for: the one that it names, or a new one.
///
/// RFC 7240 §4.1: without the preference there is none, whatever links there are.
pub(super) async fn asked(
    service: &Service,
    fields: &HeaderMap,
    sender: &Sender,
) -> Result<Option<ReceiptSubscriptionId>, Refusal> {
    if headers::preference(fields, "respond-async").is_none() {
        return Ok(None);
    }
    let targets = link::targets(fields, RELATION);
    match targets.as_slice() {
        [] => make(service, sender).await.map(Some),
        [target] => named(service, target, sender).await.map(Some),
        _ => Err(Refusal::Field("send at most one receipt subscription")),
    }
}

async fn make(service: &Service, sender: &Sender) -> Result<ReceiptSubscriptionId, Refusal> {
    let made = service.storage.subscribe_to_receipts(service.maker(sender), service.now()).await;
    // RFC 8030 §5.1: 429 limits how many there are; the sender can name one that it has.
    made?.ok_or(Refusal::TooMany(LIMIT_RETRY_AFTER))
}

async fn named(service: &Service, target: &str, sender: &Sender) -> Result<ReceiptSubscriptionId, Refusal> {
    // RFC 8030 §5.1: 400 for one that is not valid.
    let token = service.own_path(target).strip_prefix(RECEIPT_PATH);
    let id = token.and_then(|token| service.tokens.open_receipt(token)).ok_or(NO_SUCH_RECEIPTS)?;
    let found = service.storage.receipt_subscription(id, service.now()).await?.ok_or(NO_SUCH_RECEIPTS)?;
    sender::admit_to(found.maker, service, sender)?;
    Ok(id)
}

/// The receipt subscription that a token stands for. Who knows its resource was told it with a 202.
pub(super) async fn find(service: &Service, token: &str) -> Result<ReceiptSubscription, Refusal> {
    // RFC 8030 §7.3: 404 whether it has expired or never was.
    let id = service.tokens.open_receipt(token).ok_or(Refusal::Unknown)?;
    service.storage.receipt_subscription(id, service.now()).await?.ok_or(Refusal::Unknown)
}

/// `DELETE` of a receipt subscription (RFC 8030 §7.3): what waits in it goes too.
pub(super) async fn remove(service: &Service, token: &str) -> Result<Response<Full<Bytes>>, Refusal> {
    let id = service.tokens.open_receipt(token).ok_or(Refusal::Unknown)?;
    let removed = service.storage.unsubscribe_from_receipts(id).await?;
    removed.then(|| reply::empty(StatusCode::NO_CONTENT)).ok_or(Refusal::Unknown)
}

/// The `Link` of an answer to a message whose receipt will be found there.
pub(super) fn link_to(service: &Service, id: ReceiptSubscriptionId) -> Option<HeaderValue> {
    link::to(&service.receipt_resource(id), RELATION)
}

const RELATION: &str = "urn:ietf:params:push:receipt";
const NO_SUCH_RECEIPTS: Refusal = Refusal::Field("there is no such receipt subscription");
/// Some of the sender's may have expired by then.
const LIMIT_RETRY_AFTER: std::time::Duration = std::time::Duration::from_secs(3600);

#[cfg(test)]
mod tests;
