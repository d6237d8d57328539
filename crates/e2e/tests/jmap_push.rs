//! JMAP's pushes over our own push service, decrypted by others' code on a device that spoke to the real servers only.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testkit::lmtp::Lmtp;
use testkit::programs;
use testkit::server::{Mailbell, PASSWORD};

const MESSAGE: &str =
    "From: A Sender <sender@test.invalid>\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n\nAt noon.\n";
/// Pushes follow each other quickly.
const SETTINGS: &str = "\n[push]\nmin_interval = \"1s\"\n";

/// The Python user agent, stopped when dropped.
struct Device {
    child: Child,
    lines: BufReader<ChildStdout>,
    id: String,
}

impl Device {
    fn start(server: &Mailbell, mut python: Command, password: &str, properties: &Value) -> Result<Self> {
        python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/jmap_user_agent.py"));
        python.args([server.push.port().to_string(), server.http.port().to_string()]);
        python.arg(server.certificate()).args(["alice", password, &properties.to_string()]);
        let mut child = python.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut device = Self { child, lines, id: String::new() };
        let registered = device.line()?;
        let id = registered.trim_end().strip_prefix("registered ");
        device.id = id.context("the user agent did not register")?.to_owned();
        Ok(device)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.lines.read_line(&mut line)? > 0, "the user agent has ended");
        Ok(line)
    }

    fn push(&mut self) -> Result<Value> {
        let mut push: Value = serde_json::from_str(&self.line()?)?;
        let length = push.get("length").and_then(Value::as_u64);
        ensure!(length.is_some_and(|length| length <= 3993), "{push}");
        Ok(push.get_mut("said").context("nothing said")?.take())
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn deliver(server: &Mailbell) -> Result<()> {
    Lmtp::connect(server.lmtp)?.deliver(&["alice"], MESSAGE).map(drop)
}

fn listed(server: &Mailbell) -> Result<Vec<Value>> {
    let lines = server.run(&["subscription", "list", "--json"])?;
    Ok(lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// The one subscription that is listed, once it is like that.
fn shown_when(server: &Mailbell, is_right: impl Fn(&Value) -> bool) -> Result<Value> {
    let found = testkit::wait::until(|| {
        let listed = listed(server).ok()?;
        listed.into_iter().next().filter(|shown| is_right(shown))
    });
    found.with_context(|| format!("not listed so: {:?}", listed(server)))
}

#[test]
fn a_python_client_is_told_of_changes_and_of_emails_also_after_a_crash() -> Result<()> {
    let test = "a_python_client_is_told_of_changes_and_of_emails_also_after_a_crash";
    let Some(python) = programs::python(test) else { return Ok(()) };
    let mut server = Mailbell::start(&["alice"], SETTINGS)?;
    let config = json!({ "properties": ["subject", "from", "preview"], "filter": { "from": "sender" } });
    let properties = json!({ "types": ["EmailDelivery"], "emailPush": { "A1": config } });
    let mut device = Device::start(&server, python, PASSWORD, &properties)?;

    deliver(&server)?;
    let (emails, changes) = (device.push()?, device.push()?);
    let email = &emails["emails"][0];
    ensure!(emails["@type"] == "EmailPush" && email["subject"] == "Grüße", "{emails}");
    ensure!(email["preview"] == "At noon.", "{emails}");
    let told = changes["changed"]["A1"]["EmailDelivery"].as_str();
    ensure!(changes["@type"] == "StateChange" && told.is_some(), "{changes}");

    // How attempts went is stored a little later.
    let shown = shown_when(&server, |shown| shown["last_answer"] == "201" && shown["behind"] == 0)?;
    ensure!(shown["kind"] == "jmap" && shown["state"] == "active", "{shown}");
    ensure!(shown["id"] == device.id && shown["device"] == "python", "{shown}");
    ensure!(shown["expires_at"].is_number(), "{shown}");

    // The push service ends with the server; its user agent does not come back. What is kept is enough for the notifier.
    drop(device);
    server.kill()?;
    server.launch()?;
    deliver(&server)?;
    let first = shown["last_push_at"].as_i64();
    shown_when(&server, |shown| shown["behind"] == 0 && shown["last_push_at"].as_i64() >= first)?;
    Ok(())
}

#[test]
fn a_subscription_ends_with_its_app_password() -> Result<()> {
    let test = "a_subscription_ends_with_its_app_password";
    let Some(python) = programs::python(test) else { return Ok(()) };
    let server = Mailbell::start(&["alice"], SETTINGS)?;
    let made = server.run(&["app-password", "add", "alice", "phone"])?;
    let password = made.lines().last().context("no password")?.trim().to_owned();
    let mut device = Device::start(&server, python, &password, &json!({}))?;
    deliver(&server)?;
    ensure!(device.push()?["@type"] == "StateChange");
    ensure!(listed(&server)?.len() == 1);
    server.run(&["app-password", "revoke", "alice", "phone"])?;
    ensure!(listed(&server)?.is_empty(), "it outlives its credential");
    Ok(())
}
