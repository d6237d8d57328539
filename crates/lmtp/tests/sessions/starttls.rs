//! STARTTLS (RFC 3207) with a certificate made for the test.

use std::sync::Arc;

use crate::support::{Client, Fixture, assert_replies, limits};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

fn certified() -> (TlsAcceptor, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    (TlsAcceptor::from(Arc::new(server)), TlsConnector::from(Arc::new(client)))
}

async fn start() -> (Fixture, TlsConnector) {
    let (acceptor, connector) = certified();
    (Fixture::start_with_tls(limits(), &[("alice", None)], Some(acceptor)).await, connector)
}

async fn encrypt(client: Client<TcpStream>, connector: &TlsConnector) -> Client<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    Client::new(connector.connect(name, client.stream).await.expect("a handshake"))
}

async fn extensions<S>(client: &mut Client<S>) -> Vec<String>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    client.send("LHLO client.example\r\n").await;
    let mut lines = Vec::new();
    loop {
        let line = client.line().await.expect("the answer to LHLO");
        lines.push(line[4..].to_owned());
        if line.starts_with("250 ") {
            return lines;
        }
    }
}

#[tokio::test]
async fn after_starttls_the_session_begins_anew_and_delivers() {
    let (fixture, connector) = start().await;
    let mut client = fixture.connect().await;
    assert!(client.reply().await.starts_with("220 "));
    assert!(extensions(&mut client).await.contains(&"STARTTLS".to_owned()));
    let begun = client.say("MAIL FROM:<>\r\nSTARTTLS\r\nRSET\r\n", 3).await;
    assert_replies(&begun, &["250 ", "503 5.5.1 ", "250 "]);
    assert_replies(&client.say("STARTTLS\r\n", 1).await, &["220 2.0.0 "]);

    let mut client = encrypt(client, &connector).await;
    assert_replies(&client.say("MAIL FROM:<>\r\n", 1).await, &["503 5.5.1 LHLO first"]);
    assert!(!extensions(&mut client).await.contains(&"STARTTLS".to_owned()));
    assert_replies(&client.say("STARTTLS\r\n", 1).await, &["503 5.5.1 TLS is active already"]);
    let content = "MAIL FROM:<>\r\nRCPT TO:<alice>\r\nDATA\r\nSubject: x\r\n\r\n.\r\nQUIT\r\n";
    assert_replies(&client.say(content, 5).await, &["250 ", "250 ", "354 ", "250 2.0.0 stored as ", "221 "]);
    let stored = fixture.messages("alice", "INBOX").await;
    assert!(stored[0].contains("\tby host.example with LMTPS id "), "{}", stored[0]);
}

#[tokio::test]
async fn commands_in_clear_behind_starttls_are_obeyed_neither_in_clear_nor_encrypted() {
    let (fixture, connector) = start().await;
    let mut client = fixture.connect().await;
    client.greet().await;
    let injected = "STARTTLS\r\nMAIL FROM:<mallory@example.net>\r\nRCPT TO:<alice>\r\n";
    let refused = "503 5.5.1 nothing may follow STARTTLS before its answer; it has been dropped";
    assert_replies(&client.say(injected, 1).await, &[refused]);
    assert_replies(&client.say("RCPT TO:<alice>\r\n", 1).await, &["503 5.5.1 MAIL first"]);
    assert_replies(&client.say("STARTTLS\r\n", 1).await, &["220 "]);
    let mut client = encrypt(client, &connector).await;
    assert_replies(&client.say("LHLO c\r\nRCPT TO:<alice>\r\n", 2).await, &["250 ", "503 5.5.1 MAIL first"]);
}

#[tokio::test]
async fn what_is_no_handshake_ends_the_connection() {
    let (fixture, _) = start().await;
    let mut client = fixture.connect().await;
    client.greet().await;
    assert_replies(&client.say("STARTTLS\r\n", 1).await, &["220 "]);
    client.send("MAIL FROM:<a@example.net>\r\nRCPT TO:<alice>\r\nDATA\r\n").await;
    let mut answer = Vec::new();
    // A TLS alert may come, an LMTP reply must not.
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut client.stream, &mut answer).await;
    assert!(
        !answer.starts_with(b"2") && !answer.starts_with(b"3") && !answer.starts_with(b"5"),
        "{answer:?}"
    );
}
