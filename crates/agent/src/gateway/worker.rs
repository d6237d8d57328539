//! Hands the messages of one subscription on, in their order.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::hub::Counts;
use super::spool::{Entry, Spool, SpoolError};
use super::target::Target;
use crate::backoff::Backoff;

/// What a worker needs.
pub(super) struct Work {
    pub(super) subscription: String,
    pub(super) target: Target,
    pub(super) spool: Arc<Spool>,
    /// Between two tries.
    pub(super) retry: Backoff,
    pub(super) counts: Arc<Counts>,
    /// When it is cancelled, the worker ends as soon as it has nothing to do or its target fails.
    pub(super) drain: CancellationToken,
}

/// A worker at work; dropping it gives up what it is just doing.
pub(super) struct Worker {
    task: JoinHandle<()>,
}

impl Worker {
    pub(super) fn start(work: Work) -> Self {
        Self { task: tokio::spawn(work.run()) }
    }

    /// Waits until it has ended.
    pub(super) async fn ended(mut self) {
        // A panic ended it as well; the messages are still in the spool.
        let _ended = (&mut self.task).await;
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

enum Step {
    Done,
    Failed,
}

impl Work {
    async fn run(mut self) {
        let spool = Arc::clone(&self.spool);
        let name = self.subscription.clone();
        loop {
            let entry = tokio::select! {
                biased;
                entry = spool.first(&name) => entry,
                () = self.drain.cancelled() => return,
            };
            match self.hand_on(entry).await {
                Ok(Step::Done) => {
                    self.retry.succeeded();
                    continue;
                }
                Ok(Step::Failed) => {}
                Err(error) => tracing::error!(subscription = name, error = chain(&error), "the spool failed"),
            }
            let wait = self.retry.next_wait(Uuid::new_v4().as_fields().0);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.drain.cancelled() => return,
            }
        }
    }

    async fn hand_on(&mut self, entry: Entry) -> Result<Step, SpoolError> {
        let Some(message) = self.spool.read(&self.subscription, entry).await? else { return Ok(Step::Done) };
        match self.target.hand_on(&message).await {
            Ok(()) => {
                self.spool.remove(&self.subscription, entry).await?;
                Counts::add(&self.counts.handed_on, 1);
                tracing::info!(subscription = self.subscription, bytes = message.body.len(), "handed on");
                Ok(Step::Done)
            }
            Err(error) if error.is_final() => {
                self.spool.remove(&self.subscription, entry).await?;
                Counts::add(&self.counts.dropped, 1);
                tracing::error!(
                    subscription = self.subscription,
                    error = chain(&error),
                    "a message is dropped"
                );
                Ok(Step::Done)
            }
            Err(error) => {
                let waiting = self.spool.waiting_for(&self.subscription);
                let error = chain(&error);
                tracing::warn!(
                    subscription = self.subscription,
                    waiting,
                    error,
                    "not handed on, trying again"
                );
                Ok(Step::Failed)
            }
        }
    }
}

/// An error with its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
