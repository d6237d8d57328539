//! Application servers: keys, and a VAPID token of each (RFC 8292) that serves for hours, as with real senders.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use webpush::origin::Origin;
use webpush::vapid::key::SigningKey;
use webpush::vapid::token::{Authorization, Claims};

use super::BODY_BYTES;
use super::server::PushServer;
use crate::client::poster::Sheet;

/// Several application servers of one push service.
#[derive(Clone, Debug)]
pub struct Senders {
    /// Their public keys, which subscriptions are restricted to.
    pub keys: Vec<String>,
    /// What they post.
    pub sheet: Sheet,
}

impl Senders {
    /// New ones.
    ///
    /// # Errors
    /// If keys can't be made.
    pub fn new(server: &PushServer) -> Result<Self> {
        let audience = Origin::parse(&server.origin).context("no origin")?;
        let expires = SystemTime::now() + TOKEN_LIFETIME;
        let (mut keys, mut authorizations) = (Vec::new(), Vec::new());
        for _ in 0..SENDERS {
            let key = SigningKey::generate()?;
            let claims = Claims { audience: audience.clone(), expires, contact: None };
            keys.push(key.public_key().to_string());
            authorizations.push(Authorization::sign(&key, &claims)?.as_str().to_owned());
        }
        Ok(Self { keys, sheet: Sheet { address: server.address, authorizations, body: body() } })
    }
}

/// A body in the form of RFC 8188 that nobody can decrypt: nobody here tries.
fn body() -> Bytes {
    let mut body = vec![0x5a; 16];
    body.extend(4096_u32.to_be_bytes());
    body.push(65);
    body.push(4);
    body.resize(BODY_BYTES, 0xa5);
    body.into()
}

/// Which of the senders a subscription belongs to.
#[must_use]
pub fn sender_of(subscription: usize) -> usize {
    subscription % SENDERS
}

/// The service allows each of them 20,000 messages at once and 2,000 a second.
pub const SENDERS: usize = 16;
const TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);
