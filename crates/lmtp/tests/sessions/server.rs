//! Limits, faults and shutdown of a real server, and deliveries too large or too many for a transcript.

use std::time::Duration;

use crate::support::{Client, Fixture, PATIENCE, assert_replies, limits, without_trace};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

const ENVELOPE: &str = "MAIL FROM:<a@example.net>\r\nRCPT TO:<alice>\r\n";

#[tokio::test]
async fn a_connection_over_the_limit_is_told_so_and_others_take_its_place_later() {
    let cases = [
        (lmtp::Limits { connections: 1, ..limits() }, "421 4.3.2 too many connections, try later"),
        (
            lmtp::Limits { connections_per_peer: 1, ..limits() },
            "421 4.7.0 too many connections from your address, try later",
        ),
    ];
    for (limits, refusal) in cases {
        check_one_too_many(limits, refusal).await;
    }
}

async fn check_one_too_many(limits: lmtp::Limits, refusal: &str) {
    let fixture = Fixture::start(limits, &[]).await;
    let mut first = fixture.connect().await;
    first.greet().await;
    let mut second = fixture.connect().await;
    assert_eq!(second.line().await.as_deref(), Some(refusal));
    assert_eq!(second.line().await, None);
    assert_replies(&first.say("QUIT\r\n", 1).await, &["221 "]);
    drop(first);
    let next = async {
        loop {
            if fixture.connect().await.reply().await.starts_with("220 ") {
                break;
            }
        }
    };
    timeout(PATIENCE, next).await.expect("the place becomes free");
}

#[tokio::test]
async fn a_client_that_falls_silent_is_closed_wherever_it_stands() {
    let fixture =
        Fixture::start(lmtp::Limits { idle: Duration::from_millis(150), ..limits() }, &[("alice", None)])
            .await;
    for (said, replies) in [
        (String::new(), 0),
        ("NOO".to_owned(), 0),
        (ENVELOPE.to_owned(), 2),
        (format!("{ENVELOPE}DATA\r\nSubject: never ended\r\n"), 3),
        (format!("{ENVELOPE}BDAT 1000 LAST\r\nSubject: never ended\r\n"), 2),
    ] {
        let mut client = fixture.connect().await;
        client.greet().await;
        client.say(&said, replies).await;
        assert_eq!(client.line().await.as_deref(), Some("421 4.4.2 timeout, closing"), "{said:?}");
        assert_eq!(client.line().await, None);
    }
    assert_eq!(fixture.messages("alice", "INBOX").await.len(), 0, "what was not ended is not delivered");
}

#[tokio::test]
async fn a_command_line_that_trickles_in_is_not_waited_for_longer() {
    let fixture = Fixture::start(lmtp::Limits { idle: Duration::from_millis(200), ..limits() }, &[]).await;
    let mut client = fixture.connect().await;
    client.greet().await;
    let (mut read, mut write) = client.stream.into_split();
    let trickle = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        while write.write_all(b"N").await.is_ok() {
            tick.tick().await;
        }
    });
    let mut answer = vec![0; 100];
    let length = timeout(PATIENCE, read.read(&mut answer)).await.expect("an end").unwrap();
    assert_eq!(&answer[..length], b"421 4.4.2 timeout, closing\r\n");
    drop(read);
    timeout(PATIENCE, trickle).await.expect("the connection is closed").unwrap();
}

#[tokio::test]
async fn a_client_that_reads_no_answers_is_closed() {
    let fixture = Fixture::start(limits(), &[]).await;
    let mut client = fixture.connect().await;
    client.greet().await;
    let batch = "HELP\r\n".repeat(1000);
    let flood = async { while client.stream.write_all(batch.as_bytes()).await.is_ok() {} };
    timeout(PATIENCE * 2, flood).await.expect("the server neither buffers for ever nor waits for ever");
}

#[tokio::test]
async fn on_shutdown_the_idle_are_told_and_a_transaction_may_end() {
    let fixture = Fixture::start(limits(), &[("alice", None)]).await;
    let (mut idle, mut busy) = (fixture.connect().await, fixture.connect().await);
    idle.greet().await;
    busy.greet().await;
    let start = format!("{ENVELOPE}DATA\r\nSubject: under way\r\n");
    assert_replies(&busy.say(start, 3).await, &["250 ", "250 ", "354 "]);
    fixture.shutdown.cancel();
    assert_eq!(idle.line().await.as_deref(), Some("421 4.3.2 shutting down, try later"));
    assert_eq!(idle.line().await, None);
    assert_replies(&busy.say("\r\n.\r\n", 2).await, &["250 2.0.0 stored as ", "421 4.3.2 "]);
    drop((idle, busy));
    assert_eq!(fixture.messages("alice", "INBOX").await.len(), 1);
    timeout(PATIENCE, fixture.serving).await.expect("the server ends").expect("without a panic");
    assert!(tokio::net::TcpStream::connect(fixture.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn when_the_store_is_gone_the_sender_keeps_the_mail() {
    let fixture = Fixture::start(limits(), &[("alice", None), ("bob", None)]).await;
    let mut client = fixture.connect().await;
    client.greet().await;
    let start = format!("{ENVELOPE}DATA\r\n");
    assert_replies(&client.say(&start, 3).await, &["250 ", "250 ", "354 "]);
    fixture.store.close().await.expect("the store closes");
    assert_replies(&client.say("Subject: x\r\n\r\n.\r\n", 1).await, &["451 4.3.0 "]);
    // Alice was looked up a moment ago, bob never: he is told at once.
    let other = start.replace("alice", "bob");
    assert_replies(&client.say(&other, 3).await, &["250 ", "451 4.3.0 ", "503 "]);
}

#[tokio::test]
async fn a_message_that_goes_in_circles_is_refused_for_everybody() {
    let fixture = Fixture::start(limits(), &[("alice", None), ("bob", None)]).await;
    let mut client = fixture.connect().await;
    client.greet().await;
    for (hops, expected) in [(100, ["250 2.0.0 ", "250 2.0.0 "]), (101, ["554 5.4.6 ", "554 5.4.6 "])] {
        let fields = "Received: from there by here;\r\n\tSun, 22 Nov 2026 16:00:00 +0000\r\n".repeat(hops);
        let data = format!("{ENVELOPE}RCPT TO:<bob>\r\nDATA\r\n{fields}\r\n.\r\n");
        assert_replies(&client.say(data, 6).await[4..], &expected);
    }
    assert_eq!(fixture.messages("bob", "INBOX").await.len(), 1);
}

#[tokio::test]
async fn large_messages_in_odd_pieces_are_stored_octet_for_octet() {
    let fixture = Fixture::start(limits(), &[("alice", None)]).await;
    let mut client = fixture.connect().await;
    client.greet().await;
    let body: String = (0..60_000).map(|n| format!(".{n}\r\n..{n} {}\r\n", "x".repeat(n % 70))).collect();
    let message = format!("Subject: large\r\n\r\n{body}");
    let stuffed = message.replace("\r\n.", "\r\n..");
    client.send(format!("{ENVELOPE}DATA\r\n")).await;
    for piece in stuffed.as_bytes().chunks(7919) {
        client.send(piece).await;
    }
    assert_replies(&client.say(".\r\n", 4).await[3..], &["250 2.0.0 stored as "]);
    let stored = fixture.messages("alice", "INBOX").await;
    assert!(without_trace(&stored[0]) == message, "{} of {} octets", stored[0].len(), message.len());
}

#[tokio::test]
async fn many_connections_deliver_at_once_and_nothing_is_lost() {
    const CONNECTIONS: usize = 16;
    const EACH: usize = 10;
    let fixture = Fixture::start(limits(), &[("alice", None)]).await;
    let mut clients = JoinSet::new();
    for number in 0..CONNECTIONS {
        let mut client = fixture.connect().await;
        clients.spawn(async move {
            client.greet().await;
            for message in 0..EACH {
                let content = format!("Subject: {number}/{message}\r\n\r\n{}\r\n.\r\n", "x".repeat(4000));
                let replies = client.say(format!("{ENVELOPE}DATA\r\n{content}"), 4).await;
                assert_replies(&replies, &["250 ", "250 ", "354 ", "250 2.0.0 stored as "]);
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client.expect("no client fails");
    }
    let mut subjects: Vec<String> = fixture
        .messages("alice", "INBOX")
        .await
        .iter()
        .map(|message| without_trace(message).lines().next().unwrap().to_owned())
        .collect();
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), CONNECTIONS * EACH);
}

#[tokio::test]
async fn a_client_that_leaves_before_its_answer_has_delivered() {
    let fixture = Fixture::start(limits(), &[("alice", None)]).await;
    let mut client = fixture.connect().await;
    client.greet().await;
    client.send(format!("{ENVELOPE}DATA\r\nSubject: x\r\n\r\n.\r\n")).await;
    drop(client);
    let arrived = async {
        while fixture.messages("alice", "INBOX").await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, arrived).await.expect("what was ended is delivered");
}

#[tokio::test]
async fn a_unix_socket_is_served_as_well() {
    let fixture = Fixture::start(limits(), &[("alice", None)]).await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lmtp");
    let listener = lmtp::Listener::Unix(UnixListener::bind(&path).unwrap());
    let (server, stop) = (fixture.server.clone(), fixture.shutdown.clone());
    let serving = tokio::spawn(async move { server.serve(listener, stop).await });
    let mut client = Client::new(UnixStream::connect(&path).await.unwrap());
    client.greet().await;
    let replies = client.say(format!("{ENVELOPE}DATA\r\nSubject: x\r\n\r\n.\r\nQUIT\r\n"), 5).await;
    assert_replies(&replies[2..], &["354 ", "250 2.0.0 stored as ", "221 "]);
    let stored = fixture.messages("alice", "INBOX").await;
    let trace =
        "Return-Path: <a@example.net>\r\nReceived: from client.example\r\n\tby host.example with LMTP id ";
    assert!(stored[0].starts_with(trace), "{}", stored[0]);
    fixture.shutdown.cancel();
    timeout(PATIENCE, serving).await.expect("it ends too").unwrap();
}
