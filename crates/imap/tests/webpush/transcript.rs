//! Plays the files under `transcripts/`, which read as the draft's examples do: `C:` is sent, `S:` must come, `Push:` is
//! the first line of the next push to the phone and `Push>` each further one, `Put:` the body of the next PUT to `<url>`;
//! `Mail:` is delivered with this subject, `Other:` is a command on another connection that has selected INBOX; `Bob's
//! mail:` and `Bob:` are the same of another account. The guide for authors of clients (`docs/clients.md`) is one too.
//!
//! `<key>` is the server's VAPID key, `<phone>` the phone's endpoint, `<phone arguments>` endpoint, key and secret,
//! `<token>` and `<version>` what the first push that shows it had there, `<*>` at the end of a line anything. All else is prose.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use crate::world::World;

#[tokio::test]
async fn every_transcript_holds() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/webpush/transcripts");
    let mut played = 0;
    for file in std::fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# draft-gougeon-imap-webpush §"), "{name} names its section");
        play(&name, &text).await;
        played += 1;
    }
    assert_eq!(played, 5, "one for each command");
}

#[tokio::test]
async fn the_guide_for_authors_of_clients_holds() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/clients.md");
    let text = std::fs::read_to_string(file).unwrap();
    let count = |head: &str| text.lines().filter(|line| line.starts_with(head)).count();
    assert!(count("C: ") > 10 && count("Push: ") > 4 && count("Put: ") > 1, "the guide shows sessions");
    play("clients.md", &text).await;
}

async fn play(name: &str, text: &str) {
    let world = World::start().await;
    let mut client = world.client().await;
    let mut other = world.client().await;
    other.ok("SELECT INBOX").await;
    let mut bob = world.client_of("bob").await;
    bob.ok("SELECT INBOX").await;
    let phone = world.device("phone");
    let arguments = phone.webpush().split_once("phone ").unwrap().1.to_owned();
    let known = [
        ("<key>", world.keys.current_id()),
        ("<phone>", phone.endpoint()),
        ("<phone arguments>", arguments),
        ("<url>", format!("{}{URL}", world.sink.origins[0])),
    ];
    let mut known: BTreeMap<String, String> = known.map(|(name, value)| (name.to_owned(), value)).into();
    let mut push: VecDeque<String> = VecDeque::new();
    for (number, line) in (1..).zip(text.lines()) {
        let expects = |pattern: &str, came: &str, known: &mut BTreeMap<String, String>| {
            let expected = substitute(pattern, known);
            let unknown = ["<token>", "<version>"].into_iter().find(|name| expected.ends_with(name));
            let start = unknown.and_then(|name| expected.strip_suffix(name));
            let holds = match (expected.strip_suffix("<*>"), unknown.zip(start)) {
                (Some(start), _) => came.starts_with(start),
                (_, Some((name, start))) => came
                    .strip_prefix(start)
                    .is_some_and(|value| known.insert(name.to_owned(), value.to_owned()).is_none()),
                _ => came == expected,
            };
            assert!(holds, "{name}:{number}\n  expected {expected}\n  came     {came}");
        };
        if let Some(sent) = line.strip_prefix("C: ") {
            client.send(&substitute(sent, &known)).await;
        } else if let Some(pattern) = line.strip_prefix("S: ") {
            expects(pattern, &client.line().await, &mut known);
        } else if let Some(subject) = line.strip_prefix("Mail: ") {
            world.deliver(&format!("Subject: {subject}\n\nHello\n")).await;
        } else if let Some(command) = line.strip_prefix("Other: ") {
            other.ok("NOOP").await;
            other.ok(command).await;
        } else if let Some(subject) = line.strip_prefix("Bob's mail: ") {
            world.deliver_to_bob(&format!("Subject: {subject}\n\nHello\n")).await;
        } else if let Some(command) = line.strip_prefix("Bob: ") {
            bob.ok("NOOP").await;
            bob.ok(command).await;
        } else if let Some(pattern) = line.strip_prefix("Put: ") {
            let put = world.sink.next(URL).await;
            assert_eq!(put.method, "PUT");
            expects(pattern, &String::from_utf8_lossy(&put.body), &mut known);
        } else if let Some(pattern) = line.strip_prefix("Push: ") {
            assert!(push.is_empty(), "{name}:{number}: the push before had more lines: {push:?}");
            push = world.push(&phone).await.lines().map(str::to_owned).collect();
            expects(pattern, &push.pop_front().unwrap_or_default(), &mut known);
        } else if let Some(pattern) = line.strip_prefix("Push> ") {
            expects(pattern, &push.pop_front().unwrap_or_default(), &mut known);
        }
    }
    assert!(push.is_empty() && !world.sink.has_more(&phone.path()), "{name}: more was pushed: {push:?}");
}

/// Where PUTs go.
const URL: &str = "/app/alice";

fn substitute(text: &str, known: &BTreeMap<String, String>) -> String {
    known.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}
