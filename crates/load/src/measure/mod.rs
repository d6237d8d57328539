//! The measurements, one a file. Each takes a running server and returns figures; none judges them.

pub mod deliver;
pub mod exists;
pub mod fetch;
pub mod idle;
pub mod jmap;
pub mod mailbox;
pub mod push;

use std::time::Duration;

/// Latencies of one run.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    sorted: Vec<Duration>,
}

impl Latencies {
    /// Of these, in any order.
    #[must_use]
    pub fn new(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Self { sorted: all }
    }

    /// The latency that `percent` of them do not exceed, in milliseconds.
    #[must_use]
    pub fn percentile_ms(&self, percent: usize) -> f64 {
        let last = self.sorted.len().saturating_sub(1);
        let index = self.sorted.len().saturating_mul(percent).div_ceil(100).saturating_sub(1).min(last);
        self.sorted.get(index).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_sorted_latencies() {
        let latencies = Latencies::new((1..=200).rev().map(Duration::from_millis).collect());
        assert!((latencies.percentile_ms(50) - 100.0).abs() < 1e-9);
        assert!((latencies.percentile_ms(99) - 198.0).abs() < 1e-9);
        assert!(Latencies::default().percentile_ms(50).abs() < 1e-9);
    }
}
