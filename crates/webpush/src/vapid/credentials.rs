//! Reading the credentials of an application server from the header fields of its request.
//!
//! Three forms are in use: `Authorization: vapid t=.., k=..` (RFC 8292 §3), and those of its drafts,
//! `Authorization: WebPush <token>` or `Bearer <token>` with the key in `Crypto-Key: p256ecdsa=..`.
//! What is read here has not been verified.

use std::fmt;

use crate::key::PublicKey;

/// Why the credentials could not be read; a push service answers 401 (RFC 8292 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The request has no `Authorization` header field.
    #[error("no Authorization header field")]
    Missing,
    /// Longer than [`AUTHORIZATION_BYTES_MAX`].
    #[error("Authorization header field too long")]
    TooLong,
    /// The scheme is none of `vapid`, `WebPush`, `Bearer`.
    #[error("unknown authentication scheme")]
    Scheme,
    /// The parameters break the grammar, or one of them stands twice.
    #[error("malformed parameters")]
    Parameters,
    /// No `t` parameter, or no token after the scheme.
    #[error("no token")]
    NoToken,
    /// No `k` parameter, or no `p256ecdsa` in `Crypto-Key`.
    #[error("no key")]
    NoKey,
    /// The key is not a point on P-256 in base64url.
    #[error("malformed key")]
    Key,
    /// The token is not a JWT in compact form, or lacks a claim that must be there.
    #[error("malformed token")]
    Token,
    /// The token is signed with something else than ES256.
    #[error("not signed with ES256")]
    Algorithm,
}

/// A token and the key that it claims to be signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub(super) token: String,
    /// The public key of the application server.
    pub key: PublicKey,
}

impl Credentials {
    /// Reads the `Authorization` and, for the forms of the drafts, the `Crypto-Key` header field.
    ///
    /// # Errors
    /// [`Unreadable`], by the first thing that is wrong.
    pub fn parse(authorization: Option<&str>, crypto_key: Option<&str>) -> Result<Self, Unreadable> {
        let authorization = authorization.ok_or(Unreadable::Missing)?.trim_matches([' ', '\t']);
        if authorization.len() > AUTHORIZATION_BYTES_MAX {
            return Err(Unreadable::TooLong);
        }
        let (scheme, rest) = authorization.split_once(' ').ok_or(Unreadable::Scheme)?;
        // RFC 9110 §11.1: schemes are compared without regard to letter case.
        if scheme.eq_ignore_ascii_case("vapid") {
            Self::from_parameters(rest)
        } else if scheme.eq_ignore_ascii_case("webpush") || scheme.eq_ignore_ascii_case("bearer") {
            Self::from_draft(rest, crypto_key)
        } else {
            Err(Unreadable::Scheme)
        }
    }

    /// RFC 8292 §3: `t` and `k` in any order; parameters that are not known are skipped.
    fn from_parameters(text: &str) -> Result<Self, Unreadable> {
        let (mut token, mut key) = (None, None);
        for parameter in text.split(',').map(trim).filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').ok_or(Unreadable::Parameters)?;
            let slot = match trim(name) {
                "t" | "T" => &mut token,
                "k" | "K" => &mut key,
                _ => continue,
            };
            // RFC 9110 §11.2: a parameter's name occurs once.
            if slot.replace(unquoted(trim(value))?).is_some() {
                return Err(Unreadable::Parameters);
            }
        }
        Self::new(token.ok_or(Unreadable::NoToken)?, key.ok_or(Unreadable::NoKey)?)
    }

    /// draft-ietf-webpush-vapid-01 §3, §4.
    fn from_draft(token: &str, crypto_key: Option<&str>) -> Result<Self, Unreadable> {
        let crypto_key = crypto_key.ok_or(Unreadable::NoKey)?;
        if crypto_key.len() > AUTHORIZATION_BYTES_MAX {
            return Err(Unreadable::TooLong);
        }
        let key = crypto_key
            .split([',', ';'])
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| trim(name).eq_ignore_ascii_case("p256ecdsa"))
            .ok_or(Unreadable::NoKey)?
            .1;
        Self::new(trim(token), unquoted(trim(key))?)
    }

    fn new(token: &str, key: &str) -> Result<Self, Unreadable> {
        if token.is_empty() {
            return Err(Unreadable::NoToken);
        }
        // Libraries in use pad the key, against the RFC; the bytes are the same.
        let key = PublicKey::from_base64url_maybe_padded(key).map_err(|_| Unreadable::Key)?;
        Ok(Self { token: token.to_owned(), key })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("key", &self.key).finish_non_exhaustive()
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// The content of a quoted string, or the token as it is (RFC 9110 §5.6.4). Neither value can hold an escape.
fn unquoted(text: &str) -> Result<&str, Unreadable> {
    match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').ok_or(Unreadable::Parameters),
        None => Ok(text),
    }
}

/// A longer header field is not read: the token of RFC 8292 §2.4 has 380 bytes with its key.
pub const AUTHORIZATION_BYTES_MAX: usize = 4096;
