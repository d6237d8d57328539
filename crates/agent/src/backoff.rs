//! How long to wait before connecting again: doubling, with full jitter, so that the agents of a service that was away
//! do not come back all at once.

use std::time::Duration;

/// The waits of one series of failures.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits of up to `first`, then twice that, and so on up to `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// The next wait; `random` is evenly spread over all of `u32`. Never below a tenth of the ceiling.
    pub fn next_wait(&mut self, random: u32) -> Duration {
        let ceiling = self.first.saturating_mul(1 << self.failures.min(20)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        let floor = ceiling / 10;
        let spread = f64::from(random) / f64::from(u32::MAX);
        floor + (ceiling - floor).mul_f64(spread)
    }

    /// The connection has stood: the next failure is the first again.
    pub const fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests;
