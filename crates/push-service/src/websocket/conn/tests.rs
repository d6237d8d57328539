//! The WebSocket side over real sockets, spoken to by tokio-tungstenite's client.

use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::config::{PeerLimits, Rate};
use crate::testing::{CHANNEL, OTHER_CHANNEL, TestAgent, TestServer, until};

async fn push(server: &TestServer, endpoint: &str, fields: &[(&str, &str)], body: impl Into<Bytes>) {
    let response = server.push(endpoint, fields, body).await;
    assert_eq!(response.status(), 201);
}

fn number(notification: &Value) -> u32 {
    use base64::Engine;
    let data = notification["data"].as_str().unwrap_or_else(|| panic!("no data in {notification}"));
    let body = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(data).unwrap();
    String::from_utf8(body).unwrap().trim_start_matches('0').parse().unwrap_or(0)
}

async fn gone(server: &TestServer, agent: TestAgent) {
    drop(agent);
    until("the agent is gone", || server.server.stats().connected == 0).await;
}

#[tokio::test]
async fn an_agent_keeps_its_id_once_it_has_a_subscription() {
    let server = TestServer::start().await;
    let fresh = server.agent(None).await;
    let uaid = fresh.uaid.clone();
    assert_eq!(uaid.len(), 32);
    gone(&server, fresh).await;
    let mut agent = server.agent(Some(&uaid)).await;
    assert_ne!(agent.uaid, uaid, "nothing was stored for it");

    agent.register(CHANNEL, None).await;
    let uaid = agent.uaid.clone();
    gone(&server, agent).await;
    assert_eq!(server.agent(Some(&uaid)).await.uaid, uaid);
    assert_ne!(server.agent(Some(&"0".repeat(32))).await.uaid, "0".repeat(32));
}

#[tokio::test]
async fn a_broadcast_that_does_not_exist_is_answered_as_unknown() {
    let server = TestServer::start().await;
    let mut agent = server.socket().await;
    let asked = json!({"remote-settings/monitor_changes": "\"0\""});
    agent.send(json!({"messageType": "hello", "use_webpush": true, "broadcasts": asked})).await;
    let unknown = json!({"errors": {"remote-settings/monitor_changes": "Broadcast not found"}});
    assert_eq!(agent.next().await["broadcasts"], unknown);
    agent.send(json!({"messageType": "broadcast_subscribe", "broadcasts": asked})).await;
    assert_eq!(agent.next().await, json!({"messageType": "broadcast", "broadcasts": unknown}));
}

#[tokio::test]
async fn both_forms_of_ping_are_answered_and_a_flood_ends_the_connection() {
    let rate = Rate { interval: Duration::from_secs(45), burst: 2 };
    let server = TestServer::with(|config| config.websocket.client_pings = rate).await;
    let mut agent = server.agent(None).await;
    agent.send(json!({})).await;
    assert_eq!(agent.next().await, json!({}));
    agent.send(json!({"messageType": "ping"})).await;
    assert_eq!(agent.next().await, json!({}));
    agent.send(json!({})).await;
    assert_eq!(agent.closed().await, 1008);
}

// RFC 6455 §7.4.1
#[tokio::test]
async fn what_is_not_the_protocol_ends_the_connection_with_a_reason() {
    let server = TestServer::with(|config| config.websocket.message_bytes_max = 1000).await;
    let cases = [
        ("no JSON", Frame::text("hello"), 1007),
        ("another type", Frame::text(r#"{"messageType":"purge"}"#), 1007),
        ("binary", Frame::binary(vec![1, 2, 3]), 1003),
        ("too long", Frame::text("x".repeat(1001)), 1009),
        ("hello again", Frame::text(r#"{"messageType":"hello","use_webpush":true}"#), 1008),
    ];
    for (name, frame, code) in cases {
        let mut agent = server.agent(None).await;
        agent.socket.send(frame).await.unwrap();
        assert_eq!(agent.closed().await, code, "{name}");
    }
    for (name, first, code) in [("not hello", "{}", 1008), ("no JSON", "x", 1007)] {
        let mut agent = server.socket().await;
        agent.socket.send(Frame::text(first)).await.unwrap();
        assert_eq!(agent.closed().await, code, "{name}");
    }
}

#[tokio::test]
async fn an_agent_that_does_not_say_hello_is_not_waited_for() {
    let server = TestServer::with(|config| config.websocket.hello_timeout = Duration::from_millis(20)).await;
    assert_eq!(server.socket().await.closed().await, 1008);
}

#[tokio::test]
async fn what_was_pushed_meanwhile_comes_in_order_until_it_is_acknowledged() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let uaid = agent.uaid.clone();
    let endpoint = agent.register(CHANNEL, None).await;
    let other = agent.register(OTHER_CHANNEL, None).await;
    gone(&server, agent).await;
    for number in 1..=6 {
        let endpoint = if number % 2 == 0 { &endpoint } else { &other };
        push(&server, endpoint, &[], number.to_string()).await;
    }

    let mut agent = server.agent(Some(&uaid)).await;
    let mut received = Vec::new();
    for expected in 1..=6 {
        let notification = agent.next().await;
        assert_eq!(number(&notification), expected);
        received.push(notification);
    }
    agent.acknowledge(&received[1]).await;
    agent.acknowledge(&received[4]).await;
    gone(&server, agent).await;

    let mut agent = server.agent(Some(&uaid)).await;
    for expected in [1, 3, 4, 6] {
        let notification = agent.next().await;
        assert_eq!(number(&notification), expected);
        agent.acknowledge(&notification).await;
    }
    gone(&server, agent).await;
    assert_eq!(server.server.stats().totals.messages, 0);
    assert!(server.agent(Some(&uaid)).await.nothing_waits().await);
}

// RFC 8030 §5.4
#[tokio::test]
async fn an_absent_agent_finds_only_the_last_message_of_a_topic() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let uaid = agent.uaid.clone();
    let endpoint = agent.register(CHANNEL, None).await;
    gone(&server, agent).await;
    push(&server, &endpoint, &[], "1").await;
    for body in ["2", "3", "4"] {
        push(&server, &endpoint, &[("topic", "upd")], body).await;
    }
    push(&server, &endpoint, &[("ttl", "0")], "5").await;
    let mut agent = server.agent(Some(&uaid)).await;
    assert_eq!(number(&agent.next().await), 1);
    assert_eq!(number(&agent.next().await), 4);
    assert!(agent.nothing_waits().await);
}

// RFC 8030 §5.2
#[tokio::test]
async fn an_expired_message_does_not_come_and_is_swept_away() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let uaid = agent.uaid.clone();
    let endpoint = agent.register(CHANNEL, None).await;
    gone(&server, agent).await;
    push(&server, &endpoint, &[("ttl", "10")], "1").await;
    push(&server, &endpoint, &[("ttl", "20")], "2").await;
    server.clock.advance(10);
    let mut agent = server.agent(Some(&uaid)).await;
    assert_eq!(number(&agent.next().await), 2);
    until("the expired one is removed", || server.server.stats().totals.messages == 1).await;
}

#[tokio::test]
async fn an_agent_that_stays_away_is_forgotten_and_its_endpoints_are_gone() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let uaid = agent.uaid.clone();
    let endpoint = agent.register(CHANNEL, None).await;
    gone(&server, agent).await;
    server.clock.advance(60 * 86_400 + 1);
    until("it is forgotten", || server.server.stats().totals.agents == 0).await;
    assert_eq!(server.push(&endpoint, &[], "x").await.status(), 410);
    assert_ne!(server.agent(Some(&uaid)).await.uaid, uaid);
}

#[tokio::test]
async fn a_second_connection_of_an_agent_closes_the_first_and_takes_over() {
    let server = TestServer::start().await;
    let mut first = server.agent(None).await;
    let endpoint = first.register(CHANNEL, None).await;
    push(&server, &endpoint, &[], "1").await;
    push(&server, &endpoint, &[], "2").await;
    let acknowledged = first.next().await;
    first.acknowledge(&acknowledged).await;
    assert_eq!(number(&first.next().await), 2);

    let uaid = first.uaid.clone();
    let (mut second, code) = tokio::join!(server.agent(Some(&uaid)), first.closed());
    assert_eq!(code, 1000);
    assert_eq!(number(&second.next().await), 2, "what the first had not acknowledged");
    push(&server, &endpoint, &[], "3").await;
    assert_eq!(number(&second.next().await), 3);
    assert_eq!(server.server.stats().connected, 1);
}

#[tokio::test]
async fn unacknowledged_notifications_are_bounded_and_the_rest_follows() {
    let server = TestServer::with(|config| config.websocket.window_messages = 4).await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    for number in 1..=100 {
        push(&server, &endpoint, &[], number.to_string()).await;
    }
    let mut received = Vec::new();
    for _ in 0..4 {
        received.push(agent.next().await);
    }
    assert!(agent.nothing_waits().await, "the window is full");
    let mut count = 0;
    while let Some(notification) = received.pop() {
        agent.acknowledge(&notification).await;
        count += 1;
        if count + received.len() < 100 {
            received.push(agent.next().await);
        }
    }
    assert_eq!(count, 100);
    until("all are acknowledged", || server.server.stats().totals.messages == 0).await;
    assert!(agent.nothing_waits().await);
}

#[tokio::test]
async fn an_agent_that_reads_nothing_costs_little_and_loses_nothing() {
    let server = TestServer::with(|config| {
        config.websocket.window_messages = 1000;
        config.retention.subscription_bytes_max = 1 << 30;
        config.subscription_rate.burst = 10_000;
    })
    .await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    // More than the sockets' buffers hold, so that the service has to stop writing.
    for number in 0..400 {
        push(&server, &endpoint, &[], format!("{number:05000}")).await;
    }
    for expected in 0..400 {
        let notification = agent.next().await;
        assert_eq!(number(&notification), expected);
        agent.acknowledge(&notification).await;
    }
    until("all are acknowledged", || server.server.stats().totals.messages == 0).await;
}

#[tokio::test]
async fn an_agent_that_never_acknowledges_is_hung_up_on_and_gets_it_all_again() {
    let server = TestServer::with(|config| {
        config.websocket.window_messages = 2;
        config.websocket.acknowledge_timeout = Duration::from_millis(50);
    })
    .await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    push(&server, &endpoint, &[], "1").await;
    push(&server, &endpoint, &[], "2").await;
    assert_eq!(number(&agent.next().await), 1);
    assert_eq!(number(&agent.next().await), 2);
    assert_eq!(agent.closed().await, 1008);
    let mut agent = server.agent(Some(&agent.uaid)).await;
    assert_eq!(number(&agent.next().await), 1);
}

#[tokio::test]
async fn a_silent_agent_is_pinged_and_dropped_when_it_has_vanished() {
    let server = TestServer::with(|config| {
        config.websocket.ping_interval = Duration::from_millis(50);
        config.websocket.pong_timeout = Duration::from_millis(200);
    })
    .await;
    // This one's socket stays open, but nobody reads from it, so nothing answers the ping.
    let _vanished = server.agent(None).await;
    until("it is dropped", || server.server.stats().connected == 0).await;

    // One that answers is asked again and again, and stays.
    let mut alive = server.agent(None).await;
    alive.pings(8).await;
    assert_eq!(server.server.stats().connected, 1);
}

#[tokio::test]
async fn an_agent_that_takes_nothing_is_dropped_and_gets_it_all_later() {
    let server = TestServer::with(|config| {
        config.websocket.write_timeout = Duration::from_millis(100);
        config.websocket.window_messages = 10_000;
        config.retention.subscription_messages_max = 10_000;
        config.retention.subscription_bytes_max = 1 << 30;
        config.subscription_rate.burst = 10_000;
    })
    .await;
    let mut stuck = server.agent(None).await;
    let endpoint = stuck.register(CHANNEL, None).await;
    // The kernel's buffers take some megabytes; then nothing moves any more.
    let mut sent = 0;
    while server.server.stats().connected == 1 {
        push(&server, &endpoint, &[], format!("{sent:05600}")).await;
        sent += 1;
        assert!(sent < 9_000, "the agent is still connected");
    }
    let uaid = stuck.uaid.clone();
    drop(stuck);
    let mut agent = server.agent(Some(&uaid)).await;
    for expected in 0..sent {
        assert_eq!(number(&agent.next().await), expected);
    }
}

// RFC 6455 §5.5.1
#[tokio::test]
async fn an_agents_goodbye_is_answered() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let goodbye = CloseFrame { code: CloseCode::Away, reason: "".into() };
    agent.socket.send(Frame::Close(Some(goodbye))).await.unwrap();
    assert_eq!(agent.closed().await, 1001);
}

#[tokio::test]
async fn new_agents_of_one_peer_are_limited_and_known_ones_are_not() {
    let rate = Rate { interval: Duration::from_secs(60), burst: 2 };
    let server = TestServer::with(|config| {
        config.peers = config.peers.map(|peers| PeerLimits { new_agents: rate, ..peers });
    })
    .await;
    let mut known = server.agent(None).await;
    known.register(CHANNEL, None).await;
    known.register(OTHER_CHANNEL, None).await;
    server.agent(None).await.register(CHANNEL, None).await;

    let mut refused = server.agent(None).await;
    refused.send(json!({"messageType": "register", "channelID": CHANNEL})).await;
    let answer = json!({"messageType": "register", "channelID": CHANNEL, "status": 429});
    assert_eq!(refused.next().await, answer);
    known.register("00000000-0000-4000-8000-000000000001", None).await;
    assert_eq!(server.server.stats().totals.agents, 2);

    server.clock.advance(60);
    refused.register(CHANNEL, None).await;
}

#[tokio::test]
async fn channels_are_limited_for_each_agent() {
    let server = TestServer::with(|config| config.retention.agent_channels_max = 1).await;
    let mut agent = server.agent(None).await;
    agent.register(CHANNEL, None).await;
    agent.send(json!({"messageType": "register", "channelID": OTHER_CHANNEL})).await;
    let refused = json!({"messageType": "register", "channelID": OTHER_CHANNEL, "status": 409});
    assert_eq!(agent.next().await, refused);
}
