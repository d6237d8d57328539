//! What counts as one peer: an IPv4 address, or an IPv6 network of 64 bits, which one subscriber has to himself.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

#[cfg(test)]
mod tests;

/// One peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(IpAddr);

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(formatter),
            IpAddr::V6(network) => write!(formatter, "{network}/64"),
        }
    }
}

/// Tells peers apart.
#[derive(Clone, Debug)]
pub struct Peers {
    trusted: Vec<IpNet>,
}

impl Peers {
    /// Addresses in these networks are nobody in particular: proxies and web mail, behind which many are.
    #[must_use]
    pub fn new(trusted: Vec<IpNet>) -> Self {
        Self { trusted }
    }

    /// Who has this address; `None` if it is trusted. An IPv4 address that is mapped into IPv6 is the IPv4 address.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> Option<Peer> {
        let address = address.to_canonical();
        if self.trusted.iter().any(|network| network.contains(&address)) {
            return None;
        }
        Some(Peer(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK_64)),
        }))
    }
}

const NETWORK_64: u128 = u128::MAX << 64;
