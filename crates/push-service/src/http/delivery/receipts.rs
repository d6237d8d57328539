//! The receipts of one receipt subscription, one after another (RFC 8030 §6.3), delivered in the same forms as messages.
//!
//! Each is a promised response for the message as its sender knows it: 204 when it was acknowledged, 410 when it ended in
//! another way. HTTP has no acknowledgement of receipts, so one stays in the storage until its request has gone on for
//! [`SETTLED_AFTER`] without an error, or has come to its end; when the connection breaks before, it comes again.
//!
//! A newer request for the same receipt subscription ends the older one. Dropping a feed gives its place back.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Wait;
use super::feed::{End, Next};
use super::promise::Promise;
use super::timing::{Timing, Woken};
use crate::id::{MessageId, ReceiptSubscriptionId};
use crate::measure;
use crate::receipt::{Outcome, ReaderEnd, Receipt, ReceiptReader, ReceiptReaders};
use crate::service::{MESSAGE_PATH, Service};

/// Gives an application server its receipts.
pub struct ReceiptFeed {
    service: Arc<Service>,
    id: ReceiptSubscriptionId,
    place: Option<Place>,
    page: VecDeque<Receipt>,
    given: Given,
    delivered: u64,
    timing: Timing,
}

/// A place among the readers.
struct Place {
    readers: Arc<ReceiptReaders>,
    id: ReceiptSubscriptionId,
    reader: Arc<ReceiptReader>,
}

/// What was given and is still in the storage, in the order of time.
#[derive(Default)]
struct Given {
    times: VecDeque<(Instant, MessageId)>,
    messages: BTreeSet<MessageId>,
}

impl ReceiptFeed {
    /// Begins to read; a reader that is there already is ended.
    pub async fn open(
        service: Arc<Service>,
        id: ReceiptSubscriptionId,
        wait: Wait,
        shutdown: CancellationToken,
    ) -> Self {
        let place = match wait {
            Wait::Not => None,
            Wait::For(_) | Wait::Unlimited => Some(Place::take(&service, id)),
        };
        // Whoever was removed before it had a place was not told.
        if let Ok(None) = service.storage.receipt_subscription(id, service.now()).await {
            service.receipts.removed(id);
        }
        let timing = Timing::new(wait, service.config.delivery.keep_alive_interval, shutdown);
        Self { service, id, place, page: VecDeque::new(), given: Given::default(), delivered: 0, timing }
    }

    /// The next receipt, or why there is none. Cancel-safe: what was not returned is in the storage.
    pub async fn next(&mut self) -> Next {
        loop {
            match self.place.as_ref().and_then(|place| place.reader.ended()) {
                Some(ReaderEnd::Superseded) => return Next::End(End::Superseded),
                Some(ReaderEnd::Removed) => return Next::End(End::Removed),
                None => {}
            }
            if let Some(receipt) = self.page.pop_front() {
                return Next::Promise(self.promise(receipt));
            }
            if self.settle().await.is_err() || self.read().await.is_err() {
                return Next::End(End::Unavailable);
            }
            if self.page.is_empty()
                && let Some(next) = self.wait().await
            {
                return next;
            }
        }
    }

    /// How many receipts it has given.
    #[must_use]
    pub const fn delivered(&self) -> u64 {
        self.delivered
    }

    fn promise(&mut self, receipt: Receipt) -> Promise {
        self.given.add(Instant::now(), receipt.message);
        self.delivered += 1;
        self.timing.delivers();
        // RFC 8030 §6.3
        let (status, outcome) = match receipt.outcome {
            Outcome::Acknowledged => (StatusCode::NO_CONTENT, measure::Receipt::Acknowledged),
            Outcome::Ended => (StatusCode::GONE, measure::Receipt::Expired),
        };
        measure::receipt(outcome);
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        let path = format!("{MESSAGE_PATH}{}", self.service.tokens.seal_message(receipt.message));
        Promise { path, request: HeaderMap::new(), response }
    }

    /// Reads what is due and was not given yet.
    async fn read(&mut self) -> Result<(), ()> {
        let limit = READ_AT_ONCE + self.given.messages.len();
        let due = self.service.storage.due_receipts(self.id, limit).await.map_err(drop)?;
        self.page =
            due.into_iter().filter(|receipt| !self.given.messages.contains(&receipt.message)).collect();
        Ok(())
    }

    /// Removes from the storage what was given long enough ago.
    async fn settle(&mut self) -> Result<(), ()> {
        let settled = self.given.settled(Instant::now());
        self.remove(settled).await
    }

    async fn remove(&self, messages: Vec<MessageId>) -> Result<(), ()> {
        if messages.is_empty() {
            return Ok(());
        }
        self.service.storage.receipts_delivered(self.id, messages).await.map_err(drop)
    }

    /// Waits until there may be something to do; `None` when there is to be a new look.
    async fn wait(&mut self) -> Option<Next> {
        let Some(place) = &self.place else { return Some(self.end(End::Done).await) };
        match self.timing.wait(place.reader.changed(), self.given.next_settled()).await {
            Woken::Changed | Woken::Due => None,
            Woken::GoingAway => Some(self.end(End::GoingAway).await),
            Woken::Over => Some(self.end(End::Done).await),
            Woken::NoteUse => {
                let noted = self.service.storage.receipt_subscription(self.id, self.service.now()).await;
                matches!(noted, Ok(None)).then_some(Next::End(End::Removed))
            }
            Woken::Quiet => Some(Next::Quiet),
        }
    }

    /// The request comes to its end in order, so what was given on it has been given.
    async fn end(&mut self, end: End) -> Next {
        let given = std::mem::take(&mut self.given);
        match self.remove(given.messages.into_iter().collect()).await {
            Ok(()) => Next::End(end),
            Err(()) => Next::End(End::Unavailable),
        }
    }
}

impl Given {
    fn add(&mut self, now: Instant, message: MessageId) {
        self.times.push_back((now, message));
        self.messages.insert(message);
    }

    /// When the first of them will be settled.
    fn next_settled(&self) -> Option<Instant> {
        self.times.front().map(|(given, _)| *given + SETTLED_AFTER)
    }

    /// Takes out what was given long enough ago, or is too much to remember.
    fn settled(&mut self, now: Instant) -> Vec<MessageId> {
        let mut settled = Vec::new();
        while self.times.len() > GIVEN_MAX || self.next_settled().is_some_and(|time| time <= now) {
            let Some((_, message)) = self.times.pop_front() else { break };
            self.messages.remove(&message);
            settled.push(message);
        }
        settled
    }
}

impl Place {
    fn take(service: &Service, id: ReceiptSubscriptionId) -> Self {
        let readers = Arc::clone(&service.receipts);
        let reader = readers.open(id);
        Self { readers, id, reader }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.readers.close(self.id, &self.reader);
    }
}

/// Receipts read from the storage in one go, about 20 bytes each.
const READ_AT_ONCE: usize = 128;
/// Time in which a broken connection is found out.
const SETTLED_AFTER: Duration = Duration::from_secs(5);
/// Receipts that may be given and not settled; older ones are settled earlier.
const GIVEN_MAX: usize = 1024;

#[cfg(test)]
mod tests;
