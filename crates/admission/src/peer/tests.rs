use super::*;

fn peer(address: &str) -> Option<String> {
    let peers = Peers::new(vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
    peers.of(address.parse().unwrap()).map(|peer| peer.to_string())
}

#[test]
fn a_peer_is_an_address_or_a_network_of_64_bits() {
    assert_eq!(peer("192.0.2.7").as_deref(), Some("192.0.2.7"));
    assert_eq!(peer("::ffff:192.0.2.7").as_deref(), Some("192.0.2.7"));
    assert_eq!(peer("2001:db8:1:2:3:4:5:6").as_deref(), Some("2001:db8:1:2::/64"));
    assert_eq!(peer("2001:db8:1:2::1"), peer("2001:db8:1:2:ffff::1"));
    assert_ne!(peer("2001:db8:1:2::1"), peer("2001:db8:1:3::1"));
}

#[test]
fn the_trusted_are_nobody() {
    for address in ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(peer(address), None, "{address}");
    }
}
