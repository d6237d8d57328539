//! Views that are kept although nobody holds them: a client that comes back to a large mailbox is told what has changed,
//! without a row of it being read.
//!
//! The least recently used ones go first. Small mailboxes are not kept: reading them costs little.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::{AccountId, MailboxId, View};

/// What a view is of.
pub(super) type Key = (AccountId, MailboxId);

/// Views in the order of their last use, the latest at the end.
#[derive(Default)]
pub(super) struct Kept {
    views: VecDeque<(Key, Arc<View>)>,
    /// Messages in all of them.
    messages: usize,
}

impl Kept {
    /// Notes that a view has been used. Returns what is no longer kept, to be dropped where nobody waits for it.
    pub(super) fn used(&mut self, key: Key, view: &Arc<View>) -> Vec<Arc<View>> {
        let mut dropped = Vec::new();
        if let Some(place) = self.views.iter().position(|(other, _)| *other == key) {
            dropped.extend(self.take(place));
        }
        if (KEPT_FROM..=MESSAGES_MAX).contains(&view.entries.len()) {
            self.messages += view.entries.len();
            self.views.push_back((key, Arc::clone(view)));
        }
        while self.messages > MESSAGES_MAX {
            dropped.extend(self.take(0));
        }
        dropped
    }

    fn take(&mut self, place: usize) -> Option<Arc<View>> {
        let (_, view) = self.views.remove(place)?;
        self.messages -= view.entries.len();
        Some(view)
    }
}

/// The smallest mailbox that is kept, in messages: at most 1,500 views are then to be looked through.
const KEPT_FROM: usize = 1_000;
/// Messages in all views that are kept, 48 bytes each: 72 MB.
const MESSAGES_MAX: usize = 1_500_000;

#[cfg(test)]
mod tests;
