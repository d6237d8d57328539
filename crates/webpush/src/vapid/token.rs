//! Signing a VAPID token (RFC 8292 §2): a JWT in compact form whose header never varies.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use url::Url;

use super::key::SigningKey;
use crate::base64url;
use crate::key::KeyError;
use crate::origin::Origin;

/// How a push service reaches the operator of an application server: the `sub` claim (RFC 8292 §2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact(String);

impl Contact {
    /// Takes a `mailto:` or `https:` URI of at most [`CONTACT_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// [`NotAContact`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NotAContact> {
        let url = Url::parse(text).map_err(|_| NotAContact)?;
        let usable = match url.scheme() {
            // A mailbox, not just any text: services write to it when something is wrong.
            "mailto" => url.path().split_once('@').is_some_and(|(l, d)| !l.is_empty() && !d.is_empty()),
            "https" => url.host().is_some(),
            _ => false,
        };
        let plain = text.len() <= CONTACT_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
        if usable && plain { Ok(Self(text.to_owned())) } else { Err(NotAContact) }
    }

    /// The URI.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no `mailto:` or `https:` URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a mailto: or https: URI")]
pub struct NotAContact;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The push service that the token is for.
    pub audience: Origin,
    /// Until when it is valid; whole seconds. RFC 8292 §2: at most 24 hours after the request.
    pub expires: SystemTime,
    /// Whom the push service may write to.
    pub contact: Option<Contact>,
}

/// The value of an `Authorization` header with scheme `vapid` (RFC 8292 §3). It is a bearer credential for its origin,
/// hence not printed. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization(Arc<str>);

impl Authorization {
    /// Signs `claims` with `key`.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the cryptographic library fails.
    pub fn sign(key: &SigningKey, claims: &Claims) -> Result<Self, KeyError> {
        let input = signing_input(claims)?;
        let signature = base64url::encode(&key.sign(input.as_bytes())?);
        // RFC 8292 §3.1, §3.2: the token and the key.
        Ok(Self(format!("vapid t={input}.{signature}, k={}", key.public_key()).into()))
    }

    /// The header's value: visible ASCII and spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Authorization([redacted])")
    }
}

/// The members in the order of the RFC's example, which makes its bytes ours.
#[derive(Serialize)]
struct Body<'a> {
    aud: &'a str,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
}

/// What is signed: header and body of the JWT (RFC 7515 §5.1).
pub(super) fn signing_input(claims: &Claims) -> Result<String, KeyError> {
    let body = Body {
        aud: claims.audience.as_str(),
        exp: claims.expires.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        sub: claims.contact.as_ref().map(Contact::as_str),
    };
    let body = serde_json::to_vec(&body).map_err(|_| KeyError::Library)?;
    Ok(format!("{}.{}", base64url::encode(JOSE_HEADER), base64url::encode(&body)))
}

const JOSE_HEADER: &[u8] = br#"{"typ":"JWT","alg":"ES256"}"#;

/// A longer contact is refused.
pub const CONTACT_BYTES_MAX: usize = 256;

/// RFC 8292 §2: no token may be valid for longer than this.
pub const LIFETIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
