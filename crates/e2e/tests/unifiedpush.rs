//! `mailbell listen --unifiedpush` on a session bus of its own, with an application on dbus-fast.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;
use testkit::gateway::{Daemon, push};
use testkit::server::Mailbell;
use testkit::{programs, wait};

/// A session bus, which starts applications by the service files below `directory`; killed when dropped.
struct Bus {
    child: Child,
    address: String,
    directory: TempDir,
}

/// An application that runs; killed when dropped.
struct Running(Child);

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Bus {
    fn start(test: &str) -> Result<Option<Self>> {
        let Some(mut command) = programs::debian(test, "dbus-daemon")? else { return Ok(None) };
        let directory = tempfile::Builder::new().prefix("mailbell-bus-").tempdir()?;
        std::fs::create_dir_all(directory.path().join("dbus-1/services"))?;
        command.args(["--session", "--nofork", "--nopidfile", "--print-address=1"]);
        command.env("XDG_DATA_HOME", directory.path()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut address = String::new();
        BufReader::new(child.stdout.take().context("no standard output")?).read_line(&mut address)?;
        Ok(Some(Self { child, address: address.trim().to_owned(), directory }))
    }

    /// A directory for an application.
    fn home(&self, name: &str) -> Result<PathBuf> {
        let home = self.directory.path().join(name);
        std::fs::create_dir_all(&home)?;
        Ok(home)
    }

    /// Starts the application.
    fn run(&self, python: &str, name: &str, version: &str, action: &str) -> Result<Running> {
        let mut command = Command::new(python);
        command.arg(SCRIPT).args([name, version]).arg(self.home(name)?).arg(action);
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address).stdin(Stdio::null());
        Ok(Running(command.spawn()?))
    }

    /// Lets the bus start the application when somebody calls it.
    fn install(&self, python: &str, name: &str, version: &str) -> Result<()> {
        let home = self.home(name)?;
        let file = self.directory.path().join(format!("dbus-1/services/{name}.service"));
        let exec = format!("{python} {SCRIPT} {name} {version} {}", home.display());
        Ok(std::fs::write(file, format!("[D-BUS Service]\nName={name}\nExec={exec}\n"))?)
    }

    /// The last thing of this kind that the application has heard, once there are `number` of them.
    fn heard(&self, name: &str, event: &str, number: usize) -> Result<Value> {
        let path = self.home(name)?.join("heard");
        let of_kind = || -> Vec<Value> {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let values = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            values.filter(|value| value["event"] == event).collect()
        };
        let found = wait::until(|| of_kind().get(number - 1).cloned());
        found.with_context(|| format!("{event} {number}: {:?}", std::fs::read_to_string(&path)))
    }
}

/// Starts a distributor, and waits until it has said `wanted` once more.
fn listen(server: &Mailbell, bus: &Bus, state: &str, wanted: &str) -> Result<Daemon> {
    let state = server.directory.path().join(state);
    let ca = server.certificate();
    let [state, ca] = [&state, &ca].map(|path| path.to_string_lossy().into_owned());
    let arguments = ["--unifiedpush", "--ca", &ca, "--state", &state];
    let log = server.directory.path().join("listen.log");
    let count = || std::fs::read_to_string(&log).unwrap_or_default().matches(wanted).count();
    let before = count();
    let daemon = Daemon::listen(server, &arguments, &[("DBUS_SESSION_BUS_ADDRESS", &bus.address)])?;
    wait::until(|| (count() > before).then_some(())).with_context(|| daemon.log())?;
    Ok(daemon)
}

/// The Python that has dbus-fast, by its path.
fn python(test: &str) -> Option<String> {
    programs::python(test).map(|command| command.get_program().to_string_lossy().into_owned())
}

fn cleartext(value: &Value) -> &str {
    value["cleartext"].as_str().unwrap_or_default()
}

#[test]
fn an_application_registers_gets_its_messages_and_unregisters() -> Result<()> {
    let test = "an_application_registers_gets_its_messages_and_unregisters";
    let (Some(bus), Some(python)) = (Bus::start(test)?, python(test)) else { return Ok(()) };
    let server = Mailbell::start(&[], "")?;
    let daemon = listen(&server, &bus, "up.json", SERVES)?;
    for version in ["1", "2"] {
        let name = format!("org.example.App{version}");
        let app = bus.run(&python, &name, version, "register")?;
        let answer = bus.heard(&name, "Register", 1)?;
        ensure!(answer["answer"].to_string().contains("REGISTRATION_SUCCEEDED"), "{answer}");
        let endpoint = bus.heard(&name, "NewEndpoint", 1)?;
        ensure!(endpoint["token"] == format!("token-of-{name}"), "{endpoint}");
        push(&server, &endpoint["subscription"], "Grüße")?;
        let message = bus.heard(&name, "Message", 1)?;
        ensure!(cleartext(&message) == "Grüße" && message["token"] == endpoint["token"], "{message}");
        drop(app);

        // The application registers again at each start, and is told the same endpoint.
        let app = bus.run(&python, &name, version, "register")?;
        ensure!(bus.heard(&name, "NewEndpoint", 2)? == endpoint);
        drop(app);
        let _app = bus.run(&python, &name, version, "unregister")?;
        bus.heard(&name, "Unregistered", 1)?;
        let is_gone = || push(&server, &endpoint["subscription"], "nobody").is_err().then_some(());
        wait::until(is_gone).context("the endpoint is still there")?;
    }
    ensure!(!daemon.log().contains("wpush") && !daemon.log().contains("token-of"), "{}", daemon.log());
    daemon.terminate()
}

#[test]
fn registrations_survive_a_crash_and_the_bus_starts_an_application_for_its_messages() -> Result<()> {
    let test = "registrations_survive_a_crash_and_the_bus_starts_an_application_for_its_messages";
    let (Some(bus), Some(python)) = (Bus::start(test)?, python(test)) else { return Ok(()) };
    let server = Mailbell::start(&[], "")?;
    let mut daemon = listen(&server, &bus, "up.json", SERVES)?;
    for version in ["1", "2"] {
        let name = format!("org.example.Sleeper{version}");
        let app = bus.run(&python, &name, version, "register")?;
        let endpoint = bus.heard(&name, "NewEndpoint", 1)?;
        drop(app);
        bus.install(&python, &name, version)?;
        drop(daemon);
        push(&server, &endpoint["subscription"], "while both are away")?;
        daemon = listen(&server, &bus, "up.json", SERVES)?;
        ensure!(cleartext(&bus.heard(&name, "Message", 1)?) == "while both are away");
        push(&server, &endpoint["subscription"], "and again")?;
        ensure!(cleartext(&bus.heard(&name, "Message", 2)?) == "and again");
    }
    let _refused = listen(&server, &bus, "other.json", "mailbell: the session bus: name already taken")?;
    daemon.terminate()
}

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/unifiedpush_connector.py");
const SERVES: &str = "serving applications";
