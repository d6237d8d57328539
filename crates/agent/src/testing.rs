//! What the tests share.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use push_service::config::{Config, PublicUrl};
use push_service::server::Server;
use push_service::storage::sqlite::SqliteStorage;
use push_service::token::TokenKey;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use webpush::key::AuthSecret;
use webpush::message::{Recipient, Sender, encrypt};
use webpush::origin::Origin;
use webpush::padding::Padding;
use webpush::vapid::key::SigningKey;
use webpush::vapid::token::{Authorization, Claims};

use crate::agent::{Options, Subscription};
use crate::backoff::Backoff;
use crate::state::StateStore;
use crate::transport::Stream;
use crate::trust::Trust;

/// Fails the test instead of waiting for ever.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it happens in time")
}

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A push service that can be stopped and started again at the same address.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    pub(crate) server: Server,
    shutdown: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Service {
    pub(crate) async fn start(dir: &Path, address: Option<SocketAddr>) -> Self {
        let wanted = address.unwrap_or_else(|| "127.0.0.1:0".parse().unwrap());
        let listener = TcpListener::bind(wanted).await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = Config::new(PublicUrl::parse(&format!("http://{address}")).unwrap());
        let storage = SqliteStorage::open(&dir.join("push.sqlite"), config.retention).unwrap();
        let tokens = TokenKey::load_or_create(&dir.join("push-token.key")).unwrap();
        let server = Server::new(config, tokens, Arc::new(storage)).unwrap();
        let shutdown = CancellationToken::new();
        let (serves, stop) = (server.clone(), shutdown.clone());
        let serving = tokio::spawn(async move { serves.serve(listener, None, stop).await });
        Self { address, server, shutdown, serving }
    }

    pub(crate) async fn stop(self) -> SocketAddr {
        self.shutdown.cancel();
        within(self.serving).await.unwrap().unwrap();
        self.address
    }

    pub(crate) fn options(&self, store: StateStore) -> Options {
        let mut options =
            Options::new(&format!("ws://{}/", self.address), Trust::system().unwrap(), store).unwrap();
        options.reconnect = Backoff::new(Duration::from_millis(10), Duration::from_millis(50));
        options
    }

    pub(crate) async fn all_acknowledged(&self) {
        until("all is acknowledged", || self.server.stats().totals.messages == 0).await;
    }
}

/// Posts an encrypted push to a subscription, as an application server does.
pub(crate) async fn post(subscription: &Subscription, cleartext: &str, fields: &[(&str, &str)]) {
    let recipient = Recipient {
        public_key: subscription.public_key,
        auth_secret: AuthSecret::from_base64url(subscription.auth_secret.reveal()).unwrap(),
    };
    let sender = Sender::generate().unwrap();
    let body = encrypt(sender, &recipient, cleartext.as_bytes(), Padding::None).unwrap();
    let url = url::Url::parse(&subscription.endpoint).unwrap();
    let host = format!("{}:{}", url.host_str().unwrap(), url.port_or_known_default().unwrap());
    let mut head = format!(
        "POST {} HTTP/1.1\r\nHost: {host}\r\nTTL: 60\r\nContent-Encoding: aes128gcm\r\n\
         Content-Length: {}\r\nConnection: close\r\n",
        url.path(),
        body.len()
    );
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut stream = TcpStream::connect(&host).await.unwrap();
    stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

/// As [`post`], with a VAPID token for `origin` (RFC 8292).
pub(crate) async fn post_signed(
    subscription: &Subscription,
    key: &SigningKey,
    origin: &str,
    cleartext: &str,
) {
    let expires = SystemTime::now() + Duration::from_secs(3600);
    let claims = Claims { audience: Origin::parse(origin).unwrap(), expires, contact: None };
    let authorization = Authorization::sign(key, &claims).unwrap();
    post(subscription, cleartext, &[("authorization", authorization.as_str())]).await;
}

/// An authority, and a server's certificate that it gave out.
pub(crate) struct Authority {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) certificate: CertificateDer<'static>,
}

/// An authority and a certificate of it for 127.0.0.1.
pub(crate) fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let server_key = KeyPair::generate().unwrap();
    let server =
        CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&server_key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![server.der().clone()],
            PrivateKeyDer::try_from(server_key.serialize_der()).unwrap(),
        )
        .unwrap();
    Authority { config: Arc::new(config), certificate: certificate.der().clone() }
}

/// What a scripted server does next.
pub(crate) enum Step {
    /// Expects this line from the client; `TAG` stands for the client's tag, which is remembered.
    Expect(String),
    /// Sends this; `TAG` stands for the last tag.
    Send(String),
    /// Does something in between.
    Do(Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>),
}

/// `C: ` lines are expected, `S: ` lines sent; each line of the script ends with CRLF on the wire.
pub(crate) fn script(text: &str) -> Vec<Step> {
    let step = |line: &str| match line.split_at(3) {
        ("C: ", line) => Step::Expect(line.to_owned()),
        ("S: ", line) => Step::Send(format!("{line}\r\n")),
        _ => panic!("neither C nor S: {line}"),
    };
    text.lines().map(str::trim_start).filter(|line| !line.is_empty()).map(step).collect()
}

/// Plays one side of a conversation; panics at the first line that is not expected.
pub(crate) async fn play(stream: Stream, steps: Vec<Step>) -> BufReader<Stream> {
    let mut stream = BufReader::new(stream);
    let mut tag = String::new();
    for step in steps {
        match step {
            Step::Send(text) => {
                stream.write_all(text.replace("TAG", &tag).as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
            }
            Step::Expect(expected) => {
                let mut line = String::new();
                within(stream.read_line(&mut line)).await.unwrap();
                let line = line.trim_end_matches("\r\n");
                if let Some(command) = expected.strip_prefix("TAG ") {
                    let (given, rest) = line.split_once(' ').unwrap_or((line, ""));
                    tag = given.to_owned();
                    assert_eq!(rest, command);
                } else {
                    assert_eq!(line, expected);
                }
            }
            Step::Do(action) => action().await,
        }
    }
    stream
}
