//! User agents that others wrote read messages from the real push service over HTTP (RFC 8030 §4, §6): nghttp, Python's
//! h2, node's http2 and curl; and no message that was answered with 201 is lost when the service is killed.

mod service;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use testkit::programs;

use crate::service::{PushService, Transport, curl};

const NO_WAIT: &str = "Prefer: wait=0";
const EVENTS: &str = "Accept: text/event-stream";

fn script(kind: &str, name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(kind).join(name)
}

// RFC 8030 §6, §6.1, §6.2
#[test]
fn pythons_h2_receives_promises_and_a_fallback_and_may_be_slow() -> Result<()> {
    let test = "pythons_h2_receives_promises_and_a_fallback_and_may_be_slow";
    let Some(mut python) = programs::python(test) else { return Ok(()) };
    let service = PushService::start(Transport::Plain)?;
    let port = service.port.to_string();
    let said = programs::run(python.arg(script("python", "h2_user_agent.py")).arg(port))?;
    ensure!(said.lines().count() == 3, "{said}");
    Ok(())
}

// RFC 8030 §5.3, §6, §7.3, over TLS (RFC 8030 §8: ALPN chooses h2)
#[test]
fn nodes_http2_receives_promises_over_tls() -> Result<()> {
    // It needs none of npm's packages.
    let Some(mut node) = programs::debian("nodes_http2_receives_promises_over_tls", "node")? else {
        return Ok(());
    };
    let service = PushService::start(Transport::Tls)?;
    let port = service.port.to_string();
    let said =
        programs::run(node.arg(script("node", "http2_user_agent.mjs")).arg(port).arg(service.certificate()))?;
    ensure!(said.starts_with("messages are promised"), "{said}");
    Ok(())
}

// RFC 8030 §6
#[test]
fn nghttp_receives_promises_and_without_them_a_multipart() -> Result<()> {
    let test = "nghttp_receives_promises_and_without_them_a_multipart";
    let service = PushService::start(Transport::Plain)?;
    let to = service.subscribe()?;
    for body in ["first body", "second body"] {
        ensure!(service.push(&to.push, body)? == 201);
    }
    let nghttp = |arguments: &[&str]| -> Result<Option<String>> {
        let Some(mut nghttp) = programs::debian(test, "nghttp")? else { return Ok(None) };
        programs::run(nghttp.args(["-H", NO_WAIT, "--timeout=20"]).args(arguments)).map(Some)
    };
    let Some(frames) = nghttp(&["-v", "-n", &to.set])? else { return Ok(()) };
    ensure!(frames.matches("recv PUSH_PROMISE frame").count() == 2, "{frames}");
    ensure!(frames.matches(":path: /d/").count() == 2, "{frames}");
    ensure!(frames.contains(&format!("link: <{}>; rel=\"urn:ietf:params:push\"", to.push)), "{frames}");
    let Some(bodies) = nghttp(&[&to.subscription])? else { return Ok(()) };
    let (first, second) = (bodies.find("first body"), bodies.find("second body"));
    ensure!(
        first.is_some() && first < second,
        "in order, and again because nobody has acknowledged: {bodies}"
    );
    let Some(parts) = nghttp(&["--no-push", &to.subscription])? else { return Ok(()) };
    ensure!(parts.matches("content-location: /d/").count() == 2, "{parts}");
    Ok(())
}

// RFC 8030 §4, §6, §6.2, without server push
#[test]
fn curl_receives_parts_over_http_2_and_events_over_http_1() -> Result<()> {
    let service = PushService::start(Transport::Plain)?;
    let to = service.subscribe()?;
    let nothing = curl(&["-w", "%{http_code}", "--http2-prior-knowledge", "-H", NO_WAIT, &to.set])?;
    ensure!(nothing == "204", "{nothing}");
    ensure!(service.push(&to.push, "part one")? == 201);
    let parts = curl(&["-D", "-", "--http2-prior-knowledge", "-H", NO_WAIT, &to.set])?;
    ensure!(parts.contains("content-type: multipart/mixed; boundary="), "{parts}");
    ensure!(parts.contains("\r\n\r\npart one\r\n--"), "{parts}");

    let mut reader = Command::new("curl")
        .args(["--silent", "--no-buffer", "--max-time", "30", "--http1.1", "-H", EVENTS, &to.subscription])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(reader.stdout.take().context("its output")?).lines();
    let mut next = || -> Result<Value> {
        loop {
            let line = lines.next().context("it has ended")??;
            if let Some(data) = line.strip_prefix("data: ") {
                return Ok(serde_json::from_str(data)?);
            }
        }
    };
    // "part one" and "new" in base64url
    let first = next()?;
    ensure!(first["body"] == "cGFydCBvbmU", "{first}");
    ensure!(service.push(&to.push, "new")? == 201);
    let second = next()?;
    ensure!(second["body"] == "bmV3", "{second}");
    for message in [first, second] {
        let url = format!("http://localhost:{}{}", service.port, message["url"].as_str().context("a URL")?);
        for expected in ["204", "410"] {
            let status = curl(&["-o", "/dev/null", "-w", "%{http_code}", "-X", "DELETE", &url])?;
            ensure!(status == expected, "RFC 8030 §6.2: {status} and not {expected}");
        }
    }
    let removed = curl(&["-w", "%{http_code}", "-X", "DELETE", &to.subscription])?;
    ensure!(removed == "204", "{removed}");
    let end = next()?;
    ensure!(end["status"] == 404, "RFC 8030 §7.3: {end}");
    ensure!(reader.wait()?.success());
    Ok(())
}

// RFC 8030 §5, §6.2: what was answered with 201 and not acknowledged is delivered.
#[test]
fn nothing_that_was_taken_is_lost_when_the_service_is_killed() -> Result<()> {
    let mut service = PushService::start(Transport::Plain)?;
    let to = service.subscribe()?;
    let mut taken = BTreeSet::new();
    let mut acknowledged = BTreeSet::new();
    for round in 0..3 {
        // One agent is connected all the time and acknowledges nothing.
        let mut reader = Command::new("curl")
            .args(["--silent", "--no-buffer", "--max-time", "60", "-H", EVENTS, &to.set])
            .stdout(Stdio::null())
            .spawn()?;
        let sent = std::thread::scope(|scope| -> Result<Vec<String>> {
            let service = &service;
            let push = &to.push;
            let senders: Vec<_> = (0..3)
                .map(|sender| {
                    scope.spawn(move || {
                        let bodies = (0..10).map(|number| format!("message-{round}-{sender}-{number}."));
                        bodies
                            .filter(|body| service.push(push, body).is_ok_and(|status| status == 201))
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            let sent = senders.into_iter().map(|sender| sender.join().unwrap_or_default());
            Ok(sent.flatten().collect())
        })?;
        ensure!(sent.len() == 30, "all were taken");
        taken.extend(sent);
        service.kill()?;
        reader.wait()?;
        service.launch()?;
        let waiting = curl(&["-H", NO_WAIT, &to.set])?;
        for body in &taken {
            let is_there = waiting.contains(body.as_str());
            ensure!(is_there != acknowledged.contains(body), "{body}: {is_there}");
        }
        // The first ten are acknowledged; they must not come back after the next kill.
        let paths = waiting.lines().filter_map(|line| line.strip_prefix("content-location: "));
        let bodies = waiting.lines().filter(|line| line.starts_with("message-"));
        for (path, body) in paths.zip(bodies).take(10) {
            let url = format!("http://localhost:{}{}", service.port, path.trim());
            let status = curl(&["-o", "/dev/null", "-w", "%{http_code}", "-X", "DELETE", &url])?;
            ensure!(status == "204", "{status}");
            acknowledged.insert(body.trim().to_owned());
        }
    }
    Ok(())
}
