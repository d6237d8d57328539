//! Wake hints: "this account has changed, look again".
//!
//! A wake carries no news. It says only that the change log of an account has grown past what its readers have
//! seen; every reader keeps a cursor and re-reads the log. So a wake may be merged with others, may come late,
//! may come twice, and may be lost, and nothing but time is lost with it: readers also look on their own now and
//! then.
//!
//! Not here: what changed (the store's change log), and who must be told (IMAP sessions, the notifier).
//!
//! Invariants: a wake is sent only after the commit that it speaks of; sending never blocks and never allocates
//! for an account that nobody watches.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

#[cfg(test)]
mod tests;

/// The in-process bus. Cheap to clone; all clones are one bus.
#[derive(Clone, Debug, Default)]
pub struct Bus {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// One channel for each watched account, gone with its last watcher.
    accounts: Mutex<HashMap<u64, Weak<watch::Sender<()>>>>,
    taps: Mutex<BTreeMap<u64, Arc<TapQueue>>>,
}

#[derive(Debug, Default)]
struct TapQueue {
    dirty: Mutex<BTreeSet<u64>>,
    ready: Notify,
}

impl Bus {
    /// A bus that nobody watches yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that the account's change log has grown. Call it after the commit, never before.
    pub fn wake(&self, account: u64) {
        let watched = self.inner.accounts.lock().get(&account).and_then(Weak::upgrade);
        if let Some(sender) = watched {
            sender.send_replace(());
        }
        for tap in self.inner.taps.lock().values() {
            tap.dirty.lock().insert(account);
            tap.ready.notify_one();
        }
    }

    /// Watches one account. Wakes from now on are seen, merged into one if they come faster than they are awaited.
    #[must_use]
    pub fn watch(&self, account: u64) -> Watch {
        let mut accounts = self.inner.accounts.lock();
        let sender = match accounts.get(&account).and_then(Weak::upgrade) {
            Some(sender) => sender,
            None => {
                let sender = Arc::new(watch::Sender::new(()));
                accounts.insert(account, Arc::downgrade(&sender));
                sender
            }
        };
        let receiver = sender.subscribe();
        Watch { account, receiver, sender: Some(sender), bus: Arc::clone(&self.inner) }
    }

    /// Watches every account: what the notifier reads. Accounts that wake while nobody awaits are kept as a set.
    #[must_use]
    pub fn tap(&self) -> Tap {
        let queue = Arc::new(TapQueue::default());
        let mut taps = self.inner.taps.lock();
        let id = taps.last_key_value().map_or(0, |(id, _)| id.wrapping_add(1));
        taps.insert(id, Arc::clone(&queue));
        drop(taps);
        Tap { id, queue, bus: Arc::clone(&self.inner) }
    }
}

/// One watcher of one account.
#[derive(Debug)]
pub struct Watch {
    account: u64,
    receiver: watch::Receiver<()>,
    /// `None` only while dropping.
    sender: Option<Arc<watch::Sender<()>>>,
    bus: Arc<Inner>,
}

impl Watch {
    /// Waits until the account has been woken since the last call (or since the watch was made).
    ///
    /// Cancel-safe: a wake that comes while nobody waits is kept for the next call.
    pub async fn changed(&mut self) {
        if self.receiver.changed().await.is_err() {
            // Unreachable: this watch holds the sender itself. Waiting for ever is then the honest answer.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut accounts = self.bus.accounts.lock();
        self.sender = None;
        if accounts.get(&self.account).is_some_and(|sender| sender.strong_count() == 0) {
            accounts.remove(&self.account);
        }
    }
}

/// A watcher of every account.
#[derive(Debug)]
pub struct Tap {
    id: u64,
    queue: Arc<TapQueue>,
    bus: Arc<Inner>,
}

impl Tap {
    /// Waits until at least one account has been woken, and takes the set of those that were, in ascending order.
    ///
    /// Cancel-safe: accounts are taken only when the call returns.
    pub async fn woken(&mut self) -> BTreeSet<u64> {
        loop {
            let taken = std::mem::take(&mut *self.queue.dirty.lock());
            if !taken.is_empty() {
                return taken;
            }
            self.queue.ready.notified().await;
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.bus.taps.lock().remove(&self.id);
    }
}
