//! What a push service's answer means for what comes next. Pure: the draw of the jitter is passed in.

use std::time::Duration;

use crate::compose::Detail;

#[cfg(test)]
mod tests;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 2xx.
    Taken,
    /// 413.
    TooLarge,
    /// 401 or 403: perhaps our clock, key or contact is wrong.
    Unauthorized,
    /// Any other 4xx.
    Refused,
    /// 429.
    TooMany {
        /// Retry-After, if it was sent.
        retry_after: Option<Duration>,
    },
    /// 5xx.
    Failing {
        /// Retry-After, if it was sent.
        retry_after: Option<Duration>,
    },
    /// 5xx from what is no push service: perhaps nobody will ever mend it.
    Broken {
        /// Retry-After, if it was sent.
        retry_after: Option<Duration>,
    },
    /// 3xx, DNS, TLS, connect, timeout, an address that is not posted to.
    Unreachable,
    /// Nothing was sent: the sender does not post to this origin for now.
    Withheld {
        /// How long not, at least.
        wait: Duration,
    },
}

impl Answer {
    /// In a word of a fixed set, for metrics.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::TooLarge => "too_large",
            Self::Unauthorized => "unauthorized",
            Self::Refused => "refused",
            Self::TooMany { .. } => "too_many",
            Self::Failing { .. } | Self::Broken { .. } => "failing",
            Self::Unreachable => "unreachable",
            Self::Withheld { .. } => "withheld",
        }
    }
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It has been told: move its cursor.
    Told,
    /// Say the same in a smaller push, at once.
    Smaller,
    /// Wait this long, and remember so many failures in a row.
    Wait {
        /// At least this long.
        wait: Duration,
        /// Failures in a row so far.
        failures: u32,
    },
    /// The push service doesn't want it: remove the subscription.
    Remove,
    /// Too many failures in a row: deactivate the subscription.
    Deactivate,
}

/// A random number in `0..=u32::MAX`, drawn by the caller.
#[derive(Clone, Copy, Debug)]
pub struct Draw(pub u32);

impl Draw {
    /// A part of `whole`, evenly drawn.
    fn of(self, whole: Duration) -> Duration {
        let millis = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX >> 32).min(u64::MAX >> 32);
        Duration::from_millis((millis * u64::from(self.0)) >> 32)
    }
}

/// Judges an answer to a push of this detail after so many failures in a row (draft-gougeon-imap-webpush §7.4).
#[must_use]
pub fn next(answer: Answer, failures: u32, detail: Detail, draw: Draw) -> Next {
    match answer {
        Answer::Taken => Next::Told,
        Answer::TooLarge if detail == Detail::Full => Next::Smaller,
        Answer::TooLarge | Answer::Refused => Next::Remove,
        // RFC 9110 §10.2.3: exactly so long, and a little more, so that those told the same don't come back as one.
        Answer::TooMany { retry_after: Some(wait) } | Answer::Failing { retry_after: Some(wait) } => {
            Next::Wait { wait: wait + draw.of(spread_of(wait)), failures: 0 }
        }
        Answer::TooMany { retry_after: None } | Answer::Failing { retry_after: None } => {
            Next::Wait { wait: BUSY_WAIT + draw.of(spread_of(BUSY_WAIT)), failures: 0 }
        }
        Answer::Unauthorized => count(failures, BUSY_WAIT + draw.of(spread_of(BUSY_WAIT))),
        Answer::Unreachable => {
            // Full jitter: anywhere up to the doubled wait, so that a returning service is not met by everyone at once.
            count(failures, draw.of(unreachable_wait(failures)).max(UNREACHABLE_WAIT_MIN))
        }
        Answer::Broken { retry_after } => {
            let demanded = retry_after.map_or(Duration::ZERO, |wait| wait + draw.of(spread_of(wait)));
            count(failures, draw.of(unreachable_wait(failures)).max(UNREACHABLE_WAIT_MIN).max(demanded))
        }
        Answer::Withheld { wait } => Next::Wait { wait: wait + draw.of(spread_of(wait)), failures },
    }
}

fn count(failures: u32, wait: Duration) -> Next {
    let failures = failures.saturating_add(1);
    if failures >= FAILURES_MAX { Next::Deactivate } else { Next::Wait { wait, failures } }
}

fn unreachable_wait(failures: u32) -> Duration {
    UNREACHABLE_WAIT.saturating_mul(2_u32.saturating_pow(failures)).min(UNREACHABLE_WAIT_MAX)
}

fn spread_of(wait: Duration) -> Duration {
    wait / 5
}

/// 429 without Retry-After, and 5xx.
const BUSY_WAIT: Duration = Duration::from_secs(300);
/// The bound of the first wait after a network failure; it doubles.
const UNREACHABLE_WAIT: Duration = Duration::from_secs(30);
/// The bound of every later one.
const UNREACHABLE_WAIT_MAX: Duration = Duration::from_secs(3600);
/// No retry comes faster than this, whatever is drawn.
const UNREACHABLE_WAIT_MIN: Duration = Duration::from_secs(1);
/// Network failures (or 401/403, or 5xx from what is no push service) in a row that deactivate a subscription.
pub const FAILURES_MAX: u32 = 20;
