//! The VAPID keys of a running server: the notifier's, kept in step with the files in the data directory.
//!
//! `mailbell vapid` changes the files and sends SIGHUP; then the keys here follow, and the store is told.

use std::path::Path;

use anyhow::Context as _;
use notifier::vapid::{KeyId, VapidKeys as NotifierKeys};
use parking_lot::Mutex;
use store::Store;

use crate::vapid_keys::{VapidKeys, public};

/// The keys in use.
pub(crate) struct SigningKeys {
    keys: NotifierKeys,
    /// The key before, while its file is there.
    previous: Mutex<Option<KeyId>>,
}

impl SigningKeys {
    /// Takes what was read from the files.
    pub(crate) fn new(files: VapidKeys) -> Self {
        let previous = Mutex::new(files.previous.as_ref().map(public));
        Self { keys: NotifierKeys::new(files.current, files.previous), previous }
    }

    /// What notifier and protocols sign with and tell; it follows every reload.
    pub(crate) fn shared(&self) -> NotifierKeys {
        self.keys.clone()
    }

    /// Reads the files again. A new key becomes the current one, and one that is gone is dropped.
    pub(crate) async fn reload(&self, data_dir: &Path, store: &Store) -> anyhow::Result<()> {
        let files = VapidKeys::load_or_make(data_dir)?;
        let before = self.keys.current_id();
        let key = public(&files.current);
        if key != before {
            let told = self.keys.rotate(store, files.current).await.context("cannot rotate the VAPID key")?;
            *self.previous.lock() = Some(before);
            tracing::info!(key, subscriptions = told, "the VAPID key is a new one");
        }
        if files.previous.is_none() {
            let gone = self.previous.lock().take();
            if let Some(gone) = gone {
                let lost = self.keys.drop_old(store, &gone).await.context("cannot drop the old VAPID key")?;
                tracing::info!(key = gone, subscriptions = lost, "the old VAPID key is gone");
            }
        }
        Ok(())
    }
}
