//! Who sends a request, and what it may do (RFC 8292 §4.2).

use std::net::IpAddr;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use webpush::key::PublicKey;
use webpush::vapid::credentials::Unreadable;
use webpush::vapid::verify::VerifyError;

use super::headers::CRYPTO_KEY;
use super::reply::Refusal;
use crate::receipt::Maker;
use crate::service::{Sender, Service};

/// The sender of a request: its key, or its address when it has not signed. A token that is sent has to be right, even
/// where none is needed.
pub(super) fn identify(service: &Service, headers: &HeaderMap, peer: IpAddr) -> Result<Sender, Refusal> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let now = service.now().system_time();
    match service.verifier.verify(text(AUTHORIZATION), text(CRYPTO_KEY), now) {
        Ok(verified) => Ok(Sender::Key(verified.key)),
        Err(VerifyError::Unreadable(Unreadable::Missing | Unreadable::Scheme)) => Ok(Sender::at(peer)),
        Err(VerifyError::Unreadable(_)) => Err(Refusal::Unauthorized),
        Err(VerifyError::Wrong(_)) => Err(Refusal::Forbidden),
    }
}

/// RFC 8292 §4.2: a restricted subscription takes only what is signed with its key.
pub(super) fn admit(restricted_to: Option<&PublicKey>, sender: &Sender) -> Result<(), Refusal> {
    match (restricted_to, sender) {
        (None, _) => Ok(()),
        (Some(key), Sender::Key(signed)) if key == signed => Ok(()),
        (Some(_), Sender::Key(_)) => Err(Refusal::Forbidden),
        (Some(_), Sender::Address(_)) => Err(Refusal::Unauthorized),
    }
}

/// The same for what an application server has made.
pub(super) fn admit_to(maker: Maker, service: &Service, sender: &Sender) -> Result<(), Refusal> {
    match (maker.admits(service.maker(sender)), sender) {
        (true, _) => Ok(()),
        (false, Sender::Key(_)) => Err(Refusal::Forbidden),
        (false, Sender::Address(_)) => Err(Refusal::Unauthorized),
    }
}
