//! Endpoints that a stranger chose: what is never connected to, whatever name or spelling leads there.

use push_sender::outcome::{NetworkFailure, Outcome};
use push_sender::policy::EndpointRefused;
use webpush::origin::Origin;

use crate::server::{Answer, Server};
use crate::world::{World, endpoint};

const REFUSED: Outcome = Outcome::Network(NetworkFailure::Refused(EndpointRefused::Address));

/// A world that allows nothing, and a server on loopback that must not be reached.
async fn fortress() -> (World, Server) {
    let mut world = World::new();
    world.policy.allow_addresses.clear();
    let server = Server::https(world.authority.server(&[b"h2"]), Answer::Status(201, vec![])).await;
    (world, server)
}

#[tokio::test]
async fn no_spelling_of_a_private_address_is_connected_to() {
    let (world, server) = fortress().await;
    let port = server.port;
    let literals = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "localhost",
    ];
    for host in literals {
        assert_eq!(world.outcome(&format!("https://{host}:{port}/")).await, REFUSED, "{host}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn no_name_of_a_private_address_is_connected_to() {
    let (world, server) = fortress().await;
    let answers: [&[&str]; 7] = [
        &["127.0.0.1"],
        &["::ffff:127.0.0.1"],
        &["::1"],
        &["10.0.0.1", "192.168.0.1"],
        &["169.254.169.254"],
        &["64:ff9b::7f00:1"],
        &["0.0.0.0"],
    ];
    for answer in answers {
        world.names.tell("a.push.test", &[answer]);
        assert_eq!(world.outcome(&endpoint("a", server.port)).await, REFUSED, "{answer:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_that_changes_its_address_gains_nothing() {
    let (mut world, server) = fortress().await;
    // 127.0.0.1 is where the allowed server is, 127.0.0.2 stands for what must not be reached.
    world.policy.allow_addresses = vec!["127.0.0.1/32".parse().expect("a network")];
    let inside = tokio::net::TcpListener::bind(("127.0.0.2", server.port)).await.expect("the same port");
    let sender = world.sender();
    world.names.tell("a.push.test", &[&["127.0.0.1"], &["127.0.0.2"], &["127.0.0.2", "127.0.0.1"]]);
    let request = world.push(&endpoint("a", server.port));
    // The first look-up is good, and its connection may go on being used.
    assert_eq!(sender.send(&request).await.class(), "accepted");
    // Whoever has to connect anew looks up anew, and is refused.
    let anew = world.sender();
    assert_eq!(anew.send(&request).await, REFUSED);
    // Of a mixed answer only the allowed address is used.
    assert_eq!(world.sender().send(&request).await.class(), "accepted");
    let reached = tokio::time::timeout(std::time::Duration::from_millis(50), inside.accept()).await;
    assert!(reached.is_err(), "connected to what was not allowed");
}

#[tokio::test]
async fn only_the_very_origin_of_our_own_push_service_is_allowed() {
    let (mut world, server) = fortress().await;
    let plain = Server::http(Answer::Status(201, vec![])).await;
    let other = Server::http(Answer::Status(201, vec![])).await;
    world.policy.own_service = Origin::parse(&format!("http://127.0.0.1:{}", plain.port));
    world.policy.contact = None;
    let own = format!("http://127.0.0.1:{}/p/1", plain.port);
    assert_eq!(world.outcome(&own).await.class(), "accepted");
    let scheme = Outcome::Network(NetworkFailure::Refused(EndpointRefused::Scheme));
    assert_eq!(world.outcome(&format!("http://127.0.0.1:{}/p/1", other.port)).await, scheme);
    assert_eq!(world.outcome(&format!("https://127.0.0.1:{}/p/1", server.port)).await, REFUSED);
    assert_eq!((other.connections(), server.connections()), (0, 0));
}

#[tokio::test]
async fn a_public_address_needs_a_contact_before_anything_is_sent() {
    let mut world = World::new();
    world.policy.contact = None;
    world.names.tell("a.push.test", &[&["8.8.8.8"]]);
    let outcome = world.outcome(&endpoint("a", 443)).await;
    assert_eq!(outcome, Outcome::Network(NetworkFailure::Refused(EndpointRefused::NoContact)));
    // What is allowed by configuration needs none.
    let server = Server::https(world.authority.server(&[b"h2"]), Answer::Status(201, vec![])).await;
    assert_eq!(world.outcome(&endpoint("b", server.port)).await.class(), "accepted");
}

#[tokio::test]
async fn credentials_in_the_url_are_refused() {
    let world = World::new();
    let server = Server::https(world.authority.server(&[b"h2"]), Answer::Status(201, vec![])).await;
    let outcome = world.outcome(&format!("https://user:secret@a.push.test:{}/", server.port)).await;
    assert_eq!(outcome, Outcome::Network(NetworkFailure::Refused(EndpointRefused::UserInfo)));
    assert_eq!(server.connections(), 0);
}
