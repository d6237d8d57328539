//! The conversation against a scripted mail server and the real push service.

use std::sync::Arc;

use push_service::config::{Config, PublicUrl};
use push_service::server::Server;
use push_service::storage::sqlite::SqliteStorage;
use push_service::token::TokenKey;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use webpush::vapid::key::SigningKey;

use super::*;
use crate::agent::{Events, Options};
use crate::state::StateStore;
use crate::testing::{Step, play, post_signed, script, within};

struct Fixture {
    agent: Agent,
    events: Events,
    origin: String,
    _dir: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let origin = format!("http://{address}");
        let config = Config::new(PublicUrl::parse(&origin).unwrap());
        let storage = SqliteStorage::open(&dir.path().join("push.sqlite"), config.retention).unwrap();
        let tokens = TokenKey::load_or_create(&dir.path().join("push-token.key")).unwrap();
        let server = Server::new(config, tokens, Arc::new(storage)).unwrap();
        tokio::spawn(async move { server.serve(listener, None, CancellationToken::new()).await });
        let trust = Trust::system().unwrap();
        let options = Options::new(&format!("ws://{address}/"), trust, StateStore::Memory).unwrap();
        let (agent, events) = Agent::connect(options).await.unwrap();
        Self { agent, events, origin, _dir: dir }
    }

    /// What `WEBPUSH` is expected to say for this key.
    async fn command(&self, account: &Account, key: &SigningKey) -> (String, Subscription) {
        let name = account.subscription_name();
        let subscription = self.agent.subscribe(&name, Some(*key.public_key())).await.unwrap();
        let command = format!(
            "mine {} {} {}",
            subscription.endpoint,
            subscription.public_key.to_base64url(),
            subscription.auth_secret.reveal()
        );
        (command, subscription)
    }

    fn push(&self, subscription: &Subscription, key: &Arc<SigningKey>, cleartext: &str) -> Step {
        let (subscription, key) = (subscription.clone(), Arc::clone(key));
        let (origin, cleartext) = (self.origin.clone(), cleartext.to_owned());
        Step::Do(Box::new(move || {
            Box::pin(async move { post_signed(&subscription, &key, &origin, &cleartext).await })
        }))
    }
}

async fn mail_server(steps: Vec<Step>) -> (Account, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        play(Box::new(stream), steps).await;
    });
    (account(port), server)
}

fn account(port: u16) -> Account {
    let trust = Trust::system().unwrap();
    let mut account = Account::parse(&format!("imap://alice@127.0.0.1:{port}/"), "secret", trust).unwrap();
    account.id = Some("mine".into());
    account
}

const LOGIN: &str = "S: * OK ready
    C: TAG LOGIN \"alice\" \"secret\"
    S: TAG OK
    C: TAG CAPABILITY
    S: * CAPABILITY IMAP4rev1 WEBPUSH CONDSTORE
    S: TAG OK
    C: TAG ENABLE CONDSTORE
    S: * ENABLED CONDSTORE
    S: TAG OK
    C: TAG GETVAPID
    S: * VAPID KEY
    S: TAG OK
    ";

fn with_key(text: &str, key: &SigningKey) -> String {
    text.replace("KEY", &key.public_key().to_base64url())
}

#[tokio::test]
async fn a_registration_is_confirmed_with_the_pushed_token() {
    let fixture = Fixture::new().await;
    let key = Arc::new(SigningKey::generate().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let account = account(listener.local_addr().unwrap().port());
    let (command, subscription) = fixture.command(&account, &key).await;
    let mut steps = script(&with_key(LOGIN, &key));
    steps.extend(script(&format!("C: TAG WEBPUSH {command}")));
    steps.push(fixture.push(&subscription, &key, "* ACKWEBPUSH token-1\r\n"));
    steps.extend(script(&with_key(
        "S: * VAPID KEY
         S: * WEBPUSH mine https://endpoint NIL
         S: TAG OK
         C: TAG ACKWEBPUSH token-1
         S: * WEBPUSH mine https://endpoint 0
         S: TAG OK
         C: TAG LOGOUT
         S: * BYE",
        &key,
    )));
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        play(Box::new(stream), steps).await;
    });
    let registered = within(register(&account, &fixture.agent)).await.unwrap();
    let expected = Registered {
        subscription: account.subscription_name(),
        id: "mine".into(),
        endpoint: subscription,
        renewed: true,
    };
    assert_eq!(registered, expected);
    within(server).await.unwrap();
    drop(fixture.events);
}

#[tokio::test]
async fn what_is_registered_already_needs_no_token() {
    let fixture = Fixture::new().await;
    let key = SigningKey::generate().unwrap();
    for answer in ["", "S: * WEBPUSH mine https://endpoint 30\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let account = account(listener.local_addr().unwrap().port());
        let (command, _) = fixture.command(&account, &key).await;
        let mut steps = script(&with_key(LOGIN, &key));
        let rest = format!("C: TAG WEBPUSH {command}\n{answer}S: TAG OK\nC: TAG LOGOUT\nS: * BYE");
        steps.extend(script(&rest));
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            play(Box::new(stream), steps).await;
        });
        assert!(!within(register(&account, &fixture.agent)).await.unwrap().renewed, "{answer}");
        within(server).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_refuses_is_an_error_with_its_words() {
    let fixture = Fixture::new().await;
    let no_extension = "S: * OK\nC: TAG LOGIN \"alice\" \"secret\"\nS: TAG OK\nC: TAG CAPABILITY\n\
        S: * CAPABILITY IMAP4rev1\nS: TAG OK";
    let wrong_password = "S: * OK\nC: TAG LOGIN \"alice\" \"secret\"\nS: TAG NO [AUTHENTICATIONFAILED] no";
    let no_key = LOGIN.replace("KEY", "nonsense");
    for (text, expected) in [
        (no_extension, "the IMAP server does not have WEBPUSH"),
        (wrong_password, "the IMAP server refused LOGIN: NO [AUTHENTICATIONFAILED] no"),
        (no_key.as_str(), "the mail server's VAPID key is not a key"),
    ] {
        let (account, _server) = mail_server(script(text)).await;
        let error = within(register(&account, &fixture.agent)).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn accounts_are_urls_with_a_user() {
    let trust = Trust::system().unwrap();
    let parse = |url: &str| Account::parse(url, "secret", trust.clone());
    let cases = [
        ("imaps://alice@mail.example", "alice", "mail.example", 993, Security::Tls),
        ("imaps://a%40b.example@mail.example:1993/", "a@b.example", "mail.example", 1993, Security::Tls),
        ("imap://alice@mail.example", "alice", "mail.example", 143, Security::StartTls),
        ("imap://alice@localhost:1143", "alice", "localhost", 1143, Security::Plain),
        ("imap://alice@127.0.0.1", "alice", "127.0.0.1", 143, Security::Plain),
        ("imap://alice@[::1]:1143", "alice", "::1", 1143, Security::Plain),
    ];
    for (url, login, host, port, security) in cases {
        let account = parse(url).unwrap();
        assert_eq!((account.login.as_str(), account.security), (login, security), "{url}");
        assert_eq!(account.address, Address { host: host.into(), port }, "{url}");
    }
    for url in ["imaps://mail.example", "https://alice@mail.example", "imaps:alice", "alice@mail.example"] {
        assert!(matches!(parse(url), Err(RegisterError::Url)), "{url}");
    }
    assert_eq!(format!("{:?}", parse("imaps://a@b").unwrap().password), "Password(..)");
}
