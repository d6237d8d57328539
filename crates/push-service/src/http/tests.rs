//! The HTTP side over real sockets.

use http::Response;
use serde_json::{Value, json};
use webpush::vapid::key::SigningKey;

use super::*;
use crate::clock::Clock;
use crate::config::Rate;
use crate::testing::{CHANNEL, OTHER_CHANNEL, TestServer, authorization, within};

fn status(response: &Response<Bytes>) -> u16 {
    response.status().as_u16()
}

fn field<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

const ENCRYPTED: (&str, &str) = ("content-encoding", "aes128gcm");

// RFC 8030 §5, §6
#[tokio::test]
async fn a_push_reaches_the_connected_agent_and_is_told_where_it_is() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    assert!(endpoint.starts_with(&format!("{}/wpush/", server.origin)));

    let response = server.push(&endpoint, &[ENCRYPTED, ("urgency", "high")], "ciphertext").await;
    assert_eq!(status(&response), 201);
    assert_eq!(field(&response, "ttl"), "60");
    assert!(field(&response, "location").starts_with(&format!("{}/m/", server.origin)));
    let notification = agent.next().await;
    let version = notification["version"].as_str().unwrap();
    let expected = json!({
        "messageType": "notification", "channelID": CHANNEL, "version": version,
        "data": "Y2lwaGVydGV4dA", "headers": {"encoding": "aes128gcm", "urgency": "high"}
    });
    assert_eq!(notification, expected);
}

#[tokio::test]
async fn an_empty_push_has_neither_data_nor_headers() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    assert_eq!(status(&server.push(&endpoint, &[], "").await), 201);
    let notification = agent.next().await;
    assert_eq!(notification["messageType"], "notification");
    assert_eq!((&notification["data"], &notification["headers"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn the_parameters_of_the_older_encryption_reach_the_agent() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    let fields = [("content-encoding", "aesgcm"), ("encryption", "salt=abc"), ("crypto-key", "dh=def")];
    assert_eq!(status(&server.push(&endpoint, &fields, "x").await), 201);
    let expected = json!({
        "encoding": "aesgcm", "encryption": "salt=abc", "crypto_key": "dh=def", "urgency": "normal"
    });
    assert_eq!(agent.next().await["headers"], expected);
}

// RFC 8030 §5.2, §5.3, §5.4, §7.2, §7.3
#[tokio::test]
async fn a_bad_request_is_refused_with_the_reason() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    let forged = format!("{}/wpush/{}", server.origin, "A".repeat(43));
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], usize, u16);
    let cases: [Case<'_>; 10] = [
        ("no TTL", &endpoint, &[("ttl", "")], 1, 400),
        ("malformed TTL", &endpoint, &[("ttl", "soon")], 1, 400),
        ("unknown urgency", &endpoint, &[("urgency", "urgent")], 1, 400),
        ("malformed topic", &endpoint, &[("topic", "a b")], 1, 400),
        ("unknown coding", &endpoint, &[("content-encoding", "br")], 1, 415),
        ("forged token", &forged, &[], 1, 404),
        ("4096 bytes are always taken", &endpoint, &[ENCRYPTED], 4096, 201),
        ("without a content coding too", &endpoint, &[], 4096, 201),
        ("the limit is taken", &endpoint, &[ENCRYPTED], 5630, 201),
        ("one more is not", &endpoint, &[ENCRYPTED], 5631, 413),
    ];
    for (name, endpoint, fields, length, expected) in cases {
        let response = server.push(endpoint, fields, vec![b'x'; length]).await;
        assert_eq!(status(&response), expected, "{name}");
        if expected != 201 {
            let problem: Value = serde_json::from_slice(response.body()).unwrap();
            assert_eq!(problem["status"], expected, "{name}");
            assert_eq!(field(&response, "content-type"), "application/problem+json", "{name}");
        }
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_measured_while_it_comes() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    let mut socket = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: push\r\nTTL: 60\r\nTransfer-Encoding: chunked\r\n\r\n",
        crate::testing::path_of(&endpoint)
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..6 {
        socket.write_all(format!("400\r\n{}\r\n", "x".repeat(1024)).as_bytes()).await.unwrap();
    }
    // The body has not ended and never will: the answer must come all the same.
    let mut answer = [0; 12];
    within(socket.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a_body_that_trickles_in_is_given_up() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server =
        TestServer::with(|config| config.http.body_timeout = std::time::Duration::from_millis(50)).await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    let mut socket = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let path = crate::testing::path_of(&endpoint);
    let head = format!("POST {path} HTTP/1.1\r\nHost: push\r\nTTL: 60\r\nContent-Length: 100\r\n\r\nx");
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    within(socket.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}

// RFC 8030 §5.2
#[tokio::test]
async fn a_ttl_over_the_limit_is_cut_and_the_answer_says_so() {
    let server = TestServer::with(|config| config.ttl_max = std::time::Duration::from_secs(100)).await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    for (asked, told) in [("99", "99"), ("100", "100"), ("101", "100"), ("4294967296", "100")] {
        assert_eq!(field(&server.push(&endpoint, &[("ttl", asked)], "").await, "ttl"), told, "{asked}");
    }
}

// RFC 8030 §5.2
#[tokio::test]
async fn a_message_with_ttl_0_is_delivered_now_or_never() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    agent.nothing_waits().await;
    let response = server.push(&endpoint, &[("ttl", "0"), ENCRYPTED], "now").await;
    assert_eq!((status(&response), field(&response, "ttl")), (201, "0"));
    assert_eq!(agent.next().await["data"], "bm93");

    let uaid = agent.uaid.clone();
    drop(agent);
    crate::testing::until("the agent is gone", || server.server.stats().connected == 0).await;
    assert_eq!(status(&server.push(&endpoint, &[("ttl", "0")], "never").await), 201);
    let mut agent = server.agent(Some(&uaid)).await;
    assert_eq!(agent.uaid, uaid);
    assert!(agent.nothing_waits().await);
}

#[tokio::test]
async fn a_removed_subscription_is_gone() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    agent.send(json!({"messageType": "unregister", "channelID": CHANNEL, "code": 200})).await;
    let answer = agent.next().await;
    assert_eq!(answer, json!({"messageType": "unregister", "channelID": CHANNEL, "status": 200}));
    assert_eq!(status(&server.push(&endpoint, &[], "x").await), 410);
    assert_eq!(status(&server.send("GET", &endpoint).await), 410);
}

// RFC 8030 §5: the message resource; RFC 8030 §6.2 is the same method for the user agent.
#[tokio::test]
async fn a_message_can_be_revoked_until_it_is_acknowledged() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    let uaid = agent.uaid.clone();
    drop(agent);
    crate::testing::until("the agent is gone", || server.server.stats().connected == 0).await;
    let revoked = server.push(&endpoint, &[ENCRYPTED], "revoked").await;
    let kept = server.push(&endpoint, &[ENCRYPTED], "kept").await;
    assert_eq!(status(&server.send("DELETE", field(&revoked, "location")).await), 204);
    assert_eq!(status(&server.send("DELETE", field(&revoked, "location")).await), 410);

    let mut agent = server.agent(Some(&uaid)).await;
    let notification = agent.next().await;
    assert_eq!(notification["data"], "a2VwdA");
    agent.acknowledge(&notification).await;
    crate::testing::until("it is acknowledged", || server.server.stats().totals.messages == 0).await;
    assert_eq!(status(&server.send("DELETE", field(&kept, "location")).await), 410);
    let forged = format!("{}/m/{}", server.origin, "A".repeat(32));
    assert_eq!(status(&server.send("DELETE", &forged).await), 404);
}

// RFC 8292 §4.2
#[tokio::test]
async fn a_restricted_subscription_takes_only_what_its_key_signed() {
    let server = TestServer::start().await;
    let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let mut agent = server.agent(None).await;
    // Firefox pads the key.
    let padded = format!("{}=", key.public_key().to_base64url());
    let restricted = agent.register(CHANNEL, Some(&padded)).await;
    let open = agent.register(OTHER_CHANNEL, None).await;
    let in_an_hour = server.clock.now().plus_seconds(3600);
    let good = authorization(&key, &server.origin, in_an_hour);
    let broken = format!("{good}x");
    let wrong_key = authorization(&other, &server.origin, in_an_hour);
    let wrong_audience = authorization(&key, "https://push.example", in_an_hour);
    let expired = authorization(&key, &server.origin, server.clock.now().plus_seconds(-1));
    let too_long = authorization(&key, &server.origin, server.clock.now().plus_seconds(24 * 3600 + 60));
    // (credentials, answer of the restricted, answer of the other)
    let cases = [
        ("none", None, 401, 201),
        ("another scheme", Some("Basic YTpi"), 401, 201),
        ("unreadable", Some("vapid t=x"), 401, 401),
        ("good", Some(good.as_str()), 201, 201),
        ("good again, now remembered", Some(good.as_str()), 201, 201),
        ("broken", Some(broken.as_str()), 401, 401),
        ("another key", Some(wrong_key.as_str()), 403, 201),
        ("for another service", Some(wrong_audience.as_str()), 403, 403),
        ("expired", Some(expired.as_str()), 403, 403),
        ("valid for too long", Some(too_long.as_str()), 403, 403),
    ];
    for (name, credentials, for_restricted, for_open) in cases {
        let fields: Vec<_> =
            credentials.map(|credentials| ("authorization", credentials)).into_iter().collect();
        let response = server.push(&restricted, &fields, "").await;
        assert_eq!(status(&response), for_restricted, "{name}");
        assert_eq!(field(&response, "www-authenticate") == "vapid", for_restricted == 401, "{name}");
        assert_eq!(status(&server.push(&open, &fields, "").await), for_open, "{name}");
    }
    assert_eq!(server.server.stats().tokens_verified, 2);
}

// RFC 8030 §8.4
#[tokio::test]
async fn rates_are_limited_for_a_subscription_and_for_a_sender() {
    let slow = Rate { interval: std::time::Duration::from_secs(30), burst: 2 };
    let server = TestServer::with(|config| config.subscription_rate = slow).await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    let other = agent.register(OTHER_CHANNEL, None).await;
    for (endpoint, expected) in [(&endpoint, 201), (&endpoint, 201), (&endpoint, 429), (&other, 201)] {
        let response = server.push(endpoint, &[], "").await;
        assert_eq!(status(&response), expected);
        assert_eq!(field(&response, "retry-after"), if expected == 429 { "30" } else { "" });
    }
    server.clock.advance(30);
    assert_eq!(status(&server.push(&endpoint, &[], "").await), 201);

    let server = TestServer::with(|config| config.sender_rate = slow).await;
    let mut agent = server.agent(None).await;
    let endpoints = [agent.register(CHANNEL, None).await, agent.register(OTHER_CHANNEL, None).await];
    let answers = [0, 1, 0].map(|index| endpoints[index].clone());
    for (endpoint, expected) in answers.iter().zip([201, 201, 429]) {
        assert_eq!(status(&server.push(endpoint, &[], "").await), expected);
    }
    // A sender with a key of its own does not share the address's rate.
    let key = SigningKey::generate().unwrap();
    let credentials = authorization(&key, &server.origin, server.clock.now().plus_seconds(60));
    assert_eq!(status(&server.push(&endpoints[0], &[("authorization", &credentials)], "").await), 201);
}

#[tokio::test]
async fn what_a_stranger_may_not_send_uses_up_nobodys_rate() {
    let server = TestServer::with(|config| config.subscription_rate.burst = 1).await;
    let key = SigningKey::generate().unwrap();
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, Some(&key.public_key().to_base64url())).await;
    for _ in 0..5 {
        assert_eq!(status(&server.push(&endpoint, &[], "").await), 401);
    }
    let good = authorization(&key, &server.origin, server.clock.now().plus_seconds(60));
    assert_eq!(status(&server.push(&endpoint, &[("authorization", &good)], "").await), 201);
}

#[tokio::test]
async fn pages_of_any_origin_may_post_and_other_methods_are_named() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    let preflight = server.send("OPTIONS", &endpoint).await;
    assert_eq!(status(&preflight), 204);
    assert!(field(&preflight, "access-control-allow-headers").contains("TTL"));
    assert!(field(&preflight, "access-control-allow-methods").contains("POST"));
    assert!(field(&preflight, "access-control-allow-methods").contains("PATCH"), "members of an aggregate");
    assert!(field(&preflight, "access-control-allow-headers").contains("Link"), "sets and receipts");
    let refused = server.send("DELETE", &endpoint).await;
    assert_eq!((status(&refused), field(&refused, "allow")), (405, "GET, POST, PUT, OPTIONS"));
}

// Content Security Policy Level 3 §3.1, Fetch §3.2
#[tokio::test]
async fn every_answer_is_readable_for_pages_and_nothing_is_a_page() {
    let server = TestServer::with(|config| config.subscription_rate.burst = 3).await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    let unregistered = agent.register(OTHER_CHANNEL, None).await;
    agent.send(json!({"messageType": "unregister", "channelID": OTHER_CHANNEL})).await;
    agent.next().await;
    let websocket = Request::get("/").header("host", "push.test").header("connection", "upgrade");
    let websocket = websocket.header("upgrade", "websocket").header("sec-websocket-version", "12");
    let answers = [
        (201, server.push(&endpoint, &[], "x").await),
        (400, server.push(&endpoint, &[("ttl", "soon")], "x").await),
        (401, server.push(&endpoint, &[("authorization", "vapid t=x")], "x").await),
        (413, server.push(&endpoint, &[], vec![b'x'; 6000]).await),
        (201, server.push(&endpoint, &[], "x").await),
        (429, server.push(&endpoint, &[], "x").await),
        (410, server.push(&unregistered, &[], "x").await),
        (404, server.push("/wpush/forged", &[], "x").await),
        (200, server.send("GET", &endpoint).await),
        (204, server.send("OPTIONS", &endpoint).await),
        (405, server.send("DELETE", &endpoint).await),
        (404, server.send("DELETE", "/m/forged").await),
        (404, server.send("GET", "/").await),
        (404, server.send("GET", "/v1/broadcasts").await),
        (426, server.request(websocket.body(Full::default()).unwrap()).await),
    ];
    let policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";
    let expected = [
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", "Location, Link, TTL, Retry-After, WWW-Authenticate"),
        ("content-security-policy", policy),
        ("cross-origin-resource-policy", "cross-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ];
    for (code, answer) in answers {
        assert_eq!(status(&answer), code);
        for (name, value) in expected {
            assert_eq!(field(&answer, name), value, "{name} of {code}");
        }
    }
}

// UnifiedPush, "Application server": discovery.
#[tokio::test]
async fn a_push_resource_says_that_it_is_one() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    let response = server.send("GET", &endpoint).await;
    assert_eq!(status(&response), 200);
    let document: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(document, json!({"unifiedpush": {"version": 1}}));
}
