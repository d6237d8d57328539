//! Waiting for a condition, with a limit: what tests do instead of sleeping.

use std::time::{Duration, Instant};

/// How long a condition may take before the test fails. Generous: the machine may be busy.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Calls `condition` until it gives a value; `None` after [`LIMIT`].
pub fn until<T>(condition: impl FnMut() -> Option<T>) -> Option<T> {
    until_within(LIMIT, condition)
}

/// Calls `condition` until it gives a value; `None` after `limit`.
pub fn until_within<T>(limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return Some(value);
        }
        if start.elapsed() > limit {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
