//! One TCP connection: TLS, HTTP/1.1 or HTTP/2, and the switch to WebSocket.
//!
//! A connection that does nothing is closed after `idle_timeout`, whatever it is doing nothing with: a head that
//! trickles in, a preface that does not come, a kept-alive connection. Requests under way have limits of their own.
//!
//! RFC 8030 §6 (not done yet): delivery by server push will take the HTTP/2 connections over from hyper here; requests
//! go through [`crate::http::respond`] all the same.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::HttpLimits;
use crate::http::reply;
use crate::peers::Place;
use crate::service::Service;
use crate::websocket;
use crate::websocket::upgrade::{self, Handshake};

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

async fn serve_http<S>(context: Context, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = context.service.config.http;
    let shutdown = context.shutdown.clone();
    let activity = Arc::new(Activity::new());
    let requests = Arc::clone(&activity);
    let service = service_fn(move |request| {
        let under_way = UnderWay::begin(&requests);
        let context = context.clone();
        async move {
            let response = answer::<S>(&context, request).await;
            drop(under_way);
            Ok::<_, Infallible>(response)
        }
    });
    let builder = builder(&limits);
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
    let mut closing = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "push service: connection");
                }
                return;
            }
            () = shutdown.cancelled(), if !closing => {
                closing = true;
                connection.as_mut().graceful_shutdown();
            }
            () = sleep_until(activity.idle_at(limits.idle_timeout)) => {
                if !activity.is_idle(limits.idle_timeout) {
                    continue;
                }
                connection.as_mut().graceful_shutdown();
                // Whoever is in the middle of a head, or does not read our goodbye, is not waited for.
                let _orderly = timeout(GOODBYE_TIMEOUT, connection).await;
                return;
            }
        }
    }
}

fn builder(limits: &HttpLimits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    let head = usize::try_from(limits.head_bytes_max).unwrap_or(usize::MAX);
    builder.http1().max_buf_size(head.max(HTTP1_BUFFER_BYTES_MIN)).max_headers(limits.head_fields_max);
    builder
        .http2()
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(limits.head_bytes_max)
        .max_send_buf_size(SEND_BUFFER_BYTES);
    builder
}

async fn answer<S>(context: &Context, mut request: Request<Incoming>) -> Response<Full<Bytes>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    if request.uri().path() != WEBSOCKET_PATH {
        return crate::http::respond(&context.service, request, context.peer).await;
    }
    match upgrade::judge(&request) {
        Handshake::None => crate::http::respond(&context.service, request, context.peer).await,
        Handshake::Refuse(status) => {
            let mut response = reply::empty(status);
            let version = HeaderValue::from_static("13");
            response.headers_mut().insert(http::header::SEC_WEBSOCKET_VERSION, version);
            response
        }
        Handshake::Accept(accept) => {
            let upgrading = hyper::upgrade::on(&mut request);
            let task = switch::<S>(context.clone(), upgrading);
            let abort = context.abort.clone();
            context.tasks.spawn(async move { abort.run_until_cancelled(task).await });
            let mut response = reply::empty(StatusCode::SWITCHING_PROTOCOLS);
            *response.headers_mut() = upgrade::accepting(accept);
            response
        }
    }
}

/// Takes the socket out of hyper, so that nothing of an HTTP connection stays in memory beside an idle agent.
async fn switch<S>(context: Context, upgrading: hyper::upgrade::OnUpgrade)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Context { service, peer, shutdown, place, .. } = context;
    let limit = service.config.http.handshake_timeout;
    let Ok(Ok(upgraded)) = timeout(limit, upgrading).await else { return };
    let Some((stream, early)) = socket_of::<S>(upgraded) else {
        tracing::error!("push service: an upgraded connection is not of the kind that was served");
        return;
    };
    let config = websocket::conn::tungstenite_config(&service.config.websocket);
    let stream = WebSocketStream::from_partially_read(stream, early, Role::Server, Some(config)).await;
    Box::pin(websocket::conn::serve(service, stream, peer, shutdown)).await;
    drop(place);
}

/// The socket, and what has been read of it already. Boxed, because every future that an idle agent waits in has room for
/// whatever it is given, and a TLS stream is large.
fn socket_of<S>(upgraded: hyper::upgrade::Upgraded) -> Option<(Box<S>, Vec<u8>)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let parts = auto::upgrade::downcast::<TokioIo<S>>(upgraded).ok()?;
    Some((Box::new(parts.io.into_inner()), parts.read_buf.to_vec()))
}

/// What a connection is doing, to tell when it does nothing.
struct Activity {
    under_way: AtomicUsize,
    last: Mutex<Instant>,
}

struct UnderWay(Arc<Activity>);

impl Activity {
    fn new() -> Self {
        Self { under_way: AtomicUsize::new(0), last: Mutex::new(Instant::now()) }
    }

    fn idle_at(&self, idle_timeout: Duration) -> Instant {
        if self.under_way.load(Ordering::Relaxed) > 0 {
            return Instant::now() + idle_timeout;
        }
        *self.last.lock() + idle_timeout
    }

    fn is_idle(&self, idle_timeout: Duration) -> bool {
        self.under_way.load(Ordering::Relaxed) == 0 && Instant::now() >= *self.last.lock() + idle_timeout
    }
}

impl UnderWay {
    fn begin(activity: &Arc<Activity>) -> Self {
        activity.under_way.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        *self.0.last.lock() = Instant::now();
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Agents connect here.
const WEBSOCKET_PATH: &str = "/";
/// hyper's least.
const HTTP1_BUFFER_BYTES_MIN: usize = 8 << 10;
/// Bytes of answers that wait to be written in one HTTP/2 connection; answers are small.
const SEND_BUFFER_BYTES: usize = 64 << 10;
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
