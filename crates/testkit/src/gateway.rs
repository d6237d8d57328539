//! `mailbell listen` as a daemon: a field gateway, or a UnifiedPush distributor.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::server::{Mailbell, program};
use crate::wait;

/// A daemon that is killed when dropped.
pub struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts `mailbell listen` with these arguments on a server's configuration; `environment` is added.
    ///
    /// # Errors
    /// If it can't be started.
    pub fn listen(server: &Mailbell, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Self> {
        let log = server.directory.path().join("listen.log");
        let lines = std::fs::OpenOptions::new().create(true).append(true).open(&log)?;
        let mut command = Command::new(program()?);
        command.arg("--config").arg(server.config()).arg("listen").args(arguments);
        command.envs(environment.iter().copied()).stdin(Stdio::null());
        Ok(Self { child: command.stdout(lines.try_clone()?).stderr(lines).spawn()?, log })
    }

    /// What this one and those before it on the same server have logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// If it has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        signal_to(&self.child, signal)
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Errors
    /// If it does not end in time, or not well.
    pub fn terminate(mut self) -> Result<()> {
        self.signal(Signal::TERM)?;
        let status = wait::until(|| self.child.try_wait().transpose()).context("it does not end")??;
        ensure!(status.success(), "ended with {status}\n{}", self.log());
        Ok(())
    }
}

impl Drop for Daemon {
    /// `kill -9`, as a crash would.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("--- {}\n{}", self.log.display(), self.log());
        }
    }
}

/// Sends a signal to a child.
///
/// # Errors
/// If it has ended.
pub fn signal_to(child: &Child, signal: Signal) -> Result<()> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("no process")?;
    Ok(kill_process(pid, signal)?)
}

/// Writes a gateway file that uses the server's push service; `rest` follows. Returns its path.
///
/// # Errors
/// If it can't be written.
pub fn write_file(server: &Mailbell, rest: &str) -> Result<PathBuf> {
    let path = server.directory.path().join("gateway.toml");
    let text = format!(
        "service = \"wss://localhost:{}/\"\nca = \"{}\"\nstate = \"gateway.json\"\n{rest}",
        server.push.port(),
        server.certificate().display()
    );
    std::fs::write(&path, text)?;
    Ok(path)
}

/// What `--endpoints` prints, by subscription.
///
/// # Errors
/// If it fails.
pub fn endpoints(server: &Mailbell, file: &Path) -> Result<BTreeMap<String, Value>> {
    let file = file.to_str().context("not UTF-8")?;
    let printed = server.run(&["listen", "--gateway", file, "--endpoints"])?;
    serde_json::from_str(&printed).context(printed)
}

/// Pushes a text to a subscription, by `mailbell push send`.
///
/// # Errors
/// If the push service does not take it.
pub fn push(server: &Mailbell, subscription: &Value, text: &str) -> Result<()> {
    let arguments = ["push", "send", "--ttl", "3600", "--subscription", "-", text];
    let said = server.run_with_input(&arguments, &subscription.to_string())?;
    ensure!(said.starts_with("201"), "{said}");
    Ok(())
}

/// How many messages wait in a gateway's spool.
#[must_use]
pub fn spooled(server: &Mailbell) -> usize {
    let names = std::fs::read_dir(server.directory.path().join("gateway.spool")).into_iter().flatten();
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| name.len() == 20).count()
}
