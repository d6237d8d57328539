//! "Look at this subscription now": what commands ask of the notifier, as a set, so that asking again costs nothing.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use store::PushSubscriptionId;
use tokio::sync::Notify;

/// Why to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// Something about it may be due: it was acknowledged, its silence is other than it was.
    Look,
    /// A push has got through to it: whatever it waited for is over.
    Reached,
    /// The client has made it, or given it another endpoint.
    Altered,
}

/// The subscriptions that wait to be looked at. At most as many as there are subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    asked: Mutex<BTreeMap<PushSubscriptionId, Reason>>,
    ready: Notify,
}

impl Requests {
    pub(crate) fn ask(&self, subscription: PushSubscriptionId, reason: Reason) {
        let mut asked = self.asked.lock();
        let strongest = asked.entry(subscription).or_insert(reason);
        *strongest = reason.max(*strongest);
        drop(asked);
        self.ready.notify_one();
    }

    /// Waits until there are some and takes them. Cancel-safe: taken only when the call returns. One reader.
    pub(crate) async fn taken(&self) -> BTreeMap<PushSubscriptionId, Reason> {
        loop {
            let taken = std::mem::take(&mut *self.asked.lock());
            if !taken.is_empty() {
                return taken;
            }
            self.ready.notified().await;
        }
    }
}
