//! An SMTP server that answers as it is told, and keeps what it was sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// What the server does instead of answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Says this, its lines separated by `\n`.
    Say(&'static str),
    /// Closes the connection.
    Hang,
    /// Says nothing any more.
    Wait,
}

/// When it does that: at commands that begin with `command`, and only so often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) command: &'static str,
    pub(crate) act: Act,
    pub(crate) times: usize,
}

pub(crate) fn always(command: &'static str, reply: &'static str) -> Rule {
    Rule { command, act: Act::Say(reply), times: usize::MAX }
}

pub(crate) fn once(command: &'static str, act: Act) -> Rule {
    Rule { command, act, times: 1 }
}

/// A message that has come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) mail: String,
    pub(crate) recipients: Vec<String>,
    pub(crate) content: String,
}

#[derive(Default)]
struct State {
    rules: Mutex<Vec<Rule>>,
    commands: Mutex<Vec<String>>,
    taken: Mutex<Vec<Taken>>,
    changed: Notify,
}

/// The server.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

/// How the server protects its connections.
pub(crate) enum Protection {
    None,
    Implicit(TlsAcceptor),
    StartTls(TlsAcceptor),
}

impl Server {
    pub(crate) async fn start(rules: &[Rule]) -> Self {
        Self::with(rules, Protection::None).await
    }

    pub(crate) async fn with(rules: &[Rule], tls: Protection) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { rules: Mutex::new(rules.to_vec()), ..State::default() });
        let (shared, tls) = (Arc::clone(&state), Arc::new(tls));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, tls) = (Arc::clone(&shared), Arc::clone(&tls));
                tokio::spawn(async move {
                    let _ = match &*tls {
                        Protection::None => serve(&mut BufReader::new(stream), &state).await.map(|_| ()),
                        Protection::Implicit(acceptor) => match acceptor.accept(stream).await {
                            Ok(stream) => serve(&mut BufReader::new(stream), &state).await.map(|_| ()),
                            Err(error) => Err(error),
                        },
                        Protection::StartTls(acceptor) => {
                            let mut plain = BufReader::new(stream);
                            match serve(&mut plain, &state).await {
                                Ok(true) => match acceptor.accept(plain.into_inner()).await {
                                    Ok(stream) => {
                                        converse(&mut BufReader::new(stream), &state).await.map(|_| ())
                                    }
                                    Err(error) => Err(error),
                                },
                                other => other.map(|_| ()),
                            }
                        }
                    };
                });
            }
        });
        Self { address, state }
    }

    /// From now on.
    pub(crate) fn obey(&self, rules: &[Rule]) {
        *self.state.rules.lock().unwrap() = rules.to_vec();
    }

    pub(crate) fn commands(&self) -> Vec<String> {
        self.state.commands.lock().unwrap().clone()
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.state.taken.lock().unwrap().clone()
    }

    /// Waits until a command that begins so has come so often.
    pub(crate) async fn heard(&self, command: &str, times: usize) {
        loop {
            let changed = self.state.changed.notified();
            if self.commands().iter().filter(|heard| heard.starts_with(command)).count() >= times {
                return;
            }
            changed.await;
        }
    }
}

/// Greets and converses; whether STARTTLS was asked for.
async fn serve<S>(stream: &mut BufReader<S>, state: &State) -> std::io::Result<bool>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if !answer(stream, state, "CONNECT", "220 mx.test").await? {
        return Ok(false);
    }
    converse(stream, state).await
}

async fn converse<S>(stream: &mut BufReader<S>, state: &State) -> std::io::Result<bool>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut mail, mut recipients) = (String::new(), Vec::new());
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(false);
        }
        let command = line.trim_end().to_owned();
        let reply = match command.split([' ', ':']).next().unwrap() {
            "EHLO" => "250-mx.test\n250-8BITMIME\n250-DSN\n250 SIZE 100000",
            "STARTTLS" => {
                answer(stream, state, &command, "220 go ahead").await?;
                return Ok(true);
            }
            "MAIL" => {
                (mail, recipients) = (command.clone(), Vec::new());
                "250 2.1.0 ok"
            }
            "RCPT" => "250 2.1.5 fine",
            "DATA" => "354 go on",
            "AUTH" => "235 2.7.0 welcome",
            "QUIT" => "221 bye",
            _ => "500 5.5.1 what",
        };
        if !answer(stream, state, &command, reply).await? {
            return Ok(false);
        }
        if command.starts_with("RCPT") {
            recipients.push(command.clone());
        }
        if command == "DATA" {
            let mut content = String::new();
            loop {
                line.clear();
                if stream.read_line(&mut line).await? == 0 {
                    return Ok(false);
                }
                if line == ".\r\n" {
                    break;
                }
                content.push_str(&line);
            }
            let message = Taken { mail: mail.clone(), recipients: recipients.clone(), content };
            state.taken.lock().unwrap().push(message);
            if !answer(stream, state, ".", "250 2.0.0 queued").await? {
                return Ok(false);
            }
        }
    }
}

/// Answers as the first rule says that is about this command, or as usual; false if the connection ends.
async fn answer<S>(
    stream: &mut BufReader<S>,
    state: &State,
    command: &str,
    usual: &'static str,
) -> std::io::Result<bool>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let act = {
        let mut rules = state.rules.lock().unwrap();
        let rule = rules.iter_mut().find(|rule| rule.times > 0 && command.starts_with(rule.command));
        rule.map(|rule| {
            rule.times -= 1;
            rule.act
        })
    };
    state.commands.lock().unwrap().push(command.to_owned());
    state.changed.notify_waiters();
    match act.unwrap_or(Act::Say(usual)) {
        Act::Say(reply) => {
            let reply = format!("{}\r\n", reply.replace('\n', "\r\n"));
            stream.write_all(reply.as_bytes()).await?;
            stream.flush().await?;
            let is_positive = reply.starts_with('2') || reply.starts_with('3');
            Ok(is_positive || command != "DATA")
        }
        Act::Hang => Ok(false),
        Act::Wait => std::future::pending().await,
    }
}
