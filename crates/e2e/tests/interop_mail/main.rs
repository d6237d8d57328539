//! Programs that others wrote deliver, read, flag, move and expunge.

mod mbsync;
mod scripts;
mod synchronisers;
mod terminal;
mod thunderbird;

use anyhow::Result;
use testkit::imap::Imap;
use testkit::lmtp::Lmtp;
use testkit::programs;
use testkit::server::{Mailbell, PASSWORD};

const NODE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node");
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python");

fn message(subject: &str) -> String {
    format!(
        "From: A Sender <sender@test.invalid>\nTo: alice@localhost\nSubject: {subject}\n\
         Message-ID: <{subject}@test.invalid>\nDate: Sun, 22 Nov 2026 12:00:00 +0000\n\n{subject} body\n"
    )
}

fn with_three_messages() -> Result<Mailbell> {
    let server = Mailbell::start(&["alice"], "")?;
    let mut lmtp = Lmtp::connect(server.lmtp)?;
    for subject in ["first", "second", "third"] {
        let replies = lmtp.deliver(&["alice"], &message(subject))?;
        assert!(replies.iter().all(|reply| reply.starts_with("250")), "{replies:?}");
    }
    Ok(server)
}

#[test]
fn smtplib_delivers_and_is_told_of_an_unknown_recipient() -> Result<()> {
    let Some(mut python) = programs::python("smtplib_delivers_and_is_told_of_an_unknown_recipient") else {
        return Ok(());
    };
    let server = Mailbell::start(&["alice", "bob"], "")?;
    let command = python.arg(format!("{PYTHON}/lmtp_session.py")).arg(server.lmtp.port().to_string());
    let printed = programs::run(command.args(["alice", "bob@localhost"]))?;
    assert!(printed.ends_with("ok\n"), "{printed}");
    for user in ["alice", "bob"] {
        let mut imap = Imap::login(server.imap, user, PASSWORD)?;
        imap.ok("SELECT INBOX")?;
        let text = imap.ok("FETCH 1 (BODY[TEXT])")?.concat();
        assert!(text.contains("one line\r\n.a line with a dot\r\n..\r\n.\r\nthe end\r\n"), "{text}");
    }
    Ok(())
}

#[test]
fn swaks_delivers_and_is_told_of_an_unknown_recipient() -> Result<()> {
    let test = "swaks_delivers_and_is_told_of_an_unknown_recipient";
    let Some(mut swaks) = programs::debian(test, "swaks")? else { return Ok(()) };
    let server = Mailbell::start(&["alice"], "")?;
    let port = server.lmtp.port().to_string();
    let common =
        ["--protocol", "LMTP", "--server", "127.0.0.1", "--port", port.as_str(), "--from", "s@test.invalid"];
    let printed =
        programs::run(swaks.args(common).args(["--to", "alice@localhost", "--header", "Subject: by swaks"]))?;
    assert!(printed.contains("250 2."), "{printed}");
    let Some(mut swaks) = programs::debian(test, "swaks")? else { return Ok(()) };
    let refused = swaks.args(common).args(["--to", "nobody@localhost"]).output()?;
    assert!(String::from_utf8_lossy(&refused.stdout).contains("550 5.1.1"), "{refused:?}");
    let mut imap = Imap::login(server.imap, "alice", PASSWORD)?;
    imap.ok("SELECT INBOX")?;
    assert!(imap.ok("FETCH 1 (ENVELOPE)")?.concat().contains("by swaks"));
    Ok(())
}
