//! Rates: how many messages a sender, a subscription or a connection may cause.
//!
//! The generic cell rate algorithm: one number for each key, the time at which its burst would be whole again. A
//! key whose time has passed is as good as new and is forgotten, which bounds the table.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Instant;
use crate::config::Rate;

/// One rate for many keys.
pub struct RateLimiter<K> {
    rate: Rate,
    full_again: Mutex<HashMap<K, Instant>>,
    keys_max: usize,
}

/// One rate for one peer.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    rate: Rate,
    full_again: Instant,
}

impl<K: Eq + Hash> RateLimiter<K> {
    /// A limiter that remembers at most `keys_max` keys; when all of them are in use at once, those that are not
    /// known yet pass freely, because refusing strangers would let one flood shut out everybody.
    #[must_use]
    pub fn new(rate: Rate, keys_max: usize) -> Self {
        Self { rate, full_again: Mutex::new(HashMap::new()), keys_max }
    }

    /// Takes one unit for `key`, or says how long to wait for it.
    pub fn take(&self, key: K, now: Instant) -> Result<(), Duration> {
        self.take_many(key, 1, now)
    }

    /// Takes several units at once, or none; more than a whole burst are taken as one burst.
    pub fn take_many(&self, key: K, units: u32, now: Instant) -> Result<(), Duration> {
        let mut table = self.full_again.lock();
        if let Some(full_again) = table.get_mut(&key) {
            return take(self.rate, full_again, units, now);
        }
        if table.len() >= self.keys_max {
            table.retain(|_, full_again| *full_again > now);
        }
        let mut full_again = now;
        let taken = take(self.rate, &mut full_again, units, now);
        if table.len() < self.keys_max {
            table.insert(key, full_again);
        }
        taken
    }

    /// Forgets the keys whose burst is whole.
    pub fn forget_idle(&self, now: Instant) {
        let mut table = self.full_again.lock();
        table.retain(|_, full_again| *full_again > now);
        if table.capacity() > 4 * table.len().max(16) {
            table.shrink_to_fit();
        }
    }
}

impl Allowance {
    /// A whole burst, at `now`.
    #[must_use]
    pub const fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, full_again: now }
    }

    /// Takes one unit, or says how long to wait for it.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        take(self.rate, &mut self.full_again, 1, now)
    }
}

fn take(rate: Rate, full_again: &mut Instant, units: u32, now: Instant) -> Result<(), Duration> {
    let interval = i64::try_from(rate.interval.as_micros()).unwrap_or(i64::MAX);
    let burst = rate.burst.max(1);
    let tolerance = interval.saturating_mul(i64::from(burst));
    let cost = interval.saturating_mul(i64::from(units.min(burst)));
    let start = (*full_again).max(now).micros();
    let ahead = start.saturating_sub(now.micros()).saturating_add(cost);
    if ahead > tolerance {
        let wait = ahead.saturating_sub(tolerance);
        return Err(Duration::from_micros(u64::try_from(wait).unwrap_or(0)));
    }
    *full_again = Instant::from_micros(start.saturating_add(cost));
    Ok(())
}

#[cfg(test)]
mod tests;
