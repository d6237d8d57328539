//! Before a message: TLS, login, what the server can do.

use std::sync::Arc;

use store::Fate;
use submission::smarthost::{Credentials, Security, Smarthost, tls};
use tokio_rustls::TlsAcceptor;

use crate::home::{Home, LIMITS, TEXT, plain};
use crate::server::{Protection, Rule, Server, always};

/// A server's side of TLS for `localhost`, and the authority to trust.
fn certificate() -> (TlsAcceptor, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem())
}

fn over_tls(server: &Server, security: Security) -> Smarthost {
    let credentials = Some(Credentials::new("us".to_owned(), "pass word".to_owned()));
    Smarthost { host: "localhost".to_owned(), security, credentials, ..plain(server) }
}

const OFFERS: Rule = Rule {
    command: "EHLO",
    act: crate::server::Act::Say("250-mx.test\n250-STARTTLS\n250 AUTH LOGIN PLAIN"),
    times: usize::MAX,
};

#[tokio::test]
async fn the_password_goes_over_tls_however_that_begins() {
    for is_implicit in [true, false] {
        let (acceptor, authority) = certificate();
        let how = if is_implicit { Protection::Implicit(acceptor) } else { Protection::StartTls(acceptor) };
        let server = Server::with(&[OFFERS], how).await;
        let client = tls(Some(&authority)).unwrap();
        let security = if is_implicit { Security::Implicit(client) } else { Security::StartTls(client) };
        let home = Home::new().await;
        let made = home.submit(TEXT, &["b@b.test"]).await;
        let sender = home.send_with(over_tls(&server, security), LIMITS);
        home.settled(made.id, &[Fate::Relayed]).await;
        sender.stop().await;
        let commands = server.commands();
        // "\0us\0pass word"
        let login = commands.iter().position(|heard| heard == "AUTH PLAIN AHVzAHBhc3Mgd29yZA==").unwrap();
        let upgrade = commands.iter().position(|heard| heard == "STARTTLS");
        assert_eq!(upgrade.is_some(), !is_implicit);
        assert!(upgrade.is_none_or(|upgrade| upgrade < login), "{commands:?}");
    }
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_is_not_what_it_should_be() {
    let (acceptor, _) = certificate();
    let stranger = Server::with(&[OFFERS], Protection::Implicit(acceptor)).await;
    let without_tls = Server::start(&[always("EHLO", "250 mx.test")]).await;
    let without_login = Server::start(&[]).await;
    let refusing =
        Server::start(&[always("EHLO", "250-mx.test\n250 AUTH PLAIN"), always("AUTH", "535 5.7.8 wrong")])
            .await;
    let client = || tls(None).unwrap();
    for (server, security) in [
        (&stranger, Security::Implicit(client())),
        (&without_tls, Security::StartTls(client())),
        (&without_login, Security::Plain),
        (&refusing, Security::Plain),
    ] {
        let home = Home::new().await;
        let made = home.submit(TEXT, &["b@b.test"]).await;
        let sender = home.send_with(over_tls(server, security), LIMITS);
        let attempted = async {
            while home.store.due_submissions(store::UnixTime(i64::MAX), Vec::new(), 1).await.unwrap()[0]
                .attempts
                == 0
            {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        crate::home::within(attempted).await;
        sender.stop().await;
        let now = home.store.submission(&home.alice, made.id).await.unwrap();
        assert_eq!(now.recipients[0].fate, Fate::Queued, "it is tried again when that is mended");
        assert!(!server.commands().iter().any(|heard| heard.starts_with("MAIL")), "{:?}", server.commands());
    }
}

#[tokio::test]
async fn what_the_server_cannot_take_fails_with_the_reason() {
    for (ehlo, text, recipient, reply) in [
        ("250 mx.test", "Subject: one\r\n\r\nf\u{fc}r\r\n", "b@b.test", "554 5.6.3 "),
        ("250-mx.test\n250 8BITMIME", "Subject: \u{fc}\r\n\r\n", "b@b.test", "553 5.6.7 "),
        ("250-mx.test\n250 8BITMIME", TEXT, "z\u{fc}@b.test", "553 5.6.7 "),
        ("250-mx.test\n250 SIZE 10", TEXT, "b@b.test", "552 5.3.4 "),
    ] {
        let server = Server::start(&[always("EHLO", ehlo)]).await;
        let home = Home::new().await;
        let made = home.submit(text, &[recipient]).await;
        let sender = home.send(&server);
        let settled = home.settled(made.id, &[Fate::Failed]).await;
        assert!(settled.recipients[0].reply.starts_with(reply), "{:?}", settled.recipients);
        sender.stop().await;
    }
    let server = Server::start(&[always("EHLO", "250-mx.test\n250-8BITMIME\n250 SMTPUTF8")]).await;
    let home = Home::new().await;
    let made = home.submit("Subject: \u{fc}\r\n\r\n\u{fc}\r\n", &["z\u{fc}@b.test"]).await;
    let sender = home.send(&server);
    home.settled(made.id, &[Fate::Relayed]).await;
    sender.stop().await;
    assert_eq!(server.taken()[0].mail, "MAIL FROM:<alice@a.test> BODY=8BITMIME SMTPUTF8");
}
