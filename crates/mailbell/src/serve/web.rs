//! The listeners of HTTP: JMAP and the devices API for users, and the operator's pages.
//!
//! Over TLS the operator's pages are for trusted addresses only, since users connect there; what listens without
//! TLS is for the operator's network, and no password from elsewhere is taken there.
//!
//! Limits: a request head of 16 KiB within 10 seconds; a peer that takes nothing of an answer for [`Limits::write_timeout`]; connections, of all and of one peer, as [`Limits`] says: what is above the
//! first waits in the kernel's queue, above the second it is closed.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use admission::peer::{Peer, Peers};
use admission::places::Places;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use push_service::server::patient::Patient;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::listener::Listener;
use super::status::{self, Status};

#[cfg(test)]
mod tests;

/// What is served over HTTP. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Web {
    status: Status,
    /// `None` in a push service that runs alone.
    users: Option<ForUsers>,
    peers: Peers,
    connections: Arc<Semaphore>,
    places: Places<Peer>,
    write_timeout: Duration,
}

/// What users ask.
#[derive(Clone)]
pub(crate) struct ForUsers {
    pub(crate) jmap: jmap::Server,
    pub(crate) devices: jmap::Devices,
}

/// How many connections there may be, and how slow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at a time, on all listeners.
    pub(crate) connections: usize,
    /// Connections at a time, of one peer.
    pub(crate) connections_per_peer: usize,
    /// How long a peer may take nothing of what it is sent; then its connection ends.
    pub(crate) write_timeout: Duration,
}

impl Web {
    /// For whoever connects.
    pub(crate) fn new(status: Status, users: Option<ForUsers>, peers: Peers, limits: Limits) -> Self {
        let places = Places::new(limits.connections_per_peer);
        let connections = Arc::new(Semaphore::new(limits.connections));
        Self { status, users, peers, connections, places, write_timeout: limits.write_timeout }
    }

    /// Answers on `listener` until `stop` is cancelled, over TLS if there is an acceptor. A request under way is answered
    /// to its end then.
    pub(crate) async fn serve(self, listener: Listener, tls: Option<TlsAcceptor>, stop: CancellationToken) {
        let connections = TaskTracker::new();
        loop {
            let place = Arc::clone(&self.connections).acquire_owned();
            let Some(Ok(place)) = stop.run_until_cancelled(place).await else { break };
            // Accepting is cancel-safe in tokio; a connection that was not taken stays in the kernel's queue.
            let Some(accepted) = stop.run_until_cancelled(accept(&listener)).await else { break };
            let Ok((stream, address)) = accepted else {
                // Out of file descriptors, most likely: others must end first.
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let peer = address.and_then(|address| self.peers.of(address));
            let own_place = peer.map(|peer| self.places.take(peer));
            if matches!(own_place, Some(None)) {
                continue;
            }
            let (web, tls, stop) = (self.clone(), tls.clone(), stop.clone());
            connections.spawn(async move {
                let caller = jmap::Caller { peer, is_encrypted: tls.is_some() };
                web.connection(stream, tls, caller, stop).await;
                drop((place, own_place));
            });
        }
        connections.close();
        connections.wait().await;
    }

    async fn connection(
        self,
        stream: Stream,
        tls: Option<TlsAcceptor>,
        caller: jmap::Caller,
        stop: CancellationToken,
    ) {
        let stream: Stream = match tls {
            Some(tls) => match tokio::time::timeout(HEAD_PATIENCE, tls.accept(stream)).await {
                Ok(Ok(stream)) => Box::new(stream),
                Ok(Err(_)) | Err(_) => return,
            },
            None => stream,
        };
        let stream = Patient::new(stream, self.write_timeout);
        let service = service_fn(move |request: Request<Incoming>| {
            let web = self.clone();
            async move { Ok::<_, Infallible>(web.answer(request, caller).await) }
        });
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_PATIENCE)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut served = pin!(served);
        let ended = tokio::select! {
            ended = served.as_mut() => ended,
            () = stop.cancelled() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "HTTP connection ended");
        }
    }

    async fn answer(&self, request: Request<Incoming>, caller: jmap::Caller) -> Response<jmap::Body> {
        let path = request.uri().path();
        match &self.users {
            Some(users) if jmap::Server::owns(path) => return users.jmap.respond(request, caller).await,
            Some(users) if jmap::Devices::owns(path) => return users.devices.respond(request, caller).await,
            _ => {}
        }
        let page = if caller.is_encrypted && caller.peer.is_some() {
            status::plain(StatusCode::NOT_FOUND, "no such page\n".to_owned())
        } else {
            self.status.answer(request.method(), path).await
        };
        page.map(|body| body.map_err(|never| match never {}).boxed_unsync())
    }
}

type Stream = Box<dyn Duplex>;

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

async fn accept(listener: &Listener) -> std::io::Result<(Stream, Option<IpAddr>)> {
    match listener {
        Listener::Tcp(listener) => {
            let (stream, address) = listener.accept().await?;
            // Answers are written in one piece, so there is nothing to wait for.
            stream.set_nodelay(true)?;
            Ok((Box::new(stream), Some(address.ip())))
        }
        Listener::Unix(listener, _) => Ok((Box::new(listener.accept().await?.0), None)),
    }
}

const HEAD_BYTES_MAX: usize = 16 * 1024;
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
