//! One connection: the only file, with `server`, that knows a socket.
//!
//! Reads into one buffer, lets the decoder and the session take it apart, and writes all answers to what was read at
//! once, when nothing whole is left in the buffer (RFC 2920 §3.2).
//!
//! # Limits
//! - A command line has to be complete, and content has to go on, within the idle time; a transaction as a whole has
//!   to end within [`TRANSACTION_TIME_MAX`]: 421 4.4.2, and the connection is closed.
//! - The client has to take what is written within [`WRITE_TIME_MAX`], and to negotiate TLS within
//!   [`HANDSHAKE_TIME_MAX`]: the connection is closed.
//! - On shutdown, a client without a transaction is told 421 4.3.2; one with a transaction has [`DRAIN_TIME_MAX`] to
//!   end it.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Buf as _, BytesMut};
use delivery::Deliverer;
use store::{Delivered, UnixTime};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::record;
use crate::reply::{Failure, Reply, write_outcomes};
use crate::session::{Action, Finished, Session};
use crate::wire::decoder::{Decoder, LINE_BYTES_MAX, Step};

/// What a connection needs of the server that it belongs to.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) deliverer: Deliverer,
    pub(crate) idle: Duration,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) shutdown: CancellationToken,
}

/// Serves a connection to its end, through STARTTLS if the client asks for it.
///
/// # Errors
/// Those of the socket; the client is gone then.
pub(crate) async fn serve<S>(stream: S, session: Session, context: &Context) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut connection = Connection::new(stream, session, context);
    connection.session.greeting().write(&mut connection.output);
    let End::StartTls(acceptor) = connection.run().await? else {
        return Ok(());
    };
    let Connection { stream, mut session, .. } = connection;
    let stream = tokio::select! {
        accepted = timeout(HANDSHAKE_TIME_MAX, acceptor.accept(stream)) => accepted??,
        () = context.shutdown.cancelled() => return Ok(()),
    };
    session.encrypted();
    // STARTTLS is refused within TLS, so this ends closed.
    Connection::new(stream, session, context).run().await.map(|_| ())
}

struct Connection<'a, S> {
    stream: S,
    context: &'a Context,
    session: Session,
    decoder: Decoder,
    /// Read, and not yet used up: at most a part of a line once the decoder asks for more.
    input: BytesMut,
    /// Answers not yet written.
    output: Vec<u8>,
    /// Since when the current line, or piece of content, is awaited.
    waiting_since: Instant,
    /// When the transaction under way must have ended.
    transaction_until: Option<Instant>,
    /// When a transaction must have ended although the server shuts down.
    drain_until: Option<Instant>,
}

enum End {
    Closed,
    StartTls(TlsAcceptor),
}

enum Input {
    Octets,
    Eof,
    Timeout,
    Shutdown,
}

impl<'a, S> Connection<'a, S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    fn new(stream: S, session: Session, context: &'a Context) -> Self {
        Self {
            stream,
            context,
            session,
            decoder: Decoder::default(),
            input: BytesMut::with_capacity(READ_BYTES + LINE_BYTES_MAX),
            output: Vec::new(),
            waiting_since: Instant::now(),
            transaction_until: None,
            drain_until: None,
        }
    }

    async fn run(&mut self) -> io::Result<End> {
        loop {
            let (used, step) = self.decoder.step(&self.input);
            let action = match step {
                Step::More => None,
                Step::Line(line) => {
                    self.waiting_since = Instant::now();
                    Some(self.session.line(line, unix_time()))
                }
                Step::Content(octets) => {
                    self.session.content(octets);
                    self.input.advance(used);
                    continue;
                }
                Step::ContentEnd => {
                    self.waiting_since = Instant::now();
                    Some(self.session.content_end())
                }
            };
            self.input.advance(used);
            let end = match action {
                Some(action) => self.perform(action).await?,
                None => self.more().await?,
            };
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    async fn perform(&mut self, action: Action) -> io::Result<Option<End>> {
        match action {
            Action::Reply(reply) => reply.write(&mut self.output),
            Action::Resolve { address, declared_bytes } => {
                let result = self.context.deliverer.resolve(&address, declared_bytes).await;
                self.session.resolved(result).write(&mut self.output);
            }
            Action::Data(reply) => {
                reply.write(&mut self.output);
                self.decoder.expect_data();
            }
            Action::Chunk(size) => self.decoder.expect_chunk(size),
            Action::Deliver(finished) => self.deliver(finished).await,
            Action::StartTls(reply) => return self.start_tls(&reply).await,
            Action::Close(reply) => return self.close(&reply).await.map(Some),
        }
        // A batch of small commands can have large answers: they are not heaped up.
        if self.output.len() > OUTPUT_BYTES_MAX {
            self.flush().await?;
        }
        Ok(None)
    }

    /// Delivers and answers. Nothing of the socket is awaited meanwhile, so a client that goes away in between does
    /// not stop it.
    async fn deliver(&mut self, finished: Finished) {
        let started = Instant::now();
        let outcomes: Vec<Result<Delivered, Failure>> = match finished.message {
            Ok(incoming) => {
                let outcomes = self.context.deliverer.deliver(&finished.recipients, incoming).await;
                outcomes.into_iter().map(|outcome| outcome.map_err(Failure::Delivery)).collect()
            }
            Err(error) => finished.recipients.iter().map(|_| Err(Failure::Content(error))).collect(),
        };
        record::transaction(&finished.id, finished.bytes, &outcomes, started.elapsed());
        write_outcomes(&outcomes, &mut self.output);
        self.waiting_since = Instant::now();
    }

    /// RFC 3207 §6: what came in clear after the command must never be taken for a part of the encrypted session.
    async fn start_tls(&mut self, reply: &Reply) -> io::Result<Option<End>> {
        let Some(acceptor) = self.context.tls.clone() else {
            Reply::not_implemented().write(&mut self.output);
            return Ok(None);
        };
        if !self.input.is_empty() {
            self.input.clear();
            Reply::pipelined_start_tls().write(&mut self.output);
            return Ok(None);
        }
        reply.write(&mut self.output);
        self.flush().await?;
        Ok(Some(End::StartTls(acceptor)))
    }

    /// Writes what is to be said, and reads more.
    async fn more(&mut self) -> io::Result<Option<End>> {
        self.flush().await?;
        match self.read().await? {
            Input::Octets => Ok(None),
            Input::Eof => Ok(Some(End::Closed)),
            Input::Timeout => self.close(&Reply::timeout()).await.map(Some),
            Input::Shutdown => self.close(&Reply::shutting_down()).await.map(Some),
        }
    }

    async fn read(&mut self) -> io::Result<Input> {
        // Without this, a client that always has more to send would never be told.
        if self.context.shutdown.is_cancelled() {
            if !self.session.is_in_transaction() {
                return Ok(Input::Shutdown);
            }
            self.drain_until.get_or_insert_with(|| after(DRAIN_TIME_MAX));
        }
        self.input.reserve(READ_BYTES);
        let is_reading_content = self.session.is_reading_content();
        if self.session.is_in_transaction() || is_reading_content {
            self.transaction_until.get_or_insert_with(|| after(TRANSACTION_TIME_MAX));
        } else {
            self.transaction_until = None;
        }
        let since = if is_reading_content { Instant::now() } else { self.waiting_since };
        let idle_until = since.checked_add(self.context.idle);
        let until = [idle_until, self.transaction_until, self.drain_until].into_iter().flatten().min();
        // Both are cancel-safe: octets are read or not, and a token stays cancelled.
        tokio::select! {
            read = self.stream.read_buf(&mut self.input) => {
                Ok(if read? == 0 { Input::Eof } else { Input::Octets })
            }
            () = tokio::time::sleep_until(until.unwrap_or_else(|| after(TRANSACTION_TIME_MAX))) => Ok(Input::Timeout),
            () = self.context.shutdown.cancelled(), if self.drain_until.is_none() => {
                if !self.session.is_in_transaction() {
                    return Ok(Input::Shutdown);
                }
                self.drain_until = Some(after(DRAIN_TIME_MAX));
                // Nothing was read: the decoder will ask for more again, now with the time limited.
                Ok(Input::Octets)
            }
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        let write = async {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await
        };
        timeout(WRITE_TIME_MAX, write).await??;
        self.output.clear();
        self.output.shrink_to(OUTPUT_BYTES_MAX);
        Ok(())
    }

    /// Says the last word and closes. Octets that the client had sent before it heard are read for a moment:
    /// closing on them would reset the connection, and the last word be lost.
    async fn close(&mut self, reply: &Reply) -> io::Result<End> {
        reply.write(&mut self.output);
        self.flush().await?;
        self.stream.shutdown().await?;
        let drain = async {
            let mut dropped = 0_usize;
            while dropped < LINGER_BYTES_MAX {
                self.input.clear();
                self.input.reserve(READ_BYTES);
                match self.stream.read_buf(&mut self.input).await {
                    Ok(0) | Err(_) => return,
                    Ok(read) => dropped = dropped.saturating_add(read),
                }
            }
        };
        // Whether the client closed, or time ran out, the connection is over.
        let _ = timeout(LINGER_TIME_MAX, drain).await;
        Ok(End::Closed)
    }
}

fn after(duration: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(duration).unwrap_or(now)
}

fn unix_time() -> UnixTime {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    UnixTime(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// What is read at a time.
const READ_BYTES: usize = 16 * 1024;
/// Answers above this are written before more commands are looked at.
const OUTPUT_BYTES_MAX: usize = 32 * 1024;
/// A transaction that has not ended by then will not: 50 MiB take that long at 30 KiB a second.
const TRANSACTION_TIME_MAX: Duration = Duration::from_secs(30 * 60);
/// The kernel takes what a client reads late; what it does not take for this long is not read at all.
const WRITE_TIME_MAX: Duration = Duration::from_secs(20);
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(30);
/// What a transaction under way is given when the server shuts down.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(20);
const LINGER_BYTES_MAX: usize = 256 * 1024;
const LINGER_TIME_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
