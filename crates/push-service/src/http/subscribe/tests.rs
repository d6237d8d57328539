use std::time::Duration;

use serde_json::json;
use webpush::vapid::key::SigningKey;

use crate::clock::Clock;
use crate::config::{PeerLimits, Rate};
use crate::testing::user_agent::{Subscribed, UserAgent};
use crate::testing::{TestServer, authorization, path_of};

const OPTIONS: (&str, &str) = ("content-type", "application/webpush-options+json");

fn set_link(target: &str) -> String {
    format!("<{target}>; rel=\"urn:ietf:params:push:set\"")
}

// RFC 8030 §4
#[tokio::test]
async fn a_new_subscription_is_told_its_three_resources() {
    let server = TestServer::start().await;
    let mut agent = UserAgent::connect(&server).await;
    let response = agent.request("POST", "/subscribe", &[], "").await;
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert!(response.headers().contains_key("date"));
    let first = Subscribed::read(response.headers());
    for (url, path) in [(&first.subscription, "/s/"), (&first.push, "/wpush/"), (&first.set, "/set/")] {
        assert!(url.starts_with(&format!("{}{path}", server.origin)), "{url}");
    }
    assert_eq!(server.push(&first.push, &[], "x").await.status(), 201);
    let second = agent.subscribe(&[]).await;
    assert_ne!(first.set, second.set, "without a Link it is a set of its own");
    for method in ["GET", "PUT"] {
        assert_eq!(agent.status(method, "/subscribe").await, 405);
    }
    assert_eq!(agent.status("OPTIONS", "/subscribe").await, 204);
}

// RFC 8030 §4.1
#[tokio::test]
async fn a_subscription_joins_the_set_that_is_linked_or_is_refused() {
    let server = TestServer::start().await;
    let mut agent = UserAgent::connect(&server).await;
    let first = agent.subscribe(&[]).await;
    for target in [first.set.clone(), path_of(&first.set)] {
        let joined = agent.subscribe(&[("link", &set_link(&target))]).await;
        assert_eq!(joined.set, first.set, "{target}");
        assert_ne!(joined.push, first.push);
    }
    let removed = agent.subscribe(&[]).await;
    assert_eq!(agent.status("DELETE", &removed.set).await, 204);
    let twice = format!("{}, {}", set_link(&first.set), set_link(&removed.set));
    let invalid = [
        set_link("/set/unknown"),
        set_link(&path_of(&first.subscription)),
        set_link("https://elsewhere.example/set/x"),
        set_link(&removed.set),
        twice,
    ];
    for link in invalid {
        let response = agent.request("POST", "/subscribe", &[("link", &link)], "").await;
        assert_eq!(response.status(), 400, "{link}");
    }
}

// RFC 8292 §4.1, §4.2
#[tokio::test]
async fn a_subscription_with_a_key_takes_only_what_the_key_signed() {
    let server = TestServer::start().await;
    let mut agent = UserAgent::connect(&server).await;
    let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let options = json!({"vapid": key.public_key().to_base64url(), "unknown": [1]}).to_string();
    let typed = ("content-type", "application/webpush-options+json; charset=utf-8");
    let response = agent.request("POST", "/subscribe", &[typed], options).await;
    assert_eq!(response.status(), 201);
    let restricted = Subscribed::read(response.headers());
    let expires = server.clock.now().plus_seconds(60);
    let good = authorization(&key, &server.origin, expires);
    let wrong = authorization(&other, &server.origin, expires);
    assert_eq!(server.push(&restricted.push, &[], "").await.status(), 401);
    assert_eq!(server.push(&restricted.push, &[("authorization", &wrong)], "").await.status(), 403);
    assert_eq!(server.push(&restricted.push, &[("authorization", &good)], "").await.status(), 201);
}

// RFC 8292 §4.1
#[tokio::test]
async fn options_that_are_none_are_refused() {
    let server = TestServer::start().await;
    let mut agent = UserAgent::connect(&server).await;
    type Case<'a> = (&'a str, (&'a str, &'a str), String, u16);
    let cases: [Case<'_>; 7] = [
        ("an object without a key", OPTIONS, "{}".into(), 201),
        ("not JSON", OPTIONS, "{".into(), 400),
        ("not an object", OPTIONS, "[1]".into(), 400),
        ("not a key", OPTIONS, json!({"vapid": "AAAA"}).to_string(), 400),
        ("not a text", OPTIONS, json!({"vapid": 1}).to_string(), 400),
        ("another media type", ("content-type", "text/plain"), "{}".into(), 415),
        ("too much", OPTIONS, format!("{{\"x\": \"{}\"}}", "x".repeat(5000)), 413),
    ];
    for (name, fields, body, expected) in cases {
        let response = agent.request("POST", "/subscribe", &[fields], body).await;
        assert_eq!(response.status(), expected, "{name}");
    }
}

// RFC 8030 §8.4
#[tokio::test]
async fn subscribing_is_limited_for_an_address_and_for_a_set() {
    let server = TestServer::with(|config| {
        let subscriptions = Rate { interval: Duration::from_secs(30), burst: 3 };
        config.peers = config.peers.map(|peers| PeerLimits { subscriptions, ..peers });
        config.retention.agent_channels_max = 1;
    })
    .await;
    let mut agent = UserAgent::connect(&server).await;
    let first = agent.subscribe(&[]).await;
    let full = agent.request("POST", "/subscribe", &[("link", &set_link(&first.set))], "").await;
    assert_eq!((full.status().as_u16(), full.headers().contains_key("retry-after")), (429, true));
    agent.subscribe(&[]).await;
    let flood = agent.request("POST", "/subscribe", &[], "").await;
    assert_eq!(flood.status(), 429);
    assert_eq!(flood.headers()["retry-after"], "30");
    server.clock.advance(30);
    agent.subscribe(&[]).await;
}

// RFC 8030 §7.3, §7.3.1
#[tokio::test]
async fn what_was_removed_is_gone_for_everybody() {
    let server = TestServer::start().await;
    let mut agent = UserAgent::connect(&server).await;
    let first = agent.subscribe(&[]).await;
    let second = agent.subscribe(&[("link", &set_link(&first.set))]).await;
    assert_eq!(agent.status("DELETE", &first.subscription).await, 204);
    assert_eq!(server.push(&first.push, &[], "x").await.status(), 410);
    assert_eq!(server.push(&second.push, &[], "x").await.status(), 201);
    assert_eq!(agent.status("DELETE", &second.set).await, 204);
    assert_eq!(server.push(&second.push, &[], "x").await.status(), 410);
    for url in [&first.subscription, &second.subscription, &second.set] {
        assert_eq!(agent.status("GET", url).await, 404, "{url}");
        assert_eq!(agent.status("DELETE", url).await, 404, "{url}");
    }
    // No resource can be used for what another is for (RFC 8030 §8.3).
    let third = agent.subscribe(&[]).await;
    let token = third.push.rsplit('/').next().unwrap().to_owned();
    for path in ["/s/", "/set/", "/d/"] {
        assert_eq!(agent.status("GET", &format!("{path}{token}")).await, 404, "{path}");
        assert_eq!(agent.status("DELETE", &format!("{path}{token}")).await, 404, "{path}");
    }
}
