//! Programs for people at a terminal: neomutt by its own commands, aerc by the keys that are typed.

use anyhow::{Context as _, Result};
use testkit::imap::Imap;
use testkit::programs;
use testkit::server::PASSWORD;

use crate::{PYTHON, with_three_messages};

#[test]
fn neomutt_reads_and_deletes() -> Result<()> {
    let test = "neomutt_reads_and_deletes";
    let Some(mut neomutt) = programs::debian(test, "neomutt")? else { return Ok(()) };
    let server = with_three_messages()?;
    let rc = server.directory.path().join("neomuttrc");
    let copy = server.directory.path().join("copy");
    std::fs::write(
        &rc,
        format!(
            "set folder=imap://alice@localhost:{port}/\nset imap_pass={PASSWORD}\nset ssl_starttls=yes\nset ssl_force_tls=yes\n\
             set ssl_ca_certificates_file={certificate}\nset certificate_file={certificate}\nset confirmappend=no\nset delete=yes\n\
             set mbox_type=mbox\nset copy=no\nset header_cache=\nset message_cachedir=\n\
             push '<tag-pattern>~s second<enter><tag-prefix><copy-message>{copy}<enter><limit>all<enter>\
             <delete-pattern>~s second<enter><sync-mailbox><quit>'\n",
            port = server.imap.port(),
            certificate = server.certificate().display(),
            copy = copy.display()
        ),
    )?;
    let command =
        neomutt.env("TERM", "dumb").env("HOME", server.directory.path()).arg("-n").arg("-F").arg(&rc);
    let url = format!("imap://alice@localhost:{}/INBOX", server.imap.port());
    let mut command = programs::in_a_terminal(command.arg("-f").arg(url));
    programs::run(&mut command)?;
    assert!(std::fs::read_to_string(&copy)?.contains("second body"));
    let mut imap = Imap::login(server.imap, "alice", PASSWORD)?;
    imap.ok("SELECT INBOX")?;
    let left = imap.ok("FETCH 1:* (ENVELOPE)")?.concat();
    assert!(
        left.contains("\"first\"") && left.contains("\"third\"") && !left.contains("\"second\""),
        "{left}"
    );
    Ok(())
}

#[test]
fn aerc_is_told_of_mail_and_filters_flags_moves_copies_and_deletes() -> Result<()> {
    let test = "aerc_is_told_of_mail_and_filters_flags_moves_copies_and_deletes";
    let Some(aerc) = programs::debian(test, "aerc")? else { return Ok(()) };
    let mut python = programs::python(test).context("MAILBELL_INTEROP is set, but MAILBELL_PYTHON is not")?;
    let server = with_three_messages()?;
    let command = python.arg(format!("{PYTHON}/aerc_session.py")).arg(aerc.get_program());
    let command = command
        .arg(server.directory.path())
        .args([server.imaps.port(), server.lmtp.port()].map(|port| port.to_string()));
    let printed = programs::run(command.arg(server.certificate()).args(["alice", PASSWORD]))?;
    assert!(printed.ends_with("ok\n"), "{printed}");
    let mut imap = Imap::login(server.imap, "alice", PASSWORD)?;
    for (mailbox, is_there, is_not) in [
        ("INBOX", &["first", "fourth"][..], &["second", "third"][..]),
        ("Archive", &["second", "\\Flagged"], &["first"]),
        ("Aerc", &["first"], &["second"]),
    ] {
        imap.ok(&format!("EXAMINE {mailbox}"))?;
        let found = imap.ok("FETCH 1:* (FLAGS ENVELOPE)")?.concat();
        assert!(is_there.iter().all(|word| found.contains(word)), "{mailbox}: {found}");
        assert!(!is_not.iter().any(|word| found.contains(word)), "{mailbox}: {found}");
    }
    Ok(())
}
