//! One signature for many pushes: tokens kept by push service and key (RFC 8292 §5 allows the reuse).
//!
//! Invariants: a token that is handed out is valid for at least [`RENEW_BELOW`] and at most [`TOKEN_LIFETIME`], by the
//! clock of the caller; at most `capacity` tokens are kept, and the lock is never held while signing.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use super::key::SigningKey;
use super::token::{Authorization, Claims, Contact};
use crate::key::{KeyError, PublicKey};
use crate::origin::Origin;

/// Signed tokens by origin and key.
#[derive(Debug)]
pub struct TokenCache {
    contact: Option<Contact>,
    capacity: usize,
    tokens: Mutex<HashMap<(Origin, PublicKey), Token>>,
}

#[derive(Debug, Clone)]
struct Token {
    authorization: Authorization,
    expires: SystemTime,
}

impl TokenCache {
    /// A cache whose tokens name `contact` and which keeps at most `capacity` of them. When it is full, the one that
    /// expires first makes room: what is lost is one signature.
    #[must_use]
    pub fn new(contact: Option<Contact>, capacity: usize) -> Self {
        Self { contact, capacity, tokens: Mutex::default() }
    }

    /// The `Authorization` value for a push to `audience`, signed now or earlier.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the cryptographic library fails.
    pub fn authorization(
        &self,
        key: &SigningKey,
        audience: &Origin,
        now: SystemTime,
    ) -> Result<Authorization, KeyError> {
        let index = (audience.clone(), *key.public_key());
        if let Some(token) = self.tokens.lock().get(&index)
            && is_fresh(token.expires, now)
        {
            return Ok(token.authorization.clone());
        }
        let expires = now + TOKEN_LIFETIME;
        let claims = Claims { audience: audience.clone(), expires, contact: self.contact.clone() };
        let authorization = Authorization::sign(key, &claims)?;
        self.keep(index, Token { authorization: authorization.clone(), expires });
        Ok(authorization)
    }

    /// Forgets the tokens of one key, after it was rotated away.
    pub fn forget(&self, key: &PublicKey) {
        self.tokens.lock().retain(|(_, of), _| of != key);
    }

    fn keep(&self, index: (Origin, PublicKey), token: Token) {
        let mut tokens = self.tokens.lock();
        if tokens.len() >= self.capacity && !tokens.contains_key(&index) {
            let first = tokens.iter().min_by_key(|(_, token)| token.expires).map(|(index, _)| index.clone());
            if let Some(first) = first {
                tokens.remove(&first);
            }
        }
        if self.capacity > 0 {
            tokens.insert(index, token);
        }
    }
}

/// Whether a token that expires then can still be used. A clock that was set back makes tokens stale too: they would
/// expire too late for the push service.
fn is_fresh(expires: SystemTime, now: SystemTime) -> bool {
    expires.duration_since(now).is_ok_and(|left| left >= RENEW_BELOW && left <= TOKEN_LIFETIME)
}

/// Validity of a new token: half of what RFC 8292 §2 allows, so that a clock that is wrong by hours does no harm.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// With less than this left, a new token is signed.
pub const RENEW_BELOW: Duration = Duration::from_secs(6 * 60 * 60);
