//! Messages over a WebSocket, with limits: nothing is written for longer than `write_timeout`.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::config::WebSocketLimits;
use crate::websocket::frame::ServiceMessage;
use crate::websocket::session::Close;

/// How a connection came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// We hang up.
    Ours(Close),
    /// The peer said goodbye.
    Theirs,
    /// The peer no longer answers or takes anything.
    Vanished,
    /// The transport failed or the peer broke RFC 6455.
    Broken,
}

impl Ended {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Ours(close) => close.reason(),
            Self::Theirs => "closed_by_agent",
            Self::Vanished => "vanished",
            Self::Broken => "broken",
        }
    }
}

/// What came from the peer.
pub(super) enum Incoming {
    /// A message.
    Text(Utf8Bytes),
    /// A WebSocket ping, which has been answered underneath, or the answer to ours.
    SignOfLife,
}

pub(super) struct Socket<S> {
    stream: WebSocketStream<S>,
    write_timeout: Duration,
    unflushed: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    pub(super) const fn new(stream: WebSocketStream<S>, write_timeout: Duration) -> Self {
        Self { stream, write_timeout, unflushed: false }
    }

    /// What the peer sends next, or why nothing more comes. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Incoming, Ended> {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => Ok(Incoming::Text(text)),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(Incoming::SignOfLife),
            Some(Ok(Message::Binary(_))) => Err(Ended::Ours(Close::Binary)),
            Some(Ok(Message::Close(_))) => {
                self.answer_close().await;
                Err(Ended::Theirs)
            }
            Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) | None => Err(Ended::Theirs),
            Some(Err(Error::Capacity(_))) => Err(Ended::Ours(Close::TooBig)),
            Some(Err(Error::Utf8(_))) => Err(Ended::Ours(Close::Malformed)),
            Some(Err(_)) => Err(Ended::Broken),
        }
    }

    /// The next message, skipping signs of life. Cancel-safe.
    pub(super) async fn next_text(&mut self) -> Result<Utf8Bytes, Ended> {
        loop {
            if let Incoming::Text(text) = self.next().await? {
                return Ok(text);
            }
        }
    }

    /// Puts a message into the write buffer, waiting when it is full.
    pub(super) async fn feed(&mut self, message: &ServiceMessage) -> Result<(), Ended> {
        self.unflushed = true;
        let text = Message::text(message.encode());
        written(timeout(self.write_timeout, self.stream.feed(text)).await)
    }

    /// Writes out what was fed.
    pub(super) async fn flush(&mut self) -> Result<(), Ended> {
        if !self.unflushed {
            return Ok(());
        }
        self.unflushed = false;
        written(timeout(self.write_timeout, self.stream.flush()).await)
    }

    pub(super) async fn send(&mut self, message: &ServiceMessage) -> Result<(), Ended> {
        self.feed(message).await?;
        self.flush().await
    }

    /// RFC 6455 §5.5.2.
    pub(super) async fn ping(&mut self) -> Result<(), Ended> {
        written(timeout(self.write_timeout, self.stream.send(Message::Ping(Bytes::new()))).await)
    }

    /// RFC 6455 §5.5.1: a close frame is answered with one, which has been prepared underneath.
    async fn answer_close(&mut self) {
        // Whoever does not wait for it does not miss it.
        let _told = timeout(CLOSE_TIMEOUT, self.stream.flush()).await;
    }

    /// Sends our close frame, if the peer still takes it.
    pub(super) async fn close(&mut self, close: Close) {
        let frame = CloseFrame { code: CloseCode::from(close.code()), reason: close.reason().into() };
        // The peer may be gone already: then there is nobody to tell.
        let _told = timeout(CLOSE_TIMEOUT, self.stream.send(Message::Close(Some(frame)))).await;
    }
}

/// The buffers and limits of a connection: small, because most connections are idle.
#[must_use]
pub fn tungstenite_config(limits: &WebSocketLimits) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(limits.read_buffer_bytes)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .max_message_size(Some(limits.message_bytes_max))
        .max_frame_size(Some(limits.message_bytes_max))
}

fn written<E>(outcome: Result<Result<(), Error>, E>) -> Result<(), Ended> {
    match outcome {
        Ok(Ok(())) => Ok(()),
        Ok(Err(Error::ConnectionClosed | Error::AlreadyClosed)) => Err(Ended::Theirs),
        Ok(Err(_)) => Err(Ended::Broken),
        Err(_) => Err(Ended::Vanished),
    }
}

/// Beyond this the socket is written to.
const WRITE_BUFFER_BYTES: usize = 4 << 10;
/// The largest notification fits into what is left: 4/3 of the largest body and its frame.
const WRITE_BUFFER_BYTES_MAX: usize = 16 << 20;
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
