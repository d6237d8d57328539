//! Bearer tokens (RFC 6750) of one issuer: is it one, whose is it, and until when?
//!
//! A JWT (RFC 7519, RFC 9068) is checked here with the issuer's keys, if we have any; about other tokens the issuer is
//! asked (RFC 7662). Not here: getting tokens, which is the client's business.
//!
//! # Invariants
//! - Only RS256, ES256 and EdDSA, each with a key of its kind: what a token says of itself chooses no weaker check.
//! - Only whom the operator has configured is asked: no redirect is followed, no URL in a token is looked at.
//! - Every answer is bounded in time and bytes; an issuer that is down costs one request in [`keys::RETRY_SECONDS`] or,
//!   with introspection, [`introspection::REQUESTS_MAX`] at a time.
//! - Tokens are never logged, and remembered as a hash only.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use store::UnixTime;
use url::{Host, Url};

use crate::bearer::Advice;

pub mod claims;
mod http;
mod introspection;
mod jwt;
mod keys;

use claims::{Expected, Grant};
use http::Client;
use introspection::Introspection;
use keys::Keys;

/// How to check tokens.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What they have to say.
    pub expected: Expected,
    /// The keys that JWTs are signed with; `None` if none are taken.
    pub keys: Option<KeySource>,
    /// Who is asked about other tokens; `None` if none are taken.
    pub introspection: Option<Endpoint>,
    /// Where the issuer describes itself (OpenID Connect Discovery), told to clients whose token is not taken.
    pub discovery_url: Option<Url>,
    /// Certificate authorities that are trusted besides the system's.
    pub extra_ca: Vec<CertificateDer<'static>>,
    /// The longest time for one request to the issuer, connecting included; beyond it Unavailable.
    pub timeout: Duration,
}

/// Where the issuer's keys are (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// This URL answers with them.
    Url(Url),
    /// In this file, which is read again when they don't suffice.
    File(PathBuf),
}

/// The issuer's introspection endpoint (RFC 7662).
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Where it is.
    pub url: Url,
    /// Our name there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: Secret,
}

/// A secret that does not print and is zeroized after use.
#[derive(Clone, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Why a token is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Refused: not a token of the issuer, or not one for us.
    #[error("{0}")]
    Invalid(&'static str),
    /// Refused: it was good once.
    #[error("the token has expired")]
    Expired,
    /// Refused: good, but not for mail.
    #[error("the token lacks a scope")]
    Scope,
    /// Unavailable: the issuer could not be asked.
    #[error("{0}")]
    Unavailable(String),
}

/// Why tokens can't be checked with these settings.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// TLS can't be used.
    #[error("cannot set up TLS for requests to the issuer")]
    Tls(#[source] rustls::Error),
    /// The file can't be read.
    #[error("cannot read {0}")]
    File(PathBuf, #[source] std::io::Error),
    /// The file holds no keys.
    #[error("{0} holds no keys for RS256, ES256 or EdDSA")]
    NoKeys(PathBuf),
}

/// Checks tokens. Cheap to clone; clones share what they remember.
#[derive(Clone)]
pub struct Tokens {
    inner: Arc<Inner>,
}

struct Inner {
    expected: Expected,
    discovery_url: String,
    scope: String,
    keys: Option<Keys>,
    introspection: Option<Introspection>,
}

impl Tokens {
    /// Prepares the checks. Nothing is asked of the issuer yet.
    ///
    /// # Errors
    /// For a file without keys, and if TLS can't be used.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        let client = Client::new(settings.extra_ca, settings.timeout).map_err(SetupError::Tls)?;
        let keys = match settings.keys {
            Some(KeySource::Url(url)) => Some(Keys::at(url, client.clone())),
            Some(KeySource::File(file)) => Some(Keys::in_file(file)?),
            None => None,
        };
        let introspection = settings.introspection.map(|endpoint| Introspection::new(client, &endpoint));
        let scope = settings.expected.scopes.join(" ");
        let discovery_url = settings.discovery_url.map(String::from).unwrap_or_default();
        Ok(Self {
            inner: Arc::new(Inner { expected: settings.expected, discovery_url, scope, keys, introspection }),
        })
    }

    /// Whose token it is, and until when.
    ///
    /// # Errors
    /// As [`TokenError`] says.
    pub async fn check(&self, token: &str, now: UnixTime) -> Result<Grant, TokenError> {
        let expected = &self.inner.expected;
        match (&self.inner.keys, &self.inner.introspection) {
            (Some(keys), _) if jwt::is_one(token) => {
                expected.grant_of_jwt(&jwt::claims(token, keys, now).await?, now)
            }
            (_, Some(introspection)) => {
                expected.grant_of_introspection(&*introspection.claims(token, now).await?, now)
            }
            (_, None) => Err(TokenError::Invalid("the token is not a JWT")),
        }
    }

    /// What to tell a client whose token was not taken.
    pub(crate) fn advice<'a>(&'a self, status: &'static str) -> Advice<'a> {
        Advice { status, scope: &self.inner.scope, openid_configuration: &self.inner.discovery_url }
    }
}

/// Whether the issuer may be asked there: by `https:`, or by `http:` on this machine.
#[must_use]
pub fn may_be_asked(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}

#[cfg(test)]
mod tests;
