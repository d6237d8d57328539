//! Open connections by the peer's address, so that one peer can't take the places of all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// Counts the open connections of each peer.
#[derive(Debug)]
pub struct OpenConnections {
    by_peer: Mutex<HashMap<IpAddr, u32>>,
    each_max: u32,
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub struct Place {
    connections: Arc<OpenConnections>,
    peer: IpAddr,
}

impl OpenConnections {
    /// Grants each peer at most `each_max` at a time.
    #[must_use]
    pub fn new(each_max: u32) -> Self {
        Self { by_peer: Mutex::default(), each_max }
    }

    /// A place for a connection of this peer, if it may have one more.
    #[must_use]
    pub fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let peer = network_of(peer);
        let mut by_peer = self.by_peer.lock();
        let count = by_peer.entry(peer).or_default();
        // A refused peer has connections already, so its entry is not left at 0: the most is at least 1.
        if *count >= self.each_max.max(1) {
            return None;
        }
        *count += 1;
        Some(Place { connections: Arc::clone(self), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_peer = self.connections.by_peer.lock();
        let Some(count) = by_peer.get_mut(&self.peer) else { return };
        *count -= 1;
        if *count == 0 {
            by_peer.remove(&self.peer);
            if by_peer.capacity() > 4 * by_peer.len().max(64) {
                by_peer.shrink_to_fit();
            }
        }
    }
}

/// Who an address stands for: itself, or with IPv6 its network of 64 bits, all of which one peer has.
#[must_use]
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

#[cfg(test)]
mod tests;
