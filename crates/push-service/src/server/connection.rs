//! One TCP connection: TLS, and what is spoken on it: HTTP/1.1 ([`super::http1`], which switches to WebSocket) or HTTP/2
//! ([`super::http2`]).
//!
//! A connection that does nothing is closed after `idle_timeout`, whatever it is doing nothing with: a head that
//! trickles in, a preface that does not come, a kept-alive connection. Requests under way have limits of their own.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::sniff::{self, Spoken};
use super::{http1, http2};
use crate::measure::{self, Protocol};
use crate::peers::Place;
use crate::service::Service;

/// What a connection needs from the server.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) service: Arc<Service>,
    pub(super) peer: IpAddr,
    pub(super) shutdown: CancellationToken,
    pub(super) abort: CancellationToken,
    pub(super) tasks: TaskTracker,
    /// The connection's places among all and among its peer's; given back when its last user is gone.
    pub(super) place: Arc<(OwnedSemaphorePermit, Option<Place>)>,
}

/// Serves a connection to its end.
pub(super) async fn serve(context: Context, stream: TcpStream, tls: Option<TlsAcceptor>) {
    // Notifications are small and must not wait for each other; a socket that can't do this fails on its own.
    let _best_effort = stream.set_nodelay(true);
    match tls {
        None => serve_http(context, stream).await,
        Some(tls) => {
            let limit = context.service.config.http.handshake_timeout;
            match timeout(limit, tls.accept(stream)).await {
                Ok(Ok(stream)) => serve_http(context, stream).await,
                Ok(Err(error)) => tracing::debug!(%error, "push service: TLS handshake"),
                Err(_) => tracing::debug!("push service: TLS handshake took too long"),
            }
        }
    }
}

/// Looks at what is spoken; with TLS it is what ALPN has chosen.
async fn serve_http<S>(context: Context, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limit = context.service.config.http.idle_timeout;
    let shutdown = context.shutdown.clone();
    let Some(spoken) = shutdown.run_until_cancelled(timeout(limit, sniff::sniff(stream))).await else {
        return;
    };
    match spoken {
        Ok(Ok(Some((Spoken::Http1, stream)))) => {
            measure::connection(Protocol::Http1);
            http1::serve(context, stream).await;
        }
        Ok(Ok(Some((Spoken::Http2(push), stream)))) => {
            measure::connection(Protocol::Http2);
            http2::serve(context, stream, push).await;
        }
        Ok(Ok(None)) => {}
        Ok(Err(error)) => tracing::debug!(%error, "push service: connection"),
        Err(_) => tracing::debug!("push service: a connection said nothing"),
    }
}
