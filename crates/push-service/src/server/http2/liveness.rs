//! Whether the peer is still there and takes what there is for it, while something is to be delivered to it and it need
//! not say anything; and when a connection on which nothing happens is ended.

use std::future::poll_fn;
use std::time::Duration;

use h2::{Ping, PingPong};
use tokio::time::Instant;

use crate::config::Config;
use crate::http::delivery::promise::Unsent;

/// When the peer was last heard of, the PING that it has not answered, and what it has not taken.
pub(super) struct Liveness {
    pings: Option<PingPong>,
    unanswered_since: Option<Instant>,
    heard: Instant,
    keep_alive_interval: Duration,
    keep_alive_timeout: Duration,
    idle_timeout: Duration,
    uptake: Uptake,
    goodbye_until: Option<Instant>,
}

/// Whether what is on its way is taken.
struct Uptake {
    unsent: Unsent,
    taken: u64,
    since: Instant,
    patience: Duration,
}

/// What the connection does for its peer at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Nothing.
    None,
    /// Answering, which has limits of its own.
    Answering,
    /// Something may have to be delivered at any time.
    Reading,
}

/// What is to become of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on.
    Alive,
    /// Nothing happens on it: it is to be ended in order.
    Idle,
    /// The peer is not there, or does not read.
    Dead,
}

impl Liveness {
    pub(super) fn new(pings: Option<PingPong>, unsent: Unsent, config: &Config) -> Self {
        let now = Instant::now();
        Self {
            pings,
            unanswered_since: None,
            heard: now,
            keep_alive_interval: config.delivery.keep_alive_interval,
            keep_alive_timeout: config.delivery.keep_alive_timeout,
            idle_timeout: config.http.idle_timeout,
            uptake: Uptake { unsent, taken: 0, since: now, patience: config.http.write_timeout },
            goodbye_until: None,
        }
    }

    /// The peer has sent something, or got all it wanted.
    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
    }

    /// What is to become of the connection; sends a PING when it is time for one.
    pub(super) fn judge(&mut self, now: Instant, work: Work) -> Verdict {
        if self.goodbye_until.is_some_and(|until| now >= until) {
            return Verdict::Dead;
        }
        let delivering = self.is_delivering(work);
        if !self.uptake.goes_on(now) || !self.try_peer(now, delivering) {
            return Verdict::Dead;
        }
        let busy = delivering || work == Work::Answering;
        if busy || self.goodbye_until.is_some() || now < self.heard + self.idle_timeout {
            return Verdict::Alive;
        }
        // Whoever is in the middle of a head, or does not read our goodbye, is not waited for.
        self.goodbye_until = Some(now + GOODBYE_TIMEOUT);
        Verdict::Idle
    }

    /// When to judge again.
    pub(super) fn next_look(&self, now: Instant, work: Work) -> Instant {
        if let Some(until) = self.goodbye_until {
            return until;
        }
        if self.is_delivering(work) {
            return self.peer_deadline().min(self.uptake.deadline()).min(now + self.idle_timeout);
        }
        match work {
            Work::None => self.heard + self.idle_timeout,
            Work::Answering | Work::Reading => now + self.idle_timeout,
        }
    }

    /// Returns when the PING is answered; never when there is none. Cancel-safe.
    pub(super) async fn pong(&mut self) {
        match &mut self.pings {
            Some(pings) if self.unanswered_since.is_some() => {
                // An error ends the connection, which its own poll tells.
                let _answer = poll_fn(|context| pings.poll_pong(context)).await;
                self.unanswered_since = None;
                self.heard = Instant::now();
            }
            _ => std::future::pending().await,
        }
    }

    fn is_delivering(&self, work: Work) -> bool {
        work == Work::Reading || self.uptake.unsent.is_in_use()
    }

    fn peer_deadline(&self) -> Instant {
        match self.unanswered_since {
            Some(since) => since + self.keep_alive_timeout,
            None => self.heard + self.keep_alive_interval,
        }
    }

    /// `false` when the last PING was not answered in time.
    fn try_peer(&mut self, now: Instant, delivering: bool) -> bool {
        if now < self.peer_deadline() || !delivering && self.unanswered_since.is_none() {
            return true;
        }
        if self.unanswered_since.is_some() {
            return false;
        }
        if let Some(pings) = &mut self.pings
            && pings.send_ping(Ping::opaque()).is_ok()
        {
            self.unanswered_since = Some(now);
        }
        true
    }
}

impl Uptake {
    fn deadline(&self) -> Instant {
        self.since + self.patience
    }

    /// `false` when something is on its way and nothing of it has been taken for too long.
    fn goes_on(&mut self, now: Instant) -> bool {
        let taken = self.unsent.taken();
        if taken != self.taken || !self.unsent.is_in_use() {
            self.taken = taken;
            self.since = now;
        }
        now < self.deadline()
    }
}

const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);
