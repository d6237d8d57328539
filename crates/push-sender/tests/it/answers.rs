//! What is sent, and every kind of answer, over both versions of HTTP.

use std::time::{Duration, SystemTime};

use push_sender::outcome::Outcome;
use webpush::origin::Origin;
use webpush::vapid::verify::Verifier;

use crate::server::{Answer, Server};
use crate::world::{World, endpoint};

const VERSIONS: [&[u8]; 2] = [b"h2", b"http/1.1"];

#[tokio::test]
async fn a_push_has_the_header_fields_of_rfc_8030_and_a_good_vapid_token() {
    let world = World::new();
    for version in VERSIONS {
        let location = vec![("location", "/m/1".to_owned())];
        let server = Server::https(world.authority.server(&[version]), Answer::Status(201, location)).await;
        let url = endpoint("a", server.port);
        let Outcome::Accepted { status: 201, location } = world.outcome(&format!("{url}?x=1#f")).await else {
            panic!("not accepted");
        };
        let location = location.expect("a location");
        assert_eq!(location.url().as_str(), format!("https://a.push.test:{}/m/1", server.port));

        let seen = server.seen().pop().expect("a request");
        let field = |name: &str| seen.headers.get(name).and_then(|value| value.to_str().ok());
        let expected = [
            ("ttl", "604800"),
            ("urgency", "high"),
            ("topic", "upd"),
            ("content-encoding", "aes128gcm"),
            ("content-type", "application/octet-stream"),
            ("content-length", "10"),
        ];
        for (name, value) in expected {
            assert_eq!(field(name), Some(value), "{name}");
        }
        assert_eq!((seen.method.as_str(), &seen.body[..]), ("POST", &b"ciphertext"[..]));
        assert_eq!(seen.uri.path_and_query().map(http::uri::PathAndQuery::as_str), Some("/p/a?x=1"));
        let audience = Origin::parse(&format!("https://a.push.test:{}", server.port)).expect("an origin");
        let verified = Verifier::new(audience, 1).verify(field("authorization"), None, SystemTime::now());
        let verified = verified.expect("a good token");
        assert_eq!(&verified.key, world.key.public_key());
        assert_eq!(verified.contact.as_deref(), Some("mailto:push@example.com"));
    }
}

#[tokio::test]
async fn every_answer_has_its_outcome_over_both_versions_of_http() {
    let date = "Fri, 31 Dec 1999 23:59:59 GMT".to_owned();
    let retry = |value: &str| vec![("retry-after", value.to_owned())];
    let cases = [
        (200, vec![], "accepted"),
        (201, vec![], "accepted"),
        (202, vec![], "accepted"),
        (204, vec![], "accepted"),
        (400, vec![], "rejected"),
        (401, vec![], "unauthorized"),
        (403, vec![], "unauthorized"),
        (404, vec![], "gone"),
        (410, vec![], "gone"),
        (413, vec![], "too-large"),
        (429, vec![], "unavailable"),
        (429, retry("120"), "retry-after"),
        (429, retry(&date), "retry-after"),
        (500, vec![], "unavailable"),
        (502, vec![], "unavailable"),
        (503, vec![], "unavailable"),
        (503, retry("120"), "retry-after"),
        (503, retry("soon"), "unavailable"),
    ];
    let world = World::new();
    for version in VERSIONS {
        for (status, fields, expected) in cases.clone() {
            let server =
                Server::https(world.authority.server(&[version]), Answer::Status(status, fields)).await;
            let outcome = world.outcome(&endpoint("a", server.port)).await;
            assert_eq!((outcome.class(), outcome.status()), (expected, Some(status)));
        }
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let world = World::new();
    let target = Server::https(world.authority.server(&[b"h2"]), Answer::Status(201, vec![])).await;
    for status in [301, 302, 303, 307, 308] {
        let to = vec![("location", endpoint("b", target.port))];
        let server = Server::https(world.authority.server(&[b"h2"]), Answer::Status(status, to)).await;
        assert_eq!(world.outcome(&endpoint("a", server.port)).await, Outcome::Redirected { status });
    }
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn retry_after_closes_the_origin_for_every_subscription() {
    let world = World::new();
    let server = Server::https(
        world.authority.server(&[b"h2"]),
        Answer::Status(503, vec![("retry-after", "30".into())]),
    )
    .await;
    let sender = world.sender();
    let url = endpoint("a", server.port);
    let wait = Duration::from_secs(30);
    assert_eq!(sender.send(&world.push(&url)).await, Outcome::RetryAfter { wait, status: 503 });
    let Outcome::Deferred { wait: left } = sender.send(&world.push(&format!("{url}/other"))).await else {
        panic!("the origin was asked again");
    };
    assert!(left <= wait && left > wait / 2, "{left:?}");
    let origin = Origin::parse(&format!("https://a.push.test:{}", server.port)).expect("an origin");
    assert!(sender.origin_ready_at(&origin) > tokio::time::Instant::now() + wait / 2);
    // Another origin is another matter.
    assert_eq!(sender.send(&world.push(&endpoint("b", server.port))).await.class(), "retry-after");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn an_origin_that_refuses_many_subscriptions_is_paused_and_none_is_blamed() {
    let world = World::new();
    let server = Server::https(world.authority.server(&[b"h2"]), Answer::Status(403, vec![])).await;
    let sender = world.sender();
    let mut outcomes = Vec::new();
    for number in 0..7 {
        let url = format!("{}/{number}", endpoint("a", server.port));
        outcomes.push(format!("{:?}", sender.send(&world.push(&url)).await));
    }
    let blame = |blame: &str| format!("Unauthorized {{ status: 403, blame: {blame} }}");
    assert_eq!(outcomes[..4], vec![blame("Unknown"); 4]);
    assert_eq!(outcomes[4], blame("Us"));
    assert!(outcomes[5..].iter().all(|outcome| outcome.starts_with("Deferred")), "{outcomes:?}");
    assert_eq!(server.seen().len(), 5);
}

#[tokio::test]
async fn other_methods_and_bodies_can_be_sent_without_vapid() {
    let world = World::new();
    let server = Server::https(world.authority.server(&[b"h2"]), Answer::Status(200, vec![])).await;
    let mut request = world.push(&endpoint("a", server.port));
    request.method = http::Method::PUT;
    request.identity = None;
    request.headers.clear();
    request.headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    request.body = bytes::Bytes::from_static(b"{}");
    assert_eq!(world.sender().send(&request).await.class(), "accepted");
    let seen = server.seen().pop().expect("a request");
    assert_eq!((seen.method.as_str(), &seen.body[..]), ("PUT", &b"{}"[..]));
    assert!(!seen.headers.contains_key("authorization") && !seen.headers.contains_key("ttl"));
}
