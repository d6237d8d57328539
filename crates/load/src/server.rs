//! The servers under measurement: each started fresh, on loopback, in a temporary directory, stopped when dropped.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::process::Tree;

/// A running server with accounts `load0`, `load1`, ...
pub struct Server {
    /// What it is called in the report.
    pub name: String,
    /// Where it takes mail.
    pub lmtp: SocketAddr,
    /// Where it serves mail, without TLS.
    pub imap: SocketAddr,
    /// What else ours has, a peer has not.
    pub ours: Option<Ours>,
    running: Running,
}

/// A child process and its directory: one is stopped, then the other removed, when it is dropped.
pub(crate) struct Running {
    child: Child,
    // Dropped after the child has been stopped.
    directory: TempDir,
}

/// What only Mailbell has.
#[derive(Clone, Debug)]
pub struct Ours {
    /// Where it serves mail over TLS.
    pub imaps: SocketAddr,
    /// Where its push service is, over TLS.
    pub push: SocketAddr,
    /// Health and metrics.
    pub http: SocketAddr,
    /// The development certificate, which clients have to trust.
    pub certificate: PathBuf,
}

impl Server {
    /// Its process and descendants.
    #[must_use]
    pub fn tree(&self) -> Tree {
        self.running.tree()
    }

    /// Starts this program's own `serve` with `accounts` accounts.
    ///
    /// # Errors
    /// If it can't be started or doesn't answer within 30 seconds.
    pub async fn mailbell(program: &Path, accounts: usize, under: Option<&Path>) -> Result<Self> {
        let directory = temporary(under)?;
        let (lmtp, imap) = (free_port()?, free_port()?);
        let certificate = directory.path().join("data/tls/development.pem");
        let ours = Ours { imaps: free_port()?, push: free_port()?, http: free_port()?, certificate };
        let config = directory.path().join("mailbell.toml");
        std::fs::write(&config, mailbell_config(directory.path(), lmtp, imap, &ours))?;
        for number in 0..accounts {
            add_account(program, &config, &account(number))?;
        }
        let log = std::fs::File::create(directory.path().join("log"))?;
        let mut command = Command::new(program);
        command
            .arg("--config")
            .arg(&config)
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let child = command.spawn().with_context(|| format!("starting {}", program.display()))?;
        let name = "mailbell".to_owned();
        Self { name, lmtp, imap, ours: Some(ours), running: Running { child, directory } }.ready().await
    }

    /// Starts Debian's Dovecot, if it is installed, as its documentation has it for a Maildir: its default fsync,
    /// no TLS, any account, all limits on connections lifted.
    ///
    /// # Errors
    /// If it is there but can't be started or doesn't answer within 30 seconds.
    pub async fn dovecot(under: Option<&Path>) -> Result<Option<Self>> {
        let program = PathBuf::from("/usr/sbin/dovecot");
        if !program.exists() {
            return Ok(None);
        }
        let directory = temporary(under)?;
        let (lmtp, imap) = (free_port()?, free_port()?);
        let config = directory.path().join("dovecot.conf");
        let mail = directory.path().join("mail");
        std::fs::create_dir(&mail)?;
        std::fs::write(&config, dovecot_config(directory.path(), lmtp, imap))?;
        give_to_nobody(directory.path(), &mail)?;
        let mut command = Command::new(&program);
        let child = command
            .arg("-F")
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .spawn()
            .context("starting dovecot")?;
        let name = "dovecot".to_owned();
        Self { name, lmtp, imap, ours: None, running: Running { child, directory } }.ready().await.map(Some)
    }

    async fn ready(self) -> Result<Self> {
        for _ in 0..300 {
            let up = tokio::net::TcpStream::connect(self.lmtp).await.is_ok()
                && tokio::net::TcpStream::connect(self.imap).await.is_ok();
            if up {
                return Ok(self);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("{} did not start within 30 seconds", self.name)
    }
}

impl Running {
    pub(crate) fn new(child: Child, directory: TempDir) -> Self {
        Self { child, directory }
    }

    pub(crate) fn tree(&self) -> Tree {
        Tree::of(self.child.id())
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A child of ours, by its id; SIGTERM first, so that a server with children of its own ends them.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The name of the n-th account.
#[must_use]
pub fn account(number: usize) -> String {
    format!("load{number}")
}

/// The password of every account.
pub const PASSWORD: &str = "a-password-for-load";

pub(crate) fn temporary(under: Option<&Path>) -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("mailbell-bench-");
    under
        .map_or_else(|| builder.tempdir(), |dir| builder.tempdir_in(dir))
        .context("making a temporary directory")
}

pub(crate) fn free_port() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn add_account(program: &Path, config: &Path, name: &str) -> Result<()> {
    let mut command = Command::new(program);
    command.arg("--config").arg(config).args(["account", "add", name, "--password-stdin"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn()?;
    child.stdin.take().context("no standard input")?.write_all(PASSWORD.as_bytes())?;
    let status = child.wait()?;
    if !status.success() {
        bail!("adding account {name} failed: {status}");
    }
    Ok(())
}

fn mailbell_config(directory: &Path, lmtp: SocketAddr, imap: SocketAddr, ours: &Ours) -> String {
    let Ours { imaps, push, http, .. } = ours;
    format!(
        "data_dir = \"{}\"\nhostname = \"localhost\"\n\n[listen]\nlmtp = \"{lmtp}\"\nimap = \"{imap}\"\nimaps = \"{imaps}\"\n\
         http = \"{http}\"\npush = \"{push}\"\n\n[imap]\nallow_plaintext_login = true\n\n[log]\nlevel = \"warn\"\n",
        directory.join("data").display()
    )
}

fn dovecot_config(directory: &Path, lmtp: SocketAddr, imap: SocketAddr) -> String {
    let (dir, lmtp, imap) = (directory.display(), lmtp.port(), imap.port());
    format!(
        "base_dir = {dir}/run\nlog_path = {dir}/log\nprotocols = imap lmtp\nlisten = 127.0.0.1\nssl = no\n\
         disable_plaintext_auth = no\nmail_location = maildir:{dir}/mail/%u\nfirst_valid_uid = 1\n\
         default_login_user = nobody\ndefault_internal_user = nobody\ndefault_internal_group = nogroup\n\
         default_process_limit = 5000\ndefault_client_limit = 20000\nmail_max_userip_connections = 0\n\
         passdb {{\n driver = static\n args = password={PASSWORD}\n}}\n\
         userdb {{\n driver = static\n args = uid=65534 gid=65534 home={dir}/mail/%u\n}}\n\
         service imap-login {{\n inet_listener imap {{\n port = {imap}\n }}\n inet_listener imaps {{\n port = 0\n }}\n\
         service_count = 0\n process_min_avail = 2\n}}\n\
         service imap {{\n process_limit = 10000\n}}\n\
         service lmtp {{\n inet_listener lmtp {{\n port = {lmtp}\n }}\n}}\n\
         protocol lmtp {{\n auth_username_format = %n\n}}\n"
    )
}

/// Dovecot gives up root for the mail user, who must reach the mail.
fn give_to_nobody(directory: &Path, mail: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755))?;
    std::os::unix::fs::chown(mail, Some(NOBODY), Some(NOBODY)).context("dovecot is measured as root only")
}

const NOBODY: u32 = 65534;
