//! A real server on loopback over a real store in a temporary directory.

pub(crate) mod pattern;
pub(crate) mod transcript;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use admission::guessing::{self, Guessing};
use admission::peer::Peers;
use authentication::Authenticator;
use bytes::Bytes;
use imap::push::registrar::{Registrar, RegistrarLimits};
use imap::{Limits, Listener, Options, Security, Server};
use notifier::notifier::Handle;
use notifier::vapid::VapidKeys;
use push_sender::policy::Policy;
use store::{AccountId, Cause, Flags, MailboxName, NewAccount, NewMessage, Raw, Store, Target, UnixTime};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use webpush::vapid::key::SigningKey;

/// The one password of all test accounts.
pub(crate) const PASSWORD: &str = "secret";

/// A running server.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    /// Where TLS begins with the first byte; of use only with a certificate.
    pub(crate) tls_address: SocketAddr,
    pub(crate) store: Store,
    pub(crate) alice: AccountId,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    directory: tempfile::TempDir,
}

/// Limits that tests can reach quickly.
pub(crate) fn limits() -> Limits {
    Limits {
        line_bytes: 2_000,
        literal_bytes: 1_000,
        message_bytes: 5_000,
        discard_bytes: 20_000,
        ..Limits::default()
    }
}

/// As outside of tests, but nobody waits.
pub(crate) fn quick_guessing() -> guessing::Limits {
    guessing::Limits { delay: Duration::from_millis(1), ..guessing::Limits::default() }
}

/// The WEBPUSH commands' side, over a notifier that is not running: nothing is pushed.
fn registrar() -> Registrar {
    let keys = VapidKeys::new(SigningKey::generate().unwrap(), []);
    let policy = Policy { allow_addresses: Vec::new(), allow_http: false, own_service: None, contact: None };
    Registrar::new(Handle::new(), keys, policy, RegistrarLimits::default())
}

impl TestServer {
    /// Starts with the account `alice`.
    pub(crate) async fn start(options: impl FnOnce(&mut Options)) -> Self {
        Self::start_with(quick_guessing(), options).await
    }

    /// The same, with these limits for who guesses.
    pub(crate) async fn start_with(guessing: guessing::Limits, options: impl FnOnce(&mut Options)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let bus = bus::Bus::new();
        let store_options = store::Options { data_dir: directory.path().join("data"), readers: 2 };
        let store = Store::open(store_options, bus.clone()).await.unwrap();
        let new = NewAccount { name: "alice", password: PASSWORD, quota_bytes: None };
        let alice = store.create_account(new).await.unwrap().id;
        let who = authentication::Options {
            hostname: "mail.example.org".to_owned(),
            masters: vec!["root".to_owned()],
            tokens: None,
            guessing: Arc::new(Guessing::new(guessing)),
        };
        let mut settings = Options {
            hostname: "mail.example.org".to_owned(),
            tls: None,
            allow_plaintext_login: false,
            end_point: Arc::new(|| None),
            authenticator: Authenticator::new(store.clone(), who),
            jmap_session: None,
            limits: limits(),
            push: Arc::new(registrar()),
            peers: Peers::new(vec!["127.0.0.0/8".parse().unwrap()]),
        };
        options(&mut settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tls_listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, tls_address) = (listener.local_addr().unwrap(), tls_listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let server = Server::new(store.clone(), bus, settings);
        let stopping = stop.clone();
        let serving = tokio::spawn(async move {
            let plain = server.serve(Listener::Tcp(listener), Security::StartTls, stopping.clone());
            let tls = server.serve(Listener::Tcp(tls_listener), Security::ImplicitTls, stopping.clone());
            tokio::join!(plain, tls);
        });
        Self { address, tls_address, store, alice, stop, serving, directory }
    }

    /// Puts the message files of these names into alice's INBOX, a day apart from 2026-01-01 on.
    pub(crate) async fn give(&self, names: &[&str]) {
        let access = self.store.system_access(self.alice);
        for (day, name) in (0..).zip(names) {
            let path =
                Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/messages").join(format!("{name}.eml"));
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
            let bytes = Bytes::from(text.replace('\n', "\r\n"));
            let parsed = Arc::new(message::Parsed::parse(&bytes));
            let message = NewMessage {
                raw: Raw { bytes, parsed },
                target: Target::NameOrInbox(MailboxName::inbox()),
                received_at: UnixTime(1_767_225_600 + day * 86_400),
                flags: Flags::default(),
                keywords: Vec::new(),
                cause: Cause::Delivery,
            };
            self.store.append(&access, message).await.unwrap();
        }
    }

    /// Where its store is.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Asks the server to stop, and goes on.
    pub(crate) fn begin_stop(&self) {
        self.stop.cancel();
    }

    /// Stops the server and waits for all of its connections.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.serving).await.expect("the server ends").unwrap();
        self.store.close().await.unwrap();
    }
}
