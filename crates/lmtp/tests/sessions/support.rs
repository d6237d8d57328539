//! A real server on loopback over a real store in a temporary directory, and a client that checks nothing itself.

use std::net::SocketAddr;
use std::time::Duration;

use admission::peer::Peers;
use delivery::Deliverer;
use lmtp::{Limits, Listener, Options, Server};
use store::{MailboxName, NewAccount, Store};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub(crate) const HOSTNAME: &str = "host.example";

/// What every wait of a test is limited to.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn limits() -> Limits {
    Limits {
        message_bytes: 50 << 20,
        recipients: 1000,
        connections: 256,
        connections_per_peer: 256,
        idle: Duration::from_secs(300),
    }
}

pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) serving: JoinHandle<()>,
    _directory: tempfile::TempDir,
}

impl Fixture {
    /// A server with these limits, and accounts: name, quota.
    pub(crate) async fn start(limits: Limits, accounts: &[(&str, Option<u64>)]) -> Self {
        Self::start_with_tls(limits, accounts, None).await
    }

    pub(crate) async fn start_with_tls(
        limits: Limits,
        accounts: &[(&str, Option<u64>)],
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let options = store::Options { data_dir: directory.path().to_owned(), readers: 2 };
        let store = Store::open(options, bus::Bus::new()).await.expect("a new store");
        for &(name, quota_bytes) in accounts {
            let new = NewAccount { name, password: "secret", quota_bytes };
            store.create_account(new).await.expect("a new account");
        }
        let deliverer = Deliverer::new(store.clone(), delivery_options());
        let server = Server::new(
            deliverer,
            Options { hostname: HOSTNAME.into(), limits, peers: Peers::new(Vec::new()), tls },
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shutdown = CancellationToken::new();
        let (serve, stop) = (server.clone(), shutdown.clone());
        let serving = tokio::spawn(async move { serve.serve(Listener::Tcp(listener), stop).await });
        Self { store, server, address, shutdown, serving, _directory: directory }
    }

    pub(crate) async fn connect(&self) -> Client<TcpStream> {
        Client::new(TcpStream::connect(self.address).await.expect("the server listens"))
    }

    /// The messages in a mailbox as they are stored, in order of arrival.
    pub(crate) async fn messages(&self, account: &str, mailbox: &str) -> Vec<String> {
        let account = self.store.account_named(account).await.unwrap().expect("an account");
        let access = self.store.system_access(account.id);
        let name = MailboxName::new(mailbox).unwrap();
        let mailbox = self.store.mailbox_named(&access, &name).await.expect("a mailbox");
        let view = self.store.view(&access, mailbox.id).await.unwrap();
        let mut messages = Vec::new();
        for entry in &view.entries {
            let raw = self.store.raw(&access, entry.message).await.unwrap();
            messages.push(String::from_utf8_lossy(&raw).into_owned());
        }
        messages
    }

    pub(crate) async fn create_mailbox(&self, account: &str, mailbox: &str) {
        let account = self.store.account_named(account).await.unwrap().expect("an account");
        let access = self.store.system_access(account.id);
        let name = MailboxName::new(mailbox).unwrap();
        let (_, changes) = self.store.create_mailbox(&access, &name, None).await.expect("a new mailbox");
        assert_eq!(changes.account, account.id);
    }
}

pub(crate) fn delivery_options() -> delivery::Options {
    delivery::Options {
        hostname: HOSTNAME.into(),
        subaddress_separator: Some('+'),
        catch_all: None,
        spam_headers: vec![("X-Spam-Flag".into(), "YES".into()), ("X-Spam".into(), "Yes".into())],
        sends: false,
    }
}

/// What delivery put before the message that came in.
pub(crate) fn without_trace(message: &str) -> &str {
    let mut rest = message.strip_prefix("Return-Path: <").expect("a Return-Path first");
    rest = rest.split_once("\r\nReceived: from ").expect("then a Received").1;
    loop {
        rest = rest.split_once("\r\n").expect("whole lines").1;
        if !rest.starts_with('\t') {
            return rest;
        }
    }
}

pub(crate) struct Client<S> {
    pub(crate) stream: S,
    input: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, input: Vec::new() }
    }

    pub(crate) async fn send(&mut self, octets: impl AsRef<[u8]>) {
        let write = async {
            self.stream.write_all(octets.as_ref()).await?;
            self.stream.flush().await
        };
        timeout(PATIENCE, write).await.expect("the server reads").expect("the server is there");
    }

    /// The next line, without its CRLF; `None` at the end of the stream.
    pub(crate) async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.input.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.input.drain(..end + 2).collect();
                return Some(String::from_utf8(line[..end].to_vec()).expect("UTF-8"));
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.input)).await;
            match read.expect("the server answers in time") {
                Ok(0) | Err(_) => {
                    assert!(self.input.is_empty(), "a line was not ended");
                    return None;
                }
                Ok(_) => {}
            }
        }
    }

    /// The next reply's last line.
    pub(crate) async fn reply(&mut self) -> String {
        loop {
            let line = self.line().await.expect("a reply");
            if line.as_bytes()[3] == b' ' {
                return line;
            }
        }
    }

    /// Sends, and reads so many replies.
    pub(crate) async fn say(&mut self, octets: impl AsRef<[u8]>, replies: usize) -> Vec<String> {
        self.send(octets).await;
        let mut answers = Vec::new();
        for _ in 0..replies {
            answers.push(self.reply().await);
        }
        answers
    }

    /// Reads the greeting and says LHLO.
    pub(crate) async fn greet(&mut self) {
        assert!(self.reply().await.starts_with("220 "));
        assert!(self.say("LHLO client.example\r\n", 1).await[0].starts_with("250 "));
    }
}

/// Whether replies begin with these.
pub(crate) fn assert_replies(replies: &[String], expected: &[&str]) {
    let agree = replies.len() == expected.len()
        && replies.iter().zip(expected).all(|(reply, start)| reply.starts_with(start));
    assert!(agree, "replies {replies:#?}\nexpected {expected:#?}");
}
