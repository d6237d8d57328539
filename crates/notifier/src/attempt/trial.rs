//! A trial as an attempt: what it posts, and what its answer changes.

use store::{CursorsElsewhere, Error, PushSubscriptionId, PushVerdict, UnixTime};

use crate::attempt::{Attempted, Context, Task, is_unaltered};
use crate::backoff::{self, Answer, Next};
use crate::clock::Now;
use crate::compose::{Detail, Life};
use crate::schedule::Finish;
use crate::trial::{Trial, TrialError};

/// Posts one, and notes what came of it.
pub(crate) async fn run(context: &Context, id: PushSubscriptionId) -> Result<Trial, TrialError> {
    let task = Task::of(context, id).await?.ok_or(TrialError::NothingToPost)?;
    if !matches!(task.subscription.state, store::PushState::Active { .. }) {
        return Err(TrialError::NotActive);
    }
    let now = context.clock.now();
    if let Some(until) = task.demanded_wait(now) {
        return Err(TrialError::MustWait { until, now: now.unix });
    }
    let push = task.composer.trial(&task.subscription).ok_or(TrialError::NothingToPost)?;
    let attempted = task.post(push, "trial", task.subscription.cursor).await;
    let is_removed = match task.settle_trial(&attempted).await {
        Ok(is_removed) => is_removed,
        // Removed while the push was under way, by whomever.
        Err(Error::NotFound(_)) => true,
        Err(error) => return Err(TrialError::Store(error)),
    };
    let Attempted { posted, took } = attempted;
    Ok(Trial { answer: posted.answer, said: posted.said, took, is_removed })
}

impl Task<'_> {
    /// Until when the push service has asked to be left alone. What the notifier waits for of its own accord, because nobody
    /// answered, keeps no user from trying.
    fn demanded_wait(&self, now: Now) -> Option<UnixTime> {
        let attempts = &self.subscription.attempts;
        let said = attempts.last_answer.as_deref().unwrap_or_default();
        let is_demand = said == "429" || (said.len() == 3 && said.starts_with('5'));
        attempts.next_attempt_at.filter(|&until| is_demand && until > now.unix)
    }

    /// Notes the answer to a trial and does what it asks for. Whether the subscription was removed for it.
    async fn settle_trial(&self, attempted: &Attempted) -> store::Result<bool> {
        let now = self.context.clock.now();
        let posted = &attempted.posted;
        let was_sent = !matches!(posted.answer, Answer::Withheld { .. });
        if !was_sent || !is_unaltered(&self.context.store, &self.subscription).await? {
            return Ok(false);
        }
        let attempts = &self.subscription.attempts;
        match backoff::next(posted.answer, attempts.failures, Detail::Summary, self.context.jitter.draw()) {
            Next::Told => {
                self.note((self.subscription.cursor, CursorsElsewhere::default()), attempted, now);
                if self.composer.life() == Life::OnePush {
                    self.end(PushVerdict::Fired).await?;
                }
            }
            Next::Remove => return Ok(self.end(PushVerdict::Remove).await? == Finish::Gone),
            // The wait that a push service demands is not only for trials.
            Next::Wait { wait, failures } if failures <= attempts.failures => {
                let until = now.unix_of(now.tick.after(wait));
                self.note_failure(&posted.said, now, (failures, Some(until)));
            }
            Next::Wait { .. } | Next::Deactivate | Next::Smaller => {
                self.note_failure(&posted.said, now, (attempts.failures, attempts.next_attempt_at));
            }
        }
        Ok(false)
    }
}
