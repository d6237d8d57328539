//! A push service: takes pushes over TLS, answers as told, and keeps what came.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// How an endpoint answers.
#[derive(Clone, Debug, Default)]
pub(crate) enum Mood {
    #[default]
    Takes,
    /// Bodies of at most so many bytes.
    TakesUpTo(usize),
    /// This status, and Retry-After in seconds.
    Says(u16, Option<u32>),
    /// Nothing, ever.
    Hangs,
}

/// A push as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) method: String,
    pub(crate) version: hyper::Version,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Arrived {
    /// A header field; empty if it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

#[derive(Default)]
struct State {
    moods: Mutex<BTreeMap<String, Mood>>,
    arrived: Mutex<BTreeMap<String, VecDeque<Arrived>>>,
    /// All that ever came to a path, whatever the answer was.
    attempts: Mutex<BTreeMap<String, usize>>,
    change: Notify,
}

/// Push services on loopback, each with an origin of its own.
pub(crate) struct Sink {
    pub(crate) origins: Vec<String>,
    /// Their certificate.
    pub(crate) ca_pem: String,
    services: Vec<JoinHandle<()>>,
    state: Arc<State>,
}

impl Sink {
    pub(crate) async fn start() -> Self {
        let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let chain = vec![CertificateDer::from(certified.cert.der().to_vec())];
        let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let state = Arc::new(State::default());
        let (mut origins, mut services) = (Vec::new(), Vec::new());
        for _ in 0..SERVICES {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            origins.push(format!("https://{}", listener.local_addr().unwrap()));
            services.push(tokio::spawn(accept(listener, acceptor.clone(), Arc::clone(&state))));
        }
        Self { origins, ca_pem: certified.cert.pem(), services, state }
    }

    /// A service dies: nothing listens there any more, and its connections end.
    pub(crate) async fn kill(&mut self, service: usize) {
        self.services[service].abort();
        let _ = (&mut self.services[service]).await;
    }

    /// From now on this path answers so.
    pub(crate) fn set(&self, path: &str, mood: Mood) {
        self.state.moods.lock().unwrap().insert(path.to_owned(), mood);
    }

    /// How many requests came to this path.
    pub(crate) fn attempts(&self, path: &str) -> usize {
        self.state.attempts.lock().unwrap().get(path).copied().unwrap_or_default()
    }

    /// Waits for so many requests to this path.
    pub(crate) async fn attempted(&self, path: &str, count: usize) {
        let waiting = async {
            while self.attempts(path) < count {
                self.state.change.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the push service is tried");
    }

    /// The next push that was taken at this path.
    pub(crate) async fn next(&self, path: &str) -> Arrived {
        let waiting = async {
            loop {
                let next = self.state.arrived.lock().unwrap().get_mut(path).and_then(VecDeque::pop_front);
                match next {
                    Some(arrived) => return arrived,
                    None => self.state.change.notified().await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("no push came to {path}"))
    }

    /// Whether a push waits to be looked at.
    pub(crate) fn has_more(&self, path: &str) -> bool {
        self.state.arrived.lock().unwrap().get(path).is_some_and(|pushes| !pushes.is_empty())
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<State>) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        connections.spawn(async move {
            let Ok(stream) = acceptor.accept(socket).await else { return };
            let service = service_fn(move |request| answer(request, Arc::clone(&state)));
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(request: Request<Incoming>, state: Arc<State>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let headers = request.headers().clone();
    let (method, version) = (request.method().to_string(), request.version());
    let body =
        request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let mood = state.moods.lock().unwrap().get(&path).cloned().unwrap_or_default();
    *state.attempts.lock().unwrap().entry(path.clone()).or_default() += 1;
    let mood = match mood {
        Mood::TakesUpTo(bytes) if body.len() <= bytes => Mood::Takes,
        Mood::TakesUpTo(_) => Mood::Says(413, None),
        mood => mood,
    };
    if matches!(mood, Mood::Takes) {
        state.arrived.lock().unwrap().entry(path).or_default().push_back(Arrived {
            method,
            version,
            headers,
            body,
        });
    }
    // Every test has one reader for each wait; a permit is kept for whoever comes to wait next.
    state.change.notify_one();
    let mut response = Response::builder();
    response = match mood {
        Mood::Takes | Mood::TakesUpTo(_) => response.status(201),
        Mood::Says(status, None) => response.status(status),
        Mood::Says(status, Some(seconds)) => response.status(status).header("retry-after", seconds),
        Mood::Hangs => std::future::pending().await,
    };
    Ok(response.body(Empty::new()).unwrap())
}

const SERVICES: usize = 5;
const PATIENCE: Duration = Duration::from_secs(20);
