//! What a connection does beside commands: limits, pace, TLS, the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::transcript::Client;
use crate::support::{PASSWORD, TestServer};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

#[tokio::test]
async fn commands_that_come_together_are_answered_in_order() {
    let server = TestServer::start(|_| {}).await;
    let mut client = Client::log_in(&server).await;
    client.send_bytes(b"a NOOP\r\nb IDLE\r\nDONE\r\nc SELECT INBOX\r\nd NOOP\r\ne LOGOUT\r\n").await;
    let mut tagged = Vec::new();
    for tag in ["a", "b", "c", "d", "e"] {
        tagged.push(client.answer(tag).await.last().unwrap().clone());
    }
    let starts: Vec<&str> = tagged.iter().map(|line| line.get(..4).unwrap()).collect();
    assert_eq!(starts, ["a OK", "b OK", "c OK", "d OK", "e OK"]);
    assert!(client.is_closed().await);
    server.stop().await;
}

#[tokio::test]
async fn a_command_may_come_byte_by_byte() {
    let server = TestServer::start(|_| {}).await;
    let mut client = Client::log_in(&server).await;
    for byte in b"a APPEND INBOX (\\Seen) {6+}\r\na: b\r\n\r\n" {
        client.send_bytes(&[*byte]).await;
        tokio::task::yield_now().await;
    }
    let answer = client.answer("a").await;
    assert!(answer.last().unwrap().starts_with("a OK [APPENDUID "), "{answer:?}");
    server.stop().await;
}

#[tokio::test]
async fn broken_input_is_answered_and_then_cut_off() {
    let server = TestServer::start(|options| options.limits.bad_commands = 5).await;
    let mut client = Client::log_in(&server).await;
    let long = "x".repeat(3_000);
    let cases = [
        (long.clone(), "* BAD [TOOBIG] the command line is too long"),
        (format!("a {long}"), "a BAD [TOOBIG] the command line is too long"),
        (format!("a LOGIN {{2000+}}\r\n{}", "y".repeat(2_000)), "a NO [TOOBIG] the literal is too big"),
        ("\0\u{1}\u{fffd}".to_owned(), "* BAD expected a tag at byte 0"),
    ];
    for (line, expected) in cases {
        client.send(&line).await;
        assert_eq!(client.line().await, expected);
    }
    client.send("").await;
    assert_eq!(client.line().await, "* BAD expected a tag at byte 0");
    assert_eq!(client.line().await, "* BYE too many broken commands");
    assert!(client.is_closed().await);
    server.stop().await;
}

#[tokio::test]
async fn an_endless_line_ends_the_connection() {
    let server = TestServer::start(|_| {}).await;
    let mut client = Client::log_in(&server).await;
    client.send_bytes(&vec![b'x'; 25_000]).await;
    assert_eq!(client.line().await, "* BYE too much data after a rejected command");
    server.stop().await;
}

#[tokio::test]
async fn who_does_not_log_in_in_time_is_sent_away() {
    let server = TestServer::start(|options| options.limits.login_time = Duration::from_millis(200)).await;
    let mut client = Client::connect(&server).await;
    client.line().await;
    client.send("a NOOP").await;
    assert_eq!(client.line().await, "a OK NOOP done");
    assert_eq!(client.line().await, "* BYE you have been silent for too long");
    assert!(client.is_closed().await);
    server.stop().await;
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let server = TestServer::start(|options| options.limits.connections = 1).await;
    let first = Client::log_in(&server).await;
    let mut second = Client::connect(&server).await;
    assert_eq!(second.line().await, "* BYE [UNAVAILABLE] too many connections");
    drop(first);
    // The place is free as soon as the server has seen the end.
    let free = async {
        while !Client::connect(&server).await.line().await.starts_with("* OK") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), free).await.expect("the place becomes free");
    server.stop().await;
}

#[tokio::test]
async fn a_stopping_server_says_goodbye_to_those_who_wait() {
    let server = TestServer::start(|_| {}).await;
    let mut waiting = Client::log_in(&server).await;
    let mut idling = Client::log_in(&server).await;
    idling.send("a IDLE").await;
    assert_eq!(idling.line().await, "+ idling");
    server.begin_stop();
    for client in [&mut waiting, &mut idling] {
        assert_eq!(client.line().await, "* BYE the server is shutting down");
        assert!(client.is_closed().await);
    }
    server.stop().await;
}

#[tokio::test]
async fn half_a_command_and_a_half_closed_socket_leave_nothing_behind() {
    let server = TestServer::start(|_| {}).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"a LOGIN alice {6}\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert!(said.ends_with("+ go ahead\r\n"), "{said}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_delays_nobody_and_gets_all_in_the_end() {
    let server = TestServer::start(|options| options.limits.message_bytes = 8 << 20).await;
    let mut slow = Client::log_in(&server).await;
    let text = "0123456789abcdef".repeat(64 * 1024 / 16);
    let message = format!("Subject: large\r\n\r\n{}", format!("{text}\r\n").repeat(64));
    slow.send_bytes(format!("a APPEND INBOX {{{}+}}\r\n{message}\r\n", message.len()).as_bytes()).await;
    slow.answer("a").await;
    slow.command("SELECT INBOX").await;
    // More than all socket buffers on the way hold.
    slow.send_bytes("b FETCH 1 BODY.PEEK[]\r\n".repeat(8).as_bytes()).await;

    let mut other = Client::log_in(&server).await;
    let started = Instant::now();
    other.command("SELECT INBOX").await;
    let stored = other.command(r"STORE 1 +FLAGS (\Flagged)").await;
    assert!(stored.last().unwrap().starts_with("t OK"), "{stored:?}");
    assert!(started.elapsed() < Duration::from_secs(5), "it took {:?}", started.elapsed());

    for _ in 0..8 {
        let lines = slow.answer("b").await;
        let bytes: usize = lines.iter().map(|line| line.len() + 2).sum();
        assert!(bytes > message.len(), "{bytes} of {}", message.len());
        assert!(lines.last().unwrap().starts_with("b OK"));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_mail_reaches_all_who_idle() {
    let server = TestServer::start(|_| {}).await;
    let mut idling = Vec::new();
    for _ in 0..20 {
        let mut client = Client::log_in(&server).await;
        client.command("SELECT INBOX").await;
        client.send("i IDLE").await;
        assert_eq!(client.line().await, "+ idling");
        idling.push(client);
    }
    for count in 1..=5 {
        server.give(&["second"]).await;
        for client in &mut idling {
            assert_eq!(client.line().await, format!("* {count} EXISTS"));
        }
    }
    server.stop().await;
}

/// A self-signed certificate, and a client that trusts it alone.
fn tls() -> (TlsAcceptor, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (TlsAcceptor::from(Arc::new(server)), TlsConnector::from(Arc::new(client)))
}

async fn read_line(stream: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> String {
    let mut line = String::new();
    let reading = stream.read_line(&mut line);
    tokio::time::timeout(Duration::from_secs(10), reading).await.expect("an answer").unwrap();
    line
}

#[tokio::test]
async fn starttls_hides_what_comes_after_it_and_forgets_what_came_with_it() {
    let (acceptor, connector) = tls();
    let server = TestServer::start(|options| options.tls = Some(acceptor)).await;
    let mut plain = BufReader::new(TcpStream::connect(server.address).await.unwrap());
    assert!(read_line(&mut plain).await.contains(" STARTTLS "));
    // RFC 9051 §6.2.1, and CVE-2011-0411: a command that was slipped in before TLS must not be obeyed within it.
    plain.get_mut().write_all(b"a STARTTLS\r\nb LOGOUT\r\n").await.unwrap();
    assert_eq!(read_line(&mut plain).await, "a OK begin TLS\r\n");

    let name = ServerName::try_from("localhost").unwrap();
    let mut secret = BufReader::new(connector.connect(name, plain.into_inner()).await.unwrap());
    secret.get_mut().write_all(b"c CAPABILITY\r\n").await.unwrap();
    let capabilities = read_line(&mut secret).await;
    assert!(
        capabilities.starts_with(
            "* CAPABILITY IMAP4rev1 IMAP4rev2 AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 AUTH=PLAIN SASL-IR ACL"
        ),
        "{capabilities}"
    );
    assert!(!capabilities.contains("STARTTLS"), "{capabilities}");
    assert_eq!(read_line(&mut secret).await, "c OK CAPABILITY done\r\n");
    let login = format!("d LOGIN alice {PASSWORD}\r\ne IDLE\r\n");
    secret.get_mut().write_all(login.as_bytes()).await.unwrap();
    assert!(read_line(&mut secret).await.starts_with("d OK"));
    assert_eq!(read_line(&mut secret).await, "+ idling\r\n");
    server.stop().await;
}

#[tokio::test]
async fn the_tls_port_speaks_tls_at_once() {
    let (acceptor, connector) = tls();
    let server = TestServer::start(|options| options.tls = Some(acceptor)).await;
    let stream = TcpStream::connect(server.tls_address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut secret = BufReader::new(connector.connect(name, stream).await.unwrap());
    assert!(
        read_line(&mut secret)
            .await
            .starts_with("* OK [CAPABILITY IMAP4rev1 IMAP4rev2 AUTH=SCRAM-SHA-256-PLUS")
    );

    // A client that does not speak TLS there gets no answer, and hurts nobody.
    let mut confused = TcpStream::connect(server.tls_address).await.unwrap();
    confused.write_all(b"a NOOP\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = confused.read_to_end(&mut answer).await;
    assert!(!answer.windows(2).any(|w| w == b"OK"), "{answer:?}");
    secret.get_mut().write_all(b"a LOGOUT\r\n").await.unwrap();
    assert_eq!(read_line(&mut secret).await, "* BYE logging out\r\n");
    server.stop().await;
}
