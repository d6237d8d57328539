//! What a connection speaks, from its first bytes: HTTP/2 begins with a preface and SETTINGS (RFC 9113 §3.4), everything
//! else is HTTP/1.1. Whether the peer allows server push is known then too, before its first request.
//!
//! The bytes are read into a buffer and given to whoever speaks the protocol in front of the rest ([`Prefixed`]).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoken {
    Http1,
    Http2(ServerPush),
}

/// RFC 9113 §6.5.2: SETTINGS_ENABLE_PUSH, as the connection began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerPush {
    Allowed,
    Disabled,
}

/// A stream of which something has been read already.
pub(super) struct Prefixed<S> {
    prefix: Bytes,
    stream: S,
}

/// Reads until it is clear what the peer speaks; `None` when it has said nothing and gone.
pub(super) async fn sniff<S>(mut stream: S) -> io::Result<Option<(Spoken, Prefixed<S>)>>
where
    S: AsyncRead + Unpin,
{
    let mut read = BytesMut::with_capacity(FIRST_BYTES);
    loop {
        if let Some(spoken) = judge(&read) {
            return Ok(Some((spoken, Prefixed { prefix: read.freeze(), stream })));
        }
        // `judge` decides before the buffer is full.
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(None);
        }
    }
}

/// What the first bytes say; `None` when there are too few.
fn judge(read: &[u8]) -> Option<Spoken> {
    let begun = read.len().min(PREFACE.len());
    if read.is_empty() {
        return None;
    }
    if read.get(..begun) != PREFACE.get(..begun) {
        return Some(Spoken::Http1);
    }
    let frame = read.get(PREFACE.len()..)?;
    let (head, payload) = frame.split_first_chunk::<FRAME_HEAD_BYTES>()?;
    let [high, middle, low, kind, ..] = *head;
    let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
    if kind != SETTINGS || length > SETTINGS_BYTES_MAX {
        // Not for us to judge: h2 ends the connection, or is told by the peer whether it may push.
        return Some(Spoken::Http2(ServerPush::Allowed));
    }
    let settings = payload.get(..length)?;
    Some(Spoken::Http2(server_push(settings)))
}

fn server_push(settings: &[u8]) -> ServerPush {
    let mut push = ServerPush::Allowed;
    for setting in settings.chunks_exact(SETTING_BYTES) {
        match *setting {
            [0, ENABLE_PUSH, 0, 0, 0, 0] => push = ServerPush::Disabled,
            [0, ENABLE_PUSH, ..] => push = ServerPush::Allowed,
            // RFC 9113 §5.1.2: no stream may be opened by us, so nothing can be pushed.
            [0, MAX_CONCURRENT_STREAMS, 0, 0, 0, 0] => return ServerPush::Disabled,
            _ => {}
        }
    }
    push
}

impl<S> Prefixed<S> {
    /// The stream, and what has been read of it and not been taken.
    pub(super) fn into_parts(self) -> (Bytes, S) {
        (self.prefix, self.stream)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.prefix.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let count = self.prefix.len().min(buffer.remaining());
        buffer.put_slice(self.prefix.get(..count).unwrap_or_default());
        self.prefix.advance(count);
        if self.prefix.is_empty() {
            // Gives the memory back, which otherwise lives as long as the connection.
            self.prefix = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefixed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// RFC 9113 §3.4.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEAD_BYTES: usize = 9;
const SETTINGS: u8 = 4;
const SETTING_BYTES: usize = 6;
const ENABLE_PUSH: u8 = 2;
const MAX_CONCURRENT_STREAMS: u8 = 3;
/// Clients send about five settings; more than this is left to h2.
const SETTINGS_BYTES_MAX: usize = 192;
/// Room for the preface and the settings; a request's first bytes of HTTP/1.1 too.
const FIRST_BYTES: usize = 256;

#[cfg(test)]
mod tests;
