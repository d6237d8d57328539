//! HTTP/1.1, by hyper, and the switch to WebSocket.
//!
//! There is no server push here, so a request for messages is answered with a stream ([`fallback`]). hyper takes the next
//! piece of it when the socket has taken the one before; a peer that takes nothing for `write_timeout` is dropped.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::connection::Context;
use super::patient::Patient;
use super::sniff::Prefixed;
use crate::config::HttpLimits;
use crate::http::delivery::Feed;
use crate::http::delivery::fallback::{self, Pieces};
use crate::http::{Answer, reply};
use crate::websocket;
use crate::websocket::upgrade::{self, Handshake};

/// Serves an HTTP/1.1 connection to its end, or until it has become a WebSocket.
pub(super) async fn serve<S>(context: Context, stream: Prefixed<S>)
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
        async move { Ok::<_, Infallible>(answer::<S>(&context, request, under_way).await) }
    });
    let served =
        builder(&limits).serve_connection(TokioIo::new(Patient::new(stream, limits.write_timeout)), service);
    let mut connection = pin!(served.with_upgrades());
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

fn builder(limits: &HttpLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    let head = usize::try_from(limits.head_bytes_max).unwrap_or(usize::MAX);
    builder.max_buf_size(head.max(HTTP1_BUFFER_BYTES_MIN)).max_headers(limits.head_fields_max);
    builder
}

async fn answer<S>(
    context: &Context,
    mut request: Request<Incoming>,
    under_way: UnderWay,
) -> Response<ResponseBody>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake =
        if request.uri().path() == WEBSOCKET_PATH { upgrade::judge(&request) } else { Handshake::None };
    match handshake {
        Handshake::None => respond(context, request, under_way).await,
        Handshake::Refuse(status) => {
            let mut response = reply::empty(status);
            let version = HeaderValue::from_static("13");
            response.headers_mut().insert(http::header::SEC_WEBSOCKET_VERSION, version);
            reply::add_common_fields(response.headers_mut());
            response.map(ResponseBody::Complete)
        }
        Handshake::Accept(accept) => {
            let upgrading = hyper::upgrade::on(&mut request);
            let task = switch::<S>(context.clone(), upgrading);
            let abort = context.abort.clone();
            context.tasks.spawn(async move { abort.run_until_cancelled(task).await });
            let mut response = reply::empty(StatusCode::SWITCHING_PROTOCOLS);
            *response.headers_mut() = upgrade::accepting(accept);
            response.map(ResponseBody::Complete)
        }
    }
}

/// HTTP/1.1 has no server push, so messages are delivered as a stream.
async fn respond(
    context: &Context,
    request: Request<Incoming>,
    under_way: UnderWay,
) -> Response<ResponseBody> {
    let wish = match crate::http::respond(&context.service, request, context.peer).await {
        Answer::Complete(response) => return response.map(ResponseBody::Complete),
        Answer::Monitor(wish) => wish,
    };
    let service = Arc::clone(&context.service);
    let feed = Feed::open(service, &wish, context.shutdown.clone()).await;
    let (head, pieces) = fallback::respond(feed, &wish, None).await;
    head.map(|()| match pieces {
        Some(pieces) => ResponseBody::Stream { pieces, _under_way: under_way },
        None => ResponseBody::Complete(Full::default()),
    })
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
    let parts = upgraded.downcast::<TokioIo<Patient<Prefixed<S>>>>().ok()?;
    let (prefix, stream) = parts.io.into_inner().into_inner().into_parts();
    // hyper has taken the prefix, or the peer could not have been answered.
    debug_assert!(prefix.is_empty(), "the beginning of the connection was not read");
    Some((Box::new(stream), parts.read_buf.to_vec()))
}

/// The body of a response: all of it, or a stream during which the connection is not idle.
enum ResponseBody {
    Complete(Full<Bytes>),
    Stream { pieces: Pieces, _under_way: UnderWay },
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Complete(full) => Pin::new(full).poll_frame(context),
            Self::Stream { pieces, .. } => {
                pieces.as_mut().poll_next(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Complete(full) => full.is_end_stream(),
            Self::Stream { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Complete(full) => full.size_hint(),
            Self::Stream { .. } => SizeHint::default(),
        }
    }
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
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
