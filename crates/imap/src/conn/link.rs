//! The socket of one connection and its two buffers: the only file that reads or writes one.
//!
//! Invariants: while nothing is under way neither buffer holds memory; output is handed to the socket in pieces
//! that the peer's own pace bounds; a peer that takes nothing for a while is given up.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use authentication::Bindings;
use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ProtocolVersion;
use tokio_rustls::server::TlsStream;

use crate::conn::deflate::Deflated;

/// An accepted socket.
#[derive(Debug)]
pub(crate) enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
}

enum Stream {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
    /// Between plain and TLS; also after a handshake that failed.
    Closed,
}

/// A socket with buffers.
pub(crate) struct Link {
    stream: Stream,
    /// What has come and not been used.
    pub(crate) input: BytesMut,
    /// What is to be written.
    pub(crate) out: BytesMut,
    /// RFC 5929 §4: the hash of the certificate that this connection's handshake has shown.
    pub(crate) end_point: Option<Arc<[u8]>>,
    /// RFC 4978: what stands between the buffers and the stream, once it is turned on.
    deflated: Option<Box<Deflated>>,
    write_stall: Duration,
}

impl Link {
    /// A link over a plain socket.
    pub(crate) fn new(socket: Socket, write_stall: Duration) -> Self {
        Self {
            stream: Stream::Plain(socket),
            input: BytesMut::new(),
            out: BytesMut::new(),
            end_point: None,
            deflated: None,
            write_stall,
        }
    }

    /// Whether what is sent can't be read on the way.
    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// Whether there is anything to bind an authentication to.
    pub(crate) fn is_bindable(&self) -> bool {
        self.end_point.is_some() || self.has_exporter()
    }

    /// What an authentication can be bound to.
    pub(crate) fn bindings(&self) -> Bindings {
        let tls_exporter = match &self.stream {
            Stream::Tls(stream) if self.has_exporter() => {
                let connection = stream.get_ref().1;
                connection.export_keying_material([0; 32], Bindings::EXPORTER_LABEL, Some(b"")).ok()
            }
            _ => None,
        };
        Bindings { tls_exporter, tls_server_end_point: self.end_point.clone() }
    }

    /// RFC 9266 §4.2: in TLS 1.2 the exporter would depend on an extension.
    fn has_exporter(&self) -> bool {
        match &self.stream {
            Stream::Tls(stream) => stream.get_ref().1.protocol_version() == Some(ProtocolVersion::TLSv1_3),
            Stream::Plain(_) | Stream::Closed => false,
        }
    }

    /// Whether COMPRESS is on.
    pub(crate) fn is_compressed(&self) -> bool {
        self.deflated.is_some()
    }

    /// Turns COMPRESS on. What came before is compressed already; all output has been flushed.
    pub(crate) fn start_compression(&mut self) {
        assert!(self.out.is_empty() && self.deflated.is_none(), "COMPRESS begins once, after its answer");
        self.deflated = Some(Box::new(Deflated::new(std::mem::take(&mut self.input))));
    }

    /// Turns TLS on. RFC 9051 §6.2.1: what came before it is dropped unread.
    pub(crate) async fn start_tls(&mut self, acceptor: &TlsAcceptor, time: Duration) -> io::Result<()> {
        self.input = BytesMut::new();
        let Stream::Plain(socket) = std::mem::replace(&mut self.stream, Stream::Closed) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let accepted = tokio::time::timeout(time, acceptor.accept(socket)).await;
        self.stream = Stream::Tls(Box::new(accepted.map_err(|_| io::ErrorKind::TimedOut)??));
        Ok(())
    }

    /// Waits for more input, for which there is room for at least `missing` bytes if so many are known to come.
    /// End of the stream is `UnexpectedEof`.
    ///
    /// Cancel-safe: nothing has been read before it returns.
    pub(crate) async fn read(&mut self, missing: usize) -> io::Result<()> {
        let room = missing.clamp(READ_BYTES, READ_BYTES_MAX);
        let Some(deflated) = &mut self.deflated else { return self.stream.read(&mut self.input, room).await };
        while !deflated.inflate(&mut self.input)? {
            release(&mut self.input);
            self.stream.read(&mut deflated.packed_input, READ_BYTES).await?;
        }
        Ok(())
    }

    /// Writes out all that is buffered.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        let out = match &mut self.deflated {
            Some(deflated) => {
                deflated.deflate(&mut self.out)?;
                &mut deflated.packed_output
            }
            None => &mut self.out,
        };
        while !out.is_empty() {
            let write = self.stream.write_buf(out);
            match tokio::time::timeout(self.write_stall, write).await {
                Ok(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written?,
                Err(_) => return Err(io::ErrorKind::TimedOut.into()),
            };
        }
        tokio::time::timeout(self.write_stall, self.stream.flush())
            .await
            .map_err(|_| io::ErrorKind::TimedOut)??;
        Ok(())
    }

    /// Writes out what is buffered if it is much: what bounds the memory of a long answer.
    pub(crate) async fn drain(&mut self) -> io::Result<()> {
        if self.out.len() >= DRAIN_BYTES { self.flush().await } else { Ok(()) }
    }

    /// Writes bytes after those that are buffered, without copying them all into the buffer.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(DRAIN_BYTES) {
            self.out.extend_from_slice(piece);
            self.drain().await?;
        }
        Ok(())
    }

    /// Gives back the memory of empty buffers.
    pub(crate) fn release(&mut self) {
        release(&mut self.input);
        release(&mut self.out);
        if let Some(deflated) = &mut self.deflated {
            deflated.release();
        }
    }

    /// Says that nothing more will be written, as TLS wants it said. Errors don't matter any more.
    pub(crate) async fn close(mut self) {
        let _ = tokio::time::timeout(CLOSE_TIME, self.stream.shutdown()).await;
    }
}

impl Stream {
    /// Waits for bytes and appends them. End of the stream is `UnexpectedEof`. Cancel-safe.
    async fn read(&mut self, buffer: &mut BytesMut, room: usize) -> io::Result<()> {
        let read = match self {
            Self::Plain(Socket::Tcp(stream)) => loop {
                // An idle connection waits here: it must not hold a buffer.
                stream.readable().await?;
                buffer.reserve(room);
                match stream.try_read_buf(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => release(buffer),
                    read => break read?,
                }
            },
            Self::Plain(Socket::Unix(stream)) => loop {
                stream.readable().await?;
                buffer.reserve(room);
                match stream.try_read_buf(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => release(buffer),
                    read => break read?,
                }
            },
            Self::Tls(stream) => {
                buffer.reserve(room);
                stream.read_buf(buffer).await?
            }
            Self::Closed => 0,
        };
        if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

/// Writes one line to a socket that is not served, if that can be done at once.
pub(crate) fn write_once(socket: &Socket, line: &[u8]) {
    // The connection is closed either way; whether the peer learns why is luck.
    let _ = match socket {
        Socket::Tcp(stream) => stream.try_write(line),
        Socket::Unix(stream) => stream.try_write(line),
    };
}

fn release(buffer: &mut BytesMut) {
    if buffer.is_empty() {
        *buffer = BytesMut::new();
    }
}

const READ_BYTES: usize = 2 << 10;
const READ_BYTES_MAX: usize = 256 << 10;
const DRAIN_BYTES: usize = 32 << 10;
const CLOSE_TIME: Duration = Duration::from_secs(2);

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Closed => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Closed => Poll::Ready(Ok(())),
        }
    }
}
