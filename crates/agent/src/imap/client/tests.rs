//! The client against scripted servers.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::testing::{Authority, Step, authority, play, script, within};

async fn serve(steps: Vec<Step>) -> (Address, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port() };
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        play(Box::new(stream), steps).await;
    });
    (address, server)
}

async fn connect(text: &str) -> (Result<Client, ClientError>, JoinHandle<()>) {
    let (address, server) = serve(script(text)).await;
    let client = Client::connect(&address, Security::Plain, &Trust::system().unwrap()).await;
    (client, server)
}

#[tokio::test]
async fn commands_are_answered_by_their_tag_with_what_came_before_it() {
    let (client, server) = connect(
        "S: * OK ready
         C: TAG CAPABILITY
         S: * CAPABILITY IMAP4rev1 WEBPUSH
         S: TAG OK done
         C: TAG LOGIN \"alice\" \"pass \\\\ \\\"word\\\"\"
         S: * OK [ALERT] free (text that is no list
         S: TAG OK [CAPABILITY IMAP4rev1] welcome
         C: TAG CAPABILITY
         S: * CAPABILITY IMAP4rev1 UTF8=ACCEPT
         S: TAG OK done
         C: TAG GETVAPID
         S: * 5 EXISTS
         S: * VAPID abc
         S: TAG OK done
         C: TAG LOGOUT
         S: * BYE goodbye",
    )
    .await;
    let mut client = client.unwrap();
    assert!(client.has("webpush").await.unwrap());
    client.login("alice", "pass \\ \"word\"").await.unwrap();
    assert!(!client.has("WEBPUSH").await.unwrap(), "asked again after the login");
    let answer = client.done(&[Argument::Atom("GETVAPID")]).await.unwrap();
    assert_eq!(answer.untagged.len(), 2);
    let vapid: Vec<_> = answer.named("vapid").map(|values| values[1].text().unwrap()).collect();
    assert_eq!(vapid, ["abc"]);
    client.logout().await;
    within(server).await.unwrap();
}

// RFC 9051 §4.3
#[tokio::test]
async fn a_string_that_can_not_be_quoted_goes_as_a_literal_when_it_is_asked_for() {
    let (client, server) = connect(
        "S: * OK ready
         C: TAG LOGIN \"alice\" {10}
         S: + go on
         C: pässwörd
         S: TAG OK
         C: TAG LOGIN \"alice\" {3}
         S: TAG NO too large",
    )
    .await;
    let mut client = client.unwrap();
    client.login("alice", "pässwörd").await.unwrap();
    let refused = client.login("alice", "ü\n").await;
    assert!(matches!(refused, Err(ClientError::Refused { command, .. }) if command == "LOGIN"));
    within(server).await.unwrap();
}

#[tokio::test]
async fn a_literal_in_a_response_is_part_of_it() {
    let (client, server) = connect(
        "S: * OK ready
         C: TAG X
         S: * VAPID {3}
         S: a)c
         S: TAG OK",
    )
    .await;
    let answer = client.unwrap().done(&[Argument::Atom("X")]).await.unwrap();
    assert_eq!(answer.untagged, [[Value::Atom("VAPID".into()), Value::Text(b"a)c".to_vec())]]);
    within(server).await.unwrap();
}

#[tokio::test]
async fn refusals_and_goodbyes_are_told_apart() {
    let (client, _server) = connect("S: * BYE too busy").await;
    assert!(matches!(client, Err(ClientError::Bye(text)) if text.contains("too busy")));
    let (client, _server) = connect("S: HTTP/1.1 400 Bad Request").await;
    assert!(matches!(client, Err(ClientError::Protocol(_))));

    let (client, _server) =
        connect("S: * OK\nC: TAG X\nS: TAG NO [X] not now\nC: TAG Y\nS: TAG BAD what?\nC: TAG Z\nS: * BYE")
            .await;
    let mut client = client.unwrap();
    let status = client.command(&[Argument::Atom("X")]).await.unwrap().status;
    assert_eq!(status, Status::No("NO [X] not now".into()));
    let status = client.command(&[Argument::Atom("Y")]).await.unwrap().status;
    assert_eq!(status, Status::Bad("BAD what?".into()));
    assert!(matches!(client.command(&[Argument::Atom("Z")]).await, Err(ClientError::Bye(_))));
}

#[tokio::test]
async fn endless_responses_are_cut_off() {
    let line = format!("* {}\r\n", "x".repeat(RESPONSE_BYTES_MAX));
    let literal = format!("* X {{{RESPONSE_BYTES_MAX}}}\r\n");
    let many = "* 1 EXISTS\r\n".repeat(UNTAGGED_MAX + 1);
    for flood in [line, literal, many] {
        let mut steps = script("S: * OK\nC: TAG X");
        steps.push(Step::Send(flood));
        let (address, server) = serve(steps).await;
        let mut client = Client::connect(&address, Security::Plain, &Trust::system().unwrap()).await.unwrap();
        let ended = client.command(&[Argument::Atom("X")]).await;
        assert!(matches!(ended, Err(ClientError::Protocol(_))), "{ended:?}");
        server.abort();
    }
}

async fn secure_server(authority: &Authority, before: &'static str, after: &'static str) -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port() };
    let acceptor = TlsAcceptor::from(Arc::clone(&authority.config));
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let stream = play(Box::new(stream), script(before)).await.into_inner();
        if let Ok(stream) = acceptor.accept(stream).await {
            play(Box::new(stream), script(after)).await;
        }
    });
    address
}

#[tokio::test]
async fn tls_from_the_first_byte_and_after_starttls_check_the_certificate() {
    let authority = authority();
    let trusting = Trust::only(authority.certificate.clone()).unwrap();
    let stranger = Trust::only(crate::testing::authority().certificate).unwrap();
    let starttls =
        "S: * OK\nC: TAG CAPABILITY\nS: * CAPABILITY STARTTLS\nS: TAG OK\nC: TAG STARTTLS\nS: TAG OK";
    let cases = [
        (Security::Tls, "", "S: * OK ready\nC: TAG LOGIN \"a\" \"b\"\nS: TAG OK"),
        (Security::StartTls, starttls, "C: TAG LOGIN \"a\" \"b\"\nS: TAG OK"),
    ];
    for (security, before, after) in cases {
        let address = secure_server(&authority, before, after).await;
        let mut client = Client::connect(&address, security, &trusting).await.unwrap();
        client.login("a", "b").await.unwrap();
        let address = secure_server(&authority, before, after).await;
        let refused = Client::connect(&address, security, &stranger).await;
        assert!(matches!(refused, Err(ClientError::Io(_))), "{security:?}");
    }
}

#[tokio::test]
async fn a_server_without_starttls_or_with_something_slipped_in_gets_no_password() {
    let (address, _server) = serve(script("S: * OK\nC: TAG CAPABILITY\nS: * CAPABILITY X\nS: TAG OK")).await;
    let trust = Trust::system().unwrap();
    let refused = Client::connect(&address, Security::StartTls, &trust).await;
    assert!(matches!(refused, Err(ClientError::Missing("STARTTLS"))));

    let mut steps =
        script("S: * OK\nC: TAG CAPABILITY\nS: * CAPABILITY STARTTLS\nS: TAG OK\nC: TAG STARTTLS");
    steps.push(Step::Send("TAG OK\r\n* CAPABILITY WEBPUSH\r\n".into()));
    let (address, _server) = serve(steps).await;
    let refused = Client::connect(&address, Security::StartTls, &trust).await;
    assert!(matches!(refused, Err(ClientError::Protocol(_))));
}
