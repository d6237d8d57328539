//! Whole sessions, as they stand in `transcripts/`, against a real server over a real store.
//!
//! A transcript begins with `#` lines that say which RFC section it is about. Then, line by line:
//!
//! | line | means |
//! | --- | --- |
//! | `A: alice 1000` | there is an account, perhaps with a quota in octets |
//! | `B: alice Lists` | there is a mailbox |
//! | `L: message_bytes 100` | a limit of the server |
//! | `C: text` | the client sends the text and CRLF; lines that follow each other go out in one write |
//! | `C- text` | the same without CRLF |
//! | `S: text` | the server sends this line; `*` at its end stands for anything |
//! | `H:` | the client closes its half of the connection |
//! | `E:` | the server has closed the connection |
//! | `M: alice INBOX 2` | so many messages are in the mailbox |
//! | `\| text` | the last of them, after its trace header, line by line |
//!
//! `\r`, `\n`, `\t`, `\\` and `\xHH` are escapes in what the client sends.

use std::path::Path;

use crate::support::{Client, Fixture, limits, without_trace};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

#[tokio::test]
async fn every_transcript_is_spoken_as_written() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut paths: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 18, "transcripts have been lost: {paths:?}");
    // All at once: what they mostly do is wait for their stores to sync.
    let mut playing = JoinSet::new();
    for path in paths {
        playing.spawn(async move {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy();
            assert!(text.starts_with("# RFC "), "{name} names no RFC section");
            speak(&text).await.map_err(|why| format!("{name}:{why}"))
        });
    }
    let failures: Vec<String> = playing.join_all().await.into_iter().filter_map(Result::err).collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// Plays one transcript; the error begins with the number of the line that went wrong.
async fn speak(text: &str) -> Result<(), String> {
    let lines: Vec<(usize, &str)> = (1..).zip(text.lines()).collect();
    let fixture = start(&lines).await;
    let mut client = fixture.connect().await;
    let mut pending: Vec<u8> = Vec::new();
    let (mut last_message, mut expected) = (None, None::<String>);
    for (number, line) in lines {
        let (kind, rest) = line.split_at(line.len().min(2));
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        if !matches!(kind, "C:" | "C-") && !pending.is_empty() {
            client.send(std::mem::take(&mut pending)).await;
        }
        if !line.starts_with('|') {
            compare(last_message.clone(), &mut expected)
                .map_err(|why| format!("{number}: before this, {why}"))?;
        }
        let played = match kind {
            "C:" => {
                pending.extend(unescaped(rest));
                pending.extend(b"\r\n");
                Ok(())
            }
            "C-" => {
                pending.extend(unescaped(rest));
                Ok(())
            }
            "S:" => expect_line(&mut client, rest).await,
            "H:" => client.stream.shutdown().await.map_err(|error| error.to_string()),
            "E:" => match client.line().await {
                None => Ok(()),
                Some(line) => Err(format!("not closed, but: {line}")),
            },
            "M:" => count(&fixture, rest).await.map(|message| last_message = message),
            "| " | "|" => {
                let expected = expected.get_or_insert_default();
                expected.push_str(&String::from_utf8_lossy(&unescaped(line.get(2..).unwrap_or(""))));
                expected.push_str("\r\n");
                Ok(())
            }
            "A:" | "B:" | "L:" | "" => Ok(()),
            _ if line.starts_with('#') => Ok(()),
            _ => Err(format!("what is {line:?}?")),
        };
        played.map_err(|why| format!("{number}: {why}"))?;
    }
    assert!(pending.is_empty(), "a transcript ends with what the server says or has");
    compare(last_message, &mut expected).map_err(|why| format!("end: {why}"))
}

async fn start(lines: &[(usize, &str)]) -> Fixture {
    let (mut accounts, mut mailboxes, mut limits) = (Vec::new(), Vec::new(), limits());
    for (_, line) in lines {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["A:", name] => accounts.push((name, None)),
            ["A:", name, quota] => accounts.push((name, Some(quota.parse().unwrap()))),
            ["B:", account, mailbox] => mailboxes.push((account, mailbox)),
            ["L:", "message_bytes", value] => limits.message_bytes = value.parse().unwrap(),
            ["L:", "recipients", value] => limits.recipients = value.parse().unwrap(),
            _ => {}
        }
    }
    let fixture = Fixture::start(limits, &accounts).await;
    for (account, mailbox) in mailboxes {
        fixture.create_mailbox(account, mailbox).await;
    }
    fixture
}

async fn expect_line(client: &mut Client<TcpStream>, expected: &str) -> Result<(), String> {
    let line = client.line().await.ok_or_else(|| format!("closed instead of {expected}"))?;
    let agrees = match expected.strip_suffix('*') {
        Some(start) => line.starts_with(start),
        None => line == expected,
    };
    if agrees { Ok(()) } else { Err(format!("{line}\n    expected {expected}")) }
}

/// Counts the messages in a mailbox, and returns the last one without its trace header.
async fn count(fixture: &Fixture, arguments: &str) -> Result<Option<String>, String> {
    let words: Vec<&str> = arguments.split(' ').collect();
    let [account, mailbox, expected] = words[..] else {
        return Err("M: account mailbox count".into());
    };
    let messages = fixture.messages(account, mailbox).await;
    if messages.len().to_string() != expected {
        return Err(format!("{} messages in {mailbox} of {account}: {messages:#?}", messages.len()));
    }
    Ok(messages.last().map(|message| without_trace(message).to_owned()))
}

/// Compares a message with what the `|` lines before this say, if there were any.
fn compare(message: Option<String>, expected: &mut Option<String>) -> Result<(), String> {
    let Some(expected) = expected.take() else {
        return Ok(());
    };
    let message = message.ok_or("there is no message to compare with")?;
    if message == expected { Ok(()) } else { Err(format!("{message:?}\n    expected {expected:?}")) }
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        octets.extend(before.as_bytes());
        let (octet, length) = match after.as_bytes()[0] {
            b'r' => (b'\r', 1),
            b'n' => (b'\n', 1),
            b't' => (b'\t', 1),
            b'\\' => (b'\\', 1),
            b'x' => (u8::from_str_radix(&after[1..3], 16).unwrap(), 3),
            other => panic!("escape {:?}", char::from(other)),
        };
        octets.push(octet);
        rest = &after[length..];
    }
    octets.extend(rest.as_bytes());
    octets
}
