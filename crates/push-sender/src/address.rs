//! Which IP addresses are global: reachable on the Internet, and nothing that is reached there is ours.
//!
//! The tables follow the IANA special-purpose registries (RFC 6890) with one reading throughout: what is reserved,
//! deprecated or embeds an address that is not global counts as not global.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a push may go there without the operator's permission.
///
/// An IPv4 address that is written as an IPv6 one (mapped, translated, NAT64, ISATAP) is judged as what it is.
#[must_use]
pub fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_global_v4(address),
        IpAddr::V6(address) => is_global_v6(address),
    }
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    !V4.iter().any(|(network, length, _)| in_prefix(bits.into(), network.to_bits().into(), 32 - length))
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    if let Some(embedded) = embedded_v4(address) {
        return is_global_v4(embedded);
    }
    let bits = address.to_bits();
    let is_in = |network: &Ipv6Addr, length: u32| in_prefix(bits, network.to_bits(), 128 - length);
    // RFC 4291 §2.4: 2000::/3 is all that has been given out for global unicast.
    is_in(&GLOBAL_UNICAST, 3) && !V6.iter().any(|(network, length, _)| is_in(network, *length))
        // An interface of this host may unwrap ISATAP (RFC 5214 §6.1), whatever the prefix is.
        && isatap_v4(address).is_none_or(is_global_v4)
}

/// The IPv4 address behind an IPv6 address that is only another way to write it.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = address.to_bits();
    let low = Ipv4Addr::from_bits(u32::try_from(bits & u128::from(u32::MAX)).ok()?);
    EMBEDDING.iter().any(|(network, _)| in_prefix(bits, network.to_bits(), 32)).then_some(low)
}

fn isatap_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [_, _, _, _, high, 0x5efe, a, b] = address.segments() else { return None };
    // The universal/local bit may be set (RFC 5214 §6.1).
    matches!(high, 0 | 0x0200).then(|| Ipv4Addr::from_bits(u32::from(a) << 16 | u32::from(b)))
}

/// Whether two addresses agree in all but their last `free` bits.
fn in_prefix(address: u128, network: u128, free: u32) -> bool {
    address.checked_shr(free).unwrap_or(0) == network.checked_shr(free).unwrap_or(0)
}

const fn v4(a: u8, b: u8, c: u8, d: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, d)
}

const fn v6(a: u16, b: u16, c: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)
}

/// IPv4 networks that are not global.
const V4: &[(Ipv4Addr, u32, &str)] = &[
    (v4(0, 0, 0, 0), 8, "this network, RFC 791 §3.2"),
    (v4(10, 0, 0, 0), 8, "private use, RFC 1918"),
    (v4(100, 64, 0, 0), 10, "carrier-grade NAT, RFC 6598"),
    (v4(127, 0, 0, 0), 8, "loopback, RFC 1122 §3.2.1.3"),
    (v4(169, 254, 0, 0), 16, "link local, RFC 3927"),
    (v4(172, 16, 0, 0), 12, "private use, RFC 1918"),
    (v4(192, 0, 0, 0), 24, "IETF protocol assignments, RFC 6890 §2.1"),
    (v4(192, 0, 2, 0), 24, "documentation, RFC 5737"),
    (v4(192, 88, 99, 0), 24, "6to4 relays, RFC 7526"),
    (v4(192, 168, 0, 0), 16, "private use, RFC 1918"),
    (v4(198, 18, 0, 0), 15, "benchmarking, RFC 2544"),
    (v4(198, 51, 100, 0), 24, "documentation, RFC 5737"),
    (v4(203, 0, 113, 0), 24, "documentation, RFC 5737"),
    (v4(224, 0, 0, 0), 4, "multicast, RFC 5771"),
    (v4(240, 0, 0, 0), 4, "reserved and broadcast, RFC 1112 §4, RFC 919"),
];

const GLOBAL_UNICAST: Ipv6Addr = v6(0x2000, 0, 0);

/// IPv6 networks inside 2000::/3 that are not global. Loopback, unspecified, unique local (RFC 4193), link local, site
/// local (RFC 3879), multicast, discard (RFC 6666), local NAT64 (RFC 8215) and SRv6 (RFC 9602) are outside of it.
const V6: &[(Ipv6Addr, u32, &str)] = &[
    (v6(0x2001, 0, 0), 23, "IETF protocol assignments with Teredo, RFC 2928, RFC 4380"),
    (v6(0x2001, 0xdb8, 0), 32, "documentation, RFC 3849"),
    (v6(0x2002, 0, 0), 16, "6to4, RFC 3056, RFC 7526"),
    (v6(0x3fff, 0, 0), 20, "documentation, RFC 9637"),
];

/// Prefixes of 96 bits before an IPv4 address.
const EMBEDDING: &[(Ipv6Addr, &str)] = &[
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), "IPv4-mapped, RFC 4291 §2.5.5.2"),
    (Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), "IPv4-translated, RFC 2765 §2.1"),
    (v6(0x64, 0xff9b, 0), "NAT64, RFC 6052 §2.1: how an IPv6-only network reaches an IPv4 host"),
];
