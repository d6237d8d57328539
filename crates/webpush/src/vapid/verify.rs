//! Verifying a VAPID token (RFC 8292 §2, §4.2): may this request be taken for one of that application server?
//!
//! Cheap checks come first, the signature last. Verified tokens are remembered until they expire, so that the pushes
//! of one application server cost one verification for each token and not one each.
//! RFC 7519 §4.1.5, §4.1.6 `nbf` and `iat` (not done: RFC 8292 gives them no meaning, and a sender whose clock is a
//! second fast would be refused).
//!
//! Invariant: a remembered token was verified for this very verifier's origin, byte for byte, with the same key; a token
//! of RFC 8292 by the whole header field, which holds both.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use parking_lot::Mutex;
use serde::Deserialize;

use super::credentials::{AUTHORIZATION_BYTES_MAX, Credentials, Unreadable};
use super::token::LIFETIME_MAX;
use crate::base64url;
use crate::key::PublicKey;
use crate::origin::Origin;

/// Why credentials that could be read are not good; a push service answers 403 (RFC 8292 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// The signature is not one of this key for this token.
    #[error("the signature does not match")]
    Signature,
    /// The token is for another push service.
    #[error("the token is for another origin")]
    Audience,
    /// The token has expired.
    #[error("the token has expired")]
    Expired,
    /// The token is valid for more than 24 hours from now.
    #[error("the token expires more than 24 hours from now")]
    TooLong,
}

/// Why a request is not taken for one of the application server that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Answered with 401.
    #[error("unreadable credentials: {0}")]
    Unreadable(#[from] Unreadable),
    /// Answered with 403.
    #[error("wrong credentials: {0}")]
    Wrong(#[from] Wrong),
}

impl VerifyError {
    /// The HTTP status that a push service answers with (RFC 8292 §4.2).
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Unreadable(_) => 401,
            Self::Wrong(_) => 403,
        }
    }
}

/// An application server that has proven to hold its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Its key.
    pub key: PublicKey,
    /// Until when this token stands.
    pub expires: SystemTime,
    /// The `sub` claim as it was sent: at best a `mailto:` or `https:` URI, of the sender's choice.
    pub contact: Option<String>,
}

impl Credentials {
    /// Verifies the token for the push service at `audience`, without a cache.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(&self, audience: &Origin, now: SystemTime) -> Result<Verified, VerifyError> {
        let claims = self.claims()?;
        if !claims.aud.names(audience) {
            return Err(Wrong::Audience.into());
        }
        // RFC 8292 §2: in the future, and no more than 24 hours of it.
        let expires = claims.expires();
        let left = expires.duration_since(now).map_err(|_| Wrong::Expired)?;
        if left.is_zero() {
            return Err(Wrong::Expired.into());
        }
        if left > LIFETIME_MAX {
            return Err(Wrong::TooLong.into());
        }
        self.check_signature()?;
        Ok(Verified { key: self.key, expires, contact: claims.sub })
    }

    fn claims(&self) -> Result<Claims, Unreadable> {
        let mut parts = self.token.split('.');
        let (Some(header), Some(body), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Unreadable::Token);
        };
        let header: JoseHeader = read_json(header)?;
        // RFC 8292 §2: ES256 and nothing else; `none` and HMAC are how tokens are forged. RFC 7515 §4.1.11: what
        // `crit` lists must be understood, and nothing is.
        if header.alg != "ES256" || header.crit.is_some() {
            return Err(Unreadable::Algorithm);
        }
        read_json(body)
    }

    fn check_signature(&self) -> Result<(), VerifyError> {
        let (input, signature) = self.token.rsplit_once('.').ok_or(Unreadable::Token)?;
        let signature = base64url::decode(signature).ok_or(Unreadable::Token)?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.as_bytes())
            .verify(input.as_bytes(), &signature)
            .map_err(|_| Wrong::Signature.into())
    }

    /// What stands for these bytes in the cache: 32 bytes, however long the token is.
    fn fingerprint(&self) -> [u8; 32] {
        fingerprint_of(&[self.key.as_bytes(), self.token.as_bytes()])
    }
}

/// Verifies the requests to one push service.
#[derive(Debug)]
pub struct Verifier {
    audience: Origin,
    capacity: usize,
    verified: Mutex<HashMap<[u8; 32], Verified>>,
}

impl Verifier {
    /// A verifier for the push service at `audience` that remembers at most `capacity` tokens. When it is full, the
    /// expired ones and, if there are none, one that expires first make room: what is lost is one verification.
    #[must_use]
    pub fn new(audience: Origin, capacity: usize) -> Self {
        Self { audience, capacity, verified: Mutex::default() }
    }

    /// Verifies the `Authorization` (and, for drafts, `Crypto-Key`) header field of a request.
    ///
    /// # Errors
    /// [`VerifyError`]; nothing about a token that failed is remembered.
    pub fn verify(
        &self,
        authorization: Option<&str>,
        crypto_key: Option<&str>,
        now: SystemTime,
    ) -> Result<Verified, VerifyError> {
        let whole = authorization.and_then(whole_fingerprint);
        if let Some(verified) = whole.and_then(|fingerprint| self.recall(&fingerprint, now)) {
            return Ok(verified);
        }
        let credentials = Credentials::parse(authorization, crypto_key)?;
        let fingerprint = whole.unwrap_or_else(|| credentials.fingerprint());
        if let Some(verified) = self.recall(&fingerprint, now) {
            return Ok(verified);
        }
        let verified = credentials.verify(&self.audience, now)?;
        self.remember(fingerprint, verified.clone(), now);
        Ok(verified)
    }

    /// How many tokens are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.verified.lock().len()
    }

    fn recall(&self, fingerprint: &[u8; 32], now: SystemTime) -> Option<Verified> {
        let all = self.verified.lock();
        let verified = all.get(fingerprint)?;
        let stands =
            verified.expires.duration_since(now).is_ok_and(|left| !left.is_zero() && left <= LIFETIME_MAX);
        stands.then(|| verified.clone())
    }

    fn remember(&self, fingerprint: [u8; 32], verified: Verified, now: SystemTime) {
        let mut all = self.verified.lock();
        if all.len() >= self.capacity {
            all.retain(|_, verified| verified.expires > now);
        }
        if all.len() >= self.capacity {
            let first = all.iter().min_by_key(|(_, verified)| verified.expires).map(|(print, _)| *print);
            if let Some(first) = first {
                all.remove(&first);
            }
        }
        if self.capacity > 0 {
            all.insert(fingerprint, verified);
        }
    }
}

/// What stands for a header field that says everything by itself (RFC 8292 §3), so that a known one need not be read
/// again: reading it checks that the key is a point of the curve, which costs more than all the rest. `None` for the
/// forms of the drafts, whose key stands elsewhere, in a field that differs from push to push.
fn whole_fingerprint(authorization: &str) -> Option<[u8; 32]> {
    let scheme = authorization.get(..SCHEME.len())?;
    let is_whole = scheme.eq_ignore_ascii_case(SCHEME) && authorization.len() <= AUTHORIZATION_BYTES_MAX;
    // The fingerprints of the drafts begin with a key, whose first byte is 4.
    is_whole.then(|| fingerprint_of(&[authorization.as_bytes()]))
}

fn fingerprint_of(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(context.finish().as_ref());
    fingerprint
}

#[derive(Deserialize)]
struct JoseHeader {
    alg: String,
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    aud: Audience,
    exp: f64,
    sub: Option<String>,
}

impl Claims {
    /// RFC 7519 §2: NumericDate, which may have a fraction. What does not fit a clock is past or far in the future.
    fn expires(&self) -> SystemTime {
        let since = Duration::try_from_secs_f64(self.exp.clamp(0.0, EXPIRES_SECONDS_MAX)).unwrap_or_default();
        UNIX_EPOCH + since
    }
}

/// RFC 7519 §4.1.3: one audience or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn names(&self, audience: &Origin) -> bool {
        let is = |text: &String| Origin::parse(text).as_ref() == Some(audience);
        match self {
            Self::One(one) => is(one),
            Self::Several(several) => several.iter().any(is),
        }
    }
}

fn read_json<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, Unreadable> {
    let bytes = base64url::decode(part).ok_or(Unreadable::Token)?;
    serde_json::from_slice(&bytes).map_err(|_| Unreadable::Token)
}

const SCHEME: &str = "vapid ";

/// The end of the year 9999: what expires later is refused anyway.
const EXPIRES_SECONDS_MAX: f64 = 253_402_300_799.0;
