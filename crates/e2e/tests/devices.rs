//! The devices API of the real server, for real devices: its documentation is replayed, its OpenAPI document is checked by
//! others' programs, and a test push arrives.

use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use testkit::imap::Imap;
use testkit::listening::Listening;
use testkit::lmtp::Lmtp;
use testkit::server::{Mailbell, PASSWORD};
use testkit::{programs, wait};

/// A server with alice's phone, which has been told of a message.
fn with_a_phone() -> Result<(Mailbell, Listening)> {
    let server = Mailbell::start(&["alice"], "")?;
    let account = format!("imaps://alice@localhost:{}", server.imaps.port());
    let phone = Listening::start(&server, "phone", &[&account, "--password-stdin"])?;
    let member = |device: &Value, name: &str| device.get(name).cloned().unwrap_or_default();
    let is_active = || listed(&server).filter(|device| member(device, "state") == "active");
    wait::until(is_active).context("it does not register")?;
    Lmtp::connect(server.lmtp)?.deliver(&["alice"], "Subject: Lunch?\n\nAt noon.\n")?;
    phone.line(|value| {
        value.pointer("/responses/1/envelope/subject").is_some_and(|subject| subject == "Lunch?")
    })?;
    let is_told = || listed(&server).filter(|device| member(device, "last_push_at").is_i64());
    let device = wait::until(is_told).context("the push is not noted")?;
    let has_answer = member(&device, "last_answer") == "201" && member(&device, "last_answer_at").is_i64();
    ensure!(has_answer, "{device}");
    Ok((server, phone))
}

/// The first line of `mailbell subscription list --json`.
fn listed(server: &Mailbell) -> Option<Value> {
    let listed = server.run(&["subscription", "list", "--json"]).ok()?;
    serde_json::from_str(listed.lines().next()?).ok()
}

/// Whether a push has said that there is something, and no more.
fn is_sync(value: &Value) -> bool {
    let responses = value.get("responses").and_then(Value::as_array).map(Vec::as_slice);
    matches!(responses, Some([only]) if only.to_string().contains("SYNC"))
}

#[test]
fn the_examples_of_the_documentation_do_what_they_say() -> Result<()> {
    if programs::debian("the_examples_of_the_documentation_do_what_they_say", "jq")?.is_none() {
        return Ok(());
    }
    let (server, phone) = with_a_phone()?;
    let document = include_str!("../../../docs/devices.md");
    let mut replayed = 0;
    let mut blocks = blocks(document).into_iter().peekable();
    while let Some((kind, text)) = blocks.next() {
        ensure!(kind == "sh", "an answer without a request: {text}");
        let command = text
            .replace("curl -u alice ", &format!("curl --silent --show-error -u alice:{PASSWORD} "))
            .replace("https://mail.example", &format!("http://{}", server.http));
        let said = programs::run(Command::new("sh").args(["-c", &command]))?;
        let Some((kind, shown)) = blocks.next_if(|(kind, _)| kind != "sh") else {
            bail!("no answer: {text}")
        };
        let is_right = match kind.as_str() {
            "json" => is_like(&serde_json::from_str(&shown)?, &serde_json::from_str(&said)?),
            _ => shown.trim() == said.trim(),
        };
        ensure!(is_right, "{text}\nis answered\n{said}\nand not\n{shown}");
        replayed += 1;
    }
    ensure!(replayed >= 7, "only {replayed} examples were found");
    phone.line(is_sync).context("the test push does not arrive")?;
    Ok(())
}

/// The code blocks of a document, with what they are of.
fn blocks(document: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((kind.to_owned(), text.join("\n")));
        }
    }
    blocks
}

/// Whether an answer is the one that is shown, but for what differs from server to server and from time to time.
fn is_like(shown: &Value, said: &Value) -> bool {
    match (shown, said) {
        (Value::Object(shown), Value::Object(said)) => {
            shown.len() == said.len()
                && shown.iter().all(|(name, shown)| match (name.as_str(), said.get(name)) {
                    ("clientId" | "pushService", Some(said)) => said.is_string(),
                    ("milliseconds", Some(said)) => said.is_u64(),
                    (_, said) => said.is_some_and(|said| is_like(shown, said)),
                })
        }
        (Value::Array(shown), Value::Array(said)) => {
            shown.len() == said.len() && shown.iter().zip(said).all(|(shown, said)| is_like(shown, said))
        }
        (Value::String(shown), Value::String(said)) => shown == said || (is_time(shown) && is_time(said)),
        _ => shown == said,
    }
}

fn is_time(text: &str) -> bool {
    let form = "0000-00-00T00:00:00Z";
    let is_of_form = |(one, other): (u8, u8)| if other == b'0' { one.is_ascii_digit() } else { one == other };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(is_of_form)
}

#[test]
fn the_openapi_document_tells_the_truth() -> Result<()> {
    let Some(mut python) = programs::python("the_openapi_document_tells_the_truth") else { return Ok(()) };
    let (server, phone) = with_a_phone()?;
    // A device that never confirms, and one that nobody knows at its push service: it is taken there for a moment.
    let other = Listening::start(&server, "tablet", &[])?;
    let told = other.line(|value| value["subscription"]["endpoint"].is_string())?;
    let of = |pointer| told.pointer(pointer).and_then(Value::as_str).context("no keys");
    let keys = (of("/subscription/keys/p256dh")?, of("/subscription/keys/auth")?);
    let mut imap = Imap::login(server.imap, "alice", PASSWORD)?;
    imap.ok(&format!("WEBPUSH tablet {} {} {}", of("/subscription/endpoint")?, keys.0, keys.1))?;
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/devices_openapi.py"));
    python.args([&server.http.to_string(), "alice", PASSWORD]);
    let said = programs::run(&mut python)?;
    ensure!(said.contains("every answer is as described"), "{said}");
    phone.line(is_sync).context("the test push does not arrive")?;
    Ok(())
}
