//! A connection to the smarthost: greeting, TLS, login, and one message at most.
//!
//! A message is handed over in two steps, [`Connection::offer`] with all of it but its end, and [`Connection::finish`] with that end,
//! so that what has to be on disk before it can be there. Dropping the connection between them has the server discard it.

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::ServerName;
use store::EnvelopeAddress;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::command::{self, Needs};
use super::reply::{Extensions, LINE_BYTES_MAX, Partial, Reply, Verdict};
use crate::smarthost::{Credentials, Security, Smarthost};

/// Why a dialogue did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Nobody answers at that address.
    #[error("the smarthost can't be reached")]
    Connect(#[source] io::Error),
    /// No TLS.
    #[error("TLS with the smarthost failed")]
    Tls(#[source] io::Error),
    /// It is not what it has to be.
    #[error("the smarthost {0}")]
    Unfit(&'static str),
    /// It does not want us.
    #[error("the smarthost refused {what}: {}", reply.shown())]
    Refused {
        /// What.
        what: &'static str,
        /// Its words.
        reply: Reply,
    },
    /// The connection broke, or what came over it was no reply.
    #[error("the connection to the smarthost broke")]
    Broken(#[source] io::Error),
    /// It said nothing for too long.
    #[error("the smarthost did not answer {0} in time")]
    Silent(&'static str),
}

/// What the server said to a message that was offered.
#[derive(Debug)]
pub enum Offered {
    /// It takes it for nobody; the reply to MAIL or DATA.
    Refused(Reply),
    /// Its reply for each recipient, in order. If one is positive, all but the end of the content is with the server.
    Recipients(Vec<Reply>),
}

/// What is offered.
#[derive(Clone, Copy, Debug)]
pub struct Message<'m> {
    /// The reverse-path.
    pub mail_from: &'m EnvelopeAddress,
    /// To whom.
    pub recipients: &'m [&'m EnvelopeAddress],
    /// By which reports name it.
    pub envelope_id: &'m str,
    /// What it needs.
    pub needs: Needs,
    /// Ready to be sent, without its final dot.
    pub content: &'m [u8],
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection that is ready for a message.
pub struct Connection {
    stream: BufReader<Box<dyn Duplex>>,
    extensions: Extensions,
}

impl Connection {
    /// Connects and logs in.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn open(smarthost: &Smarthost) -> Result<Self, Fault> {
        let address = (smarthost.host.as_str(), smarthost.port);
        let stream = match timeout(CONNECT_PATIENCE, TcpStream::connect(address)).await {
            Ok(stream) => stream.map_err(Fault::Connect)?,
            Err(_) => return Err(Fault::Silent("the connection")),
        };
        let stream: Box<dyn Duplex> = match &smarthost.security {
            Security::Implicit(config) => secured(Box::new(stream), config, &smarthost.host).await?,
            Security::Plain | Security::StartTls(_) => Box::new(stream),
        };
        let mut connection = Self { stream: BufReader::new(stream), extensions: Extensions::default() };
        connection.expect("the connection", PATIENCE).await?;
        connection.hello(&smarthost.client_name).await?;
        if let Security::StartTls(config) = &smarthost.security {
            if !connection.extensions.starttls {
                return Err(Fault::Unfit("does not offer STARTTLS"));
            }
            connection.ask("STARTTLS", "STARTTLS").await?;
            // RFC 3207 §5: what came before TLS is not of this conversation.
            if !connection.stream.buffer().is_empty() {
                return Err(Fault::Unfit("speaks before TLS"));
            }
            let stream = secured(connection.stream.into_inner(), config, &smarthost.host).await?;
            connection = Self { stream: BufReader::new(stream), extensions: Extensions::default() };
            connection.hello(&smarthost.client_name).await?;
        }
        if let Some(credentials) = &smarthost.credentials {
            connection.login(credentials).await?;
        }
        Ok(connection)
    }

    /// What the server can do.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    async fn hello(&mut self, name: &str) -> Result<(), Fault> {
        let reply = self.ask(&format!("EHLO {name}"), "EHLO").await?;
        self.extensions = Extensions::of(&reply);
        Ok(())
    }

    async fn login(&mut self, credentials: &Credentials) -> Result<(), Fault> {
        let has = |name: &str| self.extensions.mechanisms.iter().any(|mechanism| mechanism == name);
        let encoded = |text: &str| Zeroizing::new(STANDARD.encode(text));
        let (user, password) = (&credentials.user, &credentials.password);
        if has("PLAIN") {
            // RFC 4616 §2
            let shown = Zeroizing::new(format!("\0{user}\0{}", password.as_str()));
            let command = Zeroizing::new(format!("AUTH PLAIN {}", encoded(&shown).as_str()));
            return self.ask(&command, "our password").await.map(|_| ());
        }
        if has("LOGIN") {
            self.ask("AUTH LOGIN", "AUTH").await?;
            self.ask(&encoded(user), "our name").await?;
            return self.ask(&encoded(password), "our password").await.map(|_| ());
        }
        Err(Fault::Unfit("offers neither AUTH PLAIN nor AUTH LOGIN"))
    }

    /// Hands a message over but for its end.
    ///
    /// # Errors
    /// [`Fault`]; the server has then discarded it, or will.
    pub async fn offer(&mut self, message: &Message<'_>) -> Result<Offered, Fault> {
        let unsendable = |_| Fault::Unfit("can't be told an address or a parameter");
        let of = (message.needs, message.envelope_id);
        let mail = command::mail(message.mail_from, of, &self.extensions).map_err(unsendable)?;
        let reply = self.said(&mail, "MAIL", PATIENCE).await?;
        if reply.verdict() != Verdict::Yes {
            return Ok(Offered::Refused(reply));
        }
        let mut replies = Vec::with_capacity(message.recipients.len());
        for recipient in message.recipients {
            let rcpt = command::rcpt(recipient, &self.extensions).map_err(unsendable)?;
            let mut reply = self.said(&rcpt, "RCPT", PATIENCE).await?;
            // RFC 5321 §4.5.3.1.10: too many recipients, as some say it.
            if reply.code == 552 {
                reply.code = 452;
            }
            replies.push(reply);
        }
        if !replies.iter().any(|reply| reply.verdict() == Verdict::Yes) {
            return Ok(Offered::Recipients(replies));
        }
        let reply = self.said("DATA", "DATA", PATIENCE).await?;
        if reply.code != 354 {
            return match reply.verdict() {
                Verdict::Yes => Err(Fault::Unfit("answers DATA as nothing does")),
                Verdict::Later | Verdict::No => Ok(Offered::Refused(reply)),
            };
        }
        for block in message.content.chunks(BLOCK_BYTES) {
            match timeout(BLOCK_PATIENCE, self.stream.write_all(block)).await {
                Ok(written) => written.map_err(Fault::Broken)?,
                Err(_) => return Err(Fault::Silent("a block of the message")),
            }
        }
        self.flushed(BLOCK_PATIENCE).await?;
        Ok(Offered::Recipients(replies))
    }

    /// Ends the message; the server's answer.
    ///
    /// # Errors
    /// [`Fault`]: then nobody knows whether the server took it.
    pub async fn finish(&mut self) -> Result<Reply, Fault> {
        self.said(".", "the end of the message", END_PATIENCE).await
    }

    /// Takes leave. What the server says to it does not matter.
    pub async fn quit(mut self) {
        let _ = timeout(QUIT_PATIENCE, self.said("QUIT", "QUIT", QUIT_PATIENCE)).await;
    }

    /// Sends a command that has to succeed.
    async fn ask(&mut self, command: &str, what: &'static str) -> Result<Reply, Fault> {
        let reply = self.said(command, what, PATIENCE).await?;
        positive(reply, what)
    }

    async fn expect(&mut self, what: &'static str, patience: Duration) -> Result<Reply, Fault> {
        let reply = self.reply(what, patience).await?;
        positive(reply, what)
    }

    async fn said(&mut self, command: &str, what: &'static str, patience: Duration) -> Result<Reply, Fault> {
        let line = Zeroizing::new(format!("{command}\r\n"));
        match timeout(patience, self.stream.write_all(line.as_bytes())).await {
            Ok(written) => written.map_err(Fault::Broken)?,
            Err(_) => return Err(Fault::Silent(what)),
        }
        self.flushed(patience).await?;
        let reply = self.reply(what, patience).await?;
        // RFC 5321 §3.8: the server is about to close the connection.
        if reply.code == 421 { Err(Fault::Refused { what, reply }) } else { Ok(reply) }
    }

    async fn flushed(&mut self, patience: Duration) -> Result<(), Fault> {
        match timeout(patience, self.stream.flush()).await {
            Ok(flushed) => flushed.map_err(Fault::Broken),
            Err(_) => Err(Fault::Silent("what was written")),
        }
    }

    async fn reply(&mut self, what: &'static str, patience: Duration) -> Result<Reply, Fault> {
        let read = async {
            let mut partial = Partial::default();
            loop {
                let mut line = Vec::new();
                (&mut self.stream).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
                let Some(line) = line.strip_suffix(b"\n") else {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
                };
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                let taken = partial.take(line);
                let taken = taken.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                if let Some(reply) = taken {
                    return Ok(reply);
                }
            }
        };
        match timeout(patience, read).await {
            Ok(reply) => reply.map_err(Fault::Broken),
            Err(_) => Err(Fault::Silent(what)),
        }
    }
}

fn positive(reply: Reply, what: &'static str) -> Result<Reply, Fault> {
    if reply.verdict() == Verdict::Yes { Ok(reply) } else { Err(Fault::Refused { what, reply }) }
}

async fn secured(
    stream: Box<dyn Duplex>,
    config: &std::sync::Arc<rustls::ClientConfig>,
    host: &str,
) -> Result<Box<dyn Duplex>, Fault> {
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|error| Fault::Tls(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
    let connecting = TlsConnector::from(std::sync::Arc::clone(config)).connect(name, stream);
    match timeout(CONNECT_PATIENCE, connecting).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(Fault::Tls(error)),
        Err(_) => Err(Fault::Silent("TLS")),
    }
}

const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
/// RFC 5321 §4.5.3.2: what a client has to wait for greeting, MAIL and RCPT at least.
const PATIENCE: Duration = Duration::from_secs(300);
/// RFC 5321 §4.5.3.2.5.
const BLOCK_PATIENCE: Duration = Duration::from_secs(180);
/// RFC 5321 §4.5.3.2.6: a server may be long about the end of a message, and giving up early is what makes doubt.
const END_PATIENCE: Duration = Duration::from_secs(600);
const QUIT_PATIENCE: Duration = Duration::from_secs(5);
const BLOCK_BYTES: usize = 64 * 1024;
