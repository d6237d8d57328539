//! Sessions that speak in different ways do as they please with INBOX; after every step the one that has acted is
//! compared with a naive model: sequence numbers, UIDs, flags, MODSEQs, and what is gone (RFC 9051 §2.3.1.2 and §7.5.1,
//! RFC 7162 §3, RFC 9586).

mod naive;
mod session;

use naive::{Change, FlagSet, Naive, Which};
use session::{Gone, Kind, Session, between, flags_of, modseq_of};

use crate::dice::Dice;
use crate::support::TestServer;
use crate::support::transcript::Client;

impl Dice {
    fn flags(&mut self) -> FlagSet {
        let all = [r"\Seen", r"\Flagged", r"\Deleted", "$Work"];
        let first = self.below(all.len());
        let second = self.below(all.len() * 3);
        [Some(all[first]), all.get(second).copied()].into_iter().flatten().map(str::to_owned).collect()
    }
}

/// Messages that a command names, as its session sees them.
struct Named {
    /// As the command names them: `FETCH 1:3`, `UID FETCH 5`.
    prefix: &'static str,
    set: String,
    uids: Vec<u32>,
}

fn name(session: &Session, dice: &mut Dice) -> Named {
    let first = dice.below(session.messages.len());
    let count = 1 + dice.below((session.messages.len() - first).min(3));
    let uids: Vec<u32> =
        session.messages[first..first + count].iter().map(|known| known.uid.unwrap()).collect();
    let by_uid = session.kind == Kind::UidOnly || dice.below(2) == 0;
    let (prefix, set) =
        if by_uid { ("UID ", list(&uids)) } else { ("", format!("{}:{}", first + 1, first + count)) };
    Named { prefix, set, uids }
}

fn list(uids: &[u32]) -> String {
    uids.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

fn joined(flags: &FlagSet) -> String {
    flags.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// One session does one thing, to the server and to the model.
async fn step(session: &mut Session, naive: &mut Naive, dice: &mut Dice) -> (String, Gone) {
    let what = if session.messages.is_empty() { dice.below(3) } else { dice.below(16) };
    match what {
        0..=1 => append(session, naive, dice).await,
        2 => plain(session, "NOOP").await,
        3..=6 => store(session, naive, dice).await,
        7..=8 => transfer(session, naive, dice).await,
        9 => expunge(session, naive, dice).await,
        10 => replace(session, naive, dice).await,
        11 => conditional(session, naive, dice).await,
        12 => come_back(session, naive, dice).await,
        13 => {
            let named = name(session, dice);
            let gone = if named.prefix.is_empty() { Gone::MayBeHeld } else { Gone::Told };
            let command = format!("{}FETCH {} (UID FLAGS)", named.prefix, named.set);
            session.run(&command).await;
            (command, gone)
        }
        _ if session.kind == Kind::UidOnly => plain(session, "UID SEARCH SEEN").await,
        _ => {
            session.run("SEARCH SEEN").await;
            ("SEARCH SEEN".to_owned(), Gone::MayBeHeld)
        }
    }
}

async fn plain(session: &mut Session, command: &str) -> (String, Gone) {
    let tagged = session.run(command).await;
    assert!(tagged.starts_with("t OK"), "{command}: {tagged}");
    (command.to_owned(), Gone::Told)
}

async fn append(session: &mut Session, naive: &mut Naive, dice: &mut Dice) -> (String, Gone) {
    let mut command = "APPEND INBOX".to_owned();
    for _ in 0..=dice.below(3) {
        let flags = dice.flags();
        command.push_str(&format!(" ({}) {{4+}}\r\na: b", joined(&flags)));
        naive.append(Which::Inbox, &flags);
    }
    plain(session, &command).await
}

async fn store(session: &mut Session, naive: &mut Naive, dice: &mut Dice) -> (String, Gone) {
    let named = name(session, dice);
    let (change, sign) = [(Change::Add, "+"), (Change::Remove, "-"), (Change::Replace, "")][dice.below(3)];
    let (flags, is_silent) = (dice.flags(), dice.below(2) == 0);
    let silent = if is_silent { ".SILENT" } else { "" };
    let command = format!("{}STORE {} {sign}FLAGS{silent} ({})", named.prefix, named.set, joined(&flags));
    if is_silent {
        // First: the server may have to say that the flags were others.
        session.change(&named.uids, |known| change.of(known, &flags));
    }
    let is_seq = named.prefix.is_empty();
    let is_missing = is_seq && named.uids.iter().any(|uid| naive.inbox_member(*uid).is_none());
    let tagged = session.run(&command).await;
    assert_eq!(tagged.contains("[EXPUNGEISSUED]"), is_missing, "{command}: {tagged}");
    naive.store(&named.uids, change, &flags);
    (command, if is_seq { Gone::MayBeHeld } else { Gone::Told })
}

async fn transfer(session: &mut Session, naive: &mut Naive, dice: &mut Dice) -> (String, Gone) {
    let named = name(session, dice);
    let (to, target) = [(Which::Inbox, "INBOX"), (Which::Archive, "Archive")][dice.below(2)];
    let verb = ["COPY", "MOVE"][dice.below(2)];
    let command = format!("{}{verb} {} {target}", named.prefix, named.set);
    let answer = plain(session, &command).await;
    match verb {
        "COPY" => naive.copy(&named.uids, to),
        _ => naive.shift(&named.uids, to),
    }
    answer
}

async fn expunge(session: &mut Session, naive: &mut Naive, dice: &mut Dice) -> (String, Gone) {
    let only = (dice.below(2) == 0).then(|| name(session, dice).uids);
    let command = match &only {
        Some(uids) => format!("UID EXPUNGE {}", list(uids)),
        None => "EXPUNGE".to_owned(),
    };
    let tagged = session.run(&command).await;
    let has_code = tagged.contains("[HIGHESTMODSEQ ");
    let went = naive.expunge(only.as_deref());
    assert_eq!(has_code, went && session.kind == Kind::Qresync, "{command}: {tagged}");
    (command, Gone::Told)
}

async fn replace(session: &mut Session, naive: &mut Naive, dice: &mut Dice) -> (String, Gone) {
    let mut named = name(session, dice);
    named.uids.truncate(1);
    let number = named.set.split([',', ':']).next().unwrap();
    let flags = dice.flags();
    let command = format!("{}REPLACE {number} INBOX ({}) {{4+}}\r\na: c", named.prefix, joined(&flags));
    let is_there = naive.inbox_member(named.uids[0]).is_some();
    let tagged = session.run(&command).await;
    assert_eq!(tagged.starts_with("t OK"), is_there, "{command}: {tagged}");
    if is_there {
        naive.remove(named.uids[0]);
        naive.append(Which::Inbox, &flags);
    }
    (command, Gone::Told)
}

/// STORE UNCHANGEDSINCE what the session knows of one message (RFC 7162 §3.1.3).
async fn conditional(session: &mut Session, naive: &mut Naive, dice: &mut Dice) -> (String, Gone) {
    let place = dice.below(session.messages.len());
    let (uid, flags) = (session.messages[place].uid.unwrap(), dice.flags());
    let Some(since) = session.messages[place].modseq() else { return plain(session, "CHECK").await };
    let command = format!("UID STORE {uid} (UNCHANGEDSINCE {since}) +FLAGS ({})", joined(&flags));
    let is_modified = naive.inbox_member(uid).is_some_and(|member| member.modseq != Some(since));
    let tagged = session.run(&command).await;
    assert_eq!(tagged.contains("[MODIFIED "), is_modified, "{command}: {tagged}");
    if !is_modified {
        naive.store(&[uid], Change::Add, &flags);
    }
    (command, Gone::Told)
}

/// Leaves INBOX, one way or another, and comes back.
async fn come_back(session: &mut Session, naive: &mut Naive, dice: &mut Dice) -> (String, Gone) {
    if session.kind != Kind::Qresync {
        session.messages.clear();
        return plain(session, "SELECT INBOX").await;
    }
    let closes = dice.below(2) == 0;
    if closes {
        session.close().await;
        naive.expunge(None);
    }
    let known = match dice.below(3) {
        0 => " 1:1000000".to_owned(),
        1 if !session.messages.is_empty() => {
            let place = dice.below(session.messages.len());
            format!(" 1:1000000 ({} {})", place + 1, session.messages[place].uid.unwrap())
        }
        _ => String::new(),
    };
    session.resynchronise(&known).await;
    (format!("resynchronise{known}, {}", if closes { "closed" } else { "left" }), Gone::Told)
}

/// What the server says of INBOX to somebody who asks for all of it.
async fn all(oracle: &mut Client) -> Vec<(u32, FlagSet, u64)> {
    oracle.command("NOOP").await;
    let lines = oracle.command("UID FETCH 1:* (UID FLAGS MODSEQ)").await;
    let read = |line: &String| {
        let uid = between(line, "UID ", " ")?.parse().ok()?;
        Some((uid, flags_of(line)?, modseq_of(line)?))
    };
    lines.iter().filter(|line| line.contains(" FETCH (UID")).filter_map(read).collect()
}

async fn check(seed: u64, steps: usize) {
    let server = TestServer::start(|_| {}).await;
    let mut dice = Dice(seed);
    let mut naive = Naive::default();
    let mut oracle = Client::log_in(&server).await;
    oracle.command("SELECT INBOX (CONDSTORE)").await;
    let mut sessions = Vec::new();
    for kind in [Kind::Plain, Kind::Condstore, Kind::Qresync, Kind::Rev2, Kind::UidOnly] {
        sessions.push(Session::new(&server, kind).await);
    }
    for number in 0..steps {
        let who = dice.below(sessions.len());
        let session = &mut sessions[who];
        let (command, gone) = step(session, &mut naive, &mut dice).await;
        // Only a failing test shows what it prints.
        println!("seed {seed}, step {number}, {:?}: {command}", session.kind);
        naive.compare(&all(&mut oracle).await);
        session.compare(&naive, gone);
        session.fill().await;
        session.compare(&naive, gone);
    }
    for session in &mut sessions {
        plain(session, "NOOP").await;
        session.fill().await;
        session.compare(&naive, Gone::Told);
    }
    let problems = server.store.check().await.unwrap().problems;
    assert!(problems.is_empty(), "seed {seed}: {problems:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_of_every_kind_see_what_a_naive_model_says() {
    let steps = std::env::var("MODEL_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(120);
    for seed in 1..=6 {
        check(seed, steps).await;
    }
}
