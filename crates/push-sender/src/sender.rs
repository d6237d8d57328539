//! One request, from its endpoint to its outcome.

use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use http::{HeaderValue, Uri, Version, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, timeout, timeout_at};
use url::Url;
use webpush::origin::Origin;
use webpush::vapid::cache::TokenCache;

use crate::connect::{Body, Connector};
use crate::metric;
use crate::outcome::{NetworkFailure, Outcome};
use crate::policy::{EndpointRefused, Policy, request_uri};
use crate::pool::{Lease, Pool, SendFailure};
use crate::request::Request;
use crate::resolve::Resolve;
use crate::standing::{Standings, Verdict};
use crate::tls::{CaError, ClientCertificate, client_config};

/// How much a sender may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For names, TCP and TLS together. Past it the attempt is a timeout.
    pub connect_timeout: Duration,
    /// From the request to the head of the answer. Past it the attempt is a timeout.
    pub request_timeout: Duration,
    /// For a place on a connection while others of the same origin are served. Past it the attempt is deferred.
    pub queue_timeout: Duration,
    /// A connection that carried nothing for this long is closed.
    pub idle_timeout: Duration,
    /// Sockets in all. Past it idle connections are closed, then requests wait.
    pub sockets: usize,
    /// Connections to one origin. Past it requests wait for one of them.
    pub connections_per_origin: usize,
    /// Requests at once on one HTTP/2 connection. Past it another connection is opened.
    pub streams_per_connection: usize,
    /// Requests to one origin, under way or waiting. Past it attempts are deferred at once.
    pub requests_per_origin: usize,
}

impl Limits {
    /// What suits one server.
    pub const STANDARD: Self = Self {
        connect_timeout: Duration::from_secs(10),
        request_timeout: Duration::from_secs(30),
        queue_timeout: Duration::from_secs(30),
        idle_timeout: Duration::from_secs(90),
        sockets: 1024,
        connections_per_origin: 4,
        streams_per_connection: 100,
        requests_per_origin: 512,
    };
}

/// What a sender is made of.
pub struct Config {
    /// Where may be posted to, and who is named as the contact.
    pub policy: Policy,
    /// The contents of a PEM file with certificate authorities to trust beside the system's.
    pub extra_ca: Option<String>,
    /// How much may be used.
    pub limits: Limits,
}

/// Posts push messages. Share it by reference or in an `Arc`; dropping it closes its connections.
pub struct PushSender {
    inner: Arc<Inner>,
    housekeeping: JoinHandle<()>,
}

struct Inner {
    policy: Arc<Policy>,
    limits: Limits,
    pool: Pool,
    tokens: TokenCache,
    standings: Standings,
}

impl PushSender {
    /// Makes a sender. It reads the system's certificate authorities, and needs a Tokio runtime for its housekeeping.
    ///
    /// # Errors
    /// [`CaError`] when the additional authorities can't be used.
    pub fn new(config: Config, resolver: Arc<dyn Resolve>) -> Result<Self, CaError> {
        Self::build(config, resolver, None)
    }

    /// The same, for a service that asks for a certificate of ours.
    ///
    /// # Errors
    /// [`CaError`] when the additional authorities or the certificate can't be used.
    pub fn with_certificate(
        config: Config,
        resolver: Arc<dyn Resolve>,
        certificate: ClientCertificate,
    ) -> Result<Self, CaError> {
        Self::build(config, resolver, Some(certificate))
    }

    fn build(
        config: Config,
        resolver: Arc<dyn Resolve>,
        certificate: Option<ClientCertificate>,
    ) -> Result<Self, CaError> {
        metric::describe();
        let policy = Arc::new(config.policy);
        let connector = Connector {
            policy: Arc::clone(&policy),
            resolver,
            tls: client_config(config.extra_ca.as_deref(), certificate)?,
            connect_timeout: config.limits.connect_timeout,
        };
        let inner = Arc::new(Inner {
            tokens: TokenCache::new(policy.contact.clone(), TOKENS_MAX),
            policy,
            limits: config.limits,
            pool: Pool::new(connector, config.limits),
            standings: Standings::default(),
        });
        let housekeeping = tokio::spawn(keep_house(Arc::downgrade(&inner), config.limits.idle_timeout));
        Ok(Self { inner, housekeeping })
    }

    /// Where this sender may post to: what endpoints are checked with when they are registered.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    /// When `origin` may be posted to again: now, unless it asked for a pause or refuses us.
    #[must_use]
    pub fn origin_ready_at(&self, origin: &Origin) -> Instant {
        let now = Instant::now();
        now + self.inner.standings.wait(origin, now)
    }

    /// How many sockets are open.
    #[must_use]
    pub fn sockets_open(&self) -> usize {
        self.inner.pool.sockets_open()
    }

    /// Posts a request and says what came of it. Takes at most the sum of the time limits; cancelling it is safe, what
    /// has been sent by then may have arrived.
    pub async fn send(&self, request: &Request) -> Outcome {
        let started = Instant::now();
        let origin = Origin::of(&request.endpoint);
        let outcome = match &origin {
            None => Outcome::Network(EndpointRefused::Scheme.into()),
            Some(origin) => {
                let mut outcome = self.inner.attempt(request, origin).await;
                self.inner.learn(request, origin, &mut outcome);
                outcome
            }
        };
        let duration = started.elapsed();
        metric::attempt(metric::service(&request.endpoint), &outcome, duration);
        tracing::info!(
            origin = origin.as_ref().map(Origin::as_str),
            account = request.correlation.account,
            modseq = request.correlation.modseq,
            outcome = outcome.class(),
            status = outcome.status(),
            duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            "push.attempt"
        );
        outcome
    }
}

impl Drop for PushSender {
    fn drop(&mut self) {
        self.housekeeping.abort();
    }
}

impl Inner {
    async fn attempt(&self, request: &Request, origin: &Origin) -> Outcome {
        if let Err(refused) = self.policy.check_endpoint(&request.endpoint) {
            return Outcome::Network(refused.into());
        }
        let wait = self.standings.wait(origin, Instant::now());
        if !wait.is_zero() {
            return Outcome::Deferred { wait };
        }
        let Some((pool, _permit)) = self.pool.admit(origin) else {
            return Outcome::Deferred { wait: BUSY_WAIT };
        };
        let prepared = match self.prepare(request, origin) {
            Ok(prepared) => prepared,
            Err(failure) => return Outcome::Network(failure),
        };
        for _ in 0..SENDS_MAX {
            let leased = self.pool.lease(&pool, &request.endpoint, origin);
            let lease = match timeout(self.limits.queue_timeout, leased).await {
                Ok(Ok(lease)) => lease,
                Ok(Err(failure)) => return Outcome::Network(failure),
                Err(_) => return Outcome::Deferred { wait: BUSY_WAIT },
            };
            if let Some(wanted) = &request.wanted
                && !wanted.is_true().await
            {
                lease.give_back().await;
                return Outcome::Withdrawn;
            }
            match self.exchange(lease, &prepared, &request.endpoint).await {
                Ok(outcome) => return outcome,
                Err(SendFailure::NotProcessed) => {}
                Err(SendFailure::Lost) => break,
            }
        }
        Outcome::Network(NetworkFailure::Protocol)
    }

    /// Everything of the request but what depends on the connection.
    fn prepare(&self, request: &Request, origin: &Origin) -> Result<Prepared, NetworkFailure> {
        let uri = request_uri(&request.endpoint).ok_or(EndpointRefused::Syntax)?;
        let mut head = http::Request::new(());
        *head.method_mut() = request.method.clone();
        *head.headers_mut() = request.headers.clone();
        head.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        if let Some(key) = &request.identity {
            let token = self
                .tokens
                .authorization(key, origin, SystemTime::now())
                .map_err(|_| NetworkFailure::Signing)?;
            let mut value = HeaderValue::from_str(token.as_str()).map_err(|_| NetworkFailure::Signing)?;
            value.set_sensitive(true);
            head.headers_mut().insert(header::AUTHORIZATION, value);
        }
        Ok(Prepared { head, uri, body: request.body.clone() })
    }

    async fn exchange(
        &self,
        mut lease: Lease,
        prepared: &Prepared,
        endpoint: &Url,
    ) -> Result<Outcome, SendFailure> {
        let Some(request) = prepared.request(lease.is_http2()) else {
            return Ok(Outcome::Network(EndpointRefused::Syntax.into()));
        };
        let deadline = Instant::now() + self.limits.request_timeout;
        let response = match timeout_at(deadline, lease.send(request)).await {
            Ok(response) => response?,
            Err(_) => return Ok(Outcome::Network(NetworkFailure::Timeout)),
        };
        let (head, body) = response.into_parts();
        let outcome = Outcome::of_response(endpoint, head.status, &head.headers, SystemTime::now());
        // The head has said everything. The body is read only to have the connection back, and within limits.
        let reuse = async {
            if drain(body).await {
                lease.give_back().await;
            }
        };
        let _ = timeout_at(deadline.min(Instant::now() + DRAIN_TIMEOUT), reuse).await;
        Ok(outcome)
    }

    fn learn(&self, request: &Request, origin: &Origin, outcome: &mut Outcome) {
        if self.standings.record(origin, &request.endpoint, outcome, Instant::now()) == Verdict::Paused {
            metric::paused(metric::service(&request.endpoint));
            tracing::warn!(
                %origin,
                "the push service refuses our VAPID tokens: check the clock, the key and push.contact; paused"
            );
        }
    }
}

/// A request that can be sent more than once.
struct Prepared {
    head: http::Request<()>,
    uri: Uri,
    body: bytes::Bytes,
}

impl Prepared {
    /// The request in the form that the connection wants, or `None` for a URI that it can't have.
    fn request(&self, http2: bool) -> Option<http::Request<Body>> {
        let (mut parts, ()) = self.head.clone().into_parts();
        if http2 {
            parts.version = Version::HTTP_2;
            parts.uri = self.uri.clone();
        } else {
            let host = HeaderValue::from_str(self.uri.authority()?.as_str()).ok()?;
            parts.headers.insert(header::HOST, host);
            // RFC 9112 §3.2.1: the path and query alone.
            parts.uri = self.uri.path_and_query()?.as_str().parse().ok()?;
        }
        Some(http::Request::from_parts(parts, Body::new(self.body.clone())))
    }
}

/// Throws away the body of an answer. Whether it was read to its end.
async fn drain(mut body: Incoming) -> bool {
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        bytes += frame.data_ref().map_or(0, bytes::Bytes::len);
        if bytes > BODY_BYTES_MAX {
            return false;
        }
    }
    true
}

/// Closes idle connections and forgets idle origins for as long as the sender lives.
async fn keep_house(inner: Weak<Inner>, idle_timeout: Duration) {
    let mut ticks = interval((idle_timeout / 2).max(Duration::from_millis(1)));
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        inner.pool.close_idle();
        inner.standings.sweep(Instant::now());
    }
}

/// VAPID tokens kept: one for each origin that is being posted to.
const TOKENS_MAX: usize = 4096;

/// A request that was not processed is sent again so often, each time on a connection that still takes requests.
const SENDS_MAX: usize = 3;

/// How long a caller should leave an origin alone that has too many requests already.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// So much of an answer's body is read, and for so long; the connection is given up instead of reading more.
const BODY_BYTES_MAX: usize = 4096;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

const USER_AGENT: &str = concat!("Mailbell/", env!("CARGO_PKG_VERSION"));
