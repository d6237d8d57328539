//! The first and the last address of each network, and their neighbours.

use super::*;

fn check(text: &str, expected: bool) {
    let address: IpAddr = text.parse().unwrap_or_else(|_| panic!("{text} is no address"));
    assert_eq!(is_global(address), expected, "{text}");
}

#[test]
fn addresses_that_are_not_global_are_known_to_their_edges() {
    let cases = [
        ("0.0.0.0", "0.255.255.255"),
        ("10.0.0.0", "10.255.255.255"),
        ("100.64.0.0", "100.127.255.255"),
        ("127.0.0.0", "127.255.255.255"),
        ("169.254.0.0", "169.254.169.254"),
        ("172.16.0.0", "172.31.255.255"),
        ("192.0.0.0", "192.0.0.255"),
        ("192.0.2.0", "192.0.2.255"),
        ("192.88.99.0", "192.88.99.255"),
        ("192.168.0.0", "192.168.255.255"),
        ("198.18.0.0", "198.19.255.255"),
        ("198.51.100.0", "198.51.100.255"),
        ("203.0.113.0", "203.0.113.255"),
        ("224.0.0.0", "239.255.255.255"),
        ("240.0.0.0", "255.255.255.255"),
        ("::", "::1"),
        ("::127.0.0.1", "::8.8.8.8"),
        ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
        ("100::", "100::ffff:ffff:ffff:ffff"),
        ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:20::1"),
        ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("2002::", "2002:7f00:1::"),
        ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("4000::", "5f00::1"),
        ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fe80::", "fe80::1"),
        ("fec0::", "fec0::1"),
        ("ff00::", "ff02::1"),
    ];
    for (first, last) in cases {
        check(first, false);
        check(last, false);
    }
}

#[test]
fn neighbours_of_special_networks_are_global() {
    let cases = [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "2000::",
        "2001:200::",
        "2001:db7:ffff::1",
        "2001:db9::",
        "2001:ffff::",
        "2003::",
        "2606:4700::6810:85e5",
        "3ffe::1",
        "3fff:1000::",
    ];
    for address in cases {
        check(address, true);
    }
}

#[test]
fn an_ipv4_address_inside_an_ipv6_address_is_judged_as_itself() {
    let cases = [
        ("::ffff:127.0.0.1", false),
        ("::ffff:10.1.2.3", false),
        ("::ffff:169.254.169.254", false),
        ("::ffff:8.8.8.8", true),
        ("::ffff:0:192.168.0.1", false),
        ("::ffff:0:8.8.8.8", true),
        ("64:ff9b::10.0.0.1", false),
        ("64:ff9b::127.0.0.1", false),
        ("64:ff9b::8.8.8.8", true),
        ("2606:4700::5efe:10.0.0.1", false),
        ("2606:4700::200:5efe:127.0.0.1", false),
        ("2606:4700::5efe:8.8.8.8", true),
    ];
    for (address, expected) in cases {
        check(address, expected);
    }
}
