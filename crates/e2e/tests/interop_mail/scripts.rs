//! Libraries for programs that read mail: each goes through a session as a script of a user's would have it.

use std::path::Path;

use anyhow::Result;
use testkit::programs;
use testkit::server::{Mailbell, PASSWORD};

use crate::{NODE, PYTHON, with_three_messages};

/// Runs a script of `tests/python` on an account with three messages, by the port that `port` names.
fn python_session(test: &str, script: &str, port: fn(&Mailbell) -> u16) -> Result<()> {
    let Some(mut python) = programs::python(test) else { return Ok(()) };
    let server = with_three_messages()?;
    let command = python.arg(format!("{PYTHON}/{script}")).arg(port(&server).to_string());
    let printed = programs::run(command.arg(server.certificate()).args(["alice", PASSWORD]))?;
    assert!(printed.ends_with("ok\n"), "{printed}");
    Ok(())
}

fn starttls(server: &Mailbell) -> u16 {
    server.imap.port()
}

fn tls(server: &Mailbell) -> u16 {
    server.imaps.port()
}

#[test]
fn imaplib_reads_flags_moves_and_expunges() -> Result<()> {
    python_session("imaplib_reads_flags_moves_and_expunges", "imaplib_session.py", starttls)
}

#[test]
fn imapclient_searches_sorts_moves_and_idles() -> Result<()> {
    python_session("imapclient_searches_sorts_moves_and_idles", "imapclient_session.py", tls)
}

#[test]
fn imap_tools_queries_in_utf_8_reads_attachments_and_idles() -> Result<()> {
    python_session(
        "imap_tools_queries_in_utf_8_reads_attachments_and_idles",
        "imap_tools_session.py",
        starttls,
    )
}

#[test]
fn ten_connections_of_aioimaplib_idle_at_once() -> Result<()> {
    python_session("ten_connections_of_aioimaplib_idle_at_once", "aioimaplib_session.py", tls)
}

#[test]
fn imapflow_idles_and_resynchronises() -> Result<()> {
    let Some(mut node) = programs::node("imapflow_idles_and_resynchronises", Path::new(NODE))? else {
        return Ok(());
    };
    let server = with_three_messages()?;
    let command = node.arg("imapflow_session.mjs").arg(server.imaps.port().to_string());
    let printed = programs::run(command.arg(server.certificate()).args(["alice", PASSWORD]))?;
    assert!(printed.ends_with("ok\n"), "{printed}");
    Ok(())
}
