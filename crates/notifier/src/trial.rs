//! Trials: a push that tells nothing new, because a user wants to see whether one gets through.
//!
//! A trial is a push like any other: the subscription's composer writes it, the same sender posts it, and what the push service
//! answers is noted and obeyed. Unlike others it waits for no turn and moves no cursor, a silence does not hold it back, and a
//! failure brings its subscription no nearer to its end, however often its user tries. One that is taken ends the wait that
//! failures before it had brought about.
//!
//! Not here: how often a user may try. That is for whoever lets users ask.

use std::sync::Arc;
use std::time::Duration;

use store::{PushSubscription, PushSubscriptionId, UnixTime};

use crate::attempt::{self, Context};
use crate::backoff::Answer;
use crate::requests::{Reason, Requests};

#[cfg(test)]
mod tests;

/// How users' trials reach the notifier's sender. Cheap to clone; works while the notifier runs, and after.
#[derive(Clone)]
pub struct Trials {
    context: Arc<Context>,
    requests: Arc<Requests>,
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// What it means.
    pub answer: Answer,
    /// What the push service answered, in a word: `201`, `410`, `timeout`.
    pub said: String,
    /// From the request to the answer.
    pub took: Duration,
    /// Whether the subscription is no more, because its push service does not want it.
    pub is_removed: bool,
}

/// Why nothing was posted.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// Only the token may be pushed to an endpoint that is not acknowledged, and nothing to one that was given up.
    #[error("the subscription is not active")]
    NotActive,
    /// Nothing can be said to subscriptions of this kind that tells nothing.
    #[error("there is no trial for subscriptions of this kind")]
    NothingToPost,
    /// The push service has asked for a pause.
    #[error("the push service is to be left alone")]
    MustWait {
        /// Until then.
        until: UnixTime,
        /// The time that it was compared with.
        now: UnixTime,
    },
    /// The store does not answer, or has no such subscription.
    #[error("the subscription can't be read")]
    Store(#[from] store::Error),
}

impl Trials {
    pub(crate) fn new(context: Arc<Context>, requests: Arc<Requests>) -> Self {
        Self { context, requests }
    }

    /// Posts a trial to a subscription and waits for the answer, in bounded time.
    ///
    /// # Errors
    /// [`TrialError`]; nothing has been posted then, except that the store may fail after it.
    pub async fn run(&self, id: PushSubscriptionId) -> Result<Trial, TrialError> {
        let trial = attempt::trial::run(&self.context, id).await?;
        if trial.answer == Answer::Taken {
            self.requests.ask(id, Reason::Reached);
        }
        Ok(trial)
    }

    /// Brings a row up to date with what the store is yet to be told.
    pub fn bring_up_to_date(&self, subscription: &mut PushSubscription) {
        self.context.progress.apply(subscription);
    }
}

impl std::fmt::Debug for Trials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trials").finish_non_exhaustive()
    }
}
