//! The issuer's keys (RFC 7517): read, kept, and read again when a token names one that is not among them.
//!
//! Keys are kept for [`KEPT_SECONDS`], and up to [`STALE_SECONDS`] while they can't be read. Whatever tokens say, the
//! issuer is asked once in [`RETRY_SECONDS`] at most, and by one task at a time.

use std::path::PathBuf;
use std::sync::Arc;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use parking_lot::Mutex;
use serde_json::Value;
use store::UnixTime;
use tokio::sync::Semaphore;
use url::Url;

use super::http::{Client, Failed};
use super::{SetupError, TokenError};

/// What a key can check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// RS256.
    Rsa,
    /// ES256.
    P256,
    /// EdDSA.
    Ed25519,
}

/// The issuer's keys.
pub(crate) struct Keys {
    source: Source,
    kept: Mutex<Kept>,
    reading: Semaphore,
}

enum Source {
    Url(Url, Client),
    File(PathBuf),
}

#[derive(Clone, Default)]
struct Kept {
    keys: Arc<[Key]>,
    read_at: Option<UnixTime>,
    tried_at: Option<UnixTime>,
}

struct Key {
    id: Option<String>,
    kind: Kind,
    key: Arc<DecodingKey>,
}

impl Keys {
    /// Keys behind a URL.
    pub(crate) fn at(url: Url, client: Client) -> Self {
        Self::new(Source::Url(url, client))
    }

    /// Keys in a file, which is looked at at once.
    pub(crate) fn in_file(file: PathBuf) -> Result<Self, SetupError> {
        let read = std::fs::read(&file).map_err(|error| SetupError::File(file.clone(), error))?;
        match parse(&read) {
            Some(_) => Ok(Self::new(Source::File(file))),
            None => Err(SetupError::NoKeys(file)),
        }
    }

    fn new(source: Source) -> Self {
        Self { source, kept: Mutex::default(), reading: Semaphore::new(1) }
    }

    /// The keys of a kind that may have signed a token: the one with the id, or all if it names none.
    pub(crate) async fn find(
        &self,
        id: Option<&str>,
        kind: Kind,
        now: UnixTime,
    ) -> Result<Vec<Arc<DecodingKey>>, TokenError> {
        let kept = self.kept.lock().clone();
        let found = kept.find(id, kind, now);
        if !found.is_empty() && kept.is_fresh(now) {
            return Ok(found);
        }
        // Without a key there is nothing to go on with: a read that is under way may bring it.
        if found.is_empty() || kept.may_be_read(now) {
            let closed = |_| TokenError::Unavailable("the keys are not read any more".into());
            let _permit = self.reading.acquire().await.map_err(closed)?;
            // Another task may have done it meanwhile.
            let may_be_read = self.kept.lock().may_be_read(now);
            if may_be_read {
                self.read(now).await;
            }
        }
        let kept = self.kept.lock().clone();
        let found = kept.find(id, kind, now);
        match (found.is_empty(), kept.read_at) {
            (false, _) => Ok(found),
            (true, Some(read)) if kept.tried_at == Some(read) => {
                Err(TokenError::Invalid("the issuer has no such key"))
            }
            (true, _) => Err(TokenError::Unavailable("the issuer's keys can't be read".into())),
        }
    }

    async fn read(&self, now: UnixTime) {
        self.kept.lock().tried_at = Some(now);
        let read = match &self.source {
            Source::Url(url, client) => client.fetch(url).await.map(Vec::from),
            Source::File(file) => tokio::fs::read(file).await.map_err(Failed::from),
        };
        match read.and_then(|bytes| parse(&bytes).ok_or("no usable keys".into())) {
            Ok(keys) => {
                let mut kept = self.kept.lock();
                (kept.keys, kept.read_at) = (keys, Some(now));
            }
            Err(error) => tracing::warn!(error, "the issuer's keys can't be read"),
        }
    }
}

impl Kept {
    fn is_fresh(&self, now: UnixTime) -> bool {
        self.read_at.is_some_and(|read| is_within(KEPT_SECONDS, read, now))
    }

    fn may_be_read(&self, now: UnixTime) -> bool {
        self.tried_at.is_none_or(|tried| !is_within(RETRY_SECONDS, tried, now))
    }

    fn find(&self, id: Option<&str>, kind: Kind, now: UnixTime) -> Vec<Arc<DecodingKey>> {
        if !self.read_at.is_some_and(|read| is_within(STALE_SECONDS, read, now)) {
            return Vec::new();
        }
        let fits = |key: &&Key| key.kind == kind && (id.is_none() || key.id.as_deref() == id);
        self.keys.iter().filter(fits).map(|key| Arc::clone(&key.key)).collect()
    }
}

/// A clock that was set back is as if the time were over.
fn is_within(seconds: i64, since: UnixTime, now: UnixTime) -> bool {
    (0..seconds).contains(&now.0.saturating_sub(since.0))
}

/// The usable keys of a set; `None` if there are none. Keys that are not understood are passed over (RFC 7517 §5).
fn parse(set: &[u8]) -> Option<Arc<[Key]>> {
    let set: Value = serde_json::from_slice(set).ok()?;
    let all = set.get("keys")?.as_array()?;
    let keys: Arc<[Key]> = all.iter().take(KEYS_MAX).filter_map(key).collect();
    if keys.is_empty() { None } else { Some(keys) }
}

fn key(value: &Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
    let is_for_signatures = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let kind = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Kind::Rsa,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Kind::P256,
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Kind::Ed25519,
        _ => return None,
    };
    let key = Arc::new(DecodingKey::from_jwk(&jwk).ok()?);
    is_for_signatures.then_some(Key { id: jwk.common.key_id, kind, key })
}

/// Keys of a set; more are passed over.
const KEYS_MAX: usize = 64;
/// Then keys are read again.
const KEPT_SECONDS: i64 = 3600;
/// How long keys are used that can't be read again.
const STALE_SECONDS: i64 = 24 * 3600;
/// The issuer is not asked more often.
pub(crate) const RETRY_SECONDS: i64 = 30;
