use super::*;

#[test]
fn each_peer_has_its_own_places_and_gets_them_back() {
    let connections = Arc::new(OpenConnections::new(2));
    let enter = |address: &str| connections.enter(address.parse().unwrap());
    let first = enter("192.0.2.1");
    let second = enter("::ffff:192.0.2.1");
    assert!(first.is_some() && second.is_some());
    assert!(enter("192.0.2.1").is_none());
    assert!(enter("192.0.2.2").is_some());
    drop(first);
    assert!(enter("192.0.2.1").is_some());
    drop(second);
    assert!(connections.by_peer.lock().is_empty());
}

#[test]
fn an_ipv6_network_of_64_bits_is_one_peer() {
    // (address, who it stands for)
    let cases = [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("::1", "::"),
    ];
    for (address, peer) in cases {
        assert_eq!(network_of(address.parse().unwrap()), peer.parse::<IpAddr>().unwrap(), "{address}");
    }
}
