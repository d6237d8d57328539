//! Whether the peer is still there, while something is to be delivered to it and it need not say anything.

use std::future::poll_fn;
use std::time::Duration;

use h2::{Ping, PingPong};
use tokio::time::Instant;

use crate::config::DeliveryLimits;

/// When the peer was last heard of, and the PING that it has not answered.
pub(super) struct Liveness {
    pings: Option<PingPong>,
    unanswered_since: Option<Instant>,
    heard: Instant,
    interval: Duration,
    patience: Duration,
}

impl Liveness {
    pub(super) fn new(pings: Option<PingPong>, limits: &DeliveryLimits) -> Self {
        Self {
            pings,
            unanswered_since: None,
            heard: Instant::now(),
            interval: limits.keep_alive_interval,
            patience: limits.keep_alive_timeout,
        }
    }

    /// The peer has sent something, or got all it wanted.
    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
    }

    pub(super) const fn last_heard(&self) -> Instant {
        self.heard
    }

    /// When to [`try`](Self::try_peer) the peer.
    pub(super) fn deadline(&self) -> Instant {
        match self.unanswered_since {
            Some(since) => since + self.patience,
            None => self.heard + self.interval,
        }
    }

    /// Sends a PING when it is time for one; `false` when the last one was not answered in time.
    pub(super) fn try_peer(&mut self, now: Instant, delivering: bool) -> bool {
        if now < self.deadline() || !delivering && self.unanswered_since.is_none() {
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
}
