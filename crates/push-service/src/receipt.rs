//! Receipts: what an application server is told about the fate of a message (RFC 8030 §5.1, §6.3).
//!
//! A message for which one was asked remembers its receipt subscription. When it is acknowledged, or ends in any other
//! way but replacement, a receipt is due; it waits in the storage until it was handed over.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::id::{MessageId, ReceiptSubscriptionId, SenderId};

/// Who made something that belongs to an application server, and who may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// It signed with a VAPID key (RFC 8292): only who signs with the same one may use it.
    Key(SenderId),
    /// It did not: who knows the resource may use it. The id only counts how much one address has made.
    Address(SenderId),
}

/// What happened to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// RFC 8030 §6.2: the user agent has acknowledged it.
    Acknowledged,
    /// RFC 8030 §6.2, §6.3: it is no longer tried: expired, dropped at a limit, revoked, unusable for the user agent,
    /// or its subscription has ended.
    Ended,
}

/// One receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The message that it is about.
    pub message: MessageId,
    /// What happened to it.
    pub outcome: Outcome,
}

/// A receipt subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptSubscription {
    /// Its name.
    pub id: ReceiptSubscriptionId,
    /// Who made it.
    pub maker: Maker,
}

impl Maker {
    /// The digest by which things are counted for each maker.
    #[must_use]
    pub const fn sender(self) -> SenderId {
        match self {
            Self::Key(sender) | Self::Address(sender) => sender,
        }
    }

    /// Whether `other` may use what this one has made.
    #[must_use]
    pub fn admits(self, other: Self) -> bool {
        match self {
            Self::Key(_) => self == other,
            Self::Address(_) => true,
        }
    }
}

/// The application servers that wait for receipts, one for each receipt subscription.
#[derive(Default)]
pub struct ReceiptReaders {
    readers: Mutex<HashMap<ReceiptSubscriptionId, Arc<ReceiptReader>>>,
}

/// One of them. A hint that it should look into the storage, never the receipts themselves.
#[derive(Default)]
pub struct ReceiptReader {
    state: Mutex<Option<ReaderEnd>>,
    changed: Notify,
}

/// Why a reader has to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReaderEnd {
    /// Another request reads the same receipt subscription.
    Superseded,
    /// The receipt subscription has expired or was removed.
    Removed,
}

impl ReceiptReaders {
    /// Makes the caller the one reader; the one before is told to stop.
    pub fn open(&self, id: ReceiptSubscriptionId) -> Arc<ReceiptReader> {
        let reader = Arc::new(ReceiptReader::default());
        let before = self.readers.lock().insert(id, Arc::clone(&reader));
        if let Some(before) = before {
            before.end(ReaderEnd::Superseded);
        }
        reader
    }

    /// Notes that a reader has stopped.
    pub fn close(&self, id: ReceiptSubscriptionId, reader: &Arc<ReceiptReader>) {
        let mut readers = self.readers.lock();
        if readers.get(&id).is_some_and(|current| Arc::ptr_eq(current, reader)) {
            readers.remove(&id);
        }
    }

    /// A receipt has become durable.
    pub fn due(&self, id: ReceiptSubscriptionId) {
        if let Some(reader) = self.readers.lock().get(&id) {
            reader.changed.notify_one();
        }
    }

    /// The receipt subscription is no longer there.
    pub fn removed(&self, id: ReceiptSubscriptionId) {
        let reader = self.readers.lock().remove(&id);
        if let Some(reader) = reader {
            reader.end(ReaderEnd::Removed);
        }
    }
}

impl ReceiptReader {
    /// Returns when something may have changed since the last look. Cancel-safe.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Why the reader has to stop, if so.
    #[must_use]
    pub fn ended(&self) -> Option<ReaderEnd> {
        *self.state.lock()
    }

    fn end(&self, why: ReaderEnd) {
        *self.state.lock() = Some(why);
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests;
