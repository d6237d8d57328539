//! Broadcasts: named versions that every agent which asks for them is told, now and whenever they change. Firefox has
//! one, `remote-settings/monitor_changes`.
//!
//! The table here is what is stored, in memory: only the storage changes it, after its commit and in the order of its
//! transactions. Whoever follows it is woken and reads it again, so that a version that lasted for a moment may be
//! passed over and the last one never is.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::watch;

/// The name of a broadcast: `broadcaster/channel`, each at most 64 of `A-Z a-z 0-9 . _ ~ -`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BroadcastId(Arc<str>);

/// What a broadcast is at: 1 to 200 printable ASCII characters, opaque and without an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(Arc<str>);

/// How setting a broadcast ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is there now and was not before.
    Created,
    /// It has the version now.
    Replaced,
    /// It is no longer there.
    Removed,
    /// It was not there.
    Unknown,
    /// There are [`BROADCASTS_MAX`] others.
    Full,
}

/// All broadcasts with their versions.
#[derive(Debug)]
pub struct Broadcasts {
    versions: RwLock<BTreeMap<BroadcastId, Version>>,
    changed: watch::Sender<()>,
}

impl BroadcastId {
    /// Reads a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (broadcaster, channel) = text.split_once('/')?;
        (is_name(broadcaster) && is_name(channel)).then(|| Self(text.into()))
    }

    /// The name as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Version {
    /// Reads a version.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=VERSION_BYTES_MAX).contains(&text.len());
        (fits && text.bytes().all(|byte| matches!(byte, 0x20..=0x7e))).then(|| Self(text.into()))
    }

    /// The version as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BroadcastId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Broadcasts {
    /// The table with what is stored.
    #[must_use]
    pub fn new(stored: BTreeMap<BroadcastId, Version>) -> Self {
        Self { versions: RwLock::new(stored), changed: watch::Sender::new(()) }
    }

    /// Follows a change that is durable; without a version the broadcast is gone. For the storage alone.
    pub fn follow(&self, id: BroadcastId, version: Option<Version>) {
        let mut versions = self.versions.write();
        match version {
            Some(version) => drop(versions.insert(id, version)),
            None => drop(versions.remove(&id)),
        }
        drop(versions);
        self.changed.send_replace(());
    }

    /// The version that a broadcast is at, with the name as the table holds it.
    #[must_use]
    pub fn find(&self, id: &BroadcastId) -> Option<(BroadcastId, Version)> {
        self.versions.read().get_key_value(id).map(|(id, version)| (id.clone(), version.clone()))
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> BTreeMap<BroadcastId, Version> {
        self.versions.read().clone()
    }

    /// A way to wait for changes that are made from now on.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}

fn is_name(text: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~' | b'-');
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_unreserved)
}

/// Broadcasts of one service; a further one is refused.
pub const BROADCASTS_MAX: usize = 100;
const NAME_BYTES_MAX: usize = 64;
const VERSION_BYTES_MAX: usize = 200;

#[cfg(test)]
mod tests;
