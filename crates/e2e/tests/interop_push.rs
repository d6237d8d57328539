//! A push that Mailbell encrypted is decrypted by others' code, on a device that spoke to the real servers only.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use anyhow::{Context as _, Result, ensure};
use testkit::imap::Imap;
use testkit::lmtp::Lmtp;
use testkit::programs;
use testkit::server::{Mailbell, PASSWORD};

/// The Python user agent, stopped when dropped.
struct Device {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Device {
    fn start(server: &Mailbell, mut python: std::process::Command) -> Result<Self> {
        python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/user_agent.py"));
        python.args([server.push.port().to_string(), server.imaps.port().to_string()]);
        python.arg(server.certificate()).args(["alice", PASSWORD]);
        let mut child = python.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut device = Self { child, lines };
        ensure!(device.line()? == "registered\n", "the user agent did not register");
        Ok(device)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.lines.read_line(&mut line)? > 0, "the user agent has ended");
        Ok(line)
    }

    fn push(&mut self) -> Result<String> {
        let push: serde_json::Value = serde_json::from_str(&self.line()?)?;
        ensure!(
            push.get("length").and_then(serde_json::Value::as_u64).is_some_and(|length| length <= 3993),
            "{push}"
        );
        Ok(push.get("text").and_then(serde_json::Value::as_str).context("no text")?.to_owned())
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_python_user_agent_is_told_of_new_mail_flags_and_expunges() -> Result<()> {
    let test = "a_python_user_agent_is_told_of_new_mail_flags_and_expunges";
    let Some(python) = programs::python(test) else { return Ok(()) };
    let server = Mailbell::start(&["alice"], "\n[push]\nmin_interval = \"1s\"\n")?;
    let mut device = Device::start(&server, python)?;

    let message = "From: A Sender <sender@test.invalid>\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n\
                   Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nSch=F6n!\n";
    Lmtp::connect(server.lmtp)?.deliver(&["alice"], message)?;
    let push = device.push()?;
    ensure!(push.starts_with("* SELECT INBOX\r\n* 1 UIDFETCH ("), "{push}");
    ensure!(push.contains("ENVELOPE (") && push.contains("=?utf-8?q?Gr=C3=BC=C3=9Fe?="), "{push}");
    ensure!(push.contains("BINARY[1] ") && push.contains("Schön!"), "{push}");

    let mut imap = Imap::login(server.imap, "alice", PASSWORD)?;
    imap.ok("SELECT INBOX")?;
    imap.ok("STORE 1 +FLAGS (\\Seen)")?;
    let push = device.push()?;
    ensure!(push.starts_with("* SELECT INBOX\r\n* 1 UIDFETCH (") && push.contains("\\Seen"), "{push}");

    imap.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")?;
    imap.ok("EXPUNGE")?;
    // The flag and the expunge may come as two pushes or as one: what counts is that the message goes.
    let mut push = device.push()?;
    if !push.contains("VANISHED") {
        push = device.push()?;
    }
    ensure!(push.contains("* SELECT INBOX\r\n") && push.contains("* VANISHED 1\r\n"), "{push}");
    Ok(())
}
