//! When to try again. Pure.

use std::time::Duration;

/// How long the `attempts`-th attempt that failed has the next one wait: twice as long each time, up to [`WAIT_MAX`], and up to a tenth
/// more by `spread`, so that what failed together does not come back together.
pub(crate) fn wait(first: Duration, attempts: u32, spread: u64) -> Duration {
    let doubled = first.saturating_mul(1_u32.checked_shl(attempts.min(20)).unwrap_or(1));
    let wait = doubled.min(WAIT_MAX);
    let tenths = u32::try_from(spread.wrapping_mul(SCATTER) >> 54).unwrap_or(0);
    wait + wait.mul_f64(f64::from(tenths) / 10_240.0)
}

/// RFC 5321 §4.5.4.1 asks for half an hour at least, later on.
const WAIT_MAX: Duration = Duration::from_secs(2 * 3600);
/// Spreads neighbouring numbers: 2^64 divided by the golden ratio.
const SCATTER: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_limit_and_are_spread() {
        let first = Duration::from_secs(60);
        for (attempts, least) in
            [(0, 60), (1, 120), (2, 240), (6, 3840), (7, 7200), (31, 7200), (u32::MAX, 7200)]
        {
            for spread in [0, 1, 2, u64::MAX] {
                let (wait, least) = (wait(first, attempts, spread), Duration::from_secs(least));
                assert!(wait >= least && wait <= least.mul_f64(1.1), "{attempts} {spread}: {wait:?}");
            }
        }
        assert_ne!(wait(first, 3, 1), wait(first, 3, 2));
    }
}
