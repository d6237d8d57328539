//! Two kinds of time. [`Tick`] runs on whatever happens to the wall clock and is what waits are made of;
//! [`UnixTime`] is what the store keeps. Neither is read by the pure modules: it is passed to them.

use std::sync::Arc;
use std::time::Duration;

use store::UnixTime;
use tokio::time::Instant;

/// Milliseconds on a clock that never goes back, from an arbitrary start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tick(pub u64);

impl Tick {
    /// This much later; stays at the end of time when there is no later.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long it is from `earlier` to here; nothing if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// One moment on both clocks, so that times can be carried from one to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// On the clock of waits.
    pub tick: Tick,
    /// On the wall clock.
    pub unix: UnixTime,
}

impl Now {
    /// When a stored time comes; now if it has passed.
    #[must_use]
    pub fn tick_of(self, time: UnixTime) -> Tick {
        let seconds = u64::try_from(time.0.saturating_sub(self.unix.0)).unwrap_or(0);
        self.tick.after(Duration::from_secs(seconds))
    }

    /// The stored form of a tick, late by up to two seconds so that nothing is early by it: Unix time has no fractions, and
    /// how much of its current second has passed is not known here.
    #[must_use]
    pub fn unix_of(self, tick: Tick) -> UnixTime {
        let millis = tick.since(self.tick).as_millis();
        let seconds = if millis == 0 { 0 } else { millis.div_ceil(1000) + 1 };
        UnixTime(self.unix.0.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX)))
    }
}

/// Where the notifier reads the time.
#[derive(Clone)]
pub struct Clock {
    start: Instant,
    wall: Arc<dyn Fn() -> UnixTime + Send + Sync>,
}

impl Clock {
    /// The machine's clocks.
    #[must_use]
    pub fn system() -> Self {
        Self::with_wall(|| {
            let since =
                std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
        })
    }

    /// Tokio's clock for ticks, `wall` for Unix time.
    #[must_use]
    pub fn with_wall(wall: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        Self { start: Instant::now(), wall: Arc::new(wall) }
    }

    /// This moment.
    #[must_use]
    pub fn now(&self) -> Now {
        Now { tick: Tick::default().after(self.start.elapsed()), unix: (self.wall)() }
    }

    /// When a tick comes, for sleeping. `None` for a tick too far away to be slept for.
    #[must_use]
    pub fn instant(&self, tick: Tick) -> Option<Instant> {
        self.start.checked_add(Duration::from_millis(tick.0))
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clock").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_times_and_ticks_are_carried_over_without_coming_early() {
        let now = Now { tick: Tick(10_500), unix: UnixTime(1_000) };
        let cases = [(990, 10_500), (1_000, 10_500), (1_001, 11_500), (1_060, 70_500)];
        for (unix, tick) in cases {
            assert_eq!(now.tick_of(UnixTime(unix)), Tick(tick), "unix {unix}");
        }
        let cases = [(0, 1_000), (10_500, 1_000), (10_501, 1_002), (11_500, 1_002), (11_501, 1_003)];
        for (tick, unix) in cases {
            assert_eq!(now.unix_of(Tick(tick)), UnixTime(unix), "tick {tick}");
        }
    }
}
