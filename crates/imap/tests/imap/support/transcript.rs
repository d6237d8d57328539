//! Plays a transcript: `C:` lines are sent, `S:` lines must come, in this order; `2C:` and `2S:` are a second
//! connection, alice's too unless `second:` names another account. `given:` names messages that are in INBOX before,
//! `quota:` alice's bytes, `message limit:` that of RFC 9738, `jmap:` the URL of JMAP's session, `as: nobody` leaves out
//! the greeting and the login. Everything else is prose.

use std::collections::BTreeMap;
use std::time::Duration;

use store::NewAccount;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::pattern::{Variables, matches, substitute};
use super::{PASSWORD, TestServer};

/// One client, and all lines that it has read.
pub(crate) struct Client(BufReader<TcpStream>, Vec<u8>);

impl Client {
    /// Connects, and reads nothing yet.
    pub(crate) async fn connect(server: &TestServer) -> Self {
        Self(BufReader::new(TcpStream::connect(server.address).await.unwrap()), Vec::new())
    }

    /// Connects and logs in as alice.
    pub(crate) async fn log_in(server: &TestServer) -> Self {
        Self::log_in_as(server, "alice").await
    }

    /// Connects and logs in.
    async fn log_in_as(server: &TestServer, account: &str) -> Self {
        let mut client = Self::connect(server).await;
        assert!(client.line().await.starts_with("* OK "));
        client.send(&format!("login LOGIN {account} {PASSWORD}")).await;
        let answer = client.line().await;
        assert!(answer.starts_with("login OK"), "{answer}");
        client
    }

    /// Sends a line.
    pub(crate) async fn send(&mut self, line: &str) {
        self.send_bytes(format!("{line}\r\n").as_bytes()).await;
    }

    /// Sends bytes as they are.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).await.unwrap();
    }

    /// The next line without its end; empty at the end of the stream.
    pub(crate) async fn line(&mut self) -> String {
        self.line_within(PATIENCE).await.expect("the server answers")
    }

    /// The next line, if it comes in time.
    pub(crate) async fn line_within(&mut self, time: Duration) -> Option<String> {
        let mut line = Vec::new();
        let reading = self.0.read_until(b'\n', &mut line);
        tokio::time::timeout(time, reading).await.ok()?.unwrap();
        self.1.extend_from_slice(&line);
        Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Lines up to the one that starts with `tag`, that one included.
    pub(crate) async fn answer(&mut self, tag: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            assert!(!line.is_empty() || !lines.is_empty(), "the connection ended instead of {tag}");
            let is_last = line.starts_with(&format!("{tag} "));
            lines.push(line);
            if is_last {
                return lines;
            }
        }
    }

    /// Sends a command and returns its answer.
    pub(crate) async fn command(&mut self, command: &str) -> Vec<String> {
        self.send(&format!("t {command}")).await;
        self.answer("t").await
    }

    /// All lines that it has read, as they came.
    pub(crate) fn heard(&self) -> &[u8] {
        &self.1
    }

    /// Whether the server has closed the connection, with nothing more to say.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        let reading = self.0.read_to_end(&mut rest);
        matches!(tokio::time::timeout(PATIENCE, reading).await, Ok(Ok(0)))
    }
}

/// Plays one transcript against a server of its own; returns what each client has heard, or what went wrong.
pub(crate) async fn play(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let header = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let server = TestServer::start(|options| {
        options.limits.message_limit = header("message limit:").map(|limit| limit.parse().unwrap());
        options.jmap_session = header("jmap:").map(str::to_owned);
    });
    let server = server.await;
    let given: Vec<&str> = header("given:").unwrap_or_default().split_whitespace().collect();
    server.give(&given).await;
    if let Some(bytes) = header("quota:") {
        server.store.set_quota(server.alice, Some(bytes.parse().unwrap())).await.unwrap();
    }
    let second = header("second:");
    if let Some(name) = second {
        server
            .store
            .create_account(NewAccount { name, password: PASSWORD, quota_bytes: None })
            .await
            .unwrap();
    }
    let second = second.unwrap_or("alice");
    let result =
        Player { server: &server, text, second, clients: BTreeMap::new(), variables: Variables::new() };
    let result = result.play(header("as:") != Some("nobody")).await;
    server.stop().await;
    result
}

struct Player<'p> {
    server: &'p TestServer,
    text: &'p str,
    /// Whose the second connection is.
    second: &'p str,
    clients: BTreeMap<&'p str, Client>,
    variables: Variables,
}

impl<'p> Player<'p> {
    async fn play(mut self, logs_in: bool) -> Result<Vec<Vec<u8>>, String> {
        let mut steps = 0;
        for (number, line) in (1..).zip(self.text.lines()) {
            let Some((head, content)) = line.split_once(':') else { continue };
            let Some(who) = head.strip_suffix(['C', 'S']).filter(|who| ["", "2"].contains(who)) else {
                continue;
            };
            let content = content.strip_prefix(' ').unwrap_or(content);
            self.meet(who, logs_in).await;
            let client = self.clients.get_mut(who).unwrap();
            if head.ends_with('C') {
                client.send(&substitute(content, &self.variables)).await;
            } else {
                let came = client.line_within(PATIENCE).await.unwrap_or("nothing".to_owned());
                if !matches(content, &came, &mut self.variables) {
                    let expected = substitute(content, &self.variables);
                    return Err(format!("line {number}\n  expected {expected}\n  came     {came}"));
                }
            }
            steps += 1;
        }
        if steps == 0 {
            return Err("it has no steps".to_owned());
        }
        Ok(self.clients.values().map(|client| client.heard().to_vec()).collect())
    }

    async fn meet(&mut self, who: &'p str, logs_in: bool) {
        if !self.clients.contains_key(who) {
            let account = if who == "2" { self.second } else { "alice" };
            let client = if logs_in {
                Client::log_in_as(self.server, account).await
            } else {
                Client::connect(self.server).await
            };
            self.clients.insert(who, client);
        }
    }
}

/// Far longer than any answer takes; only a failing test waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
