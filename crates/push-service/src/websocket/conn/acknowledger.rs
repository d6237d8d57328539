//! Acknowledgements on their way to the storage: one call under way, what comes meanwhile goes with the next.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::{sleep, timeout};

use crate::id::{AgentId, MessageId};
use crate::measure::{self, Codes};
use crate::service::Service;

pub(super) struct Acknowledger {
    service: Arc<Service>,
    agent: AgentId,
    waiting: Vec<MessageId>,
    rejected: Vec<MessageId>,
    codes: Codes,
    under_way: Option<BoxFuture<'static, ()>>,
}

impl Acknowledger {
    pub(super) fn new(service: Arc<Service>, agent: AgentId) -> Self {
        Self {
            service,
            agent,
            waiting: Vec::new(),
            rejected: Vec::new(),
            codes: Codes::default(),
            under_way: None,
        }
    }

    pub(super) fn add(&mut self, ids: Vec<MessageId>, rejected: Vec<MessageId>, codes: Codes) {
        if self.waiting.is_empty() {
            self.waiting = ids;
        } else {
            self.waiting.extend(ids);
        }
        self.rejected.extend(rejected);
        self.codes.add(codes);
        self.start();
    }

    /// Whether so much waits that nothing more should be added before there is [`Acknowledger::progress`].
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() + self.rejected.len() >= WAITING_MAX
    }

    /// Returns when the call under way has ended; never when there is none. Cancel-safe: the call goes on.
    pub(super) async fn progress(&mut self) {
        match &mut self.under_way {
            Some(call) => call.await,
            None => std::future::pending().await,
        }
        self.under_way = None;
        self.start();
    }

    /// Waits until the storage has taken everything.
    pub(super) async fn finish(&mut self) {
        let all = async {
            while self.under_way.is_some() {
                self.progress().await;
            }
        };
        if timeout(FINISH_TIMEOUT, all).await.is_err() {
            tracing::warn!("acknowledgements were not stored; their messages will be delivered again");
        }
    }

    fn start(&mut self) {
        if self.under_way.is_none() && !(self.waiting.is_empty() && self.rejected.is_empty()) {
            let ids = std::mem::take(&mut self.waiting);
            let rejected = std::mem::take(&mut self.rejected);
            let codes = std::mem::take(&mut self.codes);
            let (service, agent) = (Arc::clone(&self.service), self.agent);
            self.under_way = Some(Box::pin(acknowledge(service, agent, (ids, rejected), codes)));
        }
    }
}

async fn acknowledge(
    service: Arc<Service>,
    agent: AgentId,
    (ids, rejected): (Vec<MessageId>, Vec<MessageId>),
    codes: Codes,
) {
    for _ in 0..ATTEMPTS {
        // Both are asked for at once, so that they come into one transaction. Once more does no harm.
        let storage = &service.storage;
        let acknowledged = (!ids.is_empty()).then(|| storage.acknowledge(agent, ids.clone()));
        let refused = (!rejected.is_empty()).then(|| storage.reject(agent, rejected.clone()));
        let (mut durable, mut removed) = (true, 0);
        for call in [acknowledged, refused].into_iter().flatten() {
            match call.await {
                Ok(count) => removed += count,
                Err(error) => {
                    tracing::warn!(%error, "acknowledgements could not be stored");
                    durable = false;
                }
            }
        }
        if durable {
            if removed < ids.len() + rejected.len() {
                // A message with TTL 0 is not stored; the agent's other readers may still hold it.
                for id in ids.iter().chain(&rejected) {
                    service.agents.acknowledge(agent, *id);
                }
            }
            measure::acknowledged(codes);
            return;
        }
        sleep(RETRY_AFTER).await;
    }
}

/// Acknowledgements that wait for the call under way, 8 bytes each. One message of an agent may add about 1,000 to them.
const WAITING_MAX: usize = 1024;
const ATTEMPTS: usize = 5;
const RETRY_AFTER: Duration = Duration::from_secs(1);
const FINISH_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
