//! Cursors and the results of attempts that the store does not have yet. Losing them means a push too many.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use store::{CursorsElsewhere, ModSeq, PushAttempts, PushProgress, PushSubscription, PushSubscriptionId};

/// What is not stored yet, the last state of each subscription only.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pending: Mutex<Pending>,
}

#[derive(Debug, Default)]
struct Pending {
    latest: BTreeMap<PushSubscriptionId, (u64, PushProgress)>,
    /// Counts notes, so that what is noted while a batch is being stored is not taken for stored.
    notes: u64,
}

/// A batch on its way to the store.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) progress: Vec<PushProgress>,
    upto: u64,
}

impl Progress {
    /// The subscription stands here and its last attempt went so.
    pub(crate) fn note(&self, mut progress: PushProgress) {
        let mut pending = self.pending.lock();
        pending.notes += 1;
        let notes = pending.notes;
        if let Some((_, known)) = pending.latest.get(&progress.id) {
            progress.cursor = progress.cursor.max(known.cursor);
            progress.elsewhere.merge(&known.elsewhere);
        }
        pending.latest.insert(progress.id, (notes, progress));
    }

    /// The client has altered it: how attempts went before is about a former endpoint.
    pub(crate) fn reset_attempts(&self, id: PushSubscriptionId) {
        // The store ignores a cursor below its own.
        let (cursor, elsewhere) = (ModSeq(0), CursorsElsewhere::default());
        self.note(PushProgress { id, cursor, elsewhere, attempts: PushAttempts::default() });
    }

    /// It is gone.
    pub(crate) fn forget(&self, id: PushSubscriptionId) {
        self.pending.lock().latest.remove(&id);
    }

    /// Brings a row from the store up to date.
    pub(crate) fn apply(&self, subscription: &mut PushSubscription) {
        if let Some((_, known)) = self.pending.lock().latest.get(&subscription.id) {
            subscription.cursor = subscription.cursor.max(known.cursor);
            subscription.elsewhere.advance(&known.elsewhere);
            subscription.attempts = known.attempts.clone();
        }
    }

    /// What is to be stored now, at most `max`; none if there is nothing.
    pub(crate) fn batch(&self, max: usize) -> Option<Batch> {
        let pending = self.pending.lock();
        let progress: Vec<_> = pending.latest.values().take(max).map(|(_, known)| known.clone()).collect();
        if progress.is_empty() { None } else { Some(Batch { progress, upto: pending.notes }) }
    }

    /// The store has a batch.
    pub(crate) fn stored(&self, batch: &Batch) {
        let mut pending = self.pending.lock();
        for stored in &batch.progress {
            if pending.latest.get(&stored.id).is_some_and(|(note, _)| *note <= batch.upto) {
                pending.latest.remove(&stored.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: PushSubscriptionId = PushSubscriptionId(1);

    fn note(progress: &Progress, cursor: u64, failures: u32) {
        let attempts = PushAttempts { failures, ..PushAttempts::default() };
        let elsewhere = CursorsElsewhere::default();
        progress.note(PushProgress { id: PHONE, cursor: ModSeq(cursor), elsewhere, attempts });
    }

    fn waiting(progress: &Progress) -> Option<(u64, u32)> {
        progress.batch(10).map(|batch| {
            assert_eq!(batch.progress.len(), 1, "one row for a subscription");
            (batch.progress[0].cursor.0, batch.progress[0].attempts.failures)
        })
    }

    #[test]
    fn the_last_note_of_a_subscription_is_stored_and_its_cursor_never_goes_back() {
        let progress = Progress::default();
        note(&progress, 7, 0);
        note(&progress, 9, 0);
        note(&progress, 8, 1);
        assert_eq!(waiting(&progress), Some((9, 1)));
        progress.reset_attempts(PHONE);
        assert_eq!(waiting(&progress), Some((9, 0)));
        progress.forget(PHONE);
        assert_eq!(waiting(&progress), None);
    }

    #[test]
    fn what_is_noted_while_a_batch_is_stored_waits_for_the_next() {
        let progress = Progress::default();
        note(&progress, 7, 0);
        let batch = progress.batch(10).expect("a batch");
        note(&progress, 8, 0);
        progress.stored(&batch);
        assert_eq!(waiting(&progress), Some((8, 0)));
        let batch = progress.batch(10).expect("a batch");
        progress.stored(&batch);
        assert_eq!(waiting(&progress), None);
    }
}
