//! How many of something a key may have at a time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;

#[cfg(test)]
mod tests;

/// Places, so many for each key. Cheap to clone; all clones are one.
///
/// Memory: one entry for each key that has a place now.
#[derive(Debug)]
pub struct Places<K: Eq + Hash + Copy> {
    each: usize,
    taken: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Eq + Hash + Copy> Clone for Places<K> {
    fn clone(&self) -> Self {
        Self { each: self.each, taken: Arc::clone(&self.taken) }
    }
}

/// One place; free again when dropped.
#[derive(Debug)]
pub struct Place<K: Eq + Hash + Copy> {
    key: K,
    taken: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Eq + Hash + Copy> Places<K> {
    /// `each` places for each key.
    #[must_use]
    pub fn new(each: usize) -> Self {
        Self { each, taken: Arc::default() }
    }

    /// Takes one; `None` if the key has all of its places.
    #[must_use]
    pub fn take(&self, key: K) -> Option<Place<K>> {
        let mut taken = self.taken.lock();
        let own = taken.get(&key).copied().unwrap_or_default();
        if own >= self.each {
            return None;
        }
        taken.insert(key, own + 1);
        Some(Place { key, taken: Arc::clone(&self.taken) })
    }
}

impl<K: Eq + Hash + Copy> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        match taken.get_mut(&self.key) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                taken.remove(&self.key);
            }
        }
    }
}
