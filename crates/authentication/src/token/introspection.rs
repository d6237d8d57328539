//! Asking the issuer about a token (RFC 7662). What it answers is for [`super::claims`].
//!
//! An answer about a good token is remembered for [`REMEMBERED_SECONDS`], under a hash of the token: so long may a
//! token that the issuer has withdrawn open sessions.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use serde_json::Value;
use store::UnixTime;
use tokio::sync::Semaphore;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::claims::Claims;
use super::http::{Client, Form};
use super::{Endpoint, Secret, TokenError};

/// The issuer's introspection endpoint.
pub(crate) struct Introspection {
    client: Client,
    url: Url,
    authorization: Secret,
    /// By the token's hash.
    remembered: Mutex<HashMap<[u8; 32], Remembered>>,
    requests: Semaphore,
}

/// When the issuer said what.
type Remembered = (UnixTime, Arc<Claims>);

impl Introspection {
    /// An endpoint that knows us by a name and a secret.
    pub(crate) fn new(client: Client, endpoint: &Endpoint) -> Self {
        // RFC 6749 §2.3.1: each is encoded as in a form before they are joined.
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let both = Zeroizing::new(format!(
            "{}:{}",
            encoded(&endpoint.client_id),
            encoded(endpoint.client_secret.expose())
        ));
        let authorization = Secret::new(format!("Basic {}", STANDARD.encode(both.as_bytes())));
        Self {
            client,
            url: endpoint.url.clone(),
            authorization,
            remembered: Mutex::default(),
            requests: Semaphore::new(REQUESTS_MAX),
        }
    }

    /// What the issuer says of a token.
    pub(crate) async fn claims(&self, token: &str, now: UnixTime) -> Result<Arc<Claims>, TokenError> {
        let hash = digest::digest(&digest::SHA256, token.as_bytes());
        let key: [u8; 32] = hash.as_ref().try_into().unwrap_or_default();
        let remembered = self.remembered.lock().get(&key).cloned();
        if let Some((_, claims)) = remembered.filter(|(at, _)| is_recent(*at, now)) {
            return Ok(claims);
        }
        let busy = |_| TokenError::Unavailable("too many requests to the issuer".into());
        let answer = {
            let _permit = self.requests.try_acquire().map_err(busy)?;
            let token = form_urlencoded::byte_serialize(token.as_bytes()).collect::<String>();
            let body = Zeroizing::new(format!("token={token}&token_type_hint=access_token"));
            let form = Form { authorization: self.authorization.expose(), body };
            self.client.post(&self.url, form).await.map_err(|error| {
                tracing::warn!(error, "the issuer can't be asked about a token");
                TokenError::Unavailable("the issuer can't be asked".into())
            })?
        };
        let claims: Claims = serde_json::from_slice(&answer).map_err(|error| {
            tracing::warn!(%error, "the issuer's answer about a token is not understood");
            TokenError::Unavailable("the issuer's answer is not understood".into())
        })?;
        let claims = Arc::new(claims);
        if claims.get("active") == Some(&Value::Bool(true)) {
            self.remember(key, now, &claims);
        }
        Ok(claims)
    }

    fn remember(&self, key: [u8; 32], now: UnixTime, claims: &Arc<Claims>) {
        let mut remembered = self.remembered.lock();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.retain(|_, (at, _)| is_recent(*at, now));
        }
        // Still full: forget everything rather than grow. It costs a request each.
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(key, (now, Arc::clone(claims)));
    }
}

fn is_recent(at: UnixTime, now: UnixTime) -> bool {
    (0..REMEMBERED_SECONDS).contains(&now.0.saturating_sub(at.0))
}

/// Requests at a time; one more is Unavailable at once.
pub(crate) const REQUESTS_MAX: usize = 64;
const REMEMBERED_SECONDS: i64 = 60;
const REMEMBERED_MAX: usize = 10_000;
