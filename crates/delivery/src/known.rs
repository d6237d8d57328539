//! Addresses that were resolved a moment ago: mail comes in bursts for the same accounts, and each look-up is a read
//! of the store on another thread.
//!
//! Remembered are only addresses that name an account without a quota and without a mailbox in it, for a second. Within
//! that second a removed account is noticed by the store when the message is delivered, and a removed alias still
//! takes mail.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use store::AccountId;

use crate::Address;

/// What was resolved, by address.
#[derive(Debug, Default)]
pub(crate) struct Known {
    accounts: Mutex<HashMap<Address, (AccountId, Instant)>>,
}

impl Known {
    /// The account of an address, if it was resolved less than a second before `now`.
    pub(crate) fn get(&self, address: &Address, now: Instant) -> Option<AccountId> {
        let accounts = self.accounts.lock();
        let (account, resolved_at) = accounts.get(address)?;
        (now.saturating_duration_since(*resolved_at) < KNOWN_FOR).then_some(*account)
    }

    /// Remembers what an address was resolved to.
    pub(crate) fn insert(&self, address: &Address, account: AccountId, now: Instant) {
        let mut accounts = self.accounts.lock();
        if accounts.len() >= KNOWN_ADDRESSES_MAX {
            accounts.clear();
        }
        accounts.insert(address.clone(), (account, now));
    }
}

const KNOWN_FOR: Duration = Duration::from_secs(1);
/// Addresses that are remembered at most; at one more, all are forgotten.
const KNOWN_ADDRESSES_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn address(local_part: &str) -> Address {
        Address { local_part: local_part.to_owned(), domain: None }
    }

    #[test]
    fn an_address_is_known_for_a_second() {
        let (known, now) = (Known::default(), Instant::now());
        known.insert(&address("alice"), AccountId(1), now);
        let cases = [("alice", 999, Some(AccountId(1))), ("alice", 1000, None), ("bob", 0, None)];
        for (name, milliseconds, expected) in cases {
            let then = now + Duration::from_millis(milliseconds);
            assert_eq!(known.get(&address(name), then), expected, "{name} after {milliseconds} ms");
        }
    }

    #[test]
    fn no_more_addresses_are_kept_than_the_limit() {
        let (known, now) = (Known::default(), Instant::now());
        for number in 0..=KNOWN_ADDRESSES_MAX {
            known.insert(&address(&number.to_string()), AccountId(1), now);
        }
        assert_eq!(known.accounts.lock().len(), 1);
    }
}
