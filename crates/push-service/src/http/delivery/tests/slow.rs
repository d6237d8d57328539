//! Peers that read slowly or not at all, while much waits for them.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use webpush::header::Urgency;

use super::*;
use crate::clock::Clock;
use crate::config::Config;
use crate::message::{Content, Encoding, NewMessage};
use crate::storage::Stored;

/// What a promise counts beside its body.
const OVERHEAD: usize = 1024;

fn roomy(config: &mut Config) {
    let retention = &mut config.retention;
    retention.subscription_messages_max = 100_000;
    retention.agent_messages_max = 100_000;
    retention.subscription_bytes_max = 1 << 30;
    retention.agent_bytes_max = 1 << 30;
}

/// Stores messages with bodies of so many bytes that begin with their numbers.
async fn store(server: &TestServer, to: &Subscribed, messages: usize, bytes: usize) {
    let service = server.server.service();
    let id = service.tokens.open_endpoint(&path_of(&to.push).replace("/wpush/", "")).unwrap();
    let subscription = service.storage.subscription(id).await.unwrap().unwrap();
    let now = server.clock.now();
    let numbers: Vec<_> = (0..messages).collect();
    for some in numbers.chunks(1000) {
        let new = some.iter().map(|number| NewMessage {
            subscription: subscription.clone(),
            topic: None,
            urgency: Urgency::Normal,
            expires: now.plus_seconds(3600),
            content: Content {
                encoding: Encoding::Aes128gcm,
                media_type: None,
                body: format!("{number:0bytes$}").into(),
            },
            receipt: None,
            shared: None,
        });
        let stored = service.storage.store_all(new.collect(), now).await.unwrap();
        assert!(stored.iter().all(|stored| matches!(stored, Stored::Kept(_))));
    }
}

/// RFC 8030 §6, RFC 9113 §5.2, and the promised messages never take more than their place.
#[tokio::test]
async fn twenty_thousand_messages_reach_one_slow_reader() {
    const MESSAGES: usize = 20_000;
    const BYTES: usize = 150;
    const UNSENT: usize = 64 << 10;
    let server = TestServer::with(|config| {
        roomy(config);
        config.delivery.unsent_bytes_max = u32::try_from(UNSENT).unwrap();
    })
    .await;
    let mut agent = UserAgent::with(&server, |builder| {
        // Less than a body, so that nothing is taken that is not read.
        builder.initial_window_size(100);
    })
    .await;
    let to = agent.subscribe(&[]).await;
    store(&server, &to, MESSAGES, BYTES).await;
    let mut reading = agent.read(&to.set, &[NO_WAIT]);
    let mut promised = VecDeque::new();
    let mut most = 0;
    for number in 0..MESSAGES {
        if promised.is_empty() {
            promised.push_back(reading.promise().await);
        }
        while let Some(promise) = reading.next_that_is_there() {
            promised.push_back(promise);
        }
        most = most.max(promised.len());
        let promise = promised.pop_front().unwrap();
        assert_eq!(Pushed::of(promise).await.body(), format!("{number:0BYTES$}"));
    }
    assert_eq!(reading.end().await.status(), 200);
    // A promise that is being read counts until its last byte is written.
    let places = UNSENT / (BYTES + OVERHEAD);
    assert!((2..=places + 1).contains(&most), "{most} promises at once, there are {places} places");
}

/// With HTTP/2 the peer answers PINGs, with HTTP/1.1 its system acknowledges; neither is reading.
#[tokio::test]
async fn a_reader_that_stops_reading_is_ended_and_its_messages_wait() {
    const MESSAGES: usize = 12_000;
    let server = TestServer::with(|config| {
        roomy(config);
        config.delivery.window_messages = 100_000;
        config.http.write_timeout = Duration::from_millis(300);
        config.http.idle_timeout = Duration::from_millis(100);
    })
    .await;
    let mut agent = UserAgent::connect(&server).await;
    let to = agent.subscribe(&[]).await;
    store(&server, &to, MESSAGES, 1000).await;

    let mut agent = UserAgent::connect(&server).await;
    let reading = agent.read(&to.set, &[]);
    reading_has_begun(&server).await;
    until("it is ended", || server.server.stats().connected == 0).await;
    agent.ended().await;
    drop(reading);

    for accept in ["text/event-stream", "multipart/mixed"] {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(server.address).await.unwrap();
        let head = format!("GET {} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n", path_of(&to.set));
        stream.write_all(head.as_bytes()).await.unwrap();
        reading_has_begun(&server).await;
        until("it is ended", || server.server.stats().connected == 0).await;
    }
    assert_eq!(server.server.stats().totals.messages, u64::try_from(MESSAGES).unwrap());
}

#[tokio::test]
async fn a_reader_that_is_given_up_while_it_is_full_is_noticed_at_once() {
    let server = TestServer::with(|config| config.delivery.unsent_bytes_max = 4 << 10).await;
    for fields in [&[][..], &[("accept", "text/event-stream")]] {
        let mut agent = UserAgent::with(&server, |builder| {
            builder.initial_window_size(100);
        })
        .await;
        let to = agent.subscribe(&[]).await;
        store(&server, &to, 20, 1000).await;
        let reading = agent.read(&to.set, fields);
        reading_has_begun(&server).await;
        // The service has promised what it may by then, and waits for room.
        until("it is full", || server.server.stats().connected == 1).await;
        agent.status("GET", "/").await;
        drop(reading);
        until("it is gone", || server.server.stats().connected == 0).await;
        assert_eq!(agent.status("GET", "/").await, 404, "the connection goes on");
    }
}

/// A large answer is read by its window too, and keeps its place among the large documents as long as it is held.
#[tokio::test]
async fn a_large_answer_is_held_once_and_comes_whole() {
    let server = TestServer::with(|config| config.delivery.unsent_bytes_max = 4 << 10).await;
    let mut agent = UserAgent::with(&server, |builder| {
        builder.initial_window_size(3000);
    })
    .await;
    let first = agent.subscribe(&[]).await;
    let link = format!("<{}>; rel=\"urn:ietf:params:push:set\"", first.set);
    let mut members = serde_json::Map::new();
    for _ in 0..300 {
        members.insert(agent.subscribe(&[("link", &link)]).await.push, serde_json::json!({}));
    }
    let members = serde_json::Value::Object(members);
    let fields = [("content-type", "application/push-aggregation+json")];
    let created = server.call(("POST", "/aggregate"), &fields, members.to_string()).await;
    let aggregate = created.headers()["location"].to_str().unwrap().to_owned();

    let free = || server.server.service().documents.available_permits();
    let all = free();
    let answer = agent.begin("GET", &aggregate, &[], Bytes::new());
    let answer = crate::testing::within(answer).await.unwrap();
    assert_eq!(free(), all - 1);
    let answer = crate::testing::user_agent::collect(answer).await;
    let listed: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(listed, members);
    until("its place is free", || free() == all).await;
}
