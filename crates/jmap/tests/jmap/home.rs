//! A JMAP server on a loopback port, and a client half of HTTP for it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use admission::guessing::{Guessing, Limits as Guesses};
use admission::peer::Peers;
use authentication::Authenticator;
use base64::Engine as _;
use bus::Bus;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jmap::{Caller, Limits, Options, Registrar, Sending, Server};
use serde_json::{Value, json};
use store::{
    Access, Cause, Flags, MailboxId, MailboxName, MessageId, NewAccount, NewMessage, Raw, Store, Target, Uid,
    UnixTime,
};
use tokio::net::{TcpListener, TcpStream};

use crate::push::world::{Names, Pushing};

pub(crate) const CORE: &str = "urn:ietf:params:jmap:core";
pub(crate) const MAIL: &str = "urn:ietf:params:jmap:mail";
pub(crate) const BLOB: &str = "urn:ietf:params:jmap:blob";
pub(crate) const QUOTA: &str = "urn:ietf:params:jmap:quota";

/// A server with the accounts alice and bob, whose passwords are `secret`.
pub(crate) struct Home {
    pub(crate) store: Store,
    pub(crate) alice: Access,
    pub(crate) bob: Access,
    pub(crate) address: SocketAddr,
    pub(crate) server: Server,
    pub(crate) registrar: Arc<Registrar>,
    pub(crate) names: Arc<Names>,
    _directory: tempfile::TempDir,
}

/// Whom the server takes a client for.
#[derive(Clone, Copy)]
pub(crate) enum From {
    /// This machine, which is trusted.
    Here,
    /// A stranger, without TLS.
    Afar,
    /// A stranger, with TLS.
    AfarOverTls,
}

impl From {
    pub(crate) fn caller(self) -> Caller {
        let afar = Peers::new(Vec::new()).of([192, 0, 2, 1].into());
        match self {
            Self::Here => Caller { peer: None, is_encrypted: false },
            Self::Afar => Caller { peer: afar, is_encrypted: false },
            Self::AfarOverTls => Caller { peer: afar, is_encrypted: true },
        }
    }
}

/// A message that has come.
pub(crate) struct Arrived {
    pub(crate) message: MessageId,
    pub(crate) mailbox: MailboxId,
    pub(crate) uid: Uid,
}

impl Arrived {
    pub(crate) fn id(&self) -> String {
        format!("M{}", self.message)
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Home {
    pub(crate) async fn new() -> Self {
        Self::with(Limits::default(), From::Here).await
    }

    pub(crate) async fn with(limits: Limits, from: From) -> Self {
        Self::build(limits, from, (None, Pushing::default())).await
    }

    /// One that has mail sent: it is queued, and nobody empties the queue.
    pub(crate) async fn sending(sending: Sending) -> Self {
        Self::build(Limits::default(), From::Here, (Some(sending), Pushing::default())).await
    }

    /// A home whose pushes leave like this.
    pub(crate) async fn pushing(pushing: Pushing) -> Self {
        Self::build(Limits::default(), From::Here, (None, pushing)).await
    }

    async fn build(limits: Limits, from: From, (sending, pushing): (Option<Sending>, Pushing)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let bus = Bus::new();
        let options = store::Options { data_dir: directory.path().to_owned(), readers: 2 };
        let store = Store::open(options, bus.clone()).await.unwrap();
        let account = async |name| {
            let new = NewAccount { name, password: "secret", quota_bytes: None };
            store.system_access(store.create_account(new).await.unwrap().id)
        };
        let (alice, bob) = (account("alice").await, account("bob").await);
        let guesses = Guesses { delay: Duration::from_millis(1), peer_failures: 3, ..Guesses::default() };
        let authenticator = Authenticator::new(
            store.clone(),
            authentication::Options {
                hostname: "mail.test".to_owned(),
                masters: Vec::new(),
                tokens: None,
                guessing: Arc::new(Guessing::new(guesses)),
            },
        );
        let names = Arc::new(Names::default());
        let registrar = pushing.start(&store, &bus, &names);
        let (hostname, push) = ("mail.test".to_owned(), Arc::clone(&registrar));
        let options = Options { authenticator, public_url: None, hostname, limits, sending, push };
        let server = Server::new(store.clone(), bus, options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, server.clone(), from));
        let following = server.clone();
        tokio::spawn(async move { following.follow_revocations().await });
        Self { store, alice, bob, address, server, registrar, names, _directory: directory }
    }

    /// Sends a request as alice.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        media_type: &str,
        body: impl Into<Bytes>,
    ) -> Answer {
        let headers = [("authorization", basic("alice", "secret")), ("content-type", media_type.to_owned())];
        self.send_with(method, path, &headers, body).await
    }

    /// Sends a request with these headers.
    pub(crate) async fn send_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let response = self.open(method, path, headers, body).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: head.status, headers: head.headers, body }
    }

    /// Sends a request; the answer's body is still to be read.
    pub(crate) async fn open(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: impl Into<Bytes>,
    ) -> Response<hyper::body::Incoming> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request =
            Request::builder().method(method).uri(path).header("host", self.address.to_string());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        sender.send_request(request).await.unwrap()
    }

    /// Runs method calls as alice; the method responses.
    pub(crate) async fn run(&self, calls: Value) -> Vec<Value> {
        let answer = self.api(json!({ "using": [CORE, MAIL, BLOB, QUOTA], "methodCalls": calls })).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answer.json()["methodResponses"].as_array().unwrap().clone()
    }

    /// Runs method calls as somebody.
    pub(crate) async fn run_as(&self, name: &str, calls: Value) -> Vec<Value> {
        let request = json!({ "using": [CORE, MAIL], "methodCalls": calls });
        let headers =
            [("authorization", basic(name, "secret")), ("content-type", "application/json".to_owned())];
        let answer = self.send_with("POST", "/jmap/api", &headers, request.to_string()).await;
        answer.json()["methodResponses"].as_array().unwrap().clone()
    }

    /// The id of alice's account.
    pub(crate) fn account(&self) -> String {
        format!("A{}", self.alice.owner())
    }

    /// The arguments of the one response to one call of alice's.
    pub(crate) async fn one(&self, method: &str, mut arguments: Value) -> Value {
        arguments["accountId"] = json!(self.account());
        let mut responses = self.run(json!([[method, arguments, "c"]])).await;
        responses.remove(0)[1].take()
    }

    /// A message comes to alice's INBOX.
    pub(crate) async fn deliver(&self, text: &str) -> Arrived {
        self.deliver_at(text, 1_700_000_000).await
    }

    /// A message comes to alice's INBOX at a time in seconds since 1970.
    pub(crate) async fn deliver_at(&self, text: &str, received_at: i64) -> Arrived {
        let bytes = Bytes::from(text.to_owned());
        let parsed = Arc::new(message::Parsed::parse(&bytes));
        let new = NewMessage {
            raw: Raw { bytes, parsed },
            target: Target::NameOrInbox(MailboxName::inbox()),
            received_at: UnixTime(received_at),
            flags: Flags::default(),
            keywords: Vec::new(),
            cause: Cause::Delivery,
        };
        let placed = self.store.append(&self.alice, new).await.unwrap().placed;
        Arrived { message: placed.message, mailbox: placed.mailbox, uid: placed.uid }
    }

    /// Posts to the API as alice.
    pub(crate) async fn api(&self, request: Value) -> Answer {
        self.send("POST", "/jmap/api", "application/json", request.to_string()).await
    }
}

/// Name and password as HTTP shows them.
pub(crate) fn basic(name: &str, password: &str) -> String {
    let shown = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    format!("Basic {shown}")
}

async fn serve(listener: TcpListener, server: Server, from: From) {
    let caller = from.caller();
    while let Ok((stream, _)) = listener.accept().await {
        let server = server.clone();
        let service = service_fn(move |request| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.respond(request, caller).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades());
    }
}
