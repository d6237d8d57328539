//! The operator's HTTP listener: `/health/live`, `/health/ready` and `/metrics`.
//!
//! Live means that the process answers. Ready means that every listener is open, the store and the push
//! service's storage answer, and no shutdown has begun. Metrics are in the text format of Prometheus.
//!
//! Not here: anything about an account. Limits: a request head of 16 KiB within 10 seconds, connections as
//! [`CONNECTIONS_MAX`] says; what is above waits in the kernel's queue. Bodies of requests are not read.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::PrometheusHandle;
use store::Store;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::listener::Listener;

/// What the listener tells about. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Status {
    ready: Arc<AtomicBool>,
    store: Option<Store>,
    push_service: Arc<OnceLock<push_service::server::Server>>,
    metrics: PrometheusHandle,
}

impl Status {
    /// Not ready yet.
    pub(crate) fn new(store: Option<Store>, metrics: PrometheusHandle) -> Self {
        Self { ready: Arc::default(), store, push_service: Arc::default(), metrics }
    }

    /// There is a push service. Called once.
    pub(crate) fn has_push_service(&self, server: push_service::server::Server) {
        let first = self.push_service.set(server);
        assert!(first.is_ok(), "a process has one push service");
    }

    /// Every listener is open.
    pub(crate) fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// The shutdown has begun: whoever shares out connections may look for another server.
    pub(crate) fn set_draining(&self) {
        self.ready.store(false, Ordering::Release);
    }

    async fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".to_owned());
        }
        match path {
            "/health/live" => plain(StatusCode::OK, "live\n".to_owned()),
            "/health/ready" if !self.ready.load(Ordering::Acquire) => {
                plain(StatusCode::SERVICE_UNAVAILABLE, "starting or stopping\n".to_owned())
            }
            "/health/ready" if !self.push_service_answers().await => plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "the push service's storage does not answer\n".to_owned(),
            ),
            "/health/ready" if !self.store_answers().await => {
                plain(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n".to_owned())
            }
            "/health/ready" => plain(StatusCode::OK, "ready\n".to_owned()),
            "/metrics" => {
                if let Some(server) = self.push_service.get() {
                    push_service::measure::state(&server.stats());
                }
                plain(StatusCode::OK, self.metrics.render())
            }
            _ => plain(StatusCode::NOT_FOUND, "no such page\n".to_owned()),
        }
    }

    async fn push_service_answers(&self) -> bool {
        let Some(server) = self.push_service.get() else { return true };
        matches!(tokio::time::timeout(STORE_PATIENCE, server.service().answers()).await, Ok(true))
    }

    async fn store_answers(&self) -> bool {
        let Some(store) = &self.store else { return true };
        matches!(tokio::time::timeout(STORE_PATIENCE, store.epoch()).await, Ok(Ok(_)))
    }
}

/// Answers on `listener` until `stop` is cancelled, over TLS if there is an acceptor. Connections are given up then:
/// they carry nothing that could be lost.
pub(crate) async fn serve(
    listener: Listener,
    tls: Option<TlsAcceptor>,
    status: Status,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Some(Ok(place)) = stop.run_until_cancelled(Arc::clone(&places).acquire_owned()).await else {
            break;
        };
        // Accepting is cancel-safe in tokio; a connection that was not taken stays in the kernel's queue.
        let Some(accepted) = stop.run_until_cancelled(accept(&listener)).await else { break };
        let Ok(stream) = accepted else {
            // Out of file descriptors, most likely: others must end first.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (tls, status, stop) = (tls.clone(), status.clone(), stop.clone());
        connections.spawn(async move {
            stop.run_until_cancelled(connection(stream, tls, status)).await;
            drop(place);
        });
    }
    connections.close();
    connections.wait().await;
}

type Stream = Box<dyn Duplex>;

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

async fn accept(listener: &Listener) -> std::io::Result<Stream> {
    match listener {
        Listener::Tcp(listener) => Ok(Box::new(listener.accept().await?.0)),
        Listener::Unix(listener, _) => Ok(Box::new(listener.accept().await?.0)),
    }
}

async fn connection(stream: Stream, tls: Option<TlsAcceptor>, status: Status) {
    let stream: Stream = match tls {
        Some(tls) => match tokio::time::timeout(HEAD_PATIENCE, tls.accept(stream)).await {
            Ok(Ok(stream)) => Box::new(stream),
            Ok(Err(_)) | Err(_) => return,
        },
        None => stream,
    };
    let service = service_fn(move |request: Request<Incoming>| {
        let status = status.clone();
        async move { Ok::<_, Infallible>(status.answer(request.method(), request.uri().path()).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "status connection ended");
    }
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

const CONNECTIONS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 16 * 1024;
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
const STORE_PATIENCE: Duration = Duration::from_secs(2);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
