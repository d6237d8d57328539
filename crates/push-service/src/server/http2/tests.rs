//! HTTP/2 connections: limits, silence, shutdown.

mod attacks;

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::testing::user_agent::UserAgent;
use crate::testing::{TestServer, until, within};

#[tokio::test]
async fn a_connection_that_does_nothing_is_closed() {
    let server = TestServer::with(|config| config.http.idle_timeout = Duration::from_millis(50)).await;
    let agent = UserAgent::connect(&server).await;
    agent.ended().await;
    let mut agent = UserAgent::connect(&server).await;
    agent.subscribe(&[]).await;
    agent.ended().await;
}

#[tokio::test]
async fn a_connection_with_a_reader_may_be_silent_as_long_as_it_answers_pings() {
    let server = TestServer::with(|config| {
        config.http.idle_timeout = Duration::from_millis(500);
        config.delivery.keep_alive_interval = Duration::from_millis(100);
    })
    .await;
    let mut agent = UserAgent::connect(&server).await;
    let to = agent.subscribe(&[]).await;
    let mut reading = agent.read(&to.set, &[]);
    let early = tokio::time::timeout(Duration::from_millis(1200), reading.promise()).await;
    assert!(early.is_err());
    server.push(&to.push, &[], "still here").await;
    assert_eq!(reading.bodies(1).await, ["still here"]);
}

// RFC 9113 §6.7
#[tokio::test]
async fn a_reader_that_has_vanished_is_noticed_and_its_messages_wait() {
    let server = TestServer::with(|config| {
        config.http.idle_timeout = Duration::from_millis(500);
        config.delivery.keep_alive_interval = Duration::from_millis(100);
        config.delivery.keep_alive_timeout = Duration::from_millis(500);
    })
    .await;
    // A network between the two that passes nothing on any more, without telling.
    let (near, mut far) = tokio::io::duplex(64 << 10);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let (vanish, vanished) = oneshot::channel::<()>();
    let network = tokio::spawn(async move {
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut far, &mut stream) => {}
            _ = vanished => std::future::pending().await,
        }
    });
    let mut agent = UserAgent::over(near, &server, |_| ()).await;
    let to = agent.subscribe(&[]).await;
    let _reading = agent.read(&to.set, &[]);
    until("the reader is there", || server.server.stats().connected == 1).await;
    vanish.send(()).unwrap();
    server.push(&to.push, &[], "kept").await;
    until("the reader is gone", || server.server.stats().connected == 0).await;
    network.abort();

    let mut agent = UserAgent::connect(&server).await;
    assert_eq!(agent.read(&to.set, &[]).bodies(1).await, ["kept"]);
}

// RFC 9113 §6.8
#[tokio::test]
async fn at_shutdown_readers_are_answered_and_connections_end() {
    let mut server = TestServer::start().await;
    let mut agent = UserAgent::connect(&server).await;
    let to = agent.subscribe(&[]).await;
    let mut reading = agent.read(&to.set, &[]);
    server.push(&to.push, &[], "x").await;
    assert_eq!(reading.bodies(1).await, ["x"]);
    server.shutdown.cancel();
    assert_eq!(reading.end().await.status(), 200);
    agent.ended().await;
    within(&mut server.serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn heads_and_bodies_have_their_limits() {
    let server = TestServer::with(|config| config.http.body_timeout = Duration::from_millis(500)).await;
    let mut agent = UserAgent::connect(&server).await;
    let to = agent.subscribe(&[]).await;
    let ttl = ("ttl", "60");
    let large = "x".repeat(20_000);
    assert_eq!(agent.request("GET", "/", &[("x", &large)], "").await.status(), 431);
    assert_eq!(agent.request("POST", &to.push, &[ttl], vec![b'x'; 5630]).await.status(), 201);
    assert_eq!(agent.request("POST", &to.push, &[ttl], vec![b'x'; 5631]).await.status(), 413);
    assert_eq!(agent.trickle(&to.push, &[ttl], "begun").await.status(), 408);
    // What is announced as too large is not waited for.
    let announced = [ttl, ("content-length", "5631")];
    assert_eq!(agent.trickle(&to.push, &announced, "begun").await.status(), 413);
    assert_eq!(agent.status("HEAD", "/elsewhere").await, 404);
}

/// The requests of one connection wait for each other's places, and the connection goes on.
#[tokio::test]
async fn more_requests_than_streams_are_done_one_after_another() {
    let server = TestServer::with(|config| config.http.streams_max = 2).await;
    let mut agent = UserAgent::connect(&server).await;
    let to = agent.subscribe(&[]).await;
    for _ in 0..20 {
        // Given up at once: the service may see its end before its beginning.
        drop(agent.begin("POST", &to.push, &[("ttl", "60")], "x"));
    }
    assert_eq!(agent.request("POST", &to.push, &[("ttl", "60")], "last").await.status(), 201);
}
