//! Who is logged in: so many sessions for an account, and the end of those whose credential is revoked.
//!
//! Revocations are read from the store now and then, since they may come from another process. A session
//! that began before one ends with it; one that began after, with the new password, stays.

use std::collections::HashMap;
use std::sync::Arc;

use admission::places::{Place, Places};
use parking_lot::Mutex;
use store::{Access, AccountId, CredentialId, Revocation, RevocationMark, Store};
use tokio_util::sync::CancellationToken;

/// All sessions of a server.
#[derive(Debug)]
pub(crate) struct Sessions {
    places: Places<AccountId>,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    sessions: HashMap<u64, Known>,
}

#[derive(Debug)]
struct Known {
    account: AccountId,
    credential: Option<CredentialId>,
    /// Where the list of revocations ended when its password was looked at.
    began: RevocationMark,
    end: CancellationToken,
}

/// A session's place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    number: u64,
    open: Arc<Mutex<Open>>,
    end: CancellationToken,
    _place: Place<AccountId>,
}

impl Sessions {
    /// So many sessions for each account.
    pub(crate) fn new(each: usize) -> Self {
        Self { places: Places::new(each), open: Arc::default() }
    }

    /// A session begins; `None` if its account has all of its places.
    pub(crate) fn enter(&self, access: &Access, began: RevocationMark) -> Option<Entered> {
        let place = self.places.take(access.reader())?;
        let end = CancellationToken::new();
        let known =
            Known { account: access.reader(), credential: access.credential(), began, end: end.clone() };
        let mut open = self.open.lock();
        let number = open.next;
        open.next += 1;
        open.sessions.insert(number, known);
        drop(open);
        Some(Entered { number, open: Arc::clone(&self.open), end, _place: place })
    }

    /// Ends the sessions that these revocations are about.
    pub(crate) fn revoke(&self, revocations: &[Revocation]) {
        for known in self.open.lock().sessions.values() {
            if revocations
                .iter()
                .any(|revocation| revocation.ends(known.account, known.credential, known.began))
            {
                known.end.cancel();
            }
        }
    }

    /// Ends sessions as their credentials are revoked, for ever.
    pub(crate) async fn follow(&self, store: &Store) {
        store.follow_revocations(|revocations| self.revoke(revocations)).await;
    }
}

impl Entered {
    /// Cancelled once the session has to end.
    pub(crate) fn end(&self) -> &CancellationToken {
        &self.end
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.open.lock().sessions.remove(&self.number);
    }
}
