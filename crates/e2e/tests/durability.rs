//! ARCHITECTURE.md, invariant 1: what was answered with 250 or OK is on disk by then.
//!
//! `kill -9` can't show that, since the page cache survives it. So the server runs under strace, and the order of its
//! system calls is checked: every file that was written before the answer has been synced since, and so has the
//! directory of a blob file that is new. The checker itself is checked: with any of those syncs taken out of the
//! trace, it has to complain.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use testkit::imap::Imap;
use testkit::lmtp::Lmtp;
use testkit::server::{Mailbell, PASSWORD};
use testkit::{programs, wait};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    /// Bytes went to a file.
    Wrote(String),
    /// A sync of a file or a directory has returned.
    Synced(String),
    /// Bytes went to a socket.
    Sent(String),
}

/// The events of a trace, in order: writes and sends when they begin, syncs when they have returned.
fn events(trace: &str) -> Vec<Event> {
    let mut syncing: BTreeMap<&str, String> = BTreeMap::new();
    let mut events = Vec::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ').map(|(thread, call)| (thread, call.trim_start()))
        else {
            continue;
        };
        if call.starts_with("<... fsync resumed>") || call.starts_with("<... fdatasync resumed>") {
            events.extend(syncing.remove(thread).map(Event::Synced));
            continue;
        }
        let Some((name, arguments)) = call.split_once('(') else { continue };
        let Some((_, rest)) = arguments.split_once('<') else { continue };
        let Some((path, rest)) = rest.split_once('>') else { continue };
        match name {
            "fsync" | "fdatasync" if rest.contains("<unfinished") => {
                drop(syncing.insert(thread, path.to_owned()))
            }
            "fsync" | "fdatasync" => events.push(Event::Synced(path.to_owned())),
            _ if path.starts_with('/') => events.push(Event::Wrote(path.to_owned())),
            _ => events.push(Event::Sent(rest.to_owned())),
        }
    }
    events
}

/// What was not safe when the last send that `is_answer` knows began.
fn unsafe_at_answer(events: &[Event], data: &str, is_answer: fn(&str) -> bool) -> Result<BTreeSet<String>> {
    let answer = events.iter().rposition(|event| matches!(event, Event::Sent(text) if is_answer(text)));
    let before = events.get(..answer.context("no answer in the trace")?).unwrap_or_default();
    let mut unsafe_files = BTreeSet::new();
    let mut unsynced_directories = BTreeSet::new();
    for event in before {
        match event {
            Event::Wrote(path) if is_durable_file(path, data) => {
                if let (true, Some(directory)) = (path.contains("/blobs/"), Path::new(path).parent()) {
                    unsynced_directories.insert(directory.to_string_lossy().into_owned());
                }
                unsafe_files.insert(path.clone());
            }
            Event::Synced(path) => {
                unsafe_files.remove(path);
                unsynced_directories.remove(path);
            }
            Event::Wrote(_) | Event::Sent(_) => {}
        }
    }
    unsafe_files.append(&mut unsynced_directories);
    Ok(unsafe_files)
}

/// The write-ahead log and the blobs carry the promise; SQLite's main file is written from the log later, by checkpoints.
fn is_durable_file(path: &str, data: &str) -> bool {
    path.starts_with(data) && (path.ends_with("mail.sqlite-wal") || path.contains("/blobs/"))
}

struct Strace {
    child: Child,
    output: std::path::PathBuf,
}

impl Strace {
    fn attach(server: &Mailbell, mut strace: std::process::Command) -> Result<Self> {
        let output = server.directory.path().join("trace");
        let calls = "trace=write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync";
        strace.args(["-f", "-y", "-s", "200", "-e", calls, "-o"]).arg(&output);
        let pid = server.pid().context("the server does not run")?.to_string();
        let child = strace.arg("-p").arg(&pid).stdin(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let traced = wait::until(|| {
            let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
            let traced = |task: std::fs::DirEntry| {
                let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
                !status.contains("TracerPid:\t0\n")
            };
            tasks.flatten().all(traced).then_some(())
        });
        traced.context("strace did not attach")?;
        Ok(Self { child, output })
    }

    fn finish(mut self) -> Result<Vec<Event>> {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.context("no process id")?, rustix::process::Signal::INT)?;
        self.child.wait()?;
        Ok(events(&std::fs::read_to_string(&self.output)?))
    }
}

/// Traces `work` and checks that all is safe when it is answered, and that the checker would notice if it were not.
fn check(
    test: &str,
    is_answer: fn(&str) -> bool,
    synced: &[&str],
    work: fn(&Mailbell) -> Result<()>,
) -> Result<()> {
    let Some(strace) = programs::debian(test, "strace")? else { return Ok(()) };
    let server = Mailbell::start(&["alice"], "")?;
    let data = server.directory.path().join("data").to_string_lossy().into_owned();
    let strace = Strace::attach(&server, strace)?;
    work(&server)?;
    let events = strace.finish()?;
    let found = unsafe_at_answer(&events, &data, is_answer)?;
    ensure!(found.is_empty(), "answered before these were synced: {found:?}\n{events:#?}");
    for part in synced {
        let without: Vec<Event> = events
            .iter()
            .filter(|event| !matches!(event, Event::Synced(path) if path.contains(part)))
            .cloned()
            .collect();
        if without.len() == events.len() || unsafe_at_answer(&without, &data, is_answer)?.is_empty() {
            bail!("the checker does not miss the sync of {part}:\n{events:#?}");
        }
    }
    Ok(())
}

fn is_lmtp_answer(sent: &str) -> bool {
    sent.contains("\"250 ")
}

fn deliver(server: &Mailbell, lines: usize) -> Result<()> {
    let body = "a line of a message that has to survive a power cut\n".repeat(lines);
    let replies = Lmtp::connect(server.lmtp)?.deliver(&["alice"], &format!("Subject: safe\n\n{body}"))?;
    ensure!(replies.iter().all(|reply| reply.starts_with("250")), "{replies:?}");
    Ok(())
}

#[test]
fn lmtp_answers_250_only_after_the_commit_is_synced() -> Result<()> {
    let test = "lmtp_answers_250_only_after_the_commit_is_synced";
    check(test, is_lmtp_answer, &["mail.sqlite-wal"], |server| deliver(server, 10))
}

#[test]
fn lmtp_answers_250_only_after_a_large_blob_and_its_directory_are_synced() -> Result<()> {
    let test = "lmtp_answers_250_only_after_a_large_blob_and_its_directory_are_synced";
    check(test, is_lmtp_answer, &["mail.sqlite-wal", "/blobs/"], |server| deliver(server, 20_000))
}

#[test]
fn imap_answers_append_only_after_the_commit_is_synced() -> Result<()> {
    let test = "imap_answers_append_only_after_the_commit_is_synced";
    check(
        test,
        |sent| sent.contains("APPENDUID"),
        &["mail.sqlite-wal"],
        |server| {
            let mut imap = Imap::login(server.imap, "alice", PASSWORD)?;
            let message = "Subject: appended\r\n\r\nbody\r\n";
            imap.ok(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len())).map(drop)
        },
    )
}

#[test]
fn the_checker_reads_syncs_that_another_thread_interrupts() {
    let trace = "11 pwrite64(7</d/mail.sqlite-wal>, \"x\", 1, 0) = 1\n11 fdatasync(7</d/mail.sqlite-wal> <unfinished ...>\n\
                 12 sendto(9<TCP:[1->2]>, \"250 2.0.0 ok\\r\\n\", 14, 0, NULL, 0) = 14\n11 <... fdatasync resumed>) = 0\n";
    let events = events(trace);
    assert_eq!(events.len(), 3, "{events:?}");
    assert!(!unsafe_at_answer(&events, "/d", is_lmtp_answer).unwrap().is_empty());
    let reordered = [events[0].clone(), events[2].clone(), events[1].clone()];
    assert!(unsafe_at_answer(&reordered, "/d", is_lmtp_answer).unwrap().is_empty());
}
