//! One attempt: from where and at which account, what a wrong one costs, and its line in the log.

use std::time::{Duration, Instant};

use admission::peer::Peer;
use store::RevocationMark;

use crate::{Authenticated, Authenticator, Mechanism, Refusal};

/// An attempt that was not right.
#[derive(Debug, Clone)]
pub struct Rejection {
    /// Why.
    pub refusal: Refusal,
    /// How long the answer has to wait.
    pub delay: Duration,
}

/// An attempt under way.
pub(crate) struct Attempt {
    pub(crate) authenticator: Authenticator,
    pub(crate) mechanism: Mechanism,
    peer: Option<Peer>,
    /// What is guessed at, once that is known.
    name: Option<String>,
}

impl Attempt {
    /// From this peer; `None` if it is not counted.
    pub(crate) fn new(authenticator: Authenticator, mechanism: Mechanism, peer: Option<Peer>) -> Self {
        Self { authenticator, mechanism, peer, name: None }
    }

    /// It asks for the account of this name, as the store has it. To be called before any secret is looked at; what is
    /// revoked after the mark that it returns ends the session.
    pub(crate) async fn asks_for(&mut self, name: &str) -> Result<RevocationMark, Refusal> {
        let guessing = self.authenticator.guessing();
        let may_try = guessing.may_try(self.peer, name, Instant::now());
        may_try.map_err(|banned| Refusal::Banned(banned.wait))?;
        self.name = Some(name.to_owned());
        self.authenticator.revocation_mark().await
    }

    /// It shows a token. Wrong ones are counted by where they come from: counted by account, they would shut it out.
    pub(crate) async fn shows_token(&mut self) -> Result<RevocationMark, Refusal> {
        let may_connect = self.authenticator.guessing().may_connect(self.peer, Instant::now());
        may_connect.map_err(|banned| Refusal::Banned(banned.wait))?;
        self.name = Some(self.peer.map_or_else(String::new, |peer| format!("token from {peer}")));
        self.authenticator.revocation_mark().await
    }

    /// How it ended: counts and logs it. Names that were given are left out: people write their password there.
    pub(crate) fn settle(&self, result: Result<Authenticated, Refusal>) -> Result<Authenticated, Rejection> {
        let mechanism = self.mechanism.name();
        let peer = self.peer.map(tracing::field::display);
        let outcome = result.as_ref().map_or_else(Refusal::outcome, |_| "ok");
        metrics::counter!("mailbell_auth_attempts_total", "mechanism" => mechanism, "outcome" => outcome)
            .increment(1);
        match result {
            Ok(authenticated) => {
                if let Some(name) = &self.name {
                    self.authenticator.guessing().succeeded(self.peer, name, Instant::now());
                }
                let (account, master) = (authenticated.access.owner().0, authenticated.master.as_deref());
                tracing::info!(peer, mechanism, account, master, "auth.succeeded");
                Ok(authenticated)
            }
            Err(refusal) => {
                let delay = match (&refusal, &self.name) {
                    (Refusal::WrongCredentials | Refusal::InvalidToken, Some(name)) => self.count(name),
                    _ => Duration::ZERO,
                };
                tracing::info!(peer, mechanism, outcome, delay_ms = delay.as_millis(), "auth.failed");
                Err(Rejection { refusal, delay })
            }
        }
    }

    /// Counts a wrong one; how long its answer waits.
    fn count(&self, name: &str) -> Duration {
        let cost = self.authenticator.guessing().failed(self.peer, name, Instant::now());
        if let Some(ban) = cost.peer_banned {
            let peer = self.peer.map(tracing::field::display);
            tracing::warn!(peer, seconds = ban.as_secs(), "auth.peer_banned");
        }
        if let Some(ban) = cost.account_closed {
            tracing::warn!(account = name, seconds = ban.as_secs(), "auth.account_closed");
        }
        cost.delay
    }
}
