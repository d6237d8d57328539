//! Clients that ask for much and take little: what they cost.

use std::sync::Arc;

use crate::support::TestServer;
use crate::support::transcript::Client;
use bytes::Bytes;
use store::{Cause, Flags, MailboxName, NewMessage, Raw, Target, UnixTime};

/// Clients that take nothing of the message that they have asked for.
const CLIENTS: usize = 30;
/// Bytes of that message before it is encoded.
const CONTENT_BYTES: usize = 12 << 20;

/// Resident memory of this process in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_message_costs_each_client_a_piece_and_comes_whole() {
    let server = TestServer::start(|_| {}).await;
    give_large(&server).await;
    measure_those_who_take_nothing(&server).await;
    compare_what_comes(&server).await;
    server.stop().await;
}

async fn measure_those_who_take_nothing(server: &TestServer) {
    let before = resident();
    let mut clients = Vec::new();
    let items = ["BODY.PEEK[]", "BODY.PEEK[1]<100000.9000000>", "BINARY.PEEK[1]"];
    for item in items.iter().cycle().take(CLIENTS) {
        let mut client = Client::log_in(server).await;
        client.command("SELECT INBOX").await;
        client.send(&format!("f FETCH 1 ({item})")).await;
        // It has begun to come; nothing of it is read.
        clients.push(client);
    }
    for client in &mut clients {
        let head = client.line().await;
        assert!(head.starts_with("* 1 FETCH (B"), "{head}");
    }
    let cost = resident().saturating_sub(before) / CLIENTS;
    // Each would cost 12 MiB or more if the message were in memory.
    assert!(cost < 1 << 20, "{cost} bytes for each client");
}

async fn compare_what_comes(server: &TestServer) {
    let mut client = Client::log_in(server).await;
    client.command("SELECT INBOX").await;
    let sizes = client.command("FETCH 1 (BINARY.SIZE[1])").await;
    assert_eq!(sizes[0], format!("* 1 FETCH (BINARY.SIZE[1] {CONTENT_BYTES})"));
    client.send("f FETCH 1 (BINARY.PEEK[1])").await;
    let lines = client.answer("f").await;
    assert_eq!(lines[0], format!("* 1 FETCH (BINARY[1] {{{CONTENT_BYTES}}}"));
    assert_eq!(lines[1].len(), CONTENT_BYTES + 1, "the content and the end of the response");
    assert!(lines[1].bytes().zip(content()).all(|(came, expected)| came == expected));
    // Where two pieces meet.
    for offset in [65_535, 131_000, CONTENT_BYTES - 5] {
        client.send(&format!("p FETCH 1 (BINARY.PEEK[1]<{offset}.10>)")).await;
        let expected: Vec<u8> = content().skip(offset).take(10).collect();
        let lines = client.answer("p").await;
        assert_eq!(lines[1], format!("{})", String::from_utf8(expected).unwrap()));
    }
}

/// Letters, never a line end, of a period that fits no piece.
fn content() -> impl Iterator<Item = u8> {
    (b'a'..=b'w').cycle().take(CONTENT_BYTES)
}

async fn give_large(server: &TestServer) {
    let mut text = b"Subject: large\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n".to_vec();
    let content: Vec<u8> = content().collect();
    for line in content.chunks(75) {
        text.extend_from_slice(line);
        text.extend_from_slice(b"=\r\n");
    }
    let bytes = Bytes::from(text);
    let parsed = Arc::new(message::Parsed::parse(&bytes));
    let message = NewMessage {
        raw: Raw { bytes, parsed },
        target: Target::NameOrInbox(MailboxName::inbox()),
        received_at: UnixTime(1_767_225_600),
        flags: Flags::default(),
        keywords: Vec::new(),
        cause: Cause::Append,
    };
    let access = server.store.system_access(server.alice);
    server.store.append(&access, message).await.unwrap();
    // What the index takes to read the message is no cost of those who fetch it.
    server.store.index_now(&access).await.unwrap();
}
