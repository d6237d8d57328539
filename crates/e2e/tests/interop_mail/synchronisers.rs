//! Programs that keep a mailbox and a directory equal, or filter it, unattended.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use testkit::imap::Imap;
use testkit::lmtp::Lmtp;
use testkit::programs;
use testkit::server::{Mailbell, PASSWORD};

use crate::{message, with_three_messages};

fn offlineimap_configuration(server: &Mailbell, directory: &Path) -> String {
    format!(
        "[general]\naccounts = bell\nmetadata = {dir}/metadata\nsocktimeout = 60\n\n\
         [Account bell]\nlocalrepository = near\nremoterepository = far\n\n\
         [Repository near]\ntype = Maildir\nlocalfolders = {dir}/maildir\n\n\
         [Repository far]\ntype = IMAP\nremotehost = localhost\nremoteport = {port}\nremoteuser = alice\n\
         remotepass = {PASSWORD}\nssl = yes\nsslcacertfile = {certificate}\n",
        dir = directory.display(),
        port = server.imaps.port(),
        certificate = server.certificate().display()
    )
}

fn holds(path: &Path, text: &str) -> bool {
    std::fs::read_to_string(path).is_ok_and(|file| file.contains(text))
}

#[test]
fn offlineimap_carries_messages_flags_and_mailboxes_in_both_directions() -> Result<()> {
    let test = "offlineimap_carries_messages_flags_and_mailboxes_in_both_directions";
    if programs::debian(test, "offlineimap")?.is_none() {
        return Ok(());
    }
    let server = with_three_messages()?;
    let directory = server.directory.path();
    let config = directory.join("offlineimaprc");
    std::fs::write(&config, offlineimap_configuration(&server, directory))?;
    let sync = || -> Result<String> {
        let mut offlineimap = programs::debian(test, "offlineimap")?.context("offlineimap has gone")?;
        programs::run(offlineimap.env("HOME", directory).arg("-o").args(["-u", "basic", "-c"]).arg(&config))
    };
    let files = |mailbox: &str| -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for part in ["new", "cur"] {
            for entry in std::fs::read_dir(directory.join("maildir").join(mailbox).join(part))? {
                files.push(entry?.path());
            }
        }
        Ok(files)
    };
    let mut imap = Imap::login(server.imap, "alice", PASSWORD)?;
    imap.ok("CREATE Projects/2026")?;
    imap.ok("SELECT INBOX")?;
    sync()?;
    assert_eq!(files("INBOX")?.len(), 3);
    assert_eq!(files("Projects.2026")?.len(), 0);

    // Here one is deleted and one is written; there one is flagged and one is moved.
    let fetched = files("INBOX")?;
    std::fs::remove_file(fetched.iter().find(|path| holds(path, "first body")).context("no first message")?)?;
    std::fs::write(directory.join("maildir/INBOX/cur/1.local.here:2,RS"), message("local"))?;
    imap.ok("UID STORE 3 +FLAGS (\\Flagged)")?;
    imap.ok("UID MOVE 2 Projects/2026")?;
    sync()?;
    let fetched = files("INBOX")?;
    assert_eq!(fetched.len(), 2, "{fetched:?}");
    let third = fetched.iter().find(|path| holds(path, "third body")).context("no third message")?;
    assert!(third.to_string_lossy().ends_with(":2,F"), "{third:?}");
    assert_eq!(files("Projects.2026")?.iter().filter(|path| holds(path, "second body")).count(), 1);
    imap.ok("NOOP")?;
    let found = imap.ok("FETCH 1:* (FLAGS ENVELOPE)")?;
    let local = found.iter().find(|line| line.contains("\"local\"")).context("no local message")?;
    assert!(local.contains("\\Answered") && local.contains("\\Seen"), "{local}");
    assert!(found.len() == 2 && !found.concat().contains("\"first\""), "{found:?}");

    // Nothing is left to do: a second run changes nothing.
    sync()?;
    assert_eq!(imap.ok("NOOP")?, Vec::<String>::new());
    Ok(())
}

/// A filter as a user would keep it running: it sorts what is there, then waits in IDLE for what comes.
fn imapfilter_rules(server: &Mailbell) -> String {
    format!(
        "options.timeout = 60\noptions.subscribe = true\noptions.create = true\n\
         account = IMAP {{ server = 'localhost', port = {}, username = 'alice', password = '{PASSWORD}', ssl = 'auto' }}\n\
         account:create_mailbox('Lists')\naccount:subscribe_mailbox('Lists')\n\
         exist, recent, unseen, uidnext = account.INBOX:check_status()\n\
         assert(exist == 3 and unseen == 3 and uidnext == 4)\n\
         second = account.INBOX:is_unseen() * account.INBOX:contain_subject('second')\n\
         assert(#second == 1)\nsecond:move_messages(account.Lists)\n\
         rest = account.INBOX:contain_from('sender@test.invalid') - account.INBOX:match_body('third .ody')\n\
         assert(#rest == 1)\nrest:mark_flagged()\nrest:add_flags({{ 'Filtered' }})\nrest:copy_messages(account['Made/Here'])\n\
         account.INBOX:contain_body('third body'):delete_messages()\n\
         boxes, folders = account:list_all('', '*')\n\
         print('idling')\nio.stdout:flush()\n\
         assert(account.INBOX:enter_idle())\n\
         fresh = account.INBOX:is_unseen() * account.INBOX:contain_subject('fourth')\n\
         assert(#fresh == 1)\nfresh:mark_seen()\nprint('ok')\n",
        server.imaps.port()
    )
}

#[test]
fn imapfilter_sorts_what_is_there_and_idles_for_what_comes() -> Result<()> {
    let test = "imapfilter_sorts_what_is_there_and_idles_for_what_comes";
    let Some(mut imapfilter) = programs::debian(test, "imapfilter")? else { return Ok(()) };
    let server = with_three_messages()?;
    let rules = server.directory.path().join("filter.lua");
    std::fs::write(&rules, imapfilter_rules(&server))?;
    let command = imapfilter.env("HOME", server.directory.path()).arg("-c").arg(&rules);
    let command = command.arg("-t").arg(server.certificate()).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let mut printed = BufReader::new(child.stdout.take().context("no standard output")?).lines();
    let idles = printed.by_ref().find(|line| !line.as_ref().is_ok_and(|line| line != "idling"));
    // If it comes before IDLE does, then IDLE begins with telling it.
    let delivered = Lmtp::connect(server.lmtp)?.deliver(&["alice"], &message("fourth"));
    let rest: Vec<String> = printed.collect::<std::io::Result<_>>()?;
    let status = child.wait()?;
    ensure!(
        status.success() && rest.last().is_some_and(|line| line == "ok"),
        "{status}: {idles:?}, {rest:?}"
    );
    delivered?;

    let mut imap = Imap::login(server.imap, "alice", PASSWORD)?;
    for (mailbox, messages) in [
        ("INBOX", &[("first", "\\Flagged"), ("first", "Filtered"), ("fourth", "\\Seen")][..]),
        ("Lists", &[("second", "UID")]),
        ("Made/Here", &[("first", "Filtered")]),
    ] {
        imap.ok(&format!("EXAMINE {mailbox}"))?;
        let found = imap.ok("FETCH 1:* (UID FLAGS ENVELOPE)")?;
        for (subject, word) in messages {
            let quoted = format!("\"{subject}\"");
            assert!(
                found.iter().any(|line| line.contains(&quoted) && line.contains(word)),
                "{mailbox}: {found:?}"
            );
        }
        assert!(!found.concat().contains("\"third\""), "{mailbox}: {found:?}");
    }
    assert!(imap.ok("LSUB \"\" *")?.concat().contains("Lists"));
    Ok(())
}
