//! The real binary, serving on loopback from a temporary directory.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use crate::wait;

/// The password of every account that [`Mailbell::start`] makes.
pub const PASSWORD: &str = "correct-horse";

/// A running server, stopped when dropped.
pub struct Mailbell {
    /// Its directory: configuration, data, log.
    pub directory: TempDir,
    /// Where it takes mail.
    pub lmtp: SocketAddr,
    /// Where it serves mail without TLS (STARTTLS is offered).
    pub imap: SocketAddr,
    /// Where it serves mail with TLS.
    pub imaps: SocketAddr,
    /// Health and metrics.
    pub http: SocketAddr,
    /// JMAP over TLS, with the development certificate.
    pub https: SocketAddr,
    /// The push service, over TLS with the development certificate.
    pub push: SocketAddr,
    child: Option<Child>,
}

impl Mailbell {
    /// Starts a server with these accounts; `settings` is appended to its configuration file, with the port of the push
    /// service for each `PUSH_PORT` in it.
    ///
    /// # Errors
    /// If the binary is not built, or doesn't serve within the limit.
    pub fn start(accounts: &[&str], settings: &str) -> Result<Self> {
        let [lmtp, imap, imaps, http, https, push] = free_ports()?;
        let directory = tempfile::Builder::new().prefix("mailbell-test-").tempdir()?;
        let data = directory.path().join("data");
        let settings = settings.replace("PUSH_PORT", &push.port().to_string());
        let config = format!(
            "data_dir = \"{}\"\nhostname = \"localhost\"\n\n[listen]\nlmtp = \"{lmtp}\"\nimap = \"{imap}\"\n\
             imaps = \"{imaps}\"\nhttp = \"{http}\"\nhttps = \"{https}\"\npush = \"{push}\"\n\n[imap]\nallow_plaintext_login = true\n{settings}",
            data.display()
        );
        std::fs::write(directory.path().join("mailbell.toml"), config)?;
        let mut server = Self { directory, lmtp, imap, imaps, http, https, push, child: None };
        for account in accounts {
            server.run_with_input(&["account", "add", account, "--password-stdin"], PASSWORD)?;
        }
        server.launch()?;
        Ok(server)
    }

    /// Starts the server again after [`Mailbell::kill`] or [`Mailbell::terminate`], on the same data and ports.
    ///
    /// # Errors
    /// If it doesn't serve within the limit.
    pub fn launch(&mut self) -> Result<()> {
        let program = program()?;
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_path())?;
        let mut command = Command::new(program);
        command.arg("--config").arg(self.config()).arg("serve").stdin(Stdio::null());
        self.child = Some(command.stdout(log.try_clone()?).stderr(log).spawn()?);
        let child = self.child.as_mut().context("no child")?;
        let serving = wait::until(|| {
            if let Ok(Some(status)) = child.try_wait() {
                return Some(Err(status));
            }
            let all = [self.lmtp, self.imap, self.http, self.push];
            all.iter().all(|address| TcpStream::connect(address).is_ok()).then_some(Ok(()))
        });
        match serving {
            Some(Ok(())) => Ok(()),
            Some(Err(status)) => bail!("mailbell ended with {status}:\n{}", self.log()),
            None => bail!("mailbell does not serve:\n{}", self.log()),
        }
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// `kill -9`, as a crash would.
    ///
    /// # Errors
    /// If it does not run.
    pub fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("not running")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// SIGTERM; returns how it ended.
    ///
    /// # Errors
    /// If it does not end within the limit.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        let mut child = self.child.take().context("not running")?;
        let ended = wait::until(|| child.try_wait().transpose());
        if ended.is_none() {
            child.kill()?;
            child.wait()?;
        }
        Ok(ended.context("did not end after SIGTERM")??)
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// If it does not run.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = self
            .pid()
            .and_then(|pid| i32::try_from(pid).ok())
            .and_then(Pid::from_raw)
            .context("not running")?;
        Ok(rustix::process::kill_process(pid, signal)?)
    }

    /// Runs another `mailbell` command on the same configuration; returns its standard output.
    ///
    /// # Errors
    /// If it fails.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        self.run_with_input(arguments, "")
    }

    /// The same with standard input.
    ///
    /// # Errors
    /// If it fails.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Result<String> {
        let mut command = Command::new(program()?);
        command.arg("--config").arg(self.config()).args(arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        child.stdin.take().context("no standard input")?.write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "mailbell {arguments:?}: {}\n{out}\n{err}", output.status);
        Ok(out.into_owned())
    }

    /// Its configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.directory.path().join("mailbell.toml")
    }

    /// The development certificate that it made, which its clients have to trust.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.directory.path().join("data/tls/development.pem")
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().join("log")
    }
}

impl Drop for Mailbell {
    fn drop(&mut self) {
        if self.child.is_some() {
            let _ = self.kill();
        }
        if std::thread::panicking() {
            println!("--- the server's log\n{}", self.log());
        }
    }
}

/// The binary that the tests run: `MAILBELL_PROGRAM`, else the one beside the test's own directory.
///
/// # Errors
/// If it has not been built.
pub fn program() -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("MAILBELL_PROGRAM") {
        return Ok(program.into());
    }
    let test = std::env::current_exe()?;
    let program = test.parent().and_then(Path::parent).context("no target directory")?.join("mailbell");
    ensure!(program.is_file(), "{} is not there: run `cargo build -p mailbell` first", program.display());
    Ok(program)
}

/// Ports that are free now, all different.
///
/// # Errors
/// If there are none.
pub fn free_ports<const N: usize>() -> Result<[SocketAddr; N]> {
    let listeners: Vec<TcpListener> =
        (0..N).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<std::io::Result<_>>()?;
    let addresses: Vec<SocketAddr> =
        listeners.iter().map(TcpListener::local_addr).collect::<std::io::Result<_>>()?;
    addresses.try_into().map_err(|_| anyhow::anyhow!("no free ports"))
}
