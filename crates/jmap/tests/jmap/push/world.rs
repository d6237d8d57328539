//! The notifier beside the server, names, and push services that answer as they are told.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bus::Bus;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use jmap::{JmapComposer, Registrar, RegistrarLimits};
use notifier::clock::Clock;
use notifier::compose::{Composer, Composers};
use notifier::notifier::{Handle, Notifier, Options, Parts};
use notifier::sender::SenderPost;
use notifier::vapid::VapidKeys;
use parking_lot::Mutex;
use push_sender::policy::Policy;
use push_sender::resolve::{Addresses, Resolve, Unresolved};
use push_sender::sender::{Config, Limits, PushSender};
use serde_json::{Value, json};
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use webpush::message::UserAgent;
use webpush::vapid::key::SigningKey;

use crate::home::{Home, basic};

/// How pushes leave.
pub(crate) struct Pushing {
    /// Whether this machine may be posted to, and without TLS.
    pub(crate) allows_here: bool,
    pub(crate) limits: RegistrarLimits,
    pub(crate) interval: Duration,
}

impl Default for Pushing {
    fn default() -> Self {
        Self { allows_here: true, limits: RegistrarLimits::default(), interval: Duration::from_millis(20) }
    }
}

impl Pushing {
    /// Starts a notifier.
    pub(crate) fn start(self, store: &Store, bus: &Bus, names: &Arc<Names>) -> Arc<Registrar> {
        let here = if self.allows_here { vec!["127.0.0.1/32".parse().unwrap()] } else { Vec::new() };
        let policy =
            Policy { allow_addresses: here, allow_http: self.allows_here, own_service: None, contact: None };
        let config = Config { policy: policy.clone(), extra_ca: None, limits: Limits::STANDARD };
        let resolver: Arc<dyn Resolve> = Arc::clone(names) as _;
        let sender = PushSender::new(config, resolver).unwrap();
        let handle = Handle::new();
        let keys = VapidKeys::new(SigningKey::generate().unwrap(), []);
        let composer: Arc<dyn Composer> = Arc::new(JmapComposer);
        let parts = Parts {
            store: store.clone(),
            bus: bus.clone(),
            composers: Composers::new([composer]),
            post: Arc::new(SenderPost::new(Arc::new(sender))),
            keys: keys.clone(),
            handle: handle.clone(),
            clock: Clock::system(),
        };
        let notifier = Notifier::new(parts, Options::new(self.interval));
        tokio::spawn(notifier.run(CancellationToken::new()));
        Arc::new(Registrar::new(handle, keys, policy, self.limits))
    }
}

/// A name server: each question for a name takes the next answer, the last stays.
#[derive(Default)]
pub(crate) struct Names(Mutex<BTreeMap<String, VecDeque<IpAddr>>>);

impl Names {
    pub(crate) fn tell(&self, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        self.0.lock().insert(name.to_owned(), addresses);
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> Addresses<'a> {
        let mut names = self.0.lock();
        let next = names.get_mut(name).and_then(|all| match all.len() {
            0 | 1 => all.front().copied(),
            _ => all.pop_front(),
        });
        Box::pin(std::future::ready(next.map(|address| vec![address]).ok_or(Unresolved)))
    }
}

/// What was posted.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Posted {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    pub(crate) fn decrypted(&self, agent: &UserAgent) -> Value {
        assert_eq!(self.header("content-encoding"), "aes128gcm");
        assert_eq!(self.header("content-type"), "application/octet-stream");
        serde_json::from_slice(&agent.decrypt(&self.body).unwrap()).unwrap()
    }

    /// The key that it is signed with.
    pub(crate) fn vapid_key(&self) -> &str {
        let authorization = self.header("authorization");
        assert!(authorization.starts_with("vapid t="), "{authorization}");
        authorization.split_once("k=").unwrap().1
    }
}

/// Statuses, and values of `Retry-After`.
type Answers = Arc<Mutex<VecDeque<(u16, Option<&'static str>)>>>;

/// A push service on loopback. It answers 201 but where it was told something else.
pub(crate) struct Sink {
    pub(crate) port: u16,
    posted: mpsc::UnboundedReceiver<Posted>,
    answers: Answers,
}

impl Sink {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, answers) = (listener.local_addr().unwrap().port(), Answers::default());
        let (sender, posted) = mpsc::unbounded_channel();
        let sink = Self { port, posted, answers: Arc::clone(&answers) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sender, answers) = (sender.clone(), Arc::clone(&answers));
                let service =
                    service_fn(move |request| answer(request, sender.clone(), Arc::clone(&answers)));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        sink
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The answer to the next post that has none yet.
    pub(crate) fn will_answer(&self, status: u16, retry_after: Option<&'static str>) {
        self.answers.lock().push_back((status, retry_after));
    }

    pub(crate) async fn next(&mut self) -> Posted {
        let next = tokio::time::timeout(Duration::from_secs(30), self.posted.recv()).await;
        next.expect("a push in time").unwrap()
    }

    /// What has been posted and not been looked at.
    pub(crate) fn waiting(&mut self) -> Vec<Posted> {
        std::iter::from_fn(|| self.posted.try_recv().ok()).collect()
    }
}

async fn answer(
    request: Request<hyper::body::Incoming>,
    sender: mpsc::UnboundedSender<Posted>,
    answers: Answers,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let _ = sender.send(Posted { path: head.uri.path().to_owned(), headers: head.headers, body });
    let (status, retry_after) = answers.lock().pop_front().unwrap_or((201, None));
    let mut response = Response::builder().status(status);
    if let Some(wait) = retry_after {
        response = response.header("retry-after", wait);
    }
    Ok(response.body(Empty::new()).unwrap())
}

impl Home {
    /// The arguments of the response to one call of a method of PushSubscription, as whoever shows this.
    pub(crate) async fn push_as(
        &self,
        (name, password): (&str, &str),
        method: &str,
        arguments: Value,
    ) -> Value {
        let calls = json!([[format!("PushSubscription/{method}"), arguments, "c"]]);
        let request = json!({ "using": [crate::home::CORE], "methodCalls": calls });
        let headers =
            [("authorization", basic(name, password)), ("content-type", "application/json".to_owned())];
        let answer = self.send_with("POST", "/jmap/api", &headers, request.to_string()).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answer.json()["methodResponses"][0][1].clone()
    }

    /// The same as alice.
    pub(crate) async fn push(&self, method: &str, arguments: Value) -> Value {
        self.push_as(("alice", "secret"), method, arguments).await
    }

    /// What became of a creation by alice: its own object, or the error.
    pub(crate) async fn create(&self, given: Value) -> Result<Value, Value> {
        let answer = self.push("set", json!({ "create": { "k": given } })).await;
        match answer["created"].get("k") {
            Some(created) => Ok(created.clone()),
            None => Err(answer["notCreated"]["k"].clone()),
        }
    }

    /// What became of an update by alice.
    pub(crate) async fn update(&self, id: &str, patch: Value) -> Result<Value, Value> {
        let answer = self.push("set", json!({ "update": { id: patch } })).await;
        match answer["updated"].get(id) {
            Some(updated) => Ok(updated.clone()),
            None => Err(answer["notUpdated"][id].clone()),
        }
    }

    /// Creates and verifies a subscription of alice's; its id.
    pub(crate) async fn subscribed(
        &self,
        given: Value,
        sink: &mut Sink,
        agent: Option<&UserAgent>,
    ) -> String {
        let created = self.create(given).await.unwrap();
        let verification = sink.next().await;
        let said = agent.map_or_else(|| verification.json(), |agent| verification.decrypted(agent));
        assert_eq!(said["@type"], "PushVerification");
        assert_eq!(said["pushSubscriptionId"], created["id"]);
        let id = created["id"].as_str().unwrap().to_owned();
        let patch = json!({ "verificationCode": said["verificationCode"] });
        assert_eq!(self.update(&id, patch).await, Ok(Value::Null));
        id
    }
}

/// A device that decrypts, and its keys as a client sends them.
pub(crate) fn device() -> (UserAgent, Value) {
    let agent = UserAgent::generate().unwrap();
    let recipient = agent.recipient();
    let keys = json!({
        "p256dh": recipient.public_key.to_base64url(),
        "auth": recipient.auth_secret.to_base64url().as_str(),
    });
    (agent, keys)
}
