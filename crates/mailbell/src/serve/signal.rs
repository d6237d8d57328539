//! What the operator asks of a running server by signals.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// SIGTERM or SIGINT: finish what is under way and end.
    Stop,
    /// SIGHUP: read certificates, VAPID keys and log level again.
    Reload,
}

/// The signals that are waited for. From its making on, none of them ends the process by itself.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Begins to listen.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// The next request. Cancel-safe: a signal that was not returned is returned by the next call.
    pub(crate) async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.terminate.recv() => Request::Stop,
            _ = self.interrupt.recv() => Request::Stop,
            _ = self.hang_up.recv() => Request::Reload,
        }
    }

    /// The next request to stop, whatever else is asked meanwhile.
    pub(crate) async fn next_stop(&mut self) {
        while self.next().await != Request::Stop {}
    }
}
