//! SILWEBPUSH `session`: while a connection of the device lives, its subscription gets no push.
//!
//! A phone vanishes without a FIN. So a living connection does not move the subscription's cursor; it says what it has
//! shown ([`Guard::shown`]) and when it has heard from the client after that ([`Guard::heard`]), which proves that the
//! client was still there. When the connection dies, everything else is due. What the device did itself on such a
//! connection is not pushed back to it.
//!
//! All of it is in memory: after a crash the device is told again what it knew.
//!
//! Invariants: a subscription that no guard speaks of has no entry but for what its device knows beyond its cursor; that
//! is forgotten once the cursor has passed it.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use store::{MailboxId, ModSeq, PushSubscriptionId, SessionId};

use crate::compose::Known;
use crate::requests::{Reason, Requests};

#[cfg(test)]
mod tests;

/// Up to where the changes of some mailboxes have been shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown(BTreeMap<MailboxId, ModSeq>);

impl Shown {
    /// Changes of the mailbox up to and with `modseq` have been shown.
    pub fn note(&mut self, mailbox: MailboxId, modseq: ModSeq) {
        let shown = self.0.entry(mailbox).or_default();
        *shown = modseq.max(*shown);
    }

    /// Whether this change has been shown.
    #[must_use]
    pub fn covers(&self, mailbox: MailboxId, modseq: ModSeq) -> bool {
        self.0.get(&mailbox).is_some_and(|shown| modseq <= *shown)
    }

    fn merge(&mut self, other: &Self) {
        for (&mailbox, &modseq) in &other.0 {
            self.note(mailbox, modseq);
        }
    }
}

/// Which subscriptions are silent because their device is connected. Cheap to clone; all clones are one registry.
#[derive(Clone, Debug)]
pub struct SessionSilence {
    silent: Arc<Mutex<BTreeMap<PushSubscriptionId, Entry>>>,
    requests: Arc<Requests>,
}

#[derive(Debug, Default)]
struct Entry {
    /// How many guards live.
    guards: usize,
    known: Known,
    /// How often `known` has grown; tells a compose whether it has seen all of it.
    version: u64,
}

/// What a device knew when it was asked, and a mark to forget by.
#[derive(Clone, Debug, Default)]
pub struct Recollection {
    /// What it knew.
    pub known: Known,
    version: u64,
}

impl SessionSilence {
    /// A registry in which nothing is silent, and whom to ask to look when a silence ends.
    pub(crate) fn new(requests: Arc<Requests>) -> Self {
        Self { silent: Arc::default(), requests }
    }

    /// Silences a subscription while the guard lives, and marks the session's changes as the device's own.
    #[must_use]
    pub fn enter(&self, subscription: PushSubscriptionId, session: SessionId) -> Guard {
        let mut silent = self.silent.lock();
        let entry = silent.entry(subscription).or_default();
        entry.guards = entry.guards.saturating_add(1);
        entry.version = entry.version.wrapping_add(1);
        while entry.known.own_sessions.len() >= OWN_SESSIONS_MAX {
            entry.known.own_sessions.pop_first();
        }
        entry.known.own_sessions.insert(session);
        drop(silent);
        let silence = self.clone();
        Guard { silence, subscription, unproven: Shown::default(), proven: Shown::default() }
    }

    /// Whether a connection keeps this subscription silent now.
    #[must_use]
    pub fn is_silent(&self, subscription: PushSubscriptionId) -> bool {
        self.silent.lock().get(&subscription).is_some_and(|entry| entry.guards > 0)
    }

    /// What the device knows beyond its cursor.
    #[must_use]
    pub fn recollect(&self, subscription: PushSubscriptionId) -> Recollection {
        let silent = self.silent.lock();
        silent.get(&subscription).map_or_else(Recollection::default, |entry| Recollection {
            known: entry.known.clone(),
            version: entry.version,
        })
    }

    /// The cursor has passed all that was recollected: forgets it, unless it has grown since.
    pub fn forget(&self, subscription: PushSubscriptionId, passed: &Recollection) {
        let mut silent = self.silent.lock();
        if silent.get(&subscription).is_some_and(|e| e.guards == 0 && e.version == passed.version) {
            silent.remove(&subscription);
        }
    }

    /// The subscription is no more: forgets what its device knew. While a connection still silences it this waits for the
    /// connection's end, which asks to look at it again.
    pub(crate) fn removed(&self, subscription: PushSubscriptionId) {
        let mut silent = self.silent.lock();
        if silent.get(&subscription).is_some_and(|entry| entry.guards == 0) {
            silent.remove(&subscription);
        }
    }

    fn leave(&self, subscription: PushSubscriptionId, proven: &Shown) {
        let mut silent = self.silent.lock();
        if let Some(entry) = silent.get_mut(&subscription) {
            entry.guards = entry.guards.saturating_sub(1);
            entry.version = entry.version.wrapping_add(1);
            entry.known.shown.merge(proven);
        }
        drop(silent);
        // The rest is due now.
        self.requests.ask(subscription, Reason::Look);
    }
}

/// Keeps a subscription silent until it is dropped: held by the connection that sent SILWEBPUSH `session`.
#[derive(Debug)]
pub struct Guard {
    silence: SessionSilence,
    subscription: PushSubscriptionId,
    unproven: Shown,
    proven: Shown,
}

impl Guard {
    /// Which subscription is silent.
    #[must_use]
    pub fn subscription(&self) -> PushSubscriptionId {
        self.subscription
    }

    /// The connection has written all changes of a mailbox up to and with `modseq` to its socket.
    pub fn shown(&mut self, mailbox: MailboxId, modseq: ModSeq) {
        self.unproven.note(mailbox, modseq);
    }

    /// The connection has read bytes from its client that came after what was last written: what was shown is proven to
    /// have arrived. (Bytes that were under way at the same moment can't be told apart; the client was alive then.)
    pub fn heard(&mut self) {
        if !self.unproven.0.is_empty() {
            self.proven.merge(&std::mem::take(&mut self.unproven));
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.silence.leave(self.subscription, &self.proven);
    }
}

/// Own sessions remembered for one subscription. Beyond it the lowest is forgotten: its device is told what it did.
const OWN_SESSIONS_MAX: usize = 16;
