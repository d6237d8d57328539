//! JMAP clients that others wrote: they read, search, write and listen.

use std::path::Path;

use anyhow::Result;
use testkit::lmtp::Lmtp;
use testkit::programs;
use testkit::server::{Mailbell, PASSWORD};

const NODE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node");
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python");

fn with_three_messages() -> Result<Mailbell> {
    let server = Mailbell::start(&["alice"], "")?;
    let mut lmtp = Lmtp::connect(server.lmtp)?;
    for subject in ["first", "second", "third"] {
        let message = format!(
            "From: A Sender <sender@test.invalid>\r\nSubject: {subject}\r\nMessage-ID: <{subject}@test.invalid>\r\n\r\n\
             {subject} body\r\n"
        );
        let replies = lmtp.deliver(&["alice"], &message)?;
        assert!(replies.iter().all(|reply| reply.starts_with("250")), "{replies:?}");
    }
    Ok(server)
}

#[test]
fn jmapc_reads_searches_writes_and_listens() -> Result<()> {
    let Some(mut python) = programs::python("jmapc_reads_searches_writes_and_listens") else { return Ok(()) };
    let server = with_three_messages()?;
    let command = python.arg(format!("{PYTHON}/jmapc_session.py")).arg(server.https.port().to_string());
    let command = command.args(["alice", PASSWORD]).env("REQUESTS_CA_BUNDLE", server.certificate());
    let printed = programs::run(command)?;
    assert!(printed.ends_with("ok\n"), "{printed}");
    Ok(())
}

#[test]
fn jmap_jam_queries_by_reference_uploads_and_imports() -> Result<()> {
    let test = "jmap_jam_queries_by_reference_uploads_and_imports";
    let Some(mut node) = programs::node(test, Path::new(NODE))? else { return Ok(()) };
    let server = with_three_messages()?;
    let command = node.arg("jmap_jam_session.mjs").arg(server.https.port().to_string());
    let command = command.args(["alice", PASSWORD]).env("NODE_EXTRA_CA_CERTS", server.certificate());
    let printed = programs::run(command)?;
    assert!(printed.ends_with("ok\n"), "{printed}");
    Ok(())
}
