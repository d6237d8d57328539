//! HTTP/2, by h2, because hyper has no server push (RFC 9113 §8.4, RFC 8030 §6).
//!
//! One task drives a connection with all its requests and readers, so that handing a response to the connection wakes
//! nobody else. Limits: `streams_max` requests at once, whether or not the peer has reset them; head size, CONTINUATION
//! frames and rapid resets as h2 counts them; `unsent_bytes_max` for all that is on its way and not taken, and
//! `write_timeout` for taking nothing of it. Only a connection on which something is to be delivered may be silent for
//! longer than `idle_timeout`, and is tried with PING.

mod body;
mod deliver;
mod liveness;
mod sending;

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use h2::RecvStream;
use h2::server::{Builder, Connection, SendResponse};
use http::header::{CONTENT_LENGTH, DATE};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout};

use self::body::RequestBody;
use self::deliver::{Delivery, Opened};
use self::liveness::{Liveness, Verdict, Work};
use super::connection::Context;
use super::sniff::{Prefixed, ServerPush};
use crate::config::HttpLimits;
use crate::http::delivery::promise::{Chunk, Unsent};
use crate::http::{Answer, date};

/// Serves an HTTP/2 connection to its end.
pub(super) async fn serve<S>(context: Context, stream: Prefixed<S>, push: ServerPush)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let limits = context.service.config.http;
    let ended = match timeout(limits.idle_timeout, builder(&limits).handshake(stream)).await {
        Ok(Ok(connection)) => drive(&context, connection, push).await,
        Ok(Err(error)) => Err(error),
        Err(_) => Ok(()),
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "push service: connection");
    }
}

fn builder(limits: &HttpLimits) -> Builder {
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(limits.head_bytes_max)
        .max_send_buffer_size(SEND_BUFFER_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    builder
}

async fn drive<S>(
    context: &Context,
    mut connection: Connection<S, Chunk>,
    push: ServerPush,
) -> Result<(), h2::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let limits = context.service.config.http;
    let streams_max = usize::try_from(limits.streams_max).unwrap_or(usize::MAX);
    let unsent = Unsent::new(context.service.config.delivery.unsent_bytes_max);
    let mut liveness = Liveness::new(connection.ping_pong(), unsent.clone(), &context.service.config);
    let mut requests = FuturesUnordered::new();
    let mut readers = FuturesUnordered::new();
    let mut shutdown = pin!(context.shutdown.cancelled());
    let mut alarm = pin!(sleep_until(Instant::now() + limits.idle_timeout));
    let mut closing = false;
    loop {
        let room = requests.len() < streams_max;
        // In this order one pass hands on what is finished and then writes it. Nothing starves: what comes first comes to
        // rest without the connection's help, at the latest when `unsent` is used up.
        tokio::select! {
            biased;
            Some(opened) = requests.next(), if !requests.is_empty() => {
                if let Some(opened) = opened {
                    let delivery = Delivery::new(context, push, unsent.clone());
                    readers.push(delivery.run(opened));
                }
            }
            Some(()) = readers.next(), if !readers.is_empty() => liveness.heard(),
            () = liveness.pong() => {}
            () = shutdown.as_mut(), if !closing => {
                // RFC 9113 §6.8: what is under way is finished, and GOAWAY says what was not begun.
                closing = true;
                connection.graceful_shutdown();
            }
            event = poll_fn(|context| poll(&mut connection, room, context)) => match event {
                None => return Ok(()),
                Some(request) => {
                    let (request, respond) = request?;
                    liveness.heard();
                    requests.push(answer(context, request, respond, unsent.clone()));
                }
            },
            () = alarm.as_mut() => {
                let now = Instant::now();
                let work = match (readers.is_empty(), requests.is_empty()) {
                    (false, _) => Work::Reading,
                    (true, false) => Work::Answering,
                    (true, true) => Work::None,
                };
                match liveness.judge(now, work) {
                    Verdict::Dead => return Ok(()),
                    Verdict::Idle => connection.graceful_shutdown(),
                    Verdict::Alive => {}
                }
                alarm.as_mut().reset(liveness.next_look(now, work));
            }
        }
    }
}

/// The next request, while there is room for it; `None` when the connection has ended.
#[expect(clippy::type_complexity, reason = "it is h2's own")]
fn poll<S>(
    connection: &mut Connection<S, Chunk>,
    room: bool,
    context: &mut std::task::Context<'_>,
) -> Poll<Option<Result<(Request<RecvStream>, SendResponse<Chunk>), h2::Error>>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if room {
        return connection.poll_accept(context);
    }
    connection.poll_closed(context).map(|closed| closed.err().map(Err))
}

/// Answers a request, or gives it back when it stays open for messages.
async fn answer(
    context: &Context,
    request: Request<RecvStream>,
    mut respond: SendResponse<Chunk>,
    unsent: Unsent,
) -> Option<Opened> {
    let uri = request.uri().clone();
    let only_head = request.method() == Method::HEAD;
    let (head, stream) = request.into_parts();
    let body = RequestBody::new(&head.headers, stream);
    match crate::http::respond(&context.service, Request::from_parts(head, body), context.peer).await {
        Answer::Complete(mut response) => {
            if only_head {
                *response.body_mut() = Full::default();
            }
            send(&mut respond, response, &unsent).await;
            None
        }
        Answer::Monitor(wish) => Some(Opened { wish, respond, uri }),
    }
}

/// Sends a response. When the peer has gone there is nobody to tell.
async fn send(respond: &mut SendResponse<Chunk>, response: Response<Full<Bytes>>, unsent: &Unsent) {
    let (mut head, mut body) = response.into_parts();
    let body = match body.frame().await {
        Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        _ => Bytes::new(),
    };
    // RFC 9110 §6.6.1
    head.headers.insert(DATE, date::now());
    if !body.is_empty() {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let is_empty = body.is_empty();
    if let Ok(mut stream) = respond.send_response(Response::from_parts(head, ()), is_empty)
        && !is_empty
    {
        let _gone = sending::send_all(&mut stream, body, unsent).await;
    }
}

/// Bytes that h2 buffers for one stream; answers are small.
const SEND_BUFFER_BYTES: usize = 64 << 10;
/// What peers may send before any of it is taken: many small messages at once, not few large ones.
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;

#[cfg(test)]
mod tests;
