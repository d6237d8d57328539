//! The operator's pages: `/health/live`, `/health/ready` and `/metrics`.
//!
//! Live means that the process answers. Ready means that every listener is open, the store and the push
//! service's storage answer, and no shutdown has begun. Metrics are in the text format of Prometheus.
//!
//! Not here: anything about an account, and connections, which are in `web`. Bodies of requests are not read.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode, header};
use http_body_util::Full;
use metrics_exporter_prometheus::PrometheusHandle;
use store::Store;

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

    /// The answer to a request for one of the pages.
    pub(crate) async fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
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

/// An answer in plain text.
pub(crate) fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

const STORE_PATIENCE: Duration = Duration::from_secs(2);
