//! Deliveries by programs that others wrote, to the real binary: swaks, and Python's smtplib.
//!
//! What arrived is read from the store after the server has ended in order: so it is on disk.

use anyhow::{Context as _, Result, ensure};
use store::{MailboxName, Store};
use testkit::programs::{debian, run};
use testkit::server::Mailbell;

#[test]
fn swaks_delivers_to_two_recipients_and_to_a_detail() -> Result<()> {
    let Some(mut swaks) = debian("lmtp::swaks", "swaks")? else {
        return Ok(());
    };
    let server = Mailbell::start(&["alice", "bob"], "")?;
    let said = run(swaks
        .args(["--protocol", "LMTP", "--server", &server.lmtp.ip().to_string()])
        .args(["--port", &server.lmtp.port().to_string(), "--to", "alice,bob+Junk@localhost"])
        .args(["--from", "sender@example.net", "--helo", "client.example"])
        .args(["--header", "Subject: by swaks", "--body", ".a dot first\n..two\nend"]))?;
    ensure!(said.matches("<-  250 2.0.0 stored as ").count() == 2, "{said}");
    let alice = one(messages(server, &[("alice", "INBOX"), ("bob", "Junk")])?)?;
    ensure!(
        alice.starts_with("Return-Path: <sender@example.net>\r\nReceived: from client.example "),
        "{alice}"
    );
    ensure!(alice.contains("\r\nSubject: by swaks\r\n"), "{alice}");
    ensure!(alice.contains("\r\n\r\n.a dot first\r\n..two\r\nend\r\n"), "{alice}");
    Ok(())
}

#[test]
fn swaks_delivers_after_starttls() -> Result<()> {
    let Some(mut swaks) = debian("lmtp::swaks_tls", "swaks")? else {
        return Ok(());
    };
    let server = Mailbell::start(&["alice"], "")?;
    let said = run(swaks
        .args(["--protocol", "LMTP", "--server", &server.lmtp.ip().to_string(), "--tls"])
        .args(["--port", &server.lmtp.port().to_string(), "--to", "alice", "--helo", "client.example"])
        .args(["--from", "<>", "--body", "encrypted"]))?;
    ensure!(said.contains("<~  250 2.0.0 stored as "), "{said}");
    let alice = one(messages(server, &[("alice", "INBOX")])?)?;
    ensure!(alice.starts_with("Return-Path: <>\r\n") && alice.contains(" with LMTPS id "), "{alice}");
    Ok(())
}

#[test]
fn smtplib_delivers_and_is_told_what_is_refused() -> Result<()> {
    let Some(mut python) = debian("lmtp::smtplib", "python3")? else {
        return Ok(());
    };
    let server =
        Mailbell::start(&["alice", "grün@bücher.example"], "\n[limits]\nmessage_bytes = \"1MiB\"\n")?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lmtp/deliver.py");
    let said = run(python.arg(script).arg(server.lmtp.ip().to_string()).arg(server.lmtp.port().to_string()))?;
    ensure!(said.trim() == "ok", "{said}");
    let mailboxes = [("alice", "INBOX"), ("grün@bücher.example", "INBOX")];
    let stored = messages(server, &mailboxes)?;
    ensure!(stored.iter().map(Vec::len).eq([2, 1]), "{stored:#?}");
    let international = stored.last().and_then(|messages| messages.first()).context("a message")?;
    ensure!(international.starts_with("Return-Path: <jürgen@example.net>\r\n"), "{international}");
    ensure!(international.contains(" with UTF8LMTP id "), "{international}");
    Ok(())
}

/// The messages in each of these mailboxes, read after the server has ended.
fn messages(mut server: Mailbell, mailboxes: &[(&str, &str)]) -> Result<Vec<Vec<String>>> {
    ensure!(server.terminate()?.success(), "the server ends in order");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let options = store::Options { data_dir: server.directory.path().join("data"), readers: 1 };
        let store = Store::open(options, bus::Bus::new()).await?;
        let mut found = Vec::new();
        for &(account, mailbox) in mailboxes {
            let account = store.account_named(account).await?.context("an account")?;
            let access = store.system_access(account.id);
            let mailbox = store.mailbox_named(&access, &MailboxName::new(mailbox)?).await?;
            let mut messages = Vec::new();
            for entry in &store.view(&access, mailbox.id).await?.entries {
                messages.push(String::from_utf8(store.raw(&access, entry.message).await?.to_vec())?);
            }
            found.push(messages);
        }
        Ok(found)
    })
}

/// The first message, if there is exactly one in each mailbox.
fn one(mailboxes: Vec<Vec<String>>) -> Result<String> {
    ensure!(mailboxes.iter().all(|messages| messages.len() == 1), "{mailboxes:#?}");
    mailboxes.into_iter().flatten().next().context("a message")
}
