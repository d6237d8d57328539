//! What logs and metrics may hold: outcomes and origins, never endpoints, tokens or bodies.

use std::io::Write;
use std::sync::{Mutex, Once};

use crate::server::{Answer, Server};
use crate::world::{World, endpoint};

/// All that the crate has logged in this process, at any level, by whichever test.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Writes to [`LOG`].
struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().expect("no poison").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Starts logging; every test does, since a log call that was reached without a subscriber stays off.
pub(crate) fn log() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        tracing_subscriber::fmt()
            .with_env_filter("push_sender=trace,webpush=trace")
            .with_writer(|| Log)
            .with_ansi(false)
            .init();
    });
}

#[tokio::test]
async fn an_attempt_is_one_log_line_without_endpoint_token_or_body() {
    let world = World::new();
    let cases = [(201, "accepted"), (403, "unauthorized"), (500, "unavailable")];
    for (status, class) in cases {
        let fields = vec![("location", "/message/capability".to_owned())];
        let server = Server::https(world.authority.server(&[b"h2"]), Answer::Status(status, fields)).await;
        let request = world.push(&format!("{}/capability?token=secret", endpoint("log", server.port)));
        world.sender().send(&request).await;

        let text = String::from_utf8(LOG.lock().expect("no poison").clone()).expect("UTF-8");
        let origin = format!("origin=\"https://log.push.test:{}\"", server.port);
        let lines: Vec<_> = text.lines().filter(|line| line.contains(&origin)).collect();
        let [line] = lines.as_slice() else { panic!("not one line: {lines:?}") };
        let outcome = format!("outcome=\"{class}\"");
        for part in ["push.attempt", &outcome, &format!("status={status}"), "account=7", "modseq=42"] {
            assert!(line.contains(part), "no {part}: {line}");
        }
        for secret in ["/p/", "capability", "secret", "ciphertext", "eyJ"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

#[tokio::test]
async fn a_request_and_its_outcome_print_no_secret() {
    let world = World::new();
    let fields = vec![("location", "/message/capability".to_owned())];
    let server = Server::https(world.authority.server(&[b"h2"]), Answer::Status(201, fields)).await;
    let request = world.push(&endpoint("a", server.port));
    let outcome = world.sender().send(&request).await;
    let printed = format!("{request:?} {outcome:?}");
    for secret in ["push.test", "capability", "ciphertext"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
