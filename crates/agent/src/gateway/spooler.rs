//! Takes deliveries into the spool and acknowledges them, in their order, several at a time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::hub::Counts;
use super::message::Message;
use super::spool::Spool;
use super::worker::chain;
use crate::agent::Delivery;

/// What the spooler needs.
pub(super) struct Spooler {
    pub(super) spool: Arc<Spool>,
    pub(super) deliveries: mpsc::UnboundedReceiver<Delivery>,
    pub(super) counts: Arc<Counts>,
    /// When it is cancelled, what is not yet in the spool is let go without acknowledgement.
    pub(super) stop: CancellationToken,
}

impl Spooler {
    /// Works until it is stopped. What waits here for room is not acknowledged; the push service keeps it, and sends only
    /// as much as it allows without acknowledgement.
    pub(super) async fn run(mut self) {
        let stop = self.stop.clone();
        let mut waiting = VecDeque::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.fill(&mut waiting) => {}
            }
            // Not to be cancelled: what is written is acknowledged.
            if !self.put(&mut waiting).await {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(RETRY_AFTER) => {}
                }
            }
        }
    }

    /// Waits for deliveries and for room for them. Cancel-safe as far as nothing is acknowledged.
    async fn fill(&mut self, waiting: &mut VecDeque<Delivery>) {
        if waiting.is_empty() {
            match self.deliveries.recv().await {
                Some(delivery) => waiting.push_back(delivery),
                None => std::future::pending().await,
            }
        }
        while waiting.len() < BATCH_MESSAGES_MAX
            && let Ok(delivery) = self.deliveries.try_recv()
        {
            waiting.push_back(delivery);
        }
        if self.spool.free() == 0 {
            tracing::warn!("the spool is full: nothing more is acknowledged until a target takes something");
            self.spool.room().await;
            tracing::info!("the spool has room again");
        }
    }

    async fn put(&self, waiting: &mut VecDeque<Delivery>) -> bool {
        let number = waiting.len().min(self.spool.free());
        let messages = waiting.iter().take(number).map(Message::of).collect();
        match self.spool.put(messages).await {
            Ok(()) => {
                waiting.drain(..number).for_each(Delivery::acknowledge);
                Counts::add(&self.counts.spooled, number);
                true
            }
            Err(error) => {
                tracing::error!(error = chain(&error), "nothing is acknowledged");
                false
            }
        }
    }
}

/// Messages that share one sync of the directory.
const BATCH_MESSAGES_MAX: usize = 64;
/// After the disk has failed.
const RETRY_AFTER: Duration = Duration::from_secs(5);
