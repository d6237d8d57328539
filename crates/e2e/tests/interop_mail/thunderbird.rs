//! A real Thunderbird sees a new message appear by IDLE. Budget: 40 seconds on two cores, most of them Thunderbird's start.

use anyhow::{Context as _, Result};
use testkit::imap::Imap;
use testkit::programs;
use testkit::server::PASSWORD;

use crate::{PYTHON, with_three_messages};

// RFC 2177
#[test]
fn thunderbird_is_told_in_idle_and_flags_and_moves() -> Result<()> {
    let test = "thunderbird_is_told_in_idle_and_flags_and_moves";
    let Some(thunderbird) = programs::debian(test, "thunderbird")? else { return Ok(()) };
    let mut python = programs::python(test).context("MAILBELL_INTEROP is set, but MAILBELL_PYTHON is not")?;
    let server = with_three_messages()?;
    let command = python.arg(format!("{PYTHON}/thunderbird_session.py")).arg(thunderbird.get_program());
    let ports = [server.imaps, server.imap, server.lmtp].map(|address| address.port().to_string());
    let directory = server.directory.path();
    let command = command.arg(directory).arg(directory.join("log")).args(ports);
    let printed = programs::run(command.arg(server.certificate()).args(["alice", PASSWORD]))?;
    assert!(printed.ends_with("ok\n"), "{printed}");
    let log = server.log();
    assert!(log.lines().any(|line| line.contains("imap.command") && line.contains("IDLE")), "{log}");

    let mut imap = Imap::login(server.imap, "alice", PASSWORD)?;
    imap.ok("SELECT Trash")?;
    let found = imap.ok("FETCH 1:* (FLAGS ENVELOPE)")?.concat();
    assert!(found.contains("\"second\"") && !found.contains("\"first\""), "{found}");
    Ok(())
}
