//! One connection: reads commands, has them run, writes answers; IDLE; timeouts; the end.
//!
//! The future of a waiting connection is small: a command's own future is on the heap and lives only while the
//! command runs.

use std::io;
use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cmd::capability::{Surroundings, capabilities};
use crate::cmd::notify::Waiting;
use crate::cmd::sync::Look;
use crate::cmd::{self, Context, Done};
use crate::reply::{Failure, answer};
use crate::server::{Inner, Security, Server};
use crate::session::Session;
use crate::wire::command::Tag;
use crate::wire::framer::{Event, FrameError, Framer, LiteralKind};
use crate::wire::parse::parse;
use crate::wire::status::{Code, Condition, Status};

mod deflate;
mod idle;
mod link;

use idle::Idle;
pub(crate) use link::{Link, Socket};

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// The loopback interface or a Unix socket: nobody listens on the way.
    ThisMachine,
    /// The network.
    Elsewhere,
}

/// Where a connection comes from, and who has to answer for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) peer: Peer,
    /// `None` if it is not counted.
    pub(crate) counted: Option<admission::peer::Peer>,
}

/// One connection.
struct Connection {
    server: Arc<Inner>,
    link: Link,
    session: Session,
    framer: Framer,
    origin: Origin,
    /// The tag of the IDLE that is under way.
    idling: Option<Tag>,
    bad_commands: u32,
    login_failures: u32,
    login_until: Instant,
}

/// Whether the connection goes on.
#[derive(PartialEq, Eq)]
enum Flow {
    Go,
    Close,
}

/// Serves one connection to its end.
pub(crate) async fn run(
    server: Server,
    socket: Socket,
    origin: Origin,
    security: Security,
    stop: CancellationToken,
) {
    let limits = server.inner.options.limits;
    metrics::gauge!("mailbell_imap_connections").increment(1.0);
    let _gauge = Gauge;
    let mut connection = Connection {
        link: Link::new(socket, limits.write_stall_time),
        server: server.inner,
        session: Session::default(),
        framer: Framer::default(),
        origin,
        idling: None,
        bad_commands: 0,
        login_failures: 0,
        login_until: Instant::now() + limits.login_time,
    };
    let served = match security {
        Security::StartTls => connection.serve(&stop).await,
        Security::ImplicitTls => match Box::pin(connection.start_tls()).await {
            Ok(()) => connection.serve(&stop).await,
            Err(error) => Err(error),
        },
    };
    if let Err(error) = served {
        tracing::debug!(%error, "imap connection broken");
    }
    connection.link.close().await;
}

/// Tells a client why it is not served.
pub(crate) fn refuse(socket: &Socket, security: Security, why: &str) {
    if security == Security::StartTls {
        link::write_once(socket, format!("* BYE {why}\r\n").as_bytes());
    }
    metrics::counter!("mailbell_imap_refused_total").increment(1);
}

/// Counts the connection out, however it ends.
struct Gauge;

impl Drop for Gauge {
    fn drop(&mut self) {
        metrics::gauge!("mailbell_imap_connections").decrement(1.0);
    }
}

/// What a waiting connection was woken by.
enum Wake {
    Input(io::Result<()>),
    Changes,
    TimedOut,
    Stopped,
    Revoked,
}

impl Connection {
    async fn serve(&mut self, stop: &CancellationToken) -> io::Result<()> {
        self.greet();
        loop {
            if self.use_input().await? == Flow::Close {
                return self.link.flush().await;
            }
            self.link.flush().await?;
            self.link.release();
            match self.wait(stop).await {
                Wake::Input(read) => {
                    read?;
                    // All that was written before has been flushed.
                    self.session.note_heard();
                }
                Wake::Changes => {
                    if Box::pin(self.tell_changes()).await? == Flow::Close {
                        return self.link.flush().await;
                    }
                }
                Wake::TimedOut => {
                    if self.is_over() {
                        let status = Status::bye("the token has expired, log in with a new one");
                        status.with(Code::Expired).encode(&mut self.link.out, None);
                    } else {
                        self.bye("you have been silent for too long");
                    }
                    return self.link.flush().await;
                }
                // RFC 5530 §3: EXPIRED.
                Wake::Revoked => {
                    Status::bye("your access has ended").with(Code::Expired).encode(&mut self.link.out, None);
                    return self.link.flush().await;
                }
                Wake::Stopped => {
                    self.bye("the server is shutting down");
                    return self.link.flush().await;
                }
            }
        }
    }

    // RFC 9051 §7.1.1: the greeting may carry the capabilities, which saves a round trip.
    fn greet(&mut self) {
        let surroundings = Surroundings::of(&self.server, &self.link, self.origin.peer);
        let capabilities = capabilities(&self.session, &surroundings);
        let text = format!("{} Mailbell ready", self.server.options.hostname);
        Status::ok(text).with(Code::Capability(capabilities)).encode(&mut self.link.out, None);
    }

    /// Runs every command that is in the input as a whole.
    async fn use_input(&mut self) -> io::Result<Flow> {
        loop {
            match self.end_idle() {
                Idle::Waits => return Ok(Flow::Go),
                Idle::Broken => return Ok(Flow::Close),
                Idle::Over => {}
            }
            let limits = &self.server.options.limits;
            let limits =
                if self.session.is_anonymous() { limits.frame_before_login() } else { limits.frame() };
            let mut event = self.framer.poll(&mut self.link.input, &limits);
            if let Some(Event::Append(kind)) = event {
                event = if Box::pin(self.refuses_append()).await {
                    self.framer.refuse(&mut self.link.input, &limits)
                } else if kind == LiteralKind::Synchronising {
                    Some(Event::Continue)
                } else {
                    continue;
                };
            }
            let flow = match event {
                None => return Ok(Flow::Go),
                // Answered above.
                Some(Event::Append(_)) => Flow::Go,
                Some(Event::Continue) => {
                    self.link.out.extend_from_slice(b"+ go ahead\r\n");
                    self.link.flush().await?;
                    Flow::Go
                }
                Some(Event::Command(frame)) => {
                    let end = self.session.end();
                    tokio::select! {
                        biased;
                        flow = Box::pin(self.command(&frame)) => flow?,
                        // In the midst of an answer there is nothing more to say.
                        () = ended(end) => return Err(io::Error::other("the credential was revoked")),
                    }
                }
                Some(Event::Rejected { tag, error }) => self.reject(tag.as_ref(), error),
                Some(Event::Fatal(error)) => {
                    self.bye(error.to_string());
                    Flow::Close
                }
            };
            if flow == Flow::Close {
                return Ok(Flow::Close);
            }
        }
    }

    /// RFC 9051 §6.3.12: a message for a mailbox that is not there need not be sent to be refused.
    async fn refuses_append(&mut self) -> bool {
        // The name stands at the beginning, however many messages follow.
        let head = self.framer.head(&self.link.input);
        let head = bytes::Bytes::copy_from_slice(
            head.get(..head.len().min(APPEND_HEAD_BYTES_MAX)).unwrap_or_default(),
        );
        cmd::append::names_no_mailbox(&self.server.store, &self.session, head).await
    }

    async fn command(&mut self, frame: &bytes::Bytes) -> io::Result<Flow> {
        let request = match parse(frame, self.session.names()) {
            Ok(request) => request,
            Err(bad) => {
                Status::bad(bad.to_string()).encode(&mut self.link.out, bad.tag.as_ref());
                return Ok(self.count_bad());
            }
        };
        let started = Instant::now();
        let was_anonymous = self.session.is_anonymous();
        let (tag, name) = (request.tag, request.command.name());
        let look = Look::after(&request.command);
        let mut context = self.context(&tag);
        let mut result = cmd::run(&mut context, request.command).await;
        if !matches!(result, Err(Failure::Link(_)))
            && let Err(failure) = cmd::sync::look(&mut context, look).await
        {
            result = Err(failure);
        }
        self.session.note_shown();
        if self.session.is_anonymous() && !was_anonymous {
            self.login_until = Instant::now() + self.server.options.limits.login_time;
        }
        let outcome = outcome(&result);
        tracing::info!(command = name, outcome, duration_us = micros(started), "imap.command");
        metrics::counter!("mailbell_imap_commands_total", "command" => name, "outcome" => outcome)
            .increment(1);
        self.finish(tag, name, result).await
    }

    /// Writes the tagged answer and does what only the connection can.
    async fn finish(
        &mut self,
        tag: Tag,
        name: &'static str,
        result: Result<Done, Failure>,
    ) -> io::Result<Flow> {
        let status = match result {
            Ok(Done::Status(status)) => status,
            Ok(Done::LoginFailed { status, delay }) => {
                self.login_failures += 1;
                tokio::time::sleep(delay).await;
                status.encode(&mut self.link.out, Some(&tag));
                if self.login_failures >= self.server.options.limits.login_failures {
                    self.bye("too many wrong passwords");
                    return Ok(Flow::Close);
                }
                return Ok(Flow::Go);
            }
            Ok(Done::Idle) => {
                self.idling = Some(tag);
                return Ok(Flow::Go);
            }
            Ok(Done::StartTls) => {
                Status::ok("begin TLS").encode(&mut self.link.out, Some(&tag));
                self.link.flush().await?;
                self.start_tls().await?;
                self.framer = Framer::default();
                return Ok(Flow::Go);
            }
            Ok(Done::Compress) => {
                // RFC 4978 §3: compression begins after the answer.
                Status::ok("DEFLATE begins").encode(&mut self.link.out, Some(&tag));
                self.link.flush().await?;
                self.link.start_compression();
                return Ok(Flow::Go);
            }
            Ok(Done::Logout) => {
                self.bye("logging out");
                Status::ok("LOGOUT done").encode(&mut self.link.out, Some(&tag));
                return Ok(Flow::Close);
            }
            Err(Failure::Link(error)) => return Err(error),
            Err(failure) => match answer(&failure, name) {
                Some(status) => status,
                None => {
                    self.bye(failure.to_string());
                    return Ok(Flow::Close);
                }
            },
        };
        let is_bad = status.condition == Condition::Bad;
        status.encode(&mut self.link.out, Some(&tag));
        if is_bad {
            return Ok(self.count_bad());
        }
        self.bad_commands = 0;
        self.link.drain().await?;
        Ok(Flow::Go)
    }

    /// The answer to a command that was too long to be read.
    fn reject(&mut self, tag: Option<&Tag>, error: FrameError) -> Flow {
        let status = match error {
            FrameError::Refused => {
                let status = Status::no("no such mailbox").with(Code::TryCreate);
                status.encode(&mut self.link.out, tag);
                return Flow::Go;
            }
            FrameError::Literal => Status::no(error.to_string()),
            FrameError::Line | FrameError::Discarded => Status::bad(error.to_string()),
        };
        status.with(Code::TooBig).encode(&mut self.link.out, tag);
        self.count_bad()
    }

    fn count_bad(&mut self) -> Flow {
        self.bad_commands += 1;
        if self.bad_commands < self.server.options.limits.bad_commands {
            return Flow::Go;
        }
        self.bye("too many broken commands");
        Flow::Close
    }

    async fn start_tls(&mut self) -> io::Result<()> {
        let Some(acceptor) = self.server.options.tls.as_ref() else {
            return Err(io::Error::other("there is no certificate"));
        };
        let end_point = &self.server.options.end_point;
        let before = end_point();
        self.link.start_tls(acceptor, self.server.options.limits.login_time).await?;
        // A certificate that was changed during the handshake may be either.
        self.link.end_point = before.filter(|before| end_point().as_ref() == Some(before));
        Ok(())
    }

    /// Waits for whatever comes first. Every branch is cancel-safe.
    async fn wait(&mut self, stop: &CancellationToken) -> Wake {
        let limits = &self.server.options.limits;
        let until =
            if self.session.is_anonymous() { self.login_until } else { Instant::now() + limits.idle_time };
        // RFC 7628 §5: the session of a token need not outlive it.
        if self.is_over() {
            return Wake::TimedOut;
        }
        let until = self.session.ends.map_or(until, |ends| until.min(ends));
        let missing = self.framer.missing(&self.link.input);
        let end = self.session.end();
        let waiting = self.waiting();
        tokio::select! {
            biased;
            () = ended(end) => Wake::Revoked,
            read = self.link.read(missing) => Wake::Input(read),
            () = self.session.changed(waiting) => Wake::Changes,
            () = tokio::time::sleep_until(until) => Wake::TimedOut,
            () = stop.cancelled() => Wake::Stopped,
        }
    }

    fn waiting(&self) -> Waiting {
        if self.idling.is_some() { Waiting::InIdle } else { Waiting::BetweenCommands }
    }

    /// Whether the token has ended that opened the session.
    fn is_over(&self) -> bool {
        self.session.ends.is_some_and(|ends| ends <= Instant::now())
    }

    fn context<'c>(&'c mut self, tag: &'c Tag) -> Context<'c> {
        Context {
            server: &self.server,
            session: &mut self.session,
            link: &mut self.link,
            origin: self.origin,
            tag,
        }
    }

    fn bye(&mut self, text: impl Into<std::borrow::Cow<'static, str>>) {
        Status::bye(text).encode(&mut self.link.out, None);
    }
}

/// Waits for the end of a session's right to be there. Cancel-safe.
async fn ended(end: Option<CancellationToken>) {
    match end {
        Some(end) => end.cancelled_owned().await,
        None => std::future::pending().await,
    }
}

fn outcome(result: &Result<Done, Failure>) -> &'static str {
    match result {
        Ok(Done::Status(Status { condition: Condition::No, .. }) | Done::LoginFailed { .. }) => "refused",
        Ok(Done::Status(Status { condition: Condition::Bad, .. }))
        | Err(Failure::Bad(_) | Failure::UidRequired) => "bad",
        Ok(_) => "ok",
        Err(Failure::Store(store::Error::Bug(_)) | Failure::Target(store::Error::Bug(_))) => "bug",
        Err(Failure::Store(store::Error::Unavailable(_)) | Failure::Target(store::Error::Unavailable(_))) => {
            "unavailable"
        }
        Err(Failure::Link(_)) => "broken",
        Err(_) => "refused",
    }
}

fn micros(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Room for a tag, a command's name and the longest name of a mailbox.
const APPEND_HEAD_BYTES_MAX: usize = 4 << 10;
#[cfg(test)]
mod tests;
