//! What the tests share: a clock that is set by hand, a service on a loopback port, and small clients for it.

pub(crate) mod user_agent;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_util::sync::CancellationToken;
use webpush::header::Urgency;
use webpush::origin::Origin;
use webpush::vapid::key::SigningKey;
use webpush::vapid::token::{Authorization, Claims};

use crate::clock::{Clock, Instant, SystemClock};
use crate::config::{Config, PublicUrl, Retention};
use crate::id::{AgentId, ChannelId};
use crate::message::{Content, Encoding, NewMessage, Subscription};
use crate::server::Server;
use crate::storage::sqlite::SqliteStorage;
use crate::storage::{Registered, Registration, Storage};
use crate::token::TokenKey;

/// A clock that moves only when it is told to.
pub(crate) struct ManualClock(AtomicI64);

impl ManualClock {
    pub(crate) fn starting_now() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(SystemClock.now().micros())))
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        Instant::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// A service with a socket and a storage of its own.
pub(crate) struct TestServer {
    pub(crate) server: Server,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) origin: String,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) serving: JoinHandle<std::io::Result<()>>,
    _dir: TempDir,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let origin = format!("http://{address}");
        let mut config = Config::new(PublicUrl::parse(&origin).unwrap());
        config.sweep_interval = Duration::from_millis(50);
        change(&mut config);
        let storage =
            Arc::new(SqliteStorage::open(&dir.path().join("push.sqlite"), config.retention).unwrap());
        let clock = ManualClock::starting_now();
        let tokens = TokenKey::load_or_create(&dir.path().join("push-token.key")).unwrap();
        let server = Server::with_clock(config, tokens, storage, Arc::<ManualClock>::clone(&clock)).unwrap();
        let shutdown = CancellationToken::new();
        let (serves, stop) = (server.clone(), shutdown.clone());
        let serving = tokio::spawn(async move { serves.serve(listener, None, stop).await });
        Self { server, clock, origin, address, shutdown, serving, _dir: dir }
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn request(&self, request: Request<Full<Bytes>>) -> Response<Bytes> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let driver = tokio::spawn(connection);
        let response = within(sender.send_request(request)).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        driver.abort();
        Response::from_parts(head, body)
    }

    /// Posts to an endpoint with these header fields; the TTL is 60 unless given.
    pub(crate) async fn push(
        &self,
        endpoint: &str,
        fields: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Response<Bytes> {
        let mut request = Request::post(path_of(endpoint)).header("host", self.address.to_string());
        if !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("ttl")) {
            request = request.header("ttl", "60");
        }
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        self.request(request.body(Full::new(body.into())).unwrap()).await
    }

    /// Sends a request with these header fields and this body.
    pub(crate) async fn call(
        &self,
        (method, url): (&str, &str),
        fields: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Response<Bytes> {
        let mut request = Request::builder().method(method).uri(path_of(url)).header("host", "push.test");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        self.request(request.body(Full::new(body.into())).unwrap()).await
    }

    pub(crate) async fn send(&self, method: &str, url: &str) -> Response<Bytes> {
        self.call((method, url), &[], Bytes::new()).await
    }

    pub(crate) async fn socket(&self) -> TestAgent {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let url = format!("ws://{}/", self.address);
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        TestAgent { socket, uaid: String::new() }
    }

    /// An agent that has said hello with this id, or with none.
    pub(crate) async fn agent(&self, uaid: Option<&str>) -> TestAgent {
        let mut agent = self.socket().await;
        let answer = agent.hello(uaid).await;
        agent.uaid = answer["uaid"].as_str().unwrap().to_owned();
        agent
    }
}

/// The user agent's end of a WebSocket.
pub(crate) struct TestAgent {
    pub(crate) socket: WebSocketStream<TcpStream>,
    pub(crate) uaid: String,
}

impl TestAgent {
    pub(crate) async fn send(&mut self, message: Value) {
        self.socket.send(Frame::text(message.to_string())).await.unwrap();
    }

    /// The next message; panics when the connection ends instead.
    pub(crate) async fn next(&mut self) -> Value {
        match self.next_frame().await {
            Some(Frame::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("a message was expected, not {other:?}"),
        }
    }

    /// The code of the close frame; panics when something else comes.
    pub(crate) async fn closed(&mut self) -> u16 {
        match self.next_frame().await {
            Some(Frame::Close(Some(frame))) => frame.code.into(),
            other => panic!("a close frame was expected, not {other:?}"),
        }
    }

    pub(crate) async fn hello(&mut self, uaid: Option<&str>) -> Value {
        let mut hello = json!({"messageType": "hello", "use_webpush": true, "broadcasts": {}});
        if let Some(uaid) = uaid {
            hello["uaid"] = uaid.into();
        }
        self.send(hello).await;
        self.next().await
    }

    /// Registers a channel and returns its endpoint.
    pub(crate) async fn register(&mut self, channel: &str, key: Option<&str>) -> String {
        let mut register = json!({"messageType": "register", "channelID": channel});
        if let Some(key) = key {
            register["key"] = key.into();
        }
        self.send(register).await;
        let answer = self.next().await;
        assert_eq!(answer["status"], 200, "{answer}");
        assert_eq!(answer["channelID"], channel);
        answer["pushEndpoint"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn acknowledge(&mut self, notification: &Value) {
        let update = json!({
            "channelID": notification["channelID"], "version": notification["version"], "code": 100
        });
        self.send(json!({"messageType": "ack", "updates": [update]})).await;
    }

    /// True when everything sent so far has been handled and nothing is waiting to be read.
    pub(crate) async fn nothing_waits(&mut self) -> bool {
        self.send(json!({"messageType": "broadcast_subscribe", "broadcasts": {"not/there": "1"}})).await;
        self.next().await["messageType"] == "broadcast"
    }

    /// Reads until so many pings have come, answering each.
    pub(crate) async fn pings(&mut self, count: usize) {
        for _ in 0..count {
            match within(self.socket.next()).await {
                Some(Ok(Frame::Ping(_))) => self.socket.flush().await.unwrap(),
                other => panic!("a ping was expected, not {other:?}"),
            }
        }
    }

    async fn next_frame(&mut self) -> Option<Frame> {
        loop {
            match within(self.socket.next()).await {
                Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => {}
                Some(Ok(frame)) => return Some(frame),
                Some(Err(_)) | None => return None,
            }
        }
    }
}

pub(crate) fn path_of(url: &str) -> String {
    url::Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.path().to_owned())
}

/// An `Authorization` value for `origin` with `key`, valid for an hour from `now`.
pub(crate) fn authorization(key: &SigningKey, origin: &str, expires: Instant) -> String {
    let claims =
        Claims { audience: Origin::parse(origin).unwrap(), expires: expires.system_time(), contact: None };
    Authorization::sign(key, &claims).unwrap().as_str().to_owned()
}

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

pub(crate) const CHANNEL: &str = "d9b74644-4f97-46aa-b8fa-9393985cd6cd";
pub(crate) const OTHER_CHANNEL: &str = "431b4391-c78f-429a-a134-f890b5adc0bb";

/// The default limits.
pub(crate) fn retention() -> Retention {
    Config::new(PublicUrl::parse("https://push.example").unwrap()).retention
}

/// The `number`-th channel.
pub(crate) fn channel(number: u8) -> ChannelId {
    ChannelId::from_bytes([number; 16])
}

/// A new subscription.
pub(crate) async fn subscribe(
    storage: &dyn Storage,
    agent: AgentId,
    channel: ChannelId,
    now: Instant,
) -> Arc<Subscription> {
    let wish = Registration { agent, channel, restricted_to: None, now };
    match storage.register(wish).await.unwrap() {
        Registered::Subscription(subscription) => subscription,
        Registered::TooManyChannels => panic!("too many channels"),
    }
}

/// A message of normal urgency that lives for a minute.
pub(crate) fn message(subscription: &Arc<Subscription>, body: &str, now: Instant) -> NewMessage {
    NewMessage {
        subscription: Arc::clone(subscription),
        topic: None,
        urgency: Urgency::Normal,
        expires: now.plus_seconds(60),
        content: Content {
            encoding: Encoding::Aes128gcm,
            media_type: None,
            body: Bytes::copy_from_slice(body.as_bytes()),
        },
        receipt: None,
        shared: None,
    }
}
