//! The content of a transaction while it comes in, and the limits on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use delivery::Incoming;

/// Octets of messages that all connections together may hold at a time. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Budget {
    free: Arc<AtomicU64>,
}

impl Budget {
    /// A budget of so many octets.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self { free: Arc::new(AtomicU64::new(bytes)) }
    }

    fn take(&self, bytes: u64) -> bool {
        self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(bytes)).is_ok()
    }
}

/// A part of the budget, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    bytes: u64,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.free.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// Why content is not kept. What still comes of it is read and dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentError {
    /// It is larger than the limit.
    TooLarge,
    /// The budget of all connections is spent for now.
    OutOfBudget,
}

/// Content as it comes in: whole so far, or given up.
#[derive(Debug)]
pub(crate) struct Content {
    kept: Result<(Incoming, Share), ContentError>,
    /// Octets that came, kept or not.
    pub(crate) bytes: u64,
}

impl Content {
    pub(crate) fn new(incoming: Incoming, budget: Budget) -> Self {
        Self { kept: Ok((incoming, Share { budget, bytes: 0 })), bytes: 0 }
    }

    /// Appends octets; once the message is over `limit` octets, or the budget spent, what it held is freed.
    pub(crate) fn push(&mut self, octets: &[u8], limit: u64) {
        let size = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(size);
        let Ok((incoming, share)) = &mut self.kept else {
            return;
        };
        if self.bytes > limit {
            self.kept = Err(ContentError::TooLarge);
        } else if share.budget.take(size) {
            share.bytes = share.bytes.saturating_add(size);
            incoming.push(octets);
        } else {
            self.kept = Err(ContentError::OutOfBudget);
        }
    }

    /// Why it was given up, if it was.
    pub(crate) fn error(&self) -> Option<ContentError> {
        self.kept.as_ref().err().copied()
    }

    /// The message, with the share of the budget that has to live as long as it.
    pub(crate) fn finish(self) -> Result<(Incoming, Share), ContentError> {
        self.kept
    }
}
