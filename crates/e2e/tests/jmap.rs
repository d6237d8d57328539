//! Mail that comes in by LMTP, seen and changed by JMAP, seen again by IMAP: one store, one set of ids.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use testkit::imap::Imap;
use testkit::lmtp::Lmtp;
use testkit::server::{Mailbell, PASSWORD};
use testkit::wait;

/// `alice:correct-horse` in base64.
const ALICE: &str = "YWxpY2U6Y29ycmVjdC1ob3JzZQ==";

/// The JSON that a request of alice's is answered with.
fn ask(address: SocketAddr, request: &str, body: &str) -> Result<Value> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(wait::LIMIT))?;
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {ALICE}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    Ok(serde_json::from_str(body)?)
}

fn call(address: SocketAddr, calls: &Value) -> Result<Value> {
    let request =
        json!({ "using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"], "methodCalls": calls });
    let mut answer = ask(address, "POST /jmap/api", &request.to_string())?;
    Ok(answer.get_mut("methodResponses").context("no responses")?.take())
}

#[test]
fn what_lmtp_takes_jmap_shows_and_changes_for_imap() -> Result<()> {
    ensure!(PASSWORD == "correct-horse", "the header above is for another password");
    let server = Mailbell::start(&["alice"], "")?;
    let session = ask(server.http, "GET /.well-known/jmap", "")?;
    let account = session["primaryAccounts"]["urn:ietf:params:jmap:mail"].clone();

    let events = TcpStream::connect(server.http)?;
    events.set_read_timeout(Some(wait::LIMIT))?;
    write!(
        &events,
        "GET /jmap/events?types=EmailDelivery&closeafter=state&ping=0 HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Basic {ALICE}\r\n\r\n"
    )?;
    let mut lines = BufReader::new(events).lines();
    ensure!(lines.next().context("an answer")??.starts_with("HTTP/1.1 200 "), "no event source");

    let message = "From: bob@example.org\r\nTo: alice@localhost\r\nSubject: over here\r\n\r\nHello\r\n";
    Lmtp::connect(server.lmtp)?.deliver(&["alice@localhost"], message)?;
    let told = lines.find(|line| line.as_ref().map_or(true, |line| line.starts_with("data: ")));
    let told = told.context("no event")??;
    ensure!(told.contains("EmailDelivery"), "{told}");

    let found = call(
        server.http,
        &json!([
            ["Email/query", { "accountId": account, "filter": { "subject": "over" } }, "0"],
            ["Email/get", { "accountId": account, "properties": ["subject", "keywords"],
                "#ids": { "resultOf": "0", "name": "Email/query", "path": "/ids" } }, "1"],
        ]),
    )?;
    let email = &found[1][1]["list"][0];
    ensure!(email["subject"] == "over here", "{found}");
    let id = email["id"].as_str().context("an id")?;
    let set = call(
        server.http,
        &json!([["Email/set", { "accountId": account, "update": { id: { "keywords/$flagged": true } } }, "0"]]),
    )?;
    ensure!(set[0][1]["updated"] == json!({ id: null }), "{set}");

    let mut imap = Imap::login(server.imap, "alice", PASSWORD)?;
    imap.ok("SELECT INBOX")?;
    let fetched = imap.ok("FETCH 1 (FLAGS EMAILID)")?.join("\n");
    ensure!(fetched.contains("\\Flagged") && fetched.contains(&format!("EMAILID ({id})")), "{fetched}");
    Ok(())
}
