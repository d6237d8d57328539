//! What may be lost in a crash, and is therefore written in batches: push cursors and times of use.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::sqlite::writer::Tx;
use crate::sqlite::{credentials, push_state};
use crate::{Credential, CredentialId, PushProgress, PushSubscription, PushSubscriptionId, Result, UnixTime};

/// Waits to be written; reads see it already.
#[derive(Default)]
pub(crate) struct Lazy {
    waiting: Mutex<Waiting>,
}

/// What was written by a request that may yet fail.
#[derive(Clone, Default)]
pub(crate) struct Waiting {
    progress: BTreeMap<PushSubscriptionId, PushProgress>,
    uses: BTreeMap<CredentialId, UnixTime>,
}

impl Lazy {
    /// The last progress of a subscription replaces the one before; a cursor never goes back.
    pub(crate) fn record(&self, progress: Vec<PushProgress>) {
        let mut waiting = self.waiting.lock();
        for mut new in progress {
            if let Some(old) = waiting.progress.get(&new.id) {
                new.cursor = new.cursor.max(old.cursor);
                new.elsewhere.merge(&old.elsewhere);
            }
            waiting.progress.insert(new.id, new);
        }
    }

    /// A credential has been used.
    pub(crate) fn used(&self, credential: CredentialId, at: UnixTime) {
        self.waiting.lock().uses.insert(credential, at);
    }

    /// Whether anything waits.
    pub(crate) fn is_empty(&self) -> bool {
        let waiting = self.waiting.lock();
        waiting.progress.is_empty() && waiting.uses.is_empty()
    }

    /// Puts what waits over what was read.
    pub(crate) fn overlay(&self, subscription: &mut PushSubscription) {
        if let Some(progress) = self.waiting.lock().progress.get(&subscription.id) {
            subscription.cursor = subscription.cursor.max(progress.cursor);
            subscription.elsewhere.advance(&progress.elsewhere);
            subscription.attempts = progress.attempts.clone();
        }
    }

    /// Puts a time of use that waits over what was read.
    pub(crate) fn overlay_use(&self, credential: &mut Credential) {
        if let Some(at) = self.waiting.lock().uses.get(&credential.id) {
            credential.last_used_at = Some(*at);
        }
    }

    /// Writes what waits. It goes on waiting until the commit is known: then [`Lazy::settle`].
    pub(crate) fn flush(&self, tx: &Tx<'_>) -> Result<Waiting> {
        let waiting = self.waiting.lock().clone();
        for progress in waiting.progress.values() {
            push_state::record(tx, progress)?;
        }
        for (credential, at) in &waiting.uses {
            credentials::used(tx, *credential, *at)?;
        }
        Ok(waiting)
    }

    /// Forgets what has been committed, unless something newer waits in its place.
    pub(crate) fn settle(&self, written: &Waiting) {
        let mut waiting = self.waiting.lock();
        waiting.progress.retain(|id, progress| written.progress.get(id) != Some(progress));
        waiting.uses.retain(|id, at| written.uses.get(id) != Some(at));
    }
}
