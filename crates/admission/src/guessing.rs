//! Slows down who guesses passwords: an answer to a wrong one waits, longer each time, and after many there are none.
//!
//! Counted for each peer, and for each name of an account that is asked for, whether or not there is such an account. A
//! name that many peers guess at is closed for a while to all but those who have logged in to it of late, so that
//! nobody can lock its owner out. A trusted peer is not counted; what it asks for, is.
//!
//! # Invariants
//! - Whether an account exists makes no difference.
//! - What is remembered is bounded by [`ENTRIES_MAX`]; when that is reached, those without a ban are forgotten first.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::peer::Peer;

#[cfg(test)]
mod tests;

/// How guessing is slowed down.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long the answer to the first wrong password waits; it doubles with each, to [`DELAY_MAX`] at most.
    pub delay: Duration,
    /// Wrong passwords of a peer until it is banned.
    pub peer_failures: u32,
    /// Wrong passwords for an account, by whomever, until it is closed to those it does not know.
    pub account_failures: u32,
    /// How long the first ban lasts; each further one twice as long, to [`BAN_MAX`] at most. What happened longer ago
    /// than this counts no more.
    pub ban: Duration,
}

impl Default for Limits {
    /// 1 second; 20 for a peer, 50 for an account; 10 minutes.
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(1),
            peer_failures: 20,
            account_failures: 50,
            ban: Duration::from_secs(600),
        }
    }
}

/// Remembers who has failed.
#[derive(Debug)]
pub struct Guessing {
    limits: Limits,
    memory: Mutex<Memory>,
}

/// Try again after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Banned {
    /// How long.
    pub wait: Duration,
}

/// What a wrong password costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// How long the answer waits.
    pub delay: Duration,
    /// The peer is banned from now on, for so long.
    pub peer_banned: Option<Duration>,
    /// The account is closed from now on, for so long.
    pub account_closed: Option<Duration>,
}

#[derive(Debug, Default)]
struct Memory {
    peers: HashMap<Peer, Failures>,
    accounts: HashMap<String, Failures>,
    /// Who has logged in to which account: these are not shut out.
    known: HashMap<(String, Peer), Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    bans: u32,
    last: Instant,
    until: Option<Instant>,
}

impl Guessing {
    /// A memory that is empty.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, memory: Mutex::default() }
    }

    /// Whether this peer may connect.
    ///
    /// # Errors
    /// [`Banned`].
    pub fn may_connect(&self, peer: Option<Peer>, now: Instant) -> Result<(), Banned> {
        let Some(peer) = peer else { return Ok(()) };
        let memory = self.memory.lock();
        memory
            .peers
            .get(&peer)
            .and_then(|failures| failures.wait(now))
            .map_or(Ok(()), |wait| Err(Banned { wait }))
    }

    /// Whether this peer may try a password for this name. To be asked before the password is looked at.
    ///
    /// # Errors
    /// [`Banned`].
    pub fn may_try(&self, peer: Option<Peer>, name: &str, now: Instant) -> Result<(), Banned> {
        self.may_connect(peer, now)?;
        let name = folded(name);
        let memory = self.memory.lock();
        let Some(wait) = memory.accounts.get(&name).and_then(|failures| failures.wait(now)) else {
            return Ok(());
        };
        let is_known = peer.is_some_and(|peer| {
            let seen = memory.known.get(&(name, peer));
            seen.is_some_and(|&at| now.saturating_duration_since(at) < KNOWN_TIME)
        });
        if is_known { Ok(()) } else { Err(Banned { wait }) }
    }

    /// A password was wrong.
    pub fn failed(&self, peer: Option<Peer>, name: &str, now: Instant) -> Cost {
        let mut memory = self.memory.lock();
        let Limits { peer_failures, account_failures, ban, .. } = self.limits;
        let (of_peer, peer_banned) = match peer {
            Some(peer) => count(&mut memory.peers, peer, (peer_failures, ban), now),
            None => (0, None),
        };
        let (of_account, account_closed) =
            count(&mut memory.accounts, folded(name), (account_failures, ban), now);
        let doublings = of_peer.max(of_account).saturating_sub(1).min(16);
        let delay = self.limits.delay.saturating_mul(1 << doublings).min(DELAY_MAX.max(self.limits.delay));
        Cost { delay, peer_banned, account_closed }
    }

    /// A password was right: the peer is known to this account, and what it failed before is forgiven.
    pub fn succeeded(&self, peer: Option<Peer>, name: &str, now: Instant) {
        let Some(peer) = peer else { return };
        let mut memory = self.memory.lock();
        // Not the bans: who guesses at many and has one account must not start anew with each login.
        if let Some(failures) = memory.peers.get_mut(&peer) {
            failures.count = failures.count.saturating_sub(FORGIVEN);
        }
        let (known, key) = (&mut memory.known, (folded(name), peer));
        let is_new = !known.contains_key(&key);
        if is_new && known.len() >= ENTRIES_MAX {
            known.retain(|_, &mut at| now.saturating_duration_since(at) < KNOWN_TIME / 8);
        }
        if !is_new || known.len() < ENTRIES_MAX {
            known.insert(key, now);
        }
    }
}

impl Failures {
    /// How long it still is banned.
    fn wait(&self, now: Instant) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(now)).filter(|wait| !wait.is_zero())
    }

    /// Whether it still counts.
    fn is_recent(&self, ban: Duration, now: Instant) -> bool {
        let since = self.until.unwrap_or(self.last).max(self.last);
        now.saturating_duration_since(since) < ban
    }
}

/// Counts a failure: how many there are, and the ban that begins with it.
fn count<K: Eq + Hash>(
    all: &mut HashMap<K, Failures>,
    key: K,
    (failures_max, ban): (u32, Duration),
    now: Instant,
) -> (u32, Option<Duration>) {
    // Who is remembered already needs no room.
    if all.len() >= ENTRIES_MAX && !all.contains_key(&key) {
        all.retain(|_, failures| failures.is_recent(ban, now));
        if all.len() >= ENTRIES_MAX {
            all.retain(|_, failures| failures.wait(now).is_some());
        }
        if all.len() >= ENTRIES_MAX {
            return (failures_max, None);
        }
    }
    let fresh = Failures { count: 0, bans: 0, last: now, until: None };
    let failures = all.entry(key).or_insert(fresh);
    if !failures.is_recent(ban, now) {
        *failures = fresh;
    }
    failures.count = failures.count.saturating_add(1);
    failures.last = now;
    if failures.count < failures_max || failures.wait(now).is_some() {
        return (failures.count, None);
    }
    let length = ban.saturating_mul(1 << failures.bans.min(16)).min(BAN_MAX.max(ban));
    let reached = failures.count;
    failures.bans = failures.bans.saturating_add(1);
    failures.count = 0;
    failures.until = now.checked_add(length);
    (reached, Some(length))
}

/// Names are compared without regard to ASCII case, and a long one by its beginning.
fn folded(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).map(|char| char.to_ascii_lowercase()).collect()
}

/// No answer waits longer.
pub const DELAY_MAX: Duration = Duration::from_secs(15);
/// No ban lasts longer.
pub const BAN_MAX: Duration = Duration::from_secs(24 * 3600);
/// Peers, and names, that are remembered.
pub const ENTRIES_MAX: usize = 100_000;
/// How long an account knows a peer that has logged in.
const KNOWN_TIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// Failures that a right password makes up for: people mistype.
const FORGIVEN: u32 = 5;
const NAME_CHARS_MAX: usize = 256;
