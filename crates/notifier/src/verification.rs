//! Who waits for what a push service says to the push that proves an endpoint: a command that has just made the subscription.
//!
//! In memory: whoever waits has a limit of its own. An entry lives as long as its [`Awaited`].

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::backoff::Answer;

/// What was said to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    /// It is on its way to the client.
    Taken,
    /// It will be tried again.
    Later,
    /// Not to this endpoint.
    Refused,
    /// There is nobody there.
    Unreachable,
}

impl Verified {
    fn of(answer: Answer) -> Self {
        match answer {
            Answer::Taken => Self::Taken,
            Answer::TooMany { .. }
            | Answer::Failing { .. }
            | Answer::Broken { .. }
            | Answer::Withheld { .. } => Self::Later,
            Answer::TooLarge | Answer::Unauthorized | Answer::Refused => Self::Refused,
            Answer::Unreachable => Self::Unreachable,
        }
    }
}

/// Everybody who waits, by the client's id of the subscription. All clones are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verifications(Arc<Mutex<BTreeMap<String, oneshot::Sender<Verified>>>>);

impl Verifications {
    /// Waits for the first answer. To be called before the subscription is made.
    pub(crate) fn expect(&self, client_id: &str) -> Awaited {
        let (sender, receiver) = oneshot::channel();
        self.0.lock().insert(client_id.to_owned(), sender);
        Awaited { all: self.clone(), client_id: client_id.to_owned(), receiver }
    }

    pub(crate) fn tell(&self, client_id: &str, answer: Answer) {
        if let Some(sender) = self.0.lock().remove(client_id) {
            // Who waits no more need not know.
            let _ = sender.send(Verified::of(answer));
        }
    }
}

/// An answer that is awaited.
#[derive(Debug)]
pub struct Awaited {
    all: Verifications,
    client_id: String,
    receiver: oneshot::Receiver<Verified>,
}

impl Awaited {
    /// The answer, once it is there. Waits for ever if there never is one. Cancel-safe.
    pub async fn answer(&mut self) -> Verified {
        match (&mut self.receiver).await {
            Ok(verified) => verified,
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.all.0.lock().remove(&self.client_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_is_told_once_and_who_has_gone_is_forgotten() {
        let all = Verifications::default();
        let mut phone = all.expect("phone");
        all.tell("tablet", Answer::Taken);
        all.tell("phone", Answer::Unreachable);
        all.tell("phone", Answer::Taken);
        assert_eq!(phone.answer().await, Verified::Unreachable);
        drop(all.expect("tablet"));
        assert!(all.0.lock().is_empty());
    }
}
