//! A small IMAP client: tagged commands, untagged responses, literals (RFC 9051 §2.2, §4.3), TLS.
//!
//! One command at a time, each within a time limit; responses are limited in size. It reads no mail.

use std::io;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use crate::pushed::syntax::{self, Value};
use crate::transport::{self, Address, Stream};
use crate::trust::Trust;

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// TLS after STARTTLS; without it the connection is not used.
    StartTls,
    /// No TLS: for servers on the same machine.
    Plain,
}

/// A connection to an IMAP server.
pub struct Client {
    stream: BufReader<Stream>,
    commands: u32,
    capabilities: Vec<String>,
}

/// A piece of a command.
#[derive(Clone, Copy)]
pub enum Argument<'a> {
    /// As it is: a command word, an atom.
    Atom(&'a str),
    /// A string, sent quoted where that can be done and as a literal where not.
    Text(&'a str),
}

/// What a command was answered with.
#[derive(Debug)]
pub struct Answer {
    /// Untagged responses that could be read, without their star.
    pub untagged: Vec<Vec<Value>>,
    /// The tagged response.
    pub status: Status,
}

/// The tagged response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok,
    /// Refused, with the server's words.
    No(String),
    /// Not understood, with the server's words.
    Bad(String),
}

/// Why a conversation ended.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The connection failed.
    #[error("connection to the IMAP server")]
    Io(#[from] io::Error),
    /// The server does not answer.
    #[error("the IMAP server does not answer")]
    Timeout,
    /// The server sent something that is no IMAP.
    #[error("the IMAP server sent {0}")]
    Protocol(&'static str),
    /// The server ended the connection, with its words.
    #[error("the IMAP server said goodbye: {0}")]
    Bye(String),
    /// The server does not do what is needed.
    #[error("the IMAP server does not have {0}")]
    Missing(&'static str),
    /// The server refused a command, with its words.
    #[error("the IMAP server refused {command}: {text}")]
    Refused {
        /// The first word of the command.
        command: String,
        /// What it said.
        text: String,
    },
}

impl Client {
    /// Connects, reads the greeting and, where wanted, turns TLS on.
    pub async fn connect(address: &Address, security: Security, trust: &Trust) -> Result<Self, ClientError> {
        let tcp = transport::connect(address).await?;
        let stream: Stream = match security {
            Security::Tls => transport::secure(tcp, &address.host, trust).await?,
            Security::StartTls | Security::Plain => Box::new(tcp),
        };
        let mut client = Self { stream: BufReader::new(stream), commands: 0, capabilities: Vec::new() };
        client.greeting().await?;
        if security == Security::StartTls {
            client = client.start_tls(address, trust).await?;
        }
        Ok(client)
    }

    /// Logs in (RFC 9051 §6.2.3). The password is sent only over what [`Security`] gave.
    pub async fn login(&mut self, user: &str, password: &str) -> Result<(), ClientError> {
        let arguments = [Argument::Atom("LOGIN"), Argument::Text(user), Argument::Text(password)];
        self.done(&arguments).await?;
        // RFC 9051 §6.1.1: capabilities may change with the login.
        self.capabilities.clear();
        Ok(())
    }

    /// Whether the server has a capability.
    pub async fn has(&mut self, capability: &str) -> Result<bool, ClientError> {
        if self.capabilities.is_empty() {
            let answer = self.done(&[Argument::Atom("CAPABILITY")]).await?;
            let words = answer.untagged.iter().filter(|values| is(values, "CAPABILITY"));
            self.capabilities = words.flatten().filter_map(Value::text).collect();
        }
        Ok(self.capabilities.iter().any(|known| known.eq_ignore_ascii_case(capability)))
    }

    /// Sends a command and waits for OK; NO and BAD are errors.
    pub async fn done(&mut self, command: &[Argument<'_>]) -> Result<Answer, ClientError> {
        let answer = self.command(command).await?;
        match &answer.status {
            Status::Ok => Ok(answer),
            Status::No(text) | Status::Bad(text) => {
                let command = match command.first() {
                    Some(Argument::Atom(word)) => (*word).to_owned(),
                    _ => String::new(),
                };
                Err(ClientError::Refused { command, text: text.clone() })
            }
        }
    }

    /// Sends a command and waits for its answer, for at most a minute.
    pub async fn command(&mut self, command: &[Argument<'_>]) -> Result<Answer, ClientError> {
        timeout(COMMAND_TIMEOUT, self.converse(command)).await.map_err(|_| ClientError::Timeout)?
    }

    /// Says goodbye.
    pub async fn logout(mut self) {
        // What was wanted has been done; whether the server says goodbye as well changes nothing.
        let _bye = self.command(&[Argument::Atom("LOGOUT")]).await;
    }

    async fn greeting(&mut self) -> Result<(), ClientError> {
        let response =
            timeout(COMMAND_TIMEOUT, self.response()).await.map_err(|_| ClientError::Timeout)??;
        match response.strip_prefix(b"* ").map(|rest| (starts(rest, "OK"), starts(rest, "BYE"))) {
            Some((true, _)) => Ok(()),
            Some((_, true)) => Err(ClientError::Bye(words(&response))),
            _ => Err(ClientError::Protocol("no greeting")),
        }
    }

    async fn start_tls(mut self, address: &Address, trust: &Trust) -> Result<Self, ClientError> {
        if !self.has("STARTTLS").await? {
            return Err(ClientError::Missing("STARTTLS"));
        }
        self.done(&[Argument::Atom("STARTTLS")]).await?;
        // What came before the handshake is not protected and must not be read after it.
        if !self.stream.buffer().is_empty() {
            return Err(ClientError::Protocol("something between STARTTLS and TLS"));
        }
        let stream = transport::secure(self.stream.into_inner(), &address.host, trust).await?;
        Ok(Self { stream: BufReader::new(stream), commands: self.commands, capabilities: Vec::new() })
    }

    async fn converse(&mut self, command: &[Argument<'_>]) -> Result<Answer, ClientError> {
        self.commands += 1;
        let tag = format!("a{}", self.commands);
        let mut line = tag.clone().into_bytes();
        let mut untagged = Vec::new();
        for argument in command {
            line.push(b' ');
            match argument {
                Argument::Atom(atom) => line.extend_from_slice(atom.as_bytes()),
                Argument::Text(text) if is_quotable(text) => line.extend_from_slice(quoted(text).as_bytes()),
                Argument::Text(text) => {
                    line.extend_from_slice(format!("{{{}}}\r\n", text.len()).as_bytes());
                    self.stream.write_all(&line).await?;
                    self.stream.flush().await?;
                    if let Some(status) = self.until_continuation(&tag, &mut untagged).await? {
                        return Ok(Answer { untagged, status });
                    }
                    line = text.as_bytes().to_vec();
                }
            }
        }
        line.extend_from_slice(b"\r\n");
        self.stream.write_all(&line).await?;
        self.stream.flush().await?;
        loop {
            let response = self.response().await?;
            if let Some(status) = take(&response, &tag, &mut untagged)? {
                return Ok(Answer { untagged, status });
            }
        }
    }

    /// RFC 9051 §4.3: a literal is sent after the server has asked for it; it may refuse the command instead.
    async fn until_continuation(
        &mut self,
        tag: &str,
        untagged: &mut Vec<Vec<Value>>,
    ) -> Result<Option<Status>, ClientError> {
        loop {
            let response = self.response().await?;
            if response.starts_with(b"+") {
                return Ok(None);
            }
            if let Some(status) = take(&response, tag, untagged)? {
                return Ok(Some(status));
            }
        }
    }

    /// One response with its literals, without its line end.
    async fn response(&mut self) -> Result<Vec<u8>, ClientError> {
        let mut response = Vec::new();
        loop {
            let begin = response.len();
            let room = u64::try_from(RESPONSE_BYTES_MAX.saturating_sub(begin)).unwrap_or(0);
            (&mut self.stream).take(room).read_until(b'\n', &mut response).await?;
            let line = response.get(begin..).unwrap_or_default();
            if !line.ends_with(b"\n") {
                return Err(if response.len() >= RESPONSE_BYTES_MAX {
                    ClientError::Protocol("an endless response")
                } else {
                    ClientError::Io(io::ErrorKind::UnexpectedEof.into())
                });
            }
            let Some(literal) = syntax::announced_literal(line) else {
                let end = response.trim_ascii_end().len();
                response.truncate(end);
                return Ok(response);
            };
            if literal > RESPONSE_BYTES_MAX.saturating_sub(response.len()) {
                return Err(ClientError::Protocol("an endless response"));
            }
            let text = response.len();
            response.resize(text + literal, 0);
            let target = response.get_mut(text..).unwrap_or_default();
            self.stream.read_exact(target).await?;
        }
    }
}

impl Answer {
    /// The untagged responses that begin with this word.
    pub fn named<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a [Value]> + 'a {
        self.untagged.iter().filter(move |values| is(values, word)).map(Vec::as_slice)
    }
}

/// Sorts a response: the tagged one ends the command, untagged ones are kept.
fn take(response: &[u8], tag: &str, untagged: &mut Vec<Vec<Value>>) -> Result<Option<Status>, ClientError> {
    if let Some(rest) = response.strip_prefix(b"* ") {
        if starts(rest, "BYE") && !tag.is_empty() {
            return Err(ClientError::Bye(words(response)));
        }
        // Responses with free text need not follow the grammar of values, and none of them is asked for here.
        if let Ok(values) = syntax::parse_line(rest) {
            if untagged.len() >= UNTAGGED_MAX {
                return Err(ClientError::Protocol("too many responses"));
            }
            untagged.push(values);
        }
        return Ok(None);
    }
    let rest = response.strip_prefix(tag.as_bytes()).and_then(|rest| rest.strip_prefix(b" "));
    let Some(rest) = rest else { return Err(ClientError::Protocol("an answer to another command")) };
    let status = if starts(rest, "OK") {
        Status::Ok
    } else if starts(rest, "NO") {
        Status::No(words(rest))
    } else {
        Status::Bad(words(rest))
    };
    Ok(Some(status))
}

fn is(values: &[Value], word: &str) -> bool {
    values.first().and_then(Value::word).is_some_and(|first| first.eq_ignore_ascii_case(word))
}

fn starts(text: &[u8], word: &str) -> bool {
    let first = text.split(|byte| *byte == b' ').next().unwrap_or_default();
    first.eq_ignore_ascii_case(word.as_bytes())
}

/// The server's words for people, cut so that a log line stays one.
fn words(response: &[u8]) -> String {
    String::from_utf8_lossy(response).chars().filter(|char| !char.is_control()).take(200).collect()
}

/// RFC 9051 §9 `quoted`: anything but line ends and NUL; beyond ASCII only with UTF-8 turned on, so not here.
fn is_quotable(text: &str) -> bool {
    text.len() <= QUOTED_BYTES_MAX && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);
const RESPONSE_BYTES_MAX: usize = 256 << 10;
const UNTAGGED_MAX: usize = 1000;
const QUOTED_BYTES_MAX: usize = 1000;

#[cfg(test)]
mod tests;
