//! mbsync keeps a mailbox and a Maildir equal in both directions, also when it is killed again and again.
//!
//! Budget: 25 seconds on two cores. `MAILBELL_MBSYNC_MESSAGES=10000` makes the large one: about a minute, two on a busy machine.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use testkit::imap::Imap;
use testkit::server::{Mailbell, PASSWORD};
use testkit::{programs, wait};

use crate::{message, with_three_messages};

/// The Maildir and the configuration of one that is synchronised.
struct Near {
    maildir: PathBuf,
    config: PathBuf,
}

impl Near {
    fn new(server: &Mailbell) -> Result<Self> {
        let maildir = server.directory.path().join("maildir");
        let config = server.directory.path().join("mbsyncrc");
        for part in ["cur", "new", "tmp"] {
            std::fs::create_dir_all(maildir.join("INBOX").join(part))?;
        }
        std::fs::write(&config, mbsync_configuration(server, &maildir))?;
        Ok(Self { maildir, config })
    }

    fn mbsync(&self, test: &str) -> Result<Command> {
        let mut mbsync = programs::debian(test, "mbsync")?.context("mbsync has gone")?;
        mbsync.arg("-c").arg(&self.config).arg("all");
        Ok(mbsync)
    }

    /// What INBOX has.
    fn files(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for part in ["new", "cur"] {
            for entry in std::fs::read_dir(self.maildir.join("INBOX").join(part))? {
                files.push(entry?.path());
            }
        }
        Ok(files)
    }

    /// Writes a message that has been read or has other flags.
    fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(std::fs::write(self.maildir.join("INBOX/cur").join(name), text)?)
    }

    /// The messages of INBOX and their flags.
    fn contents(&self) -> Result<Contents> {
        let mut contents = Contents::new();
        for path in self.files()? {
            let text = std::fs::read_to_string(&path)?;
            let name = path.to_string_lossy();
            let letters = name.split_once(":2,").map_or("", |(_, letters)| letters);
            note(&mut contents, &text, letters.chars().collect())?;
        }
        Ok(contents)
    }
}

/// Messages by their Message-ID, each with its flags as the letters of a Maildir.
type Contents = BTreeMap<String, BTreeSet<char>>;

/// Takes a message in; it must not be there twice.
fn note(contents: &mut Contents, text: &str, flags: BTreeSet<char>) -> Result<()> {
    let id = text.split_once("Message-ID: <").and_then(|(_, rest)| rest.split_once("@test.invalid>"));
    let (id, _) = id.with_context(|| format!("no Message-ID in {text}"))?;
    ensure!(contents.insert(id.to_owned(), flags).is_none(), "{id} is there twice");
    Ok(())
}

/// The messages of the server's INBOX and their flags.
fn far_contents(imap: &mut Imap) -> Result<Contents> {
    imap.ok("SELECT INBOX")?;
    let mut contents = Contents::new();
    for line in imap.ok("UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")? {
        let letters =
            [("\\Seen", 'S'), ("\\Flagged", 'F'), ("\\Answered", 'R'), ("\\Deleted", 'T'), ("\\Draft", 'D')];
        let flags = letters.into_iter().filter(|(flag, _)| line.contains(flag)).map(|(_, letter)| letter);
        note(&mut contents, &line, flags.collect())?;
    }
    Ok(contents)
}

/// `mbsync` as most users have it: TLS, both directions, expunging on both sides.
fn mbsync_configuration(server: &Mailbell, maildir: &Path) -> String {
    format!(
        "IMAPAccount bell\nHost localhost\nPort {}\nUser alice\nPass {PASSWORD}\nSSLType IMAPS\nCertificateFile {}\n\n\
         IMAPStore far\nAccount bell\n\nMaildirStore near\nPath {dir}/\nInbox {dir}/INBOX\nSubFolders Verbatim\n\n\
         Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nRemove Both\nSyncState *\n",
        server.imaps.port(),
        server.certificate().display(),
        dir = maildir.display()
    )
}

#[test]
fn mbsync_carries_messages_and_flags_in_both_directions() -> Result<()> {
    let test = "mbsync_carries_messages_and_flags_in_both_directions";
    if programs::debian(test, "mbsync")?.is_none() {
        return Ok(());
    }
    let server = with_three_messages()?;
    let near = Near::new(&server)?;
    let sync = || programs::run(&mut near.mbsync(test)?).map(drop);
    sync()?;
    let fetched = near.files()?;
    assert_eq!(fetched.len(), 3, "{fetched:?}");

    // Here one is deleted and one is written; there one is flagged.
    let first = fetched
        .iter()
        .find(|path| std::fs::read_to_string(path).is_ok_and(|text| text.contains("first body")));
    std::fs::remove_file(first.context("the first message is not there")?)?;
    near.write("1.local.here:2,S", &message("local"))?;
    let mut imap = Imap::login(server.imap, "alice", PASSWORD)?;
    imap.ok("SELECT INBOX")?;
    imap.ok("STORE 3 +FLAGS (\\Flagged)")?;
    sync()?;
    let flagged = near.files()?.into_iter().filter(|path| path.to_string_lossy().contains(":2,F")).count();
    assert_eq!(flagged, 1);
    imap.ok("NOOP")?;
    let found = imap.ok("FETCH 1:* (FLAGS ENVELOPE)")?.concat();
    assert!(!found.contains("\"first\"") && found.contains("\"local\""), "{found}");
    // Nothing is left to do: a second run changes nothing.
    sync()?;
    assert_eq!(imap.ok("NOOP")?, Vec::<String>::new());
    Ok(())
}

/// How many messages the test of interruptions has on both sides together.
fn messages() -> usize {
    std::env::var("MAILBELL_MBSYNC_MESSAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(2000)
}

/// Puts messages into INBOX, many with each command.
fn append(imap: &mut Imap, names: &[String]) -> Result<()> {
    for some in names.chunks(200) {
        let mut command = "APPEND INBOX".to_owned();
        for name in some {
            let text = message(name).replace('\n', "\r\n");
            command.push_str(&format!(" () {{{}+}}\r\n{text}", text.len()));
        }
        imap.ok(&command)?;
    }
    Ok(())
}

/// Waits until the server has done what a connection that was killed had still sent: mbsync that is started before would
/// not find all of it.
fn wait_until_alone(server: &Mailbell) -> Result<()> {
    let connections = || -> Option<String> {
        let mut stream = TcpStream::connect(server.http).ok()?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.lines().find_map(|line| line.strip_prefix("mailbell_imap_connections ")).map(str::to_owned)
    };
    let alone = wait::until(|| (connections()? == "1").then_some(()));
    alone.with_context(|| format!("there are {:?} connections", connections()))
}

/// Runs mbsync and kills it each time that both sides together have grown or shrunk by `step` messages, at most `times`
/// times; then lets it finish. Says how often it was killed.
fn synchronise_with_interruptions(
    (server, near): (&Mailbell, &Near),
    far: &mut Imap,
    step: usize,
    times: usize,
) -> Result<usize> {
    let test = "mbsync_makes_both_sides_equal_although_it_is_killed";
    let mut count = || -> Result<usize> {
        let told = far.ok("STATUS INBOX (MESSAGES)")?;
        let status = told.iter().find_map(|line| line.strip_prefix("* STATUS INBOX (MESSAGES "));
        let number = status.with_context(|| format!("no STATUS in {told:?}"))?.trim_end_matches(')');
        Ok(number.parse::<usize>()? + near.files()?.len())
    };
    let mut kills = 0;
    for _ in 0..times {
        let before = count()?;
        let mut child = near.mbsync(test)?.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let ended = wait::until(|| match child.try_wait() {
            Ok(Some(status)) => Some(Ok(Some(status))),
            Ok(None) => match count() {
                Ok(now) => (now.abs_diff(before) >= step).then_some(Ok(None)),
                Err(error) => Some(Err(error)),
            },
            Err(error) => Some(Err(error.into())),
        });
        child.kill()?;
        child.wait()?;
        wait_until_alone(server)?;
        match ended.context("mbsync does not get on")?? {
            None => kills += 1,
            Some(status) => {
                ensure!(status.success(), "mbsync ended with {status}");
                return Ok(kills);
            }
        }
    }
    programs::run(&mut near.mbsync(test)?)?;
    Ok(kills)
}

#[test]
fn mbsync_makes_both_sides_equal_although_it_is_killed() -> Result<()> {
    if programs::debian("mbsync_makes_both_sides_equal_although_it_is_killed", "mbsync")?.is_none() {
        return Ok(());
    }
    let server = Mailbell::start(&["alice"], "")?;
    let near = Near::new(&server)?;
    let mut imap = Imap::login(server.imap, "alice", PASSWORD)?;
    let half = messages() / 10 * 5;
    let names = |side: &str| (0..half).map(|n| format!("{side}-{n}")).collect::<Vec<_>>();
    append(&mut imap, &names("far"))?;
    for (n, name) in names("near").iter().enumerate() {
        near.write(&format!("{n}.new.here:2,{}", ["", "S", "FS"][n % 3]), &message(name))?;
    }
    let kills = synchronise_with_interruptions((&server, &near), &mut imap, half / 3, 4)?;
    assert!(kills >= 3, "it was killed {kills} times");
    let (here, there) = (near.contents()?, far_contents(&mut imap)?);
    assert_eq!(
        here.keys().cloned().collect::<BTreeSet<_>>(),
        [names("far"), names("near")].concat().into_iter().collect()
    );
    assert!(here == there, "the sides differ after the first time");

    change_both_sides(&near, &mut imap)?;
    let kills = synchronise_with_interruptions((&server, &near), &mut imap, half / 10, 2)?;
    assert!(kills >= 1, "it was killed {kills} times");
    let (here, there) = (near.contents()?, far_contents(&mut imap)?);
    assert_eq!(here.len(), 2 * (half - half / 5));
    assert_eq!(here.values().filter(|flags| flags.contains(&'R')).count(), 2 * (half / 5));
    assert!(here == there, "the sides differ after the changes");

    // Nothing is left to do.
    imap.ok("NOOP")?;
    programs::run(&mut near.mbsync("mbsync")?)?;
    assert_eq!(imap.ok("NOOP")?, Vec::<String>::new());
    Ok(())
}

/// Of each five messages that came from the other side one is deleted, and another one is marked as answered.
fn change_both_sides(near: &Near, imap: &mut Imap) -> Result<()> {
    for path in near.files()? {
        let text = std::fs::read_to_string(&path)?;
        let Some((_, rest)) = text.split_once("Message-ID: <far-") else { continue };
        let number: usize = rest.split('@').next().unwrap_or_default().parse()?;
        let name = path.file_name().context("no name")?.to_string_lossy().into_owned();
        match number % 5 {
            0 => std::fs::remove_file(&path)?,
            1 => {
                let (base, flags) = name.split_once(":2,").unwrap_or((&name, ""));
                let answered = near.maildir.join("INBOX/cur").join(format!("{base}:2,R{flags}"));
                std::fs::rename(&path, answered)?;
            }
            _ => {}
        }
    }
    imap.ok("SELECT INBOX")?;
    for line in imap.ok("FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")? {
        let Some((_, rest)) = line.split_once("Message-ID: <near-") else { continue };
        let number: usize = rest.split('@').next().unwrap_or_default().parse()?;
        let uid = line.split_once("UID ").and_then(|(_, rest)| rest.split(' ').next()).context("no UID")?;
        match number % 5 {
            0 => imap.ok(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"))?,
            1 => imap.ok(&format!("UID STORE {uid} +FLAGS.SILENT (\\Answered)"))?,
            _ => continue,
        };
    }
    imap.ok("EXPUNGE")?;
    Ok(())
}
