//! Endpoints as clients register them, and addresses as connections find them.

use super::*;

fn policy(allow: &[&str]) -> Policy {
    Policy {
        allow_addresses: allow.iter().map(|network| network.parse().expect("a network")).collect(),
        allow_http: false,
        own_service: Some(origin("http://10.9.8.7:8080")),
        contact: Some(Contact::parse("mailto:push@example.com").expect("a contact")),
    }
}

fn origin(text: &str) -> Origin {
    Origin::parse(text).expect("an origin")
}

#[test]
fn an_endpoint_is_judged_by_what_it_shows() {
    let long = format!("https://push.example.net/{}", "a".repeat(ENDPOINT_CHARS_MAX));
    let cases = [
        ("https://push.example.net/p/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV", Ok(())),
        ("https://push.example.net:8443/?token=%20|{}", Ok(())),
        ("HTTPS://[2606:4700::1]/", Ok(())),
        ("https://8.8.8.8/", Ok(())),
        ("https://10.9.8.7:8080/", Err(EndpointRefused::Address)),
        ("http://10.9.8.7:8080/p/1", Ok(())),
        ("http://10.9.8.7:8081/p/1", Err(EndpointRefused::Scheme)),
        (&long, Err(EndpointRefused::TooLong)),
        ("", Err(EndpointRefused::Syntax)),
        ("push.example.net", Err(EndpointRefused::Syntax)),
        ("https://", Err(EndpointRefused::Syntax)),
        (" https://push.example.net/", Err(EndpointRefused::Syntax)),
        ("https://push.exa\tmple.net/", Err(EndpointRefused::Syntax)),
        ("https://push.example.net/a b", Err(EndpointRefused::Syntax)),
        ("https://push.example.net/\0", Err(EndpointRefused::Syntax)),
        ("https://bücher.example/", Err(EndpointRefused::Syntax)),
        ("http://push.example.net/", Err(EndpointRefused::Scheme)),
        ("ftp://push.example.net/", Err(EndpointRefused::Scheme)),
        ("file:///etc/passwd", Err(EndpointRefused::Scheme)),
        ("https://user@push.example.net/", Err(EndpointRefused::UserInfo)),
        ("https://:secret@push.example.net/", Err(EndpointRefused::UserInfo)),
    ];
    for (text, expected) in cases {
        assert_eq!(policy(&[]).parse_endpoint(text).map(|_| ()), expected, "{text:.100}");
    }
}

#[test]
fn every_spelling_of_a_private_address_is_refused_unless_it_is_allowed() {
    let cases = [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.0.0.1./",
        "https://%31%32%37.0.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://push.localhost/",
    ];
    for text in cases {
        assert_eq!(policy(&[]).parse_endpoint(text), Err(EndpointRefused::Address), "{text}");
        assert!(policy(&["127.0.0.0/8"]).parse_endpoint(text).is_ok(), "{text}");
    }
    for text in ["https://[::1]/", "https://169.254.169.254/latest/", "https://[fe80::1]/", "https://0/"] {
        assert_eq!(policy(&["127.0.0.0/8"]).parse_endpoint(text), Err(EndpointRefused::Address), "{text}");
    }
}

#[test]
fn http_is_refused_unless_it_is_allowed() {
    let allowing = Policy { allow_http: true, ..policy(&["10.0.0.0/8"]) };
    assert!(allowing.parse_endpoint("http://10.1.2.3:8080/p").is_ok());
    assert_eq!(allowing.parse_endpoint("ftp://10.1.2.3/"), Err(EndpointRefused::Scheme));
    assert_eq!(allowing.parse_endpoint("http://192.168.0.1/"), Err(EndpointRefused::Address));
}

#[test]
fn our_own_push_service_is_allowed_as_an_origin_and_not_as_an_address() {
    let (policy, address) = (policy(&[]), IpAddr::from([10, 9, 8, 7]));
    assert_eq!(policy.check_address(&origin("http://10.9.8.7:8080"), address), Ok(()));
    for other in ["http://10.9.8.7", "https://10.9.8.7:8080", "https://elsewhere.example"] {
        assert_eq!(policy.check_address(&origin(other), address), Err(EndpointRefused::Address), "{other}");
    }
}

#[test]
fn nothing_public_is_posted_to_without_a_contact() {
    let silent = Policy { contact: None, ..policy(&["127.0.0.0/8", "9.9.9.0/24"]) };
    let cases = [
        ("https://8.8.8.8/", Err(EndpointRefused::NoContact)),
        ("https://9.9.9.9/", Ok(())),
        ("https://127.0.0.1/", Ok(())),
        ("http://10.9.8.7:8080/", Ok(())),
        ("https://10.9.8.7/", Err(EndpointRefused::Address)),
    ];
    for (text, expected) in cases {
        assert_eq!(silent.parse_endpoint(text).map(|_| ()), expected, "{text}");
    }
}
