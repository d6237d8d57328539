//! How connections are shared, bounded, closed and replaced.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::Request;
use push_sender::outcome::{NetworkFailure, Outcome};
use push_sender::request::Wanted;
use push_sender::sender::PushSender;
use tokio::task::JoinSet;

use crate::frames::{self, Step};
use crate::server::{Answer, Server};
use crate::world::{World, endpoint, eventually};

/// Sends `count` pushes at once and returns the classes of their outcomes, sorted.
async fn burst(sender: &Arc<PushSender>, world: &World, url: &str, count: usize) -> Vec<&'static str> {
    let mut all = JoinSet::new();
    for number in 0..count {
        let (sender, request) = (Arc::clone(sender), world.push(&format!("{url}/{number}")));
        all.spawn(async move { sender.send(&request).await.class() });
    }
    let mut classes = all.join_all().await;
    classes.sort_unstable();
    classes
}

#[tokio::test]
async fn many_pushes_share_one_http2_connection() {
    let world = World::new();
    let server =
        Server::https(world.authority.server(&[b"h2"]), Answer::Slowly(Duration::from_millis(200))).await;
    let sender = world.sender();
    let url = endpoint("a", server.port);
    let started = Instant::now();
    assert_eq!(burst(&sender, &world, &url, 100).await, ["accepted"; 100]);
    assert_eq!(burst(&sender, &world, &url, 20).await, ["accepted"; 20]);
    assert_eq!((server.connections(), server.seen().len()), (1, 120));
    assert!(started.elapsed() < Duration::from_secs(15), "one after the other: {:?}", started.elapsed());
}

#[tokio::test]
async fn http1_connections_are_used_again_and_their_number_is_bounded() {
    let mut world = World::new();
    world.limits.connections_per_origin = 3;
    let server =
        Server::https(world.authority.server(&[b"http/1.1"]), Answer::Slowly(Duration::from_millis(20)))
            .await;
    let sender = world.sender();
    let url = endpoint("a", server.port);
    for _ in 0..5 {
        assert_eq!(sender.send(&world.push(&url)).await.class(), "accepted");
    }
    assert_eq!(server.connections(), 1);
    assert_eq!(burst(&sender, &world, &url, 12).await, ["accepted"; 12]);
    assert!(server.connections() <= 3, "{}", server.connections());
}

#[tokio::test]
async fn another_http2_connection_is_opened_only_when_the_streams_are_used_up() {
    let mut world = World::new();
    world.limits.streams_per_connection = 10;
    world.limits.connections_per_origin = 2;
    let server =
        Server::https(world.authority.server(&[b"h2"]), Answer::Slowly(Duration::from_millis(50))).await;
    let sender = world.sender();
    assert_eq!(burst(&sender, &world, &endpoint("a", server.port), 50).await, ["accepted"; 50]);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn what_is_no_longer_wanted_when_its_turn_comes_does_not_leave() {
    let mut world = World::new();
    world.limits.connections_per_origin = 1;
    let server =
        Server::https(world.authority.server(&[b"http/1.1"]), Answer::Slowly(Duration::from_millis(300)))
            .await;
    let sender = world.sender();
    let url = endpoint("a", server.port);
    let first = tokio::spawn({
        let (sender, request) = (Arc::clone(&sender), world.push(&format!("{url}/first")));
        async move { sender.send(&request).await.class() }
    });
    eventually("the first request is there", || server.seen().len() == 1).await;
    // It waits for the only connection, and is asked about only when it has it.
    let asked = Arc::new(AtomicUsize::new(0));
    let mut second = world.push(&format!("{url}/second"));
    second.wanted = Some(Wanted::new({
        let asked = Arc::clone(&asked);
        move || {
            asked.fetch_add(1, Ordering::SeqCst);
            Box::pin(std::future::ready(false))
        }
    }));
    assert_eq!(sender.send(&second).await, Outcome::Withdrawn);
    assert!(first.is_finished() || first.await.unwrap() == "accepted");
    assert_eq!((asked.load(Ordering::SeqCst), server.seen().len()), (1, 1));
    // The connection is good for the next one, and what is wanted leaves.
    second.wanted = Some(Wanted::new(|| Box::pin(std::future::ready(true))));
    assert_eq!(sender.send(&second).await.class(), "accepted");
    assert_eq!((server.connections(), server.seen().len()), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_waits_for_a_place_gets_it_whatever_thread_frees_it() {
    let mut world = World::new();
    world.limits.connections_per_origin = 1;
    world.limits.streams_per_connection = 1;
    for version in [&b"h2"[..], b"http/1.1"] {
        let server = Server::https(world.authority.server(&[version]), Answer::Status(201, vec![])).await;
        let sender = world.sender();
        assert_eq!(burst(&sender, &world, &endpoint("a", server.port), 300).await, ["accepted"; 300]);
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn an_origin_that_hangs_delays_nobody_else() {
    let mut world = World::new();
    world.limits.connections_per_origin = 1;
    world.limits.streams_per_connection = 5;
    world.limits.requests_per_origin = 20;
    world.limits.request_timeout = Duration::from_secs(20);
    let hanging = Server::https(world.authority.server(&[b"h2"]), Answer::Never).await;
    let mute = Server::mute().await;
    let good = Server::https(world.authority.server(&[b"h2"]), Answer::Status(201, vec![])).await;
    let sender = world.sender();
    let mut stuck = JoinSet::new();
    for number in 0..30 {
        for port in [hanging.port, mute.port] {
            let (sender, request) =
                (Arc::clone(&sender), world.push(&format!("{}/{number}", endpoint("a", port))));
            stuck.spawn(async move { sender.send(&request).await.class() });
        }
    }
    eventually("the hanging origin holds what it may", || hanging.seen().len() == 5).await;
    let started = Instant::now();
    assert_eq!(burst(&sender, &world, &endpoint("b", good.port), 10).await, ["accepted"; 10]);
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    // Of each hanging origin, 20 requests may wait; the other 10 are sent back at once.
    let mut deferred = 0;
    while deferred < 20 {
        let class = stuck.join_next().await.expect("more").expect("no panic");
        deferred += usize::from(class == "deferred");
    }
    assert!(sender.sockets_open() <= 3, "{}", sender.sockets_open());
}

#[tokio::test]
async fn whoever_waits_for_a_connection_shares_its_failure() {
    let world = World::impatient();
    let mute = Server::mute().await;
    let sender = world.sender();
    let started = Instant::now();
    assert_eq!(burst(&sender, &world, &endpoint("a", mute.port), 50).await, ["timeout"; 50]);
    assert!(started.elapsed() < world.limits.connect_timeout * 30, "{:?}", started.elapsed());
    assert!(mute.connections() <= 2, "{}", mute.connections());
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let mut world = World::new();
    world.limits.idle_timeout = Duration::from_millis(60);
    for version in [&b"h2"[..], b"http/1.1"] {
        let server = Server::https(world.authority.server(&[version]), Answer::Status(201, vec![])).await;
        let sender = world.sender();
        let url = endpoint("a", server.port);
        assert_eq!(sender.send(&world.push(&url)).await.class(), "accepted");
        eventually("the idle connection is closed", || server.open() == 0 && sender.sockets_open() == 0)
            .await;
        assert_eq!(sender.send(&world.push(&url)).await.class(), "accepted");
        assert_eq!(server.connections(), 2);
    }
}

#[tokio::test]
async fn when_sockets_run_out_the_longest_idle_connection_makes_room() {
    let mut world = World::new();
    world.limits.sockets = 2;
    let server = Server::https(world.authority.server(&[b"h2"]), Answer::Status(201, vec![])).await;
    let sender = world.sender();
    for label in ["a", "b", "c", "d"] {
        assert_eq!(
            sender.send(&world.push(&endpoint(label, server.port))).await.class(),
            "accepted",
            "{label}"
        );
        assert!(sender.sockets_open() <= 2);
    }
    assert_eq!(server.connections(), 4);
    // The one used last is still open.
    assert_eq!(sender.send(&world.push(&endpoint("d", server.port))).await.class(), "accepted");
    assert_eq!(server.connections(), 4);
}

#[tokio::test]
async fn dropping_the_sender_closes_its_connections() {
    let world = World::new();
    let server = Server::https(world.authority.server(&[b"h2"]), Answer::Status(201, vec![])).await;
    let sender = world.sender();
    sender.send(&world.push(&endpoint("a", server.port))).await;
    assert_eq!(server.open(), 1);
    drop(sender);
    eventually("the connection is closed", || server.open() == 0).await;
}

#[tokio::test]
async fn a_request_is_sent_again_only_when_it_was_not_processed() {
    const NO_ERROR: u32 = 0;
    const INTERNAL_ERROR: u32 = 2;
    const REFUSED_STREAM: u32 = 7;
    let protocol = Outcome::Network(NetworkFailure::Protocol);
    let accepted = Outcome::Accepted { status: 201, location: None };
    let go_away = |last_stream, code| Step::GoAway { last_stream, code };
    let reset = |code| Step::Reset { code };
    let cases: [(&[Step], &Outcome, usize); 7] = [
        // The connection is being closed, and the request came too late: a new connection.
        (&[go_away(0, NO_ERROR), Step::Answer], &accepted, 2),
        // The request was refused before any of it was processed: the same connection will do.
        (&[reset(REFUSED_STREAM), Step::Answer], &accepted, 1),
        (&[reset(REFUSED_STREAM), go_away(0, NO_ERROR), Step::Answer], &accepted, 2),
        // Three times is enough.
        (&[reset(REFUSED_STREAM), reset(REFUSED_STREAM), reset(REFUSED_STREAM)], &protocol, 1),
        // The peer may have taken the push: sending it again is the notifier's decision.
        (&[go_away(1, NO_ERROR)], &protocol, 1),
        (&[go_away(1, INTERNAL_ERROR)], &protocol, 1),
        (&[reset(INTERNAL_ERROR)], &protocol, 1),
    ];
    let world = World::new();
    for (steps, expected, connections) in cases {
        let server = frames::server(world.authority.server(&[b"h2"]), steps).await;
        let outcome = world.outcome(&endpoint("a", server.port)).await;
        assert_eq!((&outcome, server.connections()), (expected, connections), "{steps:?}");
    }
}

#[tokio::test]
async fn a_connection_that_the_server_closes_after_the_answer_is_replaced() {
    let world = World::new();
    // RFC 9112 §9.6: the server says that it closes.
    let closing = Answer::Status(201, vec![("connection", "close".to_owned())]);
    let server = Server::https(world.authority.server(&[b"http/1.1"]), closing).await;
    let sender = world.sender();
    for connections in 1..4 {
        assert_eq!(sender.send(&world.push(&endpoint("a", server.port))).await.class(), "accepted");
        assert_eq!(server.connections(), connections);
    }
}

#[tokio::test]
async fn a_server_that_went_away_while_idle_is_noticed() {
    let world = World::new();
    let server = Server::https(world.authority.server(&[b"h2"]), Answer::Status(201, vec![])).await;
    let (sender, url) = (world.sender(), endpoint("a", server.port));
    assert_eq!(sender.send(&world.push(&url)).await.class(), "accepted");
    drop(server);
    eventually("the connection has ended", || sender.sockets_open() == 0).await;
    assert_eq!(sender.send(&world.push(&url)).await, Outcome::Network(NetworkFailure::Connect));
}

#[tokio::test]
async fn answers_go_to_the_requests_that_they_belong_to() {
    let world = World::new();
    let by_path = Arc::new(|request: &Request<()>| {
        let last = request.uri().path().rsplit('/').next().and_then(|number| number.parse::<u16>().ok());
        Answer::Status(if last.is_some_and(|number| number % 2 == 0) { 201 } else { 410 }, vec![])
    });
    for version in [&b"h2"[..], b"http/1.1"] {
        let server = Server::https_with(world.authority.server(&[version]), by_path.clone()).await;
        let classes = burst(&world.sender(), &world, &endpoint("a", server.port), 40).await;
        assert_eq!(classes, [["accepted"; 20], ["gone"; 20]].concat());
    }
}
