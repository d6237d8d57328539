//! Servers that are slow, broken, hostile or not there.

use std::time::{Duration, Instant};

use push_sender::outcome::{NetworkFailure, Outcome};

use crate::frames::{self, Step};
use crate::server::{Answer, Server};
use crate::world::{Authority, World, endpoint};

#[tokio::test]
async fn a_head_that_does_not_come_is_a_timeout() {
    let mut world = World::impatient();
    world.limits.connect_timeout = Duration::from_secs(20);
    for version in [&b"h2"[..], b"http/1.1"] {
        let server = Server::https(world.authority.server(&[version]), Answer::Never).await;
        let started = Instant::now();
        let outcome = world.outcome(&endpoint("a", server.port)).await;
        assert_eq!(outcome, Outcome::Network(NetworkFailure::Timeout));
        assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_body_without_end_changes_nothing_and_is_not_read_for_long() {
    let world = World::new();
    for version in [&b"h2"[..], b"http/1.1"] {
        let server = Server::https(world.authority.server(&[version]), Answer::EndlessBody).await;
        let started = Instant::now();
        let outcome = world.outcome(&endpoint("a", server.port)).await;
        assert_eq!(outcome, Outcome::Accepted { status: 201, location: None });
        assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn what_is_not_an_answer_is_a_protocol_failure() {
    let world = World::new();
    let long = format!("HTTP/1.1 201 Created\r\nx: {}\r\n\r\n", "a".repeat(40_000));
    let many = format!("HTTP/1.1 201 Created\r\n{}\r\n", "x: y\r\n".repeat(200));
    let cases = [
        "",
        "HTTP/1.1 201",
        "HTTP/1.1 201 Created\r\nContent-Le",
        "220 mail.example.org ESMTP\r\n",
        "HTTP/1.1 2000 No\r\n\r\n",
        "HTTP/1.1 201 Created\r\nno colon\r\n\r\n",
        "\0\0\0\0\0\0",
        &long,
        &many,
    ];
    for bytes in cases {
        let server = Server::raw(world.authority.server(&[b"http/1.1"]), bytes.into()).await;
        let outcome = world.outcome(&endpoint("a", server.port)).await;
        assert_eq!(outcome, Outcome::Network(NetworkFailure::Protocol), "{bytes:.60}");
    }
    let server =
        Server::raw(world.authority.server(&[b"h2"]), b"HTTP/1.1 201 Created\r\n\r\n".to_vec()).await;
    let outcome = world.outcome(&endpoint("a", server.port)).await;
    assert_eq!(outcome, Outcome::Network(NetworkFailure::Protocol));
}

#[tokio::test]
async fn an_answer_that_is_cut_in_its_body_counts_by_its_head() {
    let world = World::new();
    let cut = b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nhalf".to_vec();
    let server = Server::raw(world.authority.server(&[b"http/1.1"]), cut).await;
    assert_eq!(world.outcome(&endpoint("a", server.port)).await.class(), "accepted");
    let server = frames::server(world.authority.server(&[b"h2"]), &[Step::HeadOnly]).await;
    assert_eq!(world.outcome(&endpoint("a", server.port)).await.class(), "accepted");
}

#[tokio::test]
async fn a_certificate_that_is_not_good_is_a_tls_failure() {
    let world = World::new();
    let stranger = Authority::new();
    let cases = [
        stranger.server(&[b"h2"]),
        world.authority.server_named(&["other.example"], &[b"h2"]),
        world.authority.server_named(&["127.0.0.1"], &[b"h2"]),
    ];
    for tls in cases {
        let server = Server::https(tls, Answer::Status(201, vec![])).await;
        let outcome = world.outcome(&endpoint("a", server.port)).await;
        assert_eq!(outcome, Outcome::Network(NetworkFailure::Tls));
        assert_eq!(server.seen().len(), 0);
    }
}

#[tokio::test]
async fn a_server_without_tls_is_not_spoken_to_in_clear() {
    let world = World::new();
    let server = Server::http(Answer::Status(201, vec![])).await;
    assert_eq!(world.outcome(&endpoint("a", server.port)).await, Outcome::Network(NetworkFailure::Tls));
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn a_server_that_never_speaks_tls_is_a_timeout() {
    let world = World::impatient();
    let server = Server::mute().await;
    assert_eq!(world.outcome(&endpoint("a", server.port)).await, Outcome::Network(NetworkFailure::Timeout));
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_are_told_apart() {
    let world = World::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    assert_eq!(world.outcome(&endpoint("a", port)).await, Outcome::Network(NetworkFailure::Connect));
    world.names.tell("b.push.test", &[&[]]);
    assert_eq!(world.outcome(&endpoint("b", port)).await, Outcome::Network(NetworkFailure::Resolve));
}

#[tokio::test]
async fn the_second_address_of_a_name_is_tried() {
    let world = World::new();
    let server = Server::https(world.authority.server(&[b"h2"]), Answer::Status(201, vec![])).await;
    // Nothing listens on 127.0.0.2.
    world.names.tell("a.push.test", &[&["127.0.0.2", "127.0.0.1"]]);
    assert_eq!(world.outcome(&endpoint("a", server.port)).await.class(), "accepted");
}
