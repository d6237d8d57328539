//! What the methods of PushSubscription share, one for a server: the way to the notifier, the VAPID keys, where may be posted
//! to, and how much one account may ask for.
//!
//! Limits, and what is beyond them: subscriptions of an account (`overQuota`), which the store counts; creations of an account
//! in an hour (`rateLimit`), each of which costs a push to a host that the client has named. These are in memory, bounded,
//! and forgotten by a restart.

use std::collections::{BTreeMap, VecDeque};

use notifier::notifier::Handle;
use notifier::vapid::VapidKeys;
use parking_lot::Mutex;
use push_sender::policy::Policy;
use store::{AccountId, UnixTime};

/// How much one account may ask for.
#[derive(Clone, Copy, Debug)]
pub struct RegistrarLimits {
    /// Subscriptions at a time, of IMAP and JMAP together.
    pub subscriptions: usize,
    /// Creations in an hour.
    pub creations_per_hour: usize,
}

impl Default for RegistrarLimits {
    fn default() -> Self {
        Self { subscriptions: 50, creations_per_hour: 30 }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Registrar {
    /// The way to the notifier.
    pub handle: Handle,
    /// The keys of this server.
    pub keys: VapidKeys,
    /// Where may be posted to.
    pub policy: Policy,
    /// How much one account may ask for.
    pub limits: RegistrarLimits,
    /// When the last creations of an account came, within the hour.
    creations: Mutex<BTreeMap<AccountId, VecDeque<UnixTime>>>,
}

impl Registrar {
    /// A registrar that has counted nothing yet.
    #[must_use]
    pub fn new(handle: Handle, keys: VapidKeys, policy: Policy, limits: RegistrarLimits) -> Self {
        Self { handle, keys, policy, limits, creations: Mutex::default() }
    }

    /// Counts a creation. False: there have been too many, and it has not been counted.
    pub(crate) fn admit(&self, account: AccountId, now: UnixTime) -> bool {
        let mut creations = self.creations.lock();
        // Only the busy ones are kept.
        creations.retain(|_, times| {
            times.retain(|&at| at > UnixTime(now.0.saturating_sub(HOUR_SECONDS)));
            !times.is_empty()
        });
        let times = creations.entry(account).or_default();
        let is_admitted = times.len() < self.limits.creations_per_hour;
        if is_admitted {
            times.push_back(now);
        }
        is_admitted
    }
}

const HOUR_SECONDS: i64 = 3600;

#[cfg(test)]
mod tests {
    use webpush::vapid::key::SigningKey;

    use super::*;

    #[test]
    fn an_account_creates_so_many_in_an_hour_and_another_does_not_suffer_for_it() {
        let policy =
            Policy { allow_addresses: Vec::new(), allow_http: false, own_service: None, contact: None };
        let keys = VapidKeys::new(SigningKey::generate().unwrap(), []);
        let limits = RegistrarLimits { subscriptions: 50, creations_per_hour: 2 };
        let registrar = Registrar::new(Handle::new(), keys, policy, limits);
        let cases = [
            (1, 0, true),
            (1, 10, true),
            (1, 20, false),
            (2, 20, true),
            (1, 3600, true),
            (1, 3601, false),
            (1, 3610, true),
        ];
        for (account, at, is_admitted) in cases {
            assert_eq!(registrar.admit(AccountId(account), UnixTime(at)), is_admitted, "{account} at {at}");
        }
    }
}
