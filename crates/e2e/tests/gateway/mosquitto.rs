//! Debian's mosquitto as broker, and mosquitto_sub as subscriber, in a directory of their own.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use rustix::process::Signal;
use tempfile::TempDir;
use testkit::gateway::signal_to;
use testkit::server::{Mailbell, free_ports};
use testkit::{programs, wait};

/// A broker that keeps sessions on disk; killed when dropped.
pub(crate) struct Broker {
    directory: TempDir,
    port: u16,
    program: String,
    child: Option<Child>,
}

/// A subscriber to everything; its session at the broker outlives the broker.
pub(crate) struct Listener {
    child: Child,
    directory: TempDir,
}

impl Broker {
    /// Starts a broker, if its package is to be there.
    pub(crate) fn start(test: &str, settings: &str) -> Result<Option<Self>> {
        let Some(program) = programs::debian(test, "mosquitto")? else { return Ok(None) };
        let [address] = free_ports()?;
        let directory = tempfile::Builder::new().prefix("mailbell-mosquitto-").tempdir()?;
        let path = directory.path().display();
        let config = format!(
            "listener {} 127.0.0.1\nuser root\npersistence true\npersistence_location {path}/\n\
             log_dest file {path}/log\nlog_type all\n{settings}",
            address.port()
        );
        std::fs::write(directory.path().join("mosquitto.conf"), config)?;
        let program = program.get_program().to_string_lossy().into_owned();
        let mut broker = Self { directory, port: address.port(), program, child: None };
        broker.launch()?;
        Ok(Some(broker))
    }

    /// Starts a broker with TLS by the server's development certificate and one user, `gateway` with `right`.
    pub(crate) fn start_secure(test: &str, server: &Mailbell) -> Result<Option<Self>> {
        let Some(mut passwd) = programs::debian(test, "mosquitto_passwd")? else { return Ok(None) };
        let passwords = server.directory.path().join("mosquitto.passwords");
        programs::run(passwd.arg("-c").arg("-b").arg(&passwords).args(["gateway", "right"]))?;
        let tls = server.directory.path().join("data/tls");
        let settings = format!(
            "certfile {0}/development.pem\nkeyfile {0}/development.key\nallow_anonymous false\npassword_file {1}\n",
            tls.display(),
            passwords.display()
        );
        Self::start(test, &settings)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Starts it again after [`Broker::stop`].
    pub(crate) fn launch(&mut self) -> Result<()> {
        let config = self.directory.path().join("mosquitto.conf");
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn()?);
        let serves = || std::net::TcpStream::connect(("127.0.0.1", self.port)).ok();
        wait::until(serves).with_context(|| self.log())?;
        Ok(())
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let mut child = self.child.take().context("it does not run")?;
        signal_to(&child, Signal::TERM)?;
        child.wait()?;
        Ok(())
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        signal_to(self.child.as_ref().context("it does not run")?, signal)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            println!("--- mosquitto\n{}", self.log());
        }
    }
}

impl Listener {
    /// Subscribes, and waits until the broker has noted it; `arguments` say how to reach the broker, if not plainly.
    pub(crate) fn start(broker: &Broker, arguments: &[&str]) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let out = std::fs::File::create(directory.path().join("out"))?;
        let said = directory.path().join("said");
        let name = directory.path().file_name().context("no name")?.to_string_lossy().into_owned();
        // Line by line, also into a file.
        let mut command = Command::new("stdbuf");
        command.args(["-oL", "mosquitto_sub", "-p", &broker.port.to_string(), "-c", "-i", &name]);
        command.args(["-q", "1", "-t", "home/#"]);
        command.args(["-F", "%t %p"]).args(arguments);
        if !arguments.contains(&"-h") {
            command.args(["-h", "127.0.0.1"]);
        }
        let child = command.stdin(Stdio::null()).stdout(out).stderr(std::fs::File::create(said)?).spawn()?;
        let listener = Self { child, directory };
        let noted = format!("{name} 1 home/#");
        let is_subscribed = || broker.log().contains(&noted).then_some(());
        wait::until(is_subscribed).with_context(|| listener.text("said") + &broker.log())?;
        Ok(listener)
    }

    /// The payloads of a topic, in the order of their coming.
    pub(crate) fn of(&self, topic: &str) -> Vec<String> {
        let out = self.text("out");
        let payload = |line: &str| line.strip_prefix(topic)?.strip_prefix(' ').map(str::to_owned);
        out.lines().filter_map(payload).collect()
    }

    fn text(&self, name: &str) -> String {
        let path: &Path = self.directory.path();
        std::fs::read_to_string(path.join(name)).unwrap_or_default()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
