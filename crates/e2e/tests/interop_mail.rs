//! Programs that others wrote deliver, read, flag, move and expunge.

use std::path::Path;

use anyhow::{Context as _, Result};
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
fn imaplib_reads_flags_moves_and_expunges() -> Result<()> {
    let Some(mut python) = programs::python("imaplib_reads_flags_moves_and_expunges") else { return Ok(()) };
    let server = with_three_messages()?;
    let command = python.arg(format!("{PYTHON}/imaplib_session.py")).arg(server.imap.port().to_string());
    let printed = programs::run(command.arg(server.certificate()).args(["alice", PASSWORD]))?;
    assert!(printed.ends_with("ok\n"), "{printed}");
    Ok(())
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

/// `mbsync` as most users have it: TLS, both directions, expunging on both sides.
fn mbsync_configuration(server: &Mailbell, maildir: &Path) -> String {
    format!(
        "IMAPAccount bell\nHost localhost\nPort {}\nUser alice\nPass {PASSWORD}\nSSLType IMAPS\nCertificateFile {}\n\n\
         IMAPStore far\nAccount bell\n\nMaildirStore near\nPath {dir}/\nInbox {dir}/INBOX\nSubFolders Verbatim\n\n\
         Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nRemove Both\nSyncState *\n",
        server.imaps.port(),
        server.certificate().display(),
        dir = maildir.display()
    )
}

#[test]
fn mbsync_carries_messages_and_flags_in_both_directions() -> Result<()> {
    let test = "mbsync_carries_messages_and_flags_in_both_directions";
    if programs::debian(test, "mbsync")?.is_none() {
        return Ok(());
    }
    let server = with_three_messages()?;
    let maildir = server.directory.path().join("maildir");
    let config = server.directory.path().join("mbsyncrc");
    std::fs::create_dir(&maildir)?;
    std::fs::write(&config, mbsync_configuration(&server, &maildir))?;
    let sync = || -> Result<()> {
        let mut mbsync = programs::debian(test, "mbsync")?.context("mbsync has gone")?;
        programs::run(mbsync.arg("-c").arg(&config).arg("all")).map(drop)
    };
    let files = |sub: &str| -> Result<Vec<std::path::PathBuf>> {
        let entries = std::fs::read_dir(maildir.join(sub))?.map(|entry| Ok(entry?.path()));
        entries.collect()
    };
    sync()?;
    let mut fetched = files("INBOX/new")?;
    fetched.extend(files("INBOX/cur")?);
    assert_eq!(fetched.len(), 3, "{fetched:?}");

    // Here one is deleted and one is written; there one is flagged.
    let first = fetched
        .iter()
        .find(|path| std::fs::read_to_string(path).is_ok_and(|text| text.contains("first body")));
    std::fs::remove_file(first.context("the first message is not there")?)?;
    std::fs::write(maildir.join("INBOX/cur/1.local.here:2,S"), message("local"))?;
    let mut imap = Imap::login(server.imap, "alice", PASSWORD)?;
    imap.ok("SELECT INBOX")?;
    imap.ok("STORE 3 +FLAGS (\\Flagged)")?;
    sync()?;
    let local: Vec<_> =
        files("INBOX/cur")?.into_iter().filter(|path| path.to_string_lossy().contains(":2,F")).collect();
    assert_eq!(local.len(), 1, "{local:?}");
    imap.ok("NOOP")?;
    let found = imap.ok("FETCH 1:* (FLAGS ENVELOPE)")?.concat();
    assert!(!found.contains("\"first\"") && found.contains("\"local\""), "{found}");
    // Nothing is left to do: a second run changes nothing.
    sync()?;
    assert_eq!(imap.ok("NOOP")?, Vec::<String>::new());
    Ok(())
}

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
