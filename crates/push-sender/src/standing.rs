//! What is known of each origin: until when it wants to be left alone, and whether it is us whom it refuses.
//!
//! Time is an argument. At most [`ORIGINS_MAX`] origins are kept; beyond that, what an origin said is forgotten (the
//! outcome of each attempt still tells the caller).

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use url::Url;
use webpush::origin::Origin;

use crate::outcome::{Blame, Outcome};

/// The standings of all origins.
#[derive(Debug, Default)]
pub struct Standings {
    all: Mutex<HashMap<Origin, Standing>>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Standing {
    /// Nothing is sent before.
    ready_at: Instant,
    /// When a push was last accepted.
    accepted: Option<Instant>,
    /// Endpoints (hashed: they are secrets) that were refused with 401 or 403 and nothing accepted since.
    refused: HashSet<u64>,
    /// The last time that anything happened.
    touched: Instant,
}

/// What [`Standings::record`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to worry about.
    Fine,
    /// The origin has just been paused because it refuses us. Worth an alert.
    Paused,
}

impl Standings {
    /// How long `origin` wants to be left alone; zero when it may be posted to.
    #[must_use]
    pub fn wait(&self, origin: &Origin, now: Instant) -> Duration {
        let all = self.all.lock();
        all.get(origin).map_or(Duration::ZERO, |standing| standing.ready_at.saturating_duration_since(now))
    }

    /// Learns from an outcome, and settles the blame of a 401 or 403.
    pub fn record(&self, origin: &Origin, endpoint: &Url, outcome: &mut Outcome, now: Instant) -> Verdict {
        if !tells_something(outcome) {
            return Verdict::Fine;
        }
        let mut all = self.all.lock();
        if all.len() >= ORIGINS_MAX && !all.contains_key(origin) {
            all.retain(|_, standing| standing.is_of_use(now));
            if all.len() >= ORIGINS_MAX {
                return Verdict::Fine;
            }
        }
        let standing = all.entry(origin.clone()).or_insert_with(|| Standing::new(now));
        standing.touched = now;
        match outcome {
            Outcome::Accepted { .. } => {
                standing.accepted = Some(now);
                standing.refused.clear();
            }
            Outcome::RetryAfter { wait, status } => {
                // 429 may mean one subscription only, and where an origin is shared by many, one of them must not
                // silence the others for long. RFC 9110 §15.6.4: 503 means the service.
                let limit = if *status == 503 { UNAVAILABLE_WAIT_MAX } else { TOO_MANY_WAIT_MAX };
                standing.ready_at = standing.ready_at.max(now + (*wait).min(limit));
            }
            Outcome::Unauthorized { blame, .. } => {
                standing.refused.insert(self.hasher.hash_one(endpoint.as_str()));
                let works =
                    standing.accepted.is_some_and(|accepted| now.duration_since(accepted) < WORKS_FOR);
                if works {
                    *blame = Blame::Subscription;
                    // They say nothing about us, and must not add up while the origin works.
                    standing.refused.clear();
                } else if standing.refused.len() >= REFUSED_MAX {
                    *blame = Blame::Us;
                    standing.refused.clear();
                    standing.ready_at = standing.ready_at.max(now + PAUSE);
                    return Verdict::Paused;
                }
            }
            _ => {}
        }
        Verdict::Fine
    }

    /// Forgets origins of which nothing is known that still matters.
    pub fn sweep(&self, now: Instant) {
        self.all.lock().retain(|_, standing| standing.is_of_use(now));
    }
}

impl Standing {
    fn new(now: Instant) -> Self {
        Self { ready_at: now, accepted: None, refused: HashSet::new(), touched: now }
    }

    fn is_of_use(&self, now: Instant) -> bool {
        self.ready_at > now || now.duration_since(self.touched) < WORKS_FOR
    }
}

/// Whether an outcome says anything about its origin as a whole. What never got an answer does not, so endpoints that
/// lead nowhere take no room.
fn tells_something(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Accepted { .. } | Outcome::RetryAfter { .. } | Outcome::Unauthorized { .. })
}

/// More origins than this are not kept.
pub const ORIGINS_MAX: usize = 65_536;

/// So many subscriptions refused with 401 or 403, and none accepted, mean that the fault is ours.
pub const REFUSED_MAX: usize = 5;

/// An origin that accepted a push within this time is thought to like our token.
pub const WORKS_FOR: Duration = Duration::from_secs(60 * 60);

/// For so long an origin that refuses us is left alone.
pub const PAUSE: Duration = Duration::from_secs(15 * 60);

/// A 503 closes its whole origin for no longer than this.
pub const UNAVAILABLE_WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// A 429 closes its whole origin for no longer than this.
pub const TOO_MANY_WAIT_MAX: Duration = Duration::from_secs(60);
