//! `mailbell demo`: a whole mail server on free loopback ports with a store that is gone afterwards, a device that
//! registers through IMAP WEBPUSH, and a [`scenario`] whose every change is shown as the device is told of it.
//!
//! Everything is what `serve` runs: real sockets, TLS, encryption and store. Only the shortest time between two
//! pushes is lower, so that nobody waits.

mod device;
mod scenario;
mod show;

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use agent::agent::Push;
use anyhow::{Context as _, bail};
use load::client::imap::Imap;
use load::client::lmtp::Lmtp;
use store::NewAccount;
use tempfile::TempDir;

use crate::config::{Config, Listen, ListenAddress};
use crate::logging::Logging;
use crate::serve::server::Server;
use device::Device;
use scenario::{Action, Expected, Step};

/// Runs the scenario; with `once` it ends then, else it stays up until SIGINT or SIGTERM.
pub(crate) async fn run(once: bool) -> anyhow::Result<ExitCode> {
    let directory =
        tempfile::Builder::new().prefix("mailbell-demo-").tempdir().context("no temporary directory")?;
    let config = config(&directory);
    let _logging = Logging::start(&config.log)?;
    let mut server = Server::start(&config).await?;
    let played = play(&server, once).await;
    server.stop().await;
    played
}

async fn play(server: &Server, once: bool) -> anyhow::Result<ExitCode> {
    for name in ["alice", "bob"] {
        let account = NewAccount { name, password: PASSWORD, quota_bytes: None };
        server.store()?.create_account(account).await.with_context(|| format!("cannot make {name}"))?;
    }
    show::welcome(&server.addresses);
    let device = Device::register(server, PASSWORD).await?;
    show::registered(&device);

    let mut stage = Stage { server, device, pushes: 0 };
    let began = Instant::now();
    let mut missing = Vec::new();
    let steps = scenario::steps()?;
    let count = steps.len();
    for step in steps {
        if !stage.perform(&step).await? {
            missing.push(step.title);
        }
    }
    show::summary(count, stage.pushes, &missing, began.elapsed());
    if !once {
        show::how_to_reach(&server.addresses, server.certificate_file(), PASSWORD)?;
        stage.stay().await?;
    }
    Ok(if missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where the scenario plays.
struct Stage<'a> {
    server: &'a Server,
    device: Device,
    pushes: u64,
}

impl Stage<'_> {
    /// Does what the step says and shows what arrives. Whether the device was told what it must be.
    async fn perform(&mut self, step: &Step) -> anyhow::Result<bool> {
        show::step(step.title);
        let done_at = match &step.action {
            Action::Deliver(message) => {
                let mut lmtp = Lmtp::connect(tcp(&self.server.addresses.lmtp)?).await?;
                let answered = tokio::time::timeout(PUSH_PATIENCE, lmtp.deliver("alice", message));
                let answered = answered.await.context("LMTP does not answer")??;
                show::delivered(message.len());
                SystemTime::now() - answered.elapsed()
            }
            Action::Commands(commands) => {
                let address = tcp(&self.server.addresses.imap)?;
                let mut imap = Imap::login(address, "alice", PASSWORD).await?;
                imap.command("SELECT INBOX").await?;
                for command in *commands {
                    show::command(command);
                    imap.command(command).await?;
                }
                SystemTime::now()
            }
        };
        match &step.expected {
            Expected::Push(fragments) => self.wait_for(fragments, done_at).await,
            Expected::Silence => self.wait_for_nothing(done_at).await,
        }
    }

    /// One change may take several pushes: whatever arrives is shown, until one says what is expected.
    async fn wait_for(&mut self, fragments: &[&str], since: SystemTime) -> anyhow::Result<bool> {
        let deadline = tokio::time::Instant::now() + PUSH_PATIENCE;
        while let Ok(arrived) = tokio::time::timeout_at(deadline, self.device.next()).await {
            let arrived = arrived?;
            self.show(&arrived, Some(since));
            let text = String::from_utf8_lossy(&arrived.cleartext).into_owned();
            if fragments.iter().all(|fragment| text.contains(fragment)) {
                return Ok(true);
            }
        }
        show::missing(fragments);
        Ok(false)
    }

    async fn wait_for_nothing(&mut self, since: SystemTime) -> anyhow::Result<bool> {
        match tokio::time::timeout(SILENCE, self.device.next()).await {
            Ok(arrived) => {
                self.show(&arrived?, Some(since));
                show::unwanted();
                Ok(false)
            }
            Err(_) => {
                show::silence();
                Ok(true)
            }
        }
    }

    async fn stay(&mut self) -> anyhow::Result<()> {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        loop {
            tokio::select! {
                arrived = self.device.next() => self.show(&arrived?, None),
                _ = terminate.recv() => return Ok(()),
                _ = tokio::signal::ctrl_c() => return Ok(()),
            }
        }
    }

    fn show(&mut self, push: &Push, since: Option<SystemTime>) {
        self.pushes += 1;
        let after = since.map(|since| push.received_at.duration_since(since).unwrap_or_default());
        show::push(self.pushes, push, after);
    }
}

fn config(directory: &TempDir) -> Config {
    let free = || vec![ListenAddress::Tcp(([127, 0, 0, 1], 0).into())];
    let mut config = Config {
        data_dir: directory.path().to_owned(),
        hostname: "localhost".to_owned(),
        listen: Listen {
            lmtp: free(),
            imap: free(),
            imaps: free(),
            http: free(),
            https: Vec::new(),
            push: free(),
        },
        ..Config::default()
    };
    config.push.min_interval = Duration::from_millis(1);
    config.log.level = "error".to_owned();
    config
}

/// The TCP address of a listener.
fn tcp(addresses: &[ListenAddress]) -> anyhow::Result<std::net::SocketAddr> {
    match addresses.first() {
        Some(ListenAddress::Tcp(address)) => Ok(*address),
        _ => bail!("the demo listens on TCP only"),
    }
}

/// The password of both accounts: the server can be reached from this machine only.
const PASSWORD: &str = "demo";

/// How long a push may take before the demo says that it is missing.
const PUSH_PATIENCE: Duration = Duration::from_secs(20);

/// How long the demo watches that nothing is pushed.
const SILENCE: Duration = Duration::from_millis(1500);
