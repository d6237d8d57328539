//! Delivery over real sockets, read by h2's client and by a bare HTTP/1.1 one.

mod races;
mod slow;

use std::time::Duration;

use super::{Form, form};
use crate::testing::user_agent::{Pushed, Subscribed, UserAgent};
use crate::testing::{CHANNEL, TestServer, path_of, until};

const NO_WAIT: (&str, &str) = ("prefer", "wait=0");

async fn subscribed(server: &TestServer) -> (UserAgent, Subscribed) {
    let mut agent = UserAgent::connect(server).await;
    let subscribed = agent.subscribe(&[]).await;
    (agent, subscribed)
}

async fn push(server: &TestServer, to: &Subscribed, bodies: &[&str]) {
    for body in bodies {
        let response = server.push(&to.push, &[("content-encoding", "aes128gcm")], body.to_string()).await;
        assert_eq!(response.status(), 201);
    }
}

/// What a request that does not wait delivers.
async fn waiting(agent: &mut UserAgent, url: &str, count: usize) -> Vec<Pushed> {
    let mut reading = agent.read(url, &[NO_WAIT]);
    let mut messages = Vec::new();
    for _ in 0..count {
        messages.push(reading.next().await);
    }
    assert_eq!(reading.end().await.status(), if count == 0 { 204 } else { 200 });
    messages
}

async fn reading_has_begun(server: &TestServer) {
    until("the reader is there", || server.server.stats().connected == 1).await;
}

// RFC 8030 §6, §6.1
#[tokio::test]
async fn a_message_is_the_response_to_a_promised_get_of_its_resource() {
    let server = TestServer::start().await;
    let (mut agent, to) = subscribed(&server).await;
    for url in [&to.subscription, &to.set] {
        let mut reading = agent.read(url, &[]);
        reading_has_begun(&server).await;
        let fields = [("content-encoding", "aes128gcm"), ("urgency", "low"), ("ttl", "100")];
        let sent = server.push(&to.push, &fields, "ciphertext").await;
        let pushed = reading.next().await;
        assert_eq!(pushed.request.method(), "GET");
        let authority = server.address.to_string();
        assert_eq!(pushed.request.uri().authority().unwrap().as_str(), authority);
        assert!(pushed.path().starts_with("/d/"));
        let link = format!("<{}>; rel=\"urn:ietf:params:push\"", to.push);
        assert_eq!(pushed.request.headers()["link"], link, "the synthetic request names its source");
        assert_eq!(pushed.response.status(), 200);
        let expected = [
            ("link", link.as_str()),
            ("content-encoding", "aes128gcm"),
            ("content-length", "10"),
            ("urgency", "low"),
            ("ttl", "100"),
            ("cache-control", "private"),
        ];
        for (name, value) in expected {
            assert_eq!(pushed.field(name), value, "{name}");
        }
        assert!(httpdate::parse_http_date(pushed.field("last-modified")).is_ok());
        assert!(httpdate::parse_http_date(pushed.field("date")).is_ok());
        assert_eq!(pushed.body(), "ciphertext");
        // The sender's URL and the user agent's are two.
        assert_ne!(
            sent.headers()["location"].to_str().unwrap(),
            format!("{}{}", server.origin, pushed.path())
        );
        let again = agent.request("GET", pushed.path(), &[], "").await;
        assert_eq!(again.body(), pushed.response.body());
        assert_eq!(agent.acknowledge(&pushed).await, 204);
        assert_eq!(agent.status("GET", pushed.path()).await, 410);
        drop(reading);
        until("the reader is gone", || server.server.stats().connected == 0).await;
    }
}

// RFC 8030 §6
#[tokio::test]
async fn what_waits_comes_first_and_in_order_then_what_is_new() {
    let server = TestServer::start().await;
    let (mut agent, to) = subscribed(&server).await;
    push(&server, &to, &["1", "2", "3"]).await;
    let mut reading = agent.read(&to.subscription, &[]);
    assert_eq!(reading.bodies(3).await, ["1", "2", "3"]);
    push(&server, &to, &["4", ""]).await;
    assert_eq!(reading.bodies(2).await, ["4", ""]);
}

// RFC 8030 §5, §6
#[tokio::test]
async fn the_media_type_comes_with_the_message_as_it_was_sent() {
    let server = TestServer::start().await;
    let (mut agent, to) = subscribed(&server).await;
    let mut reading = agent.read(&to.subscription, &[]);
    reading_has_begun(&server).await;
    let media_type = ("content-type", "text/plain;charset=utf8");
    assert_eq!(server.push(&to.push, &[media_type], "x").await.status(), 201);
    assert_eq!(reading.next().await.field("content-type"), media_type.1);
    drop(reading);
    let stored = waiting(&mut agent, &to.subscription, 1).await.remove(0);
    assert_eq!(stored.field("content-type"), media_type.1);
    assert_eq!(agent.acknowledge(&stored).await, 204);
    assert_eq!(server.push(&to.push, &[("content-type", "plain")], "x").await.status(), 400);
    push(&server, &to, &["x"]).await;
    let without = waiting(&mut agent, &to.subscription, 1).await.remove(0);
    assert!(!without.response.headers().contains_key("content-type"));
}

#[tokio::test]
async fn the_parameters_of_the_older_encryption_are_fields_again() {
    let server = TestServer::start().await;
    let (mut agent, to) = subscribed(&server).await;
    let fields = [("content-encoding", "aesgcm"), ("encryption", "salt=abc"), ("crypto-key", "dh=def")];
    assert_eq!(server.push(&to.push, &fields, "x").await.status(), 201);
    let pushed = waiting(&mut agent, &to.subscription, 1).await.remove(0);
    for (name, value) in fields {
        assert_eq!(pushed.field(name), value);
    }
}

// RFC 8030 §6
#[tokio::test]
async fn a_request_that_does_not_wait_gets_all_there_is_and_then_its_answer() {
    let server = TestServer::start().await;
    let (mut agent, to) = subscribed(&server).await;
    waiting(&mut agent, &to.subscription, 0).await;
    // More than a window and more than one page of the storage, none of it acknowledged.
    let bodies: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    for body in &bodies {
        push(&server, &to, &[body]).await;
    }
    let messages = waiting(&mut agent, &to.set, bodies.len()).await;
    assert_eq!(messages.iter().map(Pushed::body).collect::<Vec<_>>(), bodies);
    assert_eq!(server.server.stats().connected, 0);
}

// RFC 7240 §4.3
#[tokio::test]
async fn a_request_that_waits_for_a_time_ends_after_it() {
    let server = TestServer::start().await;
    let (mut agent, to) = subscribed(&server).await;
    let reading = agent.read(&to.subscription, &[("prefer", "respond-async, Wait=\"1\"")]);
    reading_has_begun(&server).await;
    assert_eq!(reading.end().await.status(), 204);
}

// RFC 8030 §5.3, §6
#[tokio::test]
async fn messages_below_the_least_urgency_wait_for_a_reader_that_wants_them() {
    let server = TestServer::start().await;
    let (mut agent, to) = subscribed(&server).await;
    let all = ["very-low", "low", "normal", "high"];
    for urgency in all {
        server.push(&to.push, &[("urgency", urgency)], urgency).await;
    }
    for (least, count) in all.into_iter().zip((1..=4).rev()) {
        let mut reading = agent.read(&to.set, &[NO_WAIT, ("urgency", least)]);
        assert_eq!(reading.bodies(count).await, all[4 - count..]);
        assert_eq!(reading.end().await.status(), 200);
    }
    assert_eq!(waiting(&mut agent, &to.set, 4).await.len(), 4, "without the field all of them");
    let malformed = agent.request("GET", &to.set, &[("urgency", "urgent")], "").await;
    assert_eq!(malformed.status(), 400);

    let mut reading = agent.read(&to.set, &[("urgency", "high")]);
    assert_eq!(reading.bodies(1).await, ["high"]);
    for urgency in ["normal", "high"] {
        server.push(&to.push, &[("urgency", urgency)], format!("new {urgency}")).await;
    }
    assert_eq!(reading.bodies(1).await, ["new high"]);
}

// RFC 8030 §6.2
#[tokio::test]
async fn what_is_acknowledged_never_comes_again_and_what_is_not_always_does() {
    let server = TestServer::start().await;
    let (mut agent, to) = subscribed(&server).await;
    push(&server, &to, &["1", "2", "3", "4"]).await;
    let messages = waiting(&mut agent, &to.subscription, 4).await;
    assert_eq!(agent.acknowledge(&messages[1]).await, 204);
    assert_eq!(agent.acknowledge(&messages[1]).await, 410);
    let mut reading = agent.read(&to.subscription, &[]);
    assert_eq!(reading.bodies(3).await, ["1", "3", "4"]);
    assert_eq!(agent.acknowledge(&messages[0]).await, 204);
    drop(reading);
    let left = waiting(&mut agent, &to.set, 2).await;
    assert_eq!(left.iter().map(Pushed::body).collect::<Vec<_>>(), ["3", "4"]);
    assert_eq!(agent.status("DELETE", &format!("/d/{}", "A".repeat(54))).await, 404);
}

// RFC 8030 §6.2: not acknowledged in a reasonable time is not delivered.
#[tokio::test]
async fn a_reader_that_does_not_acknowledge_is_ended_and_gets_it_again() {
    let server = TestServer::with(|config| {
        config.delivery.acknowledge_timeout = Duration::from_millis(50);
    })
    .await;
    let (mut agent, to) = subscribed(&server).await;
    push(&server, &to, &["1"]).await;
    for _ in 0..2 {
        let mut reading = agent.read(&to.subscription, &[]);
        assert_eq!(reading.bodies(1).await, ["1"]);
        assert_eq!(reading.end().await.status(), 200);
    }
}

// RFC 8030 §6.1
#[tokio::test]
async fn a_set_is_read_by_one_request() {
    let server = TestServer::start().await;
    let (mut agent, first) = subscribed(&server).await;
    let link = format!("<{}>; rel=\"urn:ietf:params:push:set\"", first.set);
    let second = agent.subscribe(&[("link", &link)]).await;
    let stranger = agent.subscribe(&[]).await;
    let mut reading = agent.read(&first.set, &[]);
    reading_has_begun(&server).await;
    for (to, body) in [(&first, "1"), (&stranger, "no"), (&second, "2"), (&first, "3")] {
        push(&server, to, &[body]).await;
    }
    for (source, body) in [(&first, "1"), (&second, "2"), (&first, "3")] {
        let pushed = reading.next().await;
        assert_eq!(pushed.body(), body);
        assert!(pushed.field("link").contains(&source.push));
    }
}

#[tokio::test]
async fn one_subscription_shows_nothing_of_the_others() {
    let server = TestServer::start().await;
    let (mut agent, first) = subscribed(&server).await;
    let link = format!("<{}>; rel=\"urn:ietf:params:push:set\"", first.set);
    let second = agent.subscribe(&[("link", &link)]).await;
    push(&server, &first, &["1"]).await;
    push(&server, &second, &["2"]).await;
    assert_eq!(waiting(&mut agent, &second.subscription, 1).await[0].body(), "2");
    assert_eq!(waiting(&mut agent, &first.subscription, 1).await[0].body(), "1");
}

// RFC 8030 §5.2
#[tokio::test]
async fn a_message_with_ttl_0_goes_to_a_connected_reader_or_nowhere() {
    let server = TestServer::start().await;
    let (mut agent, to) = subscribed(&server).await;
    assert_eq!(server.push(&to.push, &[("ttl", "0")], "lost").await.status(), 201);
    push(&server, &to, &["first"]).await;
    let mut reading = agent.read(&to.subscription, &[]);
    assert_eq!(reading.bodies(1).await, ["first"]);
    assert_eq!(server.push(&to.push, &[("ttl", "0")], "now").await.status(), 201);
    let pushed = reading.next().await;
    assert_eq!((pushed.body().as_str(), pushed.field("ttl")), ("now", "0"));
    assert_eq!(agent.acknowledge(&pushed).await, 204);
    assert_eq!(agent.acknowledge(&pushed).await, 410);
}

// RFC 8030 §5.2
#[tokio::test]
async fn an_expired_message_is_not_delivered() {
    let server = TestServer::with(|config| config.sweep_interval = Duration::from_secs(3600)).await;
    let (mut agent, to) = subscribed(&server).await;
    server.push(&to.push, &[("ttl", "10")], "short").await;
    server.push(&to.push, &[("ttl", "100")], "long").await;
    server.clock.advance(10);
    let messages = waiting(&mut agent, &to.subscription, 1).await;
    assert_eq!((messages[0].body().as_str(), messages[0].field("ttl")), ("long", "90"));
}

// RFC 8030 §7.3, §7.3.1
#[tokio::test]
async fn a_reader_of_what_is_removed_is_told_with_404() {
    let server = TestServer::start().await;
    for of_set in [false, true] {
        let (mut agent, to) = subscribed(&server).await;
        let url = if of_set { to.set.clone() } else { to.subscription.clone() };
        let reading = agent.read(&url, &[]);
        reading_has_begun(&server).await;
        assert_eq!(agent.status("DELETE", &url).await, 204);
        assert_eq!(reading.end().await.status(), 404);
    }
}

#[tokio::test]
async fn a_newer_reader_ends_the_one_before_also_across_protocols() {
    let server = TestServer::start().await;
    let (mut agent, to) = subscribed(&server).await;
    let first = agent.read(&to.set, &[]);
    reading_has_begun(&server).await;
    let mut other = UserAgent::connect(&server).await;
    let mut second = other.read(&to.set, &[]);
    assert_eq!(first.end().await.status(), 204);
    push(&server, &to, &["1"]).await;
    assert_eq!(second.bodies(1).await, ["1"]);
    // One subscription is another scope, so both get the message.
    let mut one = agent.read(&to.subscription, &[]);
    assert_eq!(one.bodies(1).await, ["1"]);
    push(&server, &to, &["2"]).await;
    assert_eq!(one.bodies(1).await, ["2"]);
    assert_eq!(second.bodies(1).await, ["2"]);
}

#[tokio::test]
async fn a_window_of_unacknowledged_messages_moves_as_they_are_acknowledged() {
    let server = TestServer::with(|config| config.delivery.window_messages = 2).await;
    let (mut agent, to) = subscribed(&server).await;
    push(&server, &to, &["1", "2", "3", "4", "5"]).await;
    let mut reading = agent.read(&to.subscription, &[]);
    let mut open = vec![reading.next().await, reading.next().await];
    for expected in ["3", "4", "5"] {
        let early = tokio::time::timeout(Duration::from_millis(50), reading.promise()).await;
        assert!(early.is_err(), "the window is full");
        assert_eq!(agent.acknowledge(&open.remove(0)).await, 204);
        open.push(reading.next().await);
        assert_eq!(open[1].body(), expected);
    }
}

/// RFC 8030 §6, RFC 9113 §5.2: a peer that does not read costs the service a known amount of memory, and gets everything
/// when it does.
#[tokio::test]
async fn many_messages_reach_a_slow_reader_in_bounded_memory() {
    const MESSAGES: usize = 150;
    let server = TestServer::with(|config| config.delivery.unsent_bytes_max = 20 << 10).await;
    let mut agent = UserAgent::with(&server, |builder| {
        builder.initial_window_size(500);
    })
    .await;
    let to = agent.subscribe(&[]).await;
    for number in 0..MESSAGES {
        push(&server, &to, &[&format!("{number:01000}")]).await;
    }
    let mut reading = agent.read(&to.subscription, &[NO_WAIT]);
    let mut promised = std::collections::VecDeque::new();
    while let Ok(promise) = tokio::time::timeout(Duration::from_millis(200), reading.promise()).await {
        promised.push_back(promise);
    }
    // 1,000 bytes and 1 KiB for the fields of each.
    assert_eq!(promised.len(), 10, "no more is promised than fits");
    for number in 0..MESSAGES {
        let promise = match promised.pop_front() {
            Some(promise) => promise,
            None => reading.promise().await,
        };
        assert_eq!(Pushed::of(promise).await.body(), format!("{number:01000}"));
    }
    assert_eq!(reading.end().await.status(), 200);
}

#[test]
fn the_form_is_the_first_that_is_accepted_by_name() {
    let cases = [
        ("", Form::Promises),
        ("*/*", Form::Promises),
        ("text/event-stream", Form::EventStream),
        ("text/html, Text/Event-Stream;q=0.5", Form::EventStream),
        ("multipart/mixed, text/event-stream", Form::Multipart),
        ("multipart/*", Form::Promises),
    ];
    for (accept, expected) in cases {
        let mut fields = http::HeaderMap::new();
        fields.insert("accept", accept.parse().unwrap());
        assert_eq!(form(&fields), expected, "{accept}");
    }
}

#[tokio::test]
async fn an_agent_of_the_websocket_is_not_reachable_by_its_push_resource() {
    let server = TestServer::start().await;
    let mut websocket = server.agent(None).await;
    let endpoint = websocket.register(CHANNEL, None).await;
    let mut agent = UserAgent::connect(&server).await;
    let token = path_of(&endpoint).replace("/wpush/", "");
    for path in ["/s/", "/set/"] {
        assert_eq!(agent.status("GET", &format!("{path}{token}")).await, 404);
    }
}
