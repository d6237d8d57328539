//! Who has logged in of late: an `Authorization` header that was right is known again without asking anybody.
//!
//! Kept under a keyed digest, so that no password is. Forgotten after [`KNOWN_TIME`], with the credential that it stands on
//! (looked for every [`LOOK_INTERVAL`], since another process may revoke it), and when its token ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use authentication::Authenticated;
use parking_lot::Mutex;
use store::{Access, Revocation, Store};
use tokio_util::sync::CancellationToken;

#[cfg(test)]
mod tests;

/// One who has logged in.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// To the account that is acted as.
    pub(crate) access: Access,
    /// What the account is called.
    pub(crate) name: Arc<str>,
    /// Cancelled once its credential is revoked: what stays open on it has to end.
    pub(crate) end: CancellationToken,
}

/// All of them.
pub(crate) struct Clients {
    key: [u8; 32],
    known: Mutex<HashMap<[u8; 32], Known>>,
}

struct Known {
    client: Client,
    authenticated: Authenticated,
    since: Instant,
}

impl Clients {
    /// Nobody is known yet.
    pub(crate) fn new() -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(uuid::Uuid::new_v4().as_bytes()).update(uuid::Uuid::new_v4().as_bytes());
        Self { key: *hasher.finalize().as_bytes(), known: Mutex::default() }
    }

    /// Who has shown this header before, `now` being seconds since 1970 for tokens that end.
    pub(crate) fn find(&self, header: &[u8], at: Instant, now: i64) -> Option<Client> {
        let digest = self.digest(header);
        let mut known = self.known.lock();
        let found = known.get(&digest)?;
        let is_over = found.authenticated.until.is_some_and(|until| until.0 <= now);
        if is_over || at.saturating_duration_since(found.since) >= KNOWN_TIME {
            known.remove(&digest);
            return None;
        }
        Some(found.client.clone())
    }

    /// Remembers one who has just logged in.
    pub(crate) fn remember(
        &self,
        header: &[u8],
        authenticated: Authenticated,
        name: Arc<str>,
        at: Instant,
    ) -> Client {
        let client = Client { access: authenticated.access.clone(), name, end: CancellationToken::new() };
        let mut known = self.known.lock();
        if known.len() >= KNOWN_MAX {
            known.retain(|_, known| at.saturating_duration_since(known.since) < KNOWN_TIME);
        }
        if known.len() < KNOWN_MAX {
            known.insert(self.digest(header), Known { client: client.clone(), authenticated, since: at });
        }
        client
    }

    /// Forgets, and ends, what these revocations are about.
    pub(crate) fn revoke(&self, revocations: &[Revocation]) {
        if revocations.is_empty() {
            return;
        }
        self.known.lock().retain(|_, known| {
            let is_revoked = revocations.iter().any(|revocation| known.ends_with(revocation));
            if is_revoked {
                known.client.end.cancel();
            }
            !is_revoked
        });
    }

    /// Reads the list of revocations, for ever.
    pub(crate) async fn follow(&self, store: &Store) {
        let mut mark = None;
        loop {
            let read = match mark {
                None => store.revocation_mark().await.map(|now| (now, Vec::new())),
                Some(mark) => store.revocations_since(mark).await.map(|all| (mark, all)),
            };
            match read {
                Ok((before, revocations)) => {
                    self.revoke(&revocations);
                    mark = Some(revocations.last().map_or(before, |last| last.mark));
                }
                Err(error) => tracing::debug!(%error, "revocations not read"),
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    fn digest(&self, header: &[u8]) -> [u8; 32] {
        *blake3::keyed_hash(&self.key, header).as_bytes()
    }
}

impl Known {
    fn ends_with(&self, revocation: &Revocation) -> bool {
        self.client.access.reader() == revocation.account
            && self.authenticated.began < revocation.mark
            && (revocation.credential.is_none() || revocation.credential == self.client.access.credential())
    }
}

/// How long a header is known.
const KNOWN_TIME: Duration = Duration::from_secs(300);
/// Headers that are known at a time; one more is asked for each time.
const KNOWN_MAX: usize = 50_000;
/// How long what is revoked may go on, at most, and a little.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
