//! Message ids: microseconds of acceptance, made strictly increasing.
//!
//! They tell their reader when the message came and not how many others did. The last id given is stored with each
//! transaction, so that a clock that was set back does not repeat any.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::Instant;
use crate::id::MessageId;

/// The source of ids.
pub(super) struct Sequence {
    last: AtomicI64,
}

impl Sequence {
    pub(super) const fn starting_after(last: MessageId) -> Self {
        Self { last: AtomicI64::new(last.number()) }
    }

    pub(super) fn next(&self, now: Instant) -> MessageId {
        let mut last = self.last.load(Ordering::Relaxed);
        loop {
            let next = now.micros().max(last.saturating_add(1));
            match self.last.compare_exchange_weak(last, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return MessageId::from_number(next),
                Err(current) => last = current,
            }
        }
    }

    pub(super) fn last(&self) -> MessageId {
        MessageId::from_number(self.last.load(Ordering::Relaxed))
    }
}
