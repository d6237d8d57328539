//! The keys that pushes are signed with (RFC 8292): one current key and, after a rotation, old ones for a while.
//!
//! A subscription that was acknowledged under an old key is served with that key until the key is dropped; then it is
//! deactivated, and its client asks anew. Reading and writing key files is the binary's.

use std::sync::Arc;

use parking_lot::RwLock;
use store::Store;
use webpush::vapid::key::SigningKey;

/// A key's id: its public half in base64url, as `* VAPID` shows it and as the store keeps it.
pub type KeyId = String;

/// The keys of this server. Cheap to clone; all clones are one set.
#[derive(Clone, Debug)]
pub struct VapidKeys {
    keys: Arc<RwLock<Keys>>,
}

#[derive(Debug)]
struct Keys {
    current: Arc<SigningKey>,
    old: Vec<Arc<SigningKey>>,
}

impl VapidKeys {
    /// A current key and those that still serve older subscriptions.
    #[must_use]
    pub fn new(current: SigningKey, old: impl IntoIterator<Item = SigningKey>) -> Self {
        let keys = Keys { current: Arc::new(current), old: old.into_iter().map(Arc::new).collect() };
        Self { keys: Arc::new(RwLock::new(keys)) }
    }

    /// The key that new subscriptions are acknowledged under.
    #[must_use]
    pub fn current(&self) -> Arc<SigningKey> {
        Arc::clone(&self.keys.read().current)
    }

    /// The id of [`VapidKeys::current`].
    #[must_use]
    pub fn current_id(&self) -> KeyId {
        self.keys.read().current.public_key().to_base64url()
    }

    /// The key with this id, current or old; `None` once it has been dropped.
    #[must_use]
    pub fn key(&self, id: &str) -> Option<Arc<SigningKey>> {
        let keys = self.keys.read();
        let mut all = std::iter::once(&keys.current).chain(&keys.old);
        all.find(|key| key.public_key().to_base64url() == id).cloned()
    }

    /// Makes `new` the current key. Pending tokens become void; active subscriptions get a notice, over time, signed with
    /// the key they know. Answers how many those are.
    ///
    /// # Errors
    /// The store's; then the current key stays.
    pub async fn rotate(&self, store: &Store, new: SigningKey) -> store::Result<u64> {
        let noticed = store.rotate_vapid(&self.current_id(), &new.public_key().to_base64url()).await?;
        let mut keys = self.keys.write();
        let old = std::mem::replace(&mut keys.current, Arc::new(new));
        keys.old.push(old);
        Ok(noticed)
    }

    /// Drops an old key: what was acknowledged under it is deactivated. Answers how many those are. Dropping the current
    /// key or an unknown one does nothing.
    ///
    /// # Errors
    /// The store's; the key is not used again in any case.
    pub async fn drop_old(&self, store: &Store, id: &str) -> store::Result<u64> {
        let known = {
            let mut keys = self.keys.write();
            let before = keys.old.len();
            keys.old.retain(|key| key.public_key().to_base64url() != id);
            keys.old.len() < before
        };
        if known { store.drop_vapid(id).await } else { Ok(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn current_and_old_keys_are_found_by_their_id_and_others_are_not() {
        let [current, old, foreign] = [(); 3].map(|()| SigningKey::generate().expect("a key"));
        let [current_id, old_id, foreign_id] =
            [&current, &old, &foreign].map(|k| k.public_key().to_base64url());
        let keys = VapidKeys::new(current, [old]);
        assert_eq!(keys.current_id(), current_id);
        for (id, found) in [(&current_id, true), (&old_id, true), (&foreign_id, false)] {
            let key = keys.key(id);
            assert_eq!(key.map(|key| &key.public_key().to_base64url() == id), found.then_some(true));
        }
    }
}
