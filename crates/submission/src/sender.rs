//! The sender: takes what is due from the queue, a few at a time, and writes down what became of it.
//!
//! Level, not edge: a wake only has the queue be read again, which happens now and then anyway. When the smarthost can't be
//! spoken with, one attempt at a time is made after a pause that doubles, so that a long queue does not knock all at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use store::{Fate, QueuedSubmission, RecipientOutcome, Store, SubmissionId, UnixTime};
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::attempt::{self, Attempt, NO_ANSWER};
use crate::backoff;
use crate::smarthost::Smarthost;

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections to the smarthost at a time, each with one message in memory, twice; what else is due waits.
    pub connections: usize,
    /// How long the first attempt that failed has the next one wait; later ones twice as long each, up to two hours.
    pub retry: Duration,
    /// How long after its release a message is tried; then its recipients have failed.
    pub give_up: Duration,
}

/// The sender.
pub struct Sender {
    store: Store,
    smarthost: Arc<Smarthost>,
    limits: Limits,
    stop: CancellationToken,
    attempts: JoinSet<Ended>,
    running: BTreeMap<Id, SubmissionId>,
    failures: u32,
    paused_until: Instant,
}

/// An attempt that has ended, and whether the smarthost was spoken with.
struct Ended {
    spoke: Option<bool>,
}

impl Sender {
    /// One that sends what is in a store.
    #[must_use]
    pub fn new(store: Store, smarthost: Smarthost, limits: Limits) -> Self {
        Self {
            store,
            smarthost: Arc::new(smarthost),
            limits,
            stop: CancellationToken::new(),
            attempts: JoinSet::new(),
            running: BTreeMap::new(),
            failures: 0,
            paused_until: Instant::now(),
        }
    }

    /// Runs until `stop`: then no attempt begins, those that have not sent the end of their message are given up, and the others get
    /// [`ANSWER_PATIENCE`] for their answer.
    pub async fn run(mut self, stop: CancellationToken) {
        self.stop = stop.clone();
        self.resolve_doubts().await;
        loop {
            let wake_at = self.begin().await;
            // Each of these is cancel-safe: a wake and an end that are not taken stay.
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.store.submission_queued() => {}
                () = tokio::time::sleep_until(wake_at) => {}
                Some(ended) = self.attempts.join_next_with_id() => self.take(ended),
            }
        }
        let answered = async { while self.attempts.join_next().await.is_some() {} };
        if tokio::time::timeout(ANSWER_PATIENCE, answered).await.is_err() {
            let doubtful = self.attempts.len();
            tracing::warn!(doubtful, "messages whose end was sent had no answer in time");
            self.attempts.shutdown().await;
        }
    }

    async fn resolve_doubts(&self) {
        match self.store.resolve_submissions_in_doubt(NO_ANSWER.to_owned()).await {
            Ok(found) => {
                for (account, submission) in found {
                    metrics::counter!("mailbell_submission_attempts_total", "outcome" => "doubt")
                        .increment(1);
                    tracing::warn!(
                        account = account.0,
                        submission = submission.0,
                        "the server ended while the smarthost was to answer: the message is not sent again"
                    );
                }
            }
            Err(error) => tracing::error!(%error, "submissions in doubt could not be settled"),
        }
    }

    /// Begins as many attempts as there is room for; when to look again.
    async fn begin(&mut self) -> Instant {
        let now = Instant::now();
        let at_most = if self.failures > 0 { 1 } else { self.limits.connections };
        let room = at_most.saturating_sub(self.running.len());
        if room > 0 && now >= self.paused_until {
            let running = self.running.values().copied().collect();
            match self.store.due_submissions(unix_now(), running, room).await {
                Ok(due) => due.into_iter().for_each(|submission| self.spawn(submission)),
                Err(error) => tracing::warn!(%error, "the queue of submissions could not be read"),
            }
        }
        let mut wake_at = now + LOOK_EVERY;
        match self.store.submission_queue(unix_now()).await {
            Ok((next, length)) => {
                metrics::gauge!("mailbell_submission_queue").set(u32::try_from(length).unwrap_or(u32::MAX));
                if let Some(next) = next {
                    let wait = u64::try_from(next.0.saturating_sub(unix_now().0)).unwrap_or(0);
                    wake_at = wake_at.min(now + Duration::from_secs(wait.clamp(1, LOOK_EVERY.as_secs())));
                }
            }
            Err(error) => tracing::warn!(%error, "the queue of submissions could not be read"),
        }
        if self.paused_until > now { wake_at.min(self.paused_until) } else { wake_at }
    }

    fn spawn(&mut self, submission: QueuedSubmission) {
        let id = submission.id;
        let (store, smarthost) = (self.store.clone(), Arc::clone(&self.smarthost));
        let (limits, stop) = (self.limits, self.stop.clone());
        let task = self.attempts.spawn(async move {
            let began = Instant::now();
            let attempt = attempt::run(&store, &smarthost, (&submission, &stop)).await;
            let spoke = settle(&store, (&submission, limits), (attempt, began)).await;
            Ended { spoke }
        });
        self.running.insert(task.id(), id);
    }

    fn take(&mut self, ended: Result<(Id, Ended), tokio::task::JoinError>) {
        let (id, spoke) = match ended {
            Ok((id, Ended { spoke })) => (id, spoke),
            Err(error) => {
                tracing::error!(%error, "an attempt to send a message failed");
                (error.id(), None)
            }
        };
        self.running.remove(&id);
        match spoke {
            Some(true) => (self.failures, self.paused_until) = (0, Instant::now()),
            Some(false) => {
                let pause = PAUSE.saturating_mul(1 << self.failures.min(6));
                self.failures = self.failures.saturating_add(1);
                self.paused_until = Instant::now() + pause;
            }
            None => {}
        }
    }
}

/// Writes down what an attempt has come to. Whether the smarthost was spoken with, if that is known.
async fn settle(
    store: &Store,
    (submission, limits): (&QueuedSubmission, Limits),
    (attempt, began): (Attempt, Instant),
) -> Option<bool> {
    let now = unix_now();
    let is_late = now.0.saturating_sub(submission.send_at.0)
        >= i64::try_from(limits.give_up.as_secs()).unwrap_or(i64::MAX);
    let (outcomes, outcome, spoke) = match attempt {
        Attempt::Answered(outcomes) => {
            let outcome = word(&outcomes);
            (given_up(outcomes, is_late), outcome, Some(true))
        }
        Attempt::Unreachable(fault) => {
            let error = described(&fault);
            tracing::warn!(account = submission.account.0, submission = submission.id.0, error, "smarthost");
            let late = is_late.then(|| attempt::for_all(submission, Fate::Failed, GIVEN_UP));
            (late.unwrap_or_default(), "unreachable", Some(false))
        }
        Attempt::Canceled => (Vec::new(), "canceled", None),
        Attempt::Stopped => (Vec::new(), "stopped", None),
        Attempt::NoStore(error) => {
            tracing::error!(%error, submission = submission.id.0, "a submission could not be read or written");
            (Vec::new(), "store", None)
        }
    };
    metrics::counter!("mailbell_submission_attempts_total", "outcome" => outcome).increment(1);
    for settled in &outcomes {
        let fate = match settled.fate {
            Fate::Queued | Fate::InDoubt => "later",
            Fate::Relayed | Fate::Delivered => "relayed",
            Fate::Failed => "failed",
        };
        metrics::counter!("mailbell_submission_recipients_total", "fate" => fate).increment(1);
    }
    tracing::info!(
        account = submission.account.0,
        submission = submission.id.0,
        outcome,
        recipients = submission.recipients.len(),
        attempts = submission.attempts,
        size = submission.size,
        duration_us = began.elapsed().as_micros(),
        "submission.attempt"
    );
    if outcome != "canceled" && outcome != "stopped" {
        write(store, (submission, limits), (outcomes, now)).await;
    }
    spoke
}

/// The answer has to be on disk: it is tried again while the store is not available, since without it the message would be in
/// doubt at the next start.
async fn write(
    store: &Store,
    (submission, limits): (&QueuedSubmission, Limits),
    (outcomes, now): (Vec<RecipientOutcome>, UnixTime),
) {
    let wait = backoff::wait(limits.retry, submission.attempts, submission.id.0);
    let wait = i64::try_from(wait.as_secs().max(1)).unwrap_or(i64::MAX);
    for attempt in 0..WRITES_MAX {
        let due_at = UnixTime(now.0.saturating_add(wait));
        match store.settle_submission(submission.id, outcomes.clone(), due_at).await {
            Ok(()) => return,
            Err(error) => {
                tracing::error!(%error, attempt, submission = submission.id.0, "an answer could not be stored");
            }
        }
        tokio::time::sleep(WRITE_PAUSE).await;
    }
}

fn given_up(mut outcomes: Vec<RecipientOutcome>, is_late: bool) -> Vec<RecipientOutcome> {
    for outcome in outcomes.iter_mut().filter(|outcome| is_late && outcome.fate == Fate::Queued) {
        outcome.fate = Fate::Failed;
    }
    outcomes
}

/// An attempt in a word of a fixed set.
fn word(outcomes: &[RecipientOutcome]) -> &'static str {
    let has = |fate: Fate| outcomes.iter().any(|outcome| outcome.fate == fate);
    if outcomes.iter().any(|outcome| outcome.reply.as_deref() == Some(NO_ANSWER)) {
        "doubt"
    } else if has(Fate::Queued) {
        "later"
    } else if has(Fate::Failed) {
        "failed"
    } else {
        "relayed"
    }
}

/// An error with what caused it.
fn described(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", described(source)),
        None => error.to_string(),
    }
}

fn unix_now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// What recipients are told whose time is over without a word of the smarthost.
const GIVEN_UP: &str = "554 5.4.7 The smarthost could not be reached for too long";
/// How often the queue is read although nobody said that it has changed.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// After the first failure to speak with the smarthost; doubled up to 64 times that.
const PAUSE: Duration = Duration::from_secs(1);
/// For answers to messages whose end was sent, when the server stops. Less than what the binary gives its parts.
pub const ANSWER_PATIENCE: Duration = Duration::from_secs(15);
/// Tries to write down an answer; after the last one the submission is in doubt until the next start.
const WRITES_MAX: u32 = 60;
const WRITE_PAUSE: Duration = Duration::from_secs(1);
