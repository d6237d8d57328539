//! Changes that announce no mail may wait for others, so that they leave as one push: since when each subscription has had
//! some.
//!
//! In memory only: after a restart they wait anew. At most one entry for each subscription that has something to tell.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use store::PushSubscriptionId;

use crate::clock::Tick;

/// Since when there has been something to tell.
#[derive(Debug, Default)]
pub(crate) struct Settling(Mutex<BTreeMap<PushSubscriptionId, Tick>>);

impl Settling {
    /// Until when the changes of a subscription wait; `None` if they have waited long enough.
    pub(crate) fn until(&self, id: PushSubscriptionId, wait: Duration, now: Tick) -> Option<Tick> {
        if wait.is_zero() {
            return None;
        }
        let since = *self.0.lock().entry(id).or_insert(now);
        Some(since.after(wait)).filter(|&until| until > now)
    }

    /// They have been told, or there is nobody to be told.
    pub(crate) fn forget(&self, id: PushSubscriptionId) {
        self.0.lock().remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_change_decides_how_long_all_wait() {
        let (settling, phone) = (Settling::default(), PushSubscriptionId(1));
        let until = |now| settling.until(phone, Duration::from_secs(30), Tick(now));
        assert_eq!(until(1_000), Some(Tick(31_000)));
        assert_eq!(until(20_000), Some(Tick(31_000)));
        assert_eq!(until(31_000), None);
        settling.forget(phone);
        assert_eq!(until(40_000), Some(Tick(70_000)));
        assert_eq!(settling.until(PushSubscriptionId(2), Duration::ZERO, Tick(0)), None);
    }
}
