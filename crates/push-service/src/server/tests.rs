//! Connections: limits, HTTP/2, shutdown.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::PeerLimits;
use crate::testing::{CHANNEL, TestServer, path_of, until, within};

#[tokio::test]
async fn http_2_is_spoken_on_the_same_port() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let driver = tokio::spawn(connection);
    for body in ["one", "two"] {
        let request = Request::post(&endpoint).header("ttl", "60").body(Full::<Bytes>::from(body)).unwrap();
        let response = within(sender.send_request(request)).await.unwrap();
        assert_eq!(response.status(), 201);
    }
    agent.next().await;
    agent.next().await;
    driver.abort();
}

#[tokio::test]
async fn a_head_that_trickles_in_and_a_silent_connection_are_given_up() {
    let server = TestServer::with(|config| config.http.idle_timeout = Duration::from_millis(50)).await;
    for beginning in ["", "POST /wpush/x HTTP/1.1\r\nHost: ", "PRI * HTTP/2.0\r\n"] {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(beginning.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        // A reset is as good an end as an orderly one.
        let _end = within(socket.read_to_end(&mut rest)).await;
    }
}

/// Whoever goes on sending, a byte at a time, is not waited for any longer than who is silent.
#[tokio::test]
async fn heads_and_bodies_that_trickle_in_are_bounded_in_time() {
    let server = TestServer::with(|config| {
        config.http.idle_timeout = Duration::from_millis(300);
        config.http.body_timeout = Duration::from_millis(300);
    })
    .await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    let body =
        format!("POST {} HTTP/1.1\r\nHost: x\r\nTTL: 1\r\nContent-Length: 4000\r\n\r\n", path_of(&endpoint));
    for (beginning, status) in [(body.as_str(), "408"), ("GET / HTTP/1.1\r\nX: ", "")] {
        let (mut read, mut write) = tokio::io::split(TcpStream::connect(server.address).await.unwrap());
        write.write_all(beginning.as_bytes()).await.unwrap();
        let trickle = tokio::spawn(async move {
            while write.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let mut answer = Vec::new();
        // A reset is as good an end as an orderly one.
        let _end = within(read.read_to_end(&mut answer)).await;
        assert!(String::from_utf8_lossy(&answer).contains(status), "{beginning}: {answer:?}");
        within(trickle).await.unwrap();
    }
}

#[tokio::test]
async fn one_peer_has_so_many_connections_and_no_more() {
    let server = TestServer::with(|config| {
        config.peers = config.peers.map(|peers| PeerLimits { connections_max: 2, ..peers });
    })
    .await;
    let agent = server.agent(None).await;
    let second = server.agent(None).await;
    let mut refused = TcpStream::connect(server.address).await.unwrap();
    // A reset is as good an end as an orderly one.
    let end = within(refused.read(&mut [0])).await;
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    drop(agent);
    let peers = server.server.peers.as_ref().unwrap();
    until("its place is free", || peers.enter(server.address.ip()).is_some()).await;
    let answer = server.send("GET", "/").await;
    assert_eq!(answer.status(), 404, "a further one is let in");
    drop(second);
}

#[tokio::test]
async fn an_oversized_head_is_refused() {
    let server = TestServer::start().await;
    let cases = [
        format!("GET / HTTP/1.1\r\nHost: push\r\nX: {}\r\n\r\n", "x".repeat(20_000)),
        format!("GET / HTTP/1.1\r\nHost: push\r\n{}\r\n", "X: y\r\n".repeat(65)),
    ];
    for head in cases {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        within(socket.read_exact(&mut answer)).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 431");
    }
}

#[tokio::test]
async fn connections_over_the_limit_wait_for_a_place() {
    let server = TestServer::with(|config| config.http.connections_max = 1).await;
    let agent = server.agent(None).await;
    let request = || Request::get("/").header("host", "push").body(Full::<Bytes>::default()).unwrap();
    let waiting = server.request(request());
    tokio::pin!(waiting);
    let early = tokio::time::timeout(Duration::from_millis(100), waiting.as_mut()).await;
    assert!(early.is_err(), "the agent has the only place");
    drop(agent);
    assert_eq!(within(waiting).await.status(), 404);
}

#[tokio::test]
async fn at_shutdown_agents_are_told_and_requests_under_way_are_finished() {
    let mut server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: push\r\nTTL: 60\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
        path_of(&endpoint)
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    // The answer to Expect shows that the request is under way.
    let mut interim = [0; 25];
    within(socket.read_exact(&mut interim)).await.unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100"));

    server.shutdown.cancel();
    assert_eq!(agent.closed().await, 1001);
    socket.write_all(b"xy").await.unwrap();
    let mut answer = Vec::new();
    within(socket.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 201"));
    within(&mut server.serving).await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn what_does_not_finish_at_shutdown_is_dropped_in_time() {
    let mut server = TestServer::with(|config| config.drain_timeout = Duration::from_millis(50)).await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nTTL: 1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
        path_of(&endpoint)
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    within(socket.read_exact(&mut interim)).await.unwrap();
    server.shutdown.cancel();
    within(&mut server.serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_numbers_follow_what_happens() {
    let server = TestServer::start().await;
    let mut agent = server.agent(None).await;
    let endpoint = agent.register(CHANNEL, None).await;
    server.push(&endpoint, &[], "x").await;
    let stats = server.server.stats();
    assert_eq!((stats.connected, stats.totals.agents, stats.totals.subscriptions), (1, 1, 1));
    assert_eq!(stats.totals.messages, 1);
    let notification = agent.next().await;
    agent.acknowledge(&notification).await;
    until("it is acknowledged", || server.server.stats().totals.messages == 0).await;
}
