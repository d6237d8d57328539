//! When an account that was woken is looked at: at once after quiet, then at most once in an interval.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use store::AccountId;

use crate::clock::Tick;

/// The accounts that were woken lately.
#[derive(Debug)]
pub struct Looks {
    interval: Duration,
    accounts_max: usize,
    /// The next look at each; `woken` if there is a reason for it.
    accounts: BTreeMap<AccountId, Look>,
    timers: BTreeSet<(Tick, AccountId)>,
}

#[derive(Clone, Copy, Debug)]
struct Look {
    at: Tick,
    woken: bool,
}

impl Looks {
    /// None yet. Beyond `accounts_max` a wake is dropped: the sweep makes up for it.
    #[must_use]
    pub fn new(interval: Duration, accounts_max: usize) -> Self {
        Self { interval, accounts_max, accounts: BTreeMap::new(), timers: BTreeSet::new() }
    }

    /// The account's change log has grown.
    pub fn wake(&mut self, account: AccountId, now: Tick) {
        if let Some(look) = self.accounts.get_mut(&account) {
            look.woken = true;
        } else if self.accounts.len() < self.accounts_max {
            self.accounts.insert(account, Look { at: now, woken: true });
            self.timers.insert((now, account));
        }
    }

    /// Takes the next account that is to be looked at now.
    pub fn take(&mut self, now: Tick) -> Option<AccountId> {
        while let Some(&(at, account)) = self.timers.first()
            && at <= now
        {
            self.timers.pop_first();
            let look = self.accounts.get_mut(&account).filter(|look| look.woken);
            let Some(look) = look else {
                // Quiet for a whole interval.
                self.accounts.remove(&account);
                continue;
            };
            *look = Look { at: now.after(self.interval), woken: false };
            self.timers.insert((look.at, account));
            return Some(account);
        }
        None
    }

    /// When [`Looks::take`] has something to do again, if only time passes.
    #[must_use]
    pub fn next_tick(&self) -> Option<Tick> {
        self.timers.first().map(|&(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wake_after_quiet_is_looked_at_at_once_and_later_ones_once_in_an_interval() {
        let mut looks = Looks::new(Duration::from_millis(1000), 2);
        let account = AccountId(1);
        // (time, wakes, whether a look follows)
        let steps = [
            (0, 1, true),
            (1, 1, false),
            (999, 3, false),
            (1000, 0, true),
            (2000, 0, false),
            (2001, 1, true),
        ];
        for (time, wakes, looked) in steps {
            for _ in 0..wakes {
                looks.wake(account, Tick(time));
            }
            assert_eq!(looks.take(Tick(time)), looked.then_some(account), "at {time}");
            assert_eq!(looks.take(Tick(time)), None, "at {time}, again");
        }
        assert!(looks.next_tick().is_some());
        assert_eq!(looks.take(Tick(9000)), None);
        assert_eq!(looks.next_tick(), None, "a quiet account is forgotten");
    }

    #[test]
    fn accounts_beyond_the_limit_are_left_to_the_sweep() {
        let mut looks = Looks::new(Duration::from_secs(1), 2);
        for account in 0..5 {
            looks.wake(AccountId(account), Tick(0));
        }
        let taken: Vec<_> = std::iter::from_fn(|| looks.take(Tick(0))).collect();
        assert_eq!(taken, [AccountId(0), AccountId(1)]);
    }
}
