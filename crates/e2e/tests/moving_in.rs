//! Mail that comes from elsewhere: import, backup and restore.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use testkit::imap::Imap;
use testkit::lmtp::Lmtp;
use testkit::server::{Mailbell, PASSWORD};

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path in UTF-8")
}

/// MESSAGES of a mailbox.
fn count(server: &Mailbell, mailbox: &str) -> Result<u32> {
    let untagged =
        Imap::login(server.imap, "alice", PASSWORD)?.ok(&format!("STATUS {mailbox} (MESSAGES)"))?;
    let line = untagged.iter().find(|line| line.starts_with("* STATUS")).context("no STATUS")?;
    let number = line.rsplit_once("MESSAGES ").context("no MESSAGES")?.1.trim_end_matches(')');
    Ok(number.parse()?)
}

fn write_maildir(root: &Path, folder: &str, messages: std::ops::Range<u32>) -> Result<()> {
    for part in ["cur", "new", "tmp"] {
        std::fs::create_dir_all(root.join(folder).join(part))?;
    }
    for number in messages {
        let path = root.join(folder).join(format!("cur/{number:05}.test.invalid:2,S"));
        std::fs::write(path, format!("From: a@test.invalid\nSubject: Message {number}\n\nText {number}\n"))?;
    }
    Ok(())
}

#[test]
fn a_maildir_is_imported_once_however_often_it_is_run() -> Result<()> {
    let server = Mailbell::start(&["alice"], "")?;
    let maildir = server.directory.path().join("Maildir");
    write_maildir(&maildir, "", 0..150)?;
    write_maildir(&maildir, ".Lists.Rust", 150..160)?;
    let import = ["import", "maildir", text(&maildir)?, "--account", "alice"];
    let said = server.run(&import)?;
    ensure!(said == "Imported 160 messages into alice.\n", "{said}");
    ensure!(count(&server, "INBOX")? == 150 && count(&server, "Lists/Rust")? == 10);

    write_maildir(&maildir, "", 160..163)?;
    let said = server.run(&import)?;
    ensure!(said.starts_with("Imported 3 messages into alice.\n160 were there"), "{said}");
    ensure!(count(&server, "INBOX")? == 153);
    let mut client = Imap::login(server.imap, "alice", PASSWORD)?;
    client.ok("SELECT INBOX")?;
    let fetched = client.ok("FETCH 1 (FLAGS BODY.PEEK[])")?.join("\n");
    ensure!(fetched.contains(r"\Seen") && fetched.contains("Subject: Message 0\r\n"), "{fetched}");
    Ok(())
}

/// The journal loses its last line, as if the process had been killed between the commit and the note of it; and then its
/// last batch is noted but was never committed, as if it had been killed before.
#[test]
fn an_interrupted_import_goes_on_without_losing_or_repeating_anything() -> Result<()> {
    let server = Mailbell::start(&["alice"], "")?;
    let maildir = server.directory.path().join("Maildir");
    write_maildir(&maildir, "", 0..70)?;
    let import = ["import", "maildir", text(&maildir)?, "--account", "alice"];
    server.run(&import)?;
    let mut journals = std::fs::read_dir(server.directory.path().join("data/import"))?;
    let journal = journals.next().context("a journal")??.path();
    let whole = std::fs::read_to_string(&journal)?;
    ensure!(whole.ends_with("done\n"), "{whole}");

    std::fs::write(&journal, whole.trim_end_matches("done\n"))?;
    let said = server.run(&import)?;
    ensure!(said.starts_with("Imported 0 messages") && count(&server, "INBOX")? == 70, "{said}");

    write_maildir(&maildir, "", 70..72)?;
    let pending = "begin 71 INBOX\nitem /00070.test.invalid\nitem /00071.test.invalid\n";
    std::fs::write(&journal, format!("{whole}{pending}"))?;
    let said = server.run(&import)?;
    ensure!(said.starts_with("Imported 2 messages") && count(&server, "INBOX")? == 72, "{said}");
    Ok(())
}

#[test]
fn an_mbox_is_imported_into_the_mailbox_that_was_named() -> Result<()> {
    let server = Mailbell::start(&["alice"], "")?;
    let mbox = server.directory.path().join("old.mbox");
    let message =
        "From a@test.invalid Tue Mar  5 12:34:56 2024\nSubject: Old\nStatus: RO\n\n>From the past\n\n";
    std::fs::write(&mbox, message.repeat(3))?;
    server.run(&["import", "mbox", text(&mbox)?, "--account", "alice", "--mailbox", "Archive/2024"])?;
    ensure!(count(&server, "Archive/2024")? == 3);
    let mut client = Imap::login(server.imap, "alice", PASSWORD)?;
    client.ok("SELECT Archive/2024")?;
    let fetched = client.ok("FETCH 2 (FLAGS INTERNALDATE BODY.PEEK[TEXT])")?.join("\n");
    for wanted in [r"\Seen", " 5-Mar-2024 12:34:56 +0000", "From the past"] {
        ensure!(fetched.contains(wanted), "{wanted} is missing in {fetched}");
    }
    Ok(())
}

/// UIDVALIDITY of the INBOX.
fn uid_validity(server: &Mailbell) -> Result<u32> {
    let untagged = Imap::login(server.imap, "alice", PASSWORD)?.ok("STATUS INBOX (UIDVALIDITY)")?;
    let line = untagged.first().context("no STATUS")?;
    Ok(line.rsplit_once("UIDVALIDITY ").context("no UIDVALIDITY")?.1.trim_end_matches(')').parse()?)
}

#[test]
fn a_restored_backup_has_the_mail_of_its_time_and_a_new_uid_validity() -> Result<()> {
    let mut server = Mailbell::start(&["alice"], "")?;
    let message = "From: a@test.invalid\nSubject: One\n\nOne\n";
    Lmtp::connect(server.lmtp)?.deliver(&["alice"], message)?;
    let key = server.run(&["vapid", "show"])?;
    let before = uid_validity(&server)?;
    let backup = server.directory.path().join("backup");
    server.run(&["backup", text(&backup)?])?;
    let error = server.run(&["backup", text(&backup)?]).expect_err("not empty").to_string();
    ensure!(error.contains("is not empty"), "{error}");
    Lmtp::connect(server.lmtp)?.deliver(&["alice"], message)?;
    ensure!(count(&server, "INBOX")? == 2);

    let error = server.run(&["restore", text(&backup)?]).expect_err("it runs").to_string();
    ensure!(error.contains("stop it first"), "{error}");
    ensure!(server.terminate()?.success());
    let error = server.run(&["restore", text(&backup)?]).expect_err("there is data").to_string();
    ensure!(error.contains("move it away first"), "{error}");
    std::fs::rename(server.directory.path().join("data"), server.directory.path().join("old"))?;
    server.run(&["restore", text(&backup)?])?;
    let said = server.run(&["store", "check"])?;
    ensure!(said == "1 accounts and 1 messages checked, 0 problems found.\n", "{said}");
    server.launch()?;
    ensure!(count(&server, "INBOX")? == 1);
    ensure!(uid_validity(&server)? > before, "clients are told that their caches are void");
    ensure!(server.run(&["vapid", "show"])? == key, "devices know this key");
    Ok(())
}
