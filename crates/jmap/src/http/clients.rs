//! Who has logged in of late: an `Authorization` header that was right is known again without asking anybody.
//!
//! Kept under a keyed digest, so that no password is. Forgotten after [`KNOWN_TIME`], with the credential that it stands on
//! ([`Store::follow_revocations`]), and when its token ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use authentication::Authenticated;
use parking_lot::Mutex;
use store::{Access, Revocation, Store};
use tokio_util::sync::CancellationToken;

use crate::session::{self, Subject};

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
    /// The state of the session resource, and what it is for: working it out takes making all of the resource.
    session: Arc<Mutex<Option<SessionState>>>,
}

/// The state of a session resource that has been worked out.
#[derive(Clone, Debug)]
struct SessionState {
    /// What may differ from one request of a client to the next.
    origin: String,
    application_server_key: String,
    state: String,
}

impl Client {
    /// The state of the session resource.
    pub(crate) fn session_state(&self, subject: &Subject<'_>) -> String {
        let mut known = self.session.lock();
        match &*known {
            Some(known)
                if known.origin == subject.origin
                    && known.application_server_key == subject.application_server_key =>
            {
                known.state.clone()
            }
            _ => {
                let state = session::state(subject);
                *known = Some(SessionState {
                    origin: subject.origin.to_owned(),
                    application_server_key: subject.application_server_key.clone(),
                    state: state.clone(),
                });
                state
            }
        }
    }
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
        let (access, end) = (authenticated.access.clone(), CancellationToken::new());
        let client = Client { access, name, end, session: Arc::default() };
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
            let is_revoked = revocations.iter().any(|revocation| {
                let Known { client: Client { access, .. }, authenticated, .. } = &*known;
                revocation.ends(access.reader(), access.credential(), authenticated.began)
            });
            if is_revoked {
                known.client.end.cancel();
            }
            !is_revoked
        });
    }

    /// Reads the list of revocations, for ever.
    pub(crate) async fn follow(&self, store: &Store) {
        store.follow_revocations(|revocations| self.revoke(revocations)).await;
    }

    fn digest(&self, header: &[u8]) -> [u8; 32] {
        *blake3::keyed_hash(&self.key, header).as_bytes()
    }
}

/// How long a header is known.
const KNOWN_TIME: Duration = Duration::from_secs(300);
/// Headers that are known at a time; one more is asked for each time.
const KNOWN_MAX: usize = 50_000;
