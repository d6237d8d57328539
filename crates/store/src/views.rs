//! Views of mailboxes, shared by the sessions that have them selected.
//!
//! A view lives as long as a session holds it, and that of a large mailbox as long as [`kept`] has room. One that has grown stale is refreshed from the change log into a new one:
//! a thousand idle sessions of one mailbox then hold one view, and a new message costs one refresh.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::sqlite::{Sql, log, mailboxes, reading};
use crate::{AccountId, Entry, Mailbox, MailboxChanges, MailboxId, Result, View};

mod kept;

use kept::{Kept, Key};

type Slot = Arc<Mutex<Weak<View>>>;

/// The views that somebody holds, and those that are kept.
#[derive(Default)]
pub(crate) struct Views {
    slots: Mutex<Slots>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Slots {
    map: HashMap<Key, Slot>,
    /// How many there were after the last sweep.
    swept: usize,
}

impl Views {
    /// The view of a mailbox as of now. Blocking: sessions that ask for the same one at once wait for the first, on
    /// the readers' threads.
    pub(crate) fn read(&self, sql: Sql<'_>, account: AccountId, id: MailboxId) -> Result<Arc<View>> {
        let view = self.current(sql, account, id)?;
        self.keep((account, id), &view);
        Ok(view)
    }

    fn current(&self, sql: Sql<'_>, account: AccountId, id: MailboxId) -> Result<Arc<View>> {
        let slot = self.slot(account, id);
        let mut held = slot.lock();
        let Some(view) = held.upgrade() else {
            let view = Arc::new(reading::view(sql, account, id)?);
            *held = Arc::downgrade(&view);
            return Ok(view);
        };
        let mailbox = mailboxes::one(sql, account, id)?;
        let fresh = Self::refreshed(sql, account, (&view, &mailbox))?;
        *held = Arc::downgrade(&fresh);
        Ok(fresh)
    }

    /// The same for a reader that keeps few changes by itself: what somebody holds is then not made anew for it, and
    /// costs nothing that grows with the mailbox.
    pub(crate) fn open(&self, sql: Sql<'_>, account: AccountId, id: MailboxId) -> Result<OpenedView> {
        let opened = self.overlaid(sql, account, id)?;
        self.keep((account, id), &opened.view);
        Ok(opened)
    }

    fn keep(&self, key: Key, view: &Arc<View>) {
        let dropped = self.kept.lock().used(key, view);
        // Not under the lock: giving a large view back takes time.
        drop(dropped);
    }

    fn overlaid(&self, sql: Sql<'_>, account: AccountId, id: MailboxId) -> Result<OpenedView> {
        let mut mailbox = mailboxes::one(sql, account, id)?;
        let slot = self.slot(account, id);
        let mut held = slot.lock();
        let view = match held.upgrade() {
            Some(view) if view.uid_validity == mailbox.uid_validity => view,
            _ => Arc::new(reading::view(sql, account, id)?),
        };
        // The snapshot of this read may be older than the view: then it has nothing to add to it.
        mailbox.uid_next = mailbox.uid_next.max(view.uid_next);
        mailbox.highest_modseq = mailbox.highest_modseq.max(view.highest_modseq);
        let changes = log::of_mailbox(sql, account, id, view.modseq)?;
        if changes.complete && changes.changed.len() + changes.vanished.len() <= OVERLAY_MAX {
            *held = Arc::downgrade(&view);
            return Ok(OpenedView { view, changes, mailbox });
        }
        let view = Self::refreshed(sql, account, (&view, &mailbox))?;
        *held = Arc::downgrade(&view);
        let changes =
            MailboxChanges { modseq: view.modseq, changed: Vec::new(), vanished: Vec::new(), complete: true };
        Ok(OpenedView { view, changes, mailbox })
    }

    /// The view as of now: the same one, if it still says what is there.
    fn refreshed(
        sql: Sql<'_>,
        account: AccountId,
        (view, mailbox): (&Arc<View>, &Mailbox),
    ) -> Result<Arc<View>> {
        let id = mailbox.id;
        // The snapshot of this read may be older than what another session has refreshed the view to meanwhile.
        if mailbox.highest_modseq <= view.highest_modseq && mailbox.uid_validity == view.uid_validity {
            return Ok(Arc::clone(view));
        }
        let changes = log::of_mailbox(sql, account, id, view.modseq)?;
        let fresh = if changes.complete && mailbox.uid_validity == view.uid_validity {
            View {
                modseq: changes.modseq,
                highest_modseq: mailbox.highest_modseq,
                uid_next: mailbox.uid_next,
                entries: merge(&view.entries, &changes),
                mailbox: id,
                uid_validity: view.uid_validity,
            }
        } else {
            reading::view(sql, account, id)?
        };
        Ok(Arc::new(fresh))
    }

    fn slot(&self, account: AccountId, id: MailboxId) -> Slot {
        let mut slots = self.slots.lock();
        if let Some(slot) = slots.map.get(&(account, id)) {
            return Arc::clone(slot);
        }
        if slots.map.len() >= slots.swept.saturating_mul(2).max(SLOTS_SWEPT_AT) {
            // Nobody else has the slot, and nobody holds its view.
            slots.map.retain(|_, slot| Arc::strong_count(slot) > 1 || slot.lock().strong_count() > 0);
            slots.swept = slots.map.len();
        }
        Arc::clone(slots.map.entry((account, id)).or_default())
    }
}

/// Entries with what has changed put in and what is gone left out. All are ascending by UID.
fn merge(old: &[Entry], changes: &MailboxChanges) -> Vec<Entry> {
    let mut merged = Vec::with_capacity(old.len().saturating_add(changes.changed.len()));
    let mut changed = changes.changed.iter().copied().peekable();
    let mut vanished = changes.vanished.iter().copied().peekable();
    for entry in old {
        while let Some(added) = changed.next_if(|changed| changed.uid < entry.uid) {
            merged.push(added);
        }
        while vanished.next_if(|gone| *gone < entry.uid).is_some() {}
        let is_gone = vanished.peek() == Some(&entry.uid);
        let now = changed.next_if(|changed| changed.uid == entry.uid).unwrap_or(*entry);
        if !is_gone {
            merged.push(now);
        }
    }
    merged.extend(changed);
    merged
}

/// A mailbox as a session opens it: what others share of it, and what that lacks.
#[derive(Clone, Debug)]
pub struct OpenedView {
    /// What sessions share.
    pub view: Arc<View>,
    /// What has changed since it was read; at most 64 messages, complete.
    pub changes: MailboxChanges,
    /// The mailbox at the same moment as `changes`.
    pub mailbox: Mailbox,
}

/// More changes than this are worth a view of their own, which is then shared.
const OVERLAY_MAX: usize = 64;
/// From so many slots on, those without a view are swept out, each time their number has doubled.
const SLOTS_SWEPT_AT: usize = 1024;
