//! The real `mailbell push-service`, alone, on a loopback port.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;
use testkit::{programs, server, wait};

/// Whether it speaks TLS with its development certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Plain,
    Tls,
}

/// A running push service, killed when dropped.
pub(crate) struct PushService {
    pub(crate) port: u16,
    directory: TempDir,
    child: Option<Child>,
}

/// What `POST /subscribe` gave.
pub(crate) struct Subscribed {
    pub(crate) subscription: String,
    pub(crate) push: String,
    pub(crate) set: String,
}

impl PushService {
    pub(crate) fn start(transport: Transport) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let scheme = if transport == Transport::Tls { "https" } else { "http" };
        let directory = tempfile::tempdir()?;
        let config = format!(
            "hostname = \"localhost\"\n[listen]\npush = \"127.0.0.1:{port}\"\nhttp = \"unix:http\"\n\
             [push_service]\npublic_url = \"{scheme}://localhost:{port}\"\n"
        );
        std::fs::write(directory.path().join("mailbell.toml"), config)?;
        let mut service = Self { port, directory, child: None };
        service.launch()?;
        Ok(service)
    }

    /// Starts it, again after [`PushService::kill`], with what it had stored.
    pub(crate) fn launch(&mut self) -> Result<()> {
        let path = self.directory.path();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(path.join("log"))?;
        let mut command = Command::new(server::program()?);
        command.arg("--config").arg(path.join("mailbell.toml")).arg("push-service").current_dir(path);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn()?);
        let serving = wait::until(|| TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok());
        if serving.is_none() {
            bail!("it does not serve: {}", std::fs::read_to_string(path.join("log"))?);
        }
        Ok(())
    }

    /// `kill -9`, as a crash would.
    pub(crate) fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("it does not run")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.path().join("mailbell-data/tls/development.pem")
    }

    /// `POST /subscribe`, by curl.
    pub(crate) fn subscribe(&self) -> Result<Subscribed> {
        let url = format!("http://localhost:{}/subscribe", self.port);
        let head = curl(&["--http2-prior-knowledge", "-X", "POST", "-D", "-", &url])?;
        ensure!(head.starts_with("HTTP/2 201"), "RFC 8030 §4: {head}");
        let link = |relation: &str| {
            let end = format!(">; rel=\"{relation}\"");
            let mut lines = head.lines().filter_map(|line| line.strip_prefix("link: <")?.strip_suffix(&end));
            lines.next().map(str::to_owned).context(end.clone())
        };
        let location = head.lines().find_map(|line| line.strip_prefix("location: "));
        Ok(Subscribed {
            subscription: location.context("a Location")?.to_owned(),
            push: link("urn:ietf:params:push")?,
            set: link("urn:ietf:params:push:set")?,
        })
    }

    /// Posts a message; the status, or an error when the service is not there (any more).
    pub(crate) fn push(&self, url: &str, body: &str) -> Result<u16> {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        let path = url.splitn(4, '/').nth(3).context("a path")?;
        let length = body.len();
        write!(
            socket,
            "POST /{path} HTTP/1.1\r\nHost: localhost\r\nTTL: 600\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).context("no answer")?;
        Ok(status.parse()?)
    }
}

impl Drop for PushService {
    fn drop(&mut self) {
        let _dead = self.kill();
    }
}

/// Runs curl, which fails the test when it isn't there.
pub(crate) fn curl(arguments: &[&str]) -> Result<String> {
    programs::run(Command::new("curl").args(["--silent", "--show-error", "--max-time", "30"]).args(arguments))
}
