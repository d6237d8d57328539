//! Several clients on one mailbox do as they please; each believes what it is told, and in the end all of them
//! see what is there (RFC 9051 §2.3.1.2, §7.5.1).

use tokio::task::JoinSet;

use crate::dice::Dice;
use crate::support::TestServer;
use crate::support::transcript::Client;

/// A client that keeps the mailbox as it has been told: one place for each message, with what is known of it.
struct Believer {
    client: Client,
    messages: Vec<Known>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Known {
    uid: Option<u32>,
    flags: Option<String>,
}

impl Believer {
    async fn new(server: &TestServer) -> Self {
        let mut believer = Self { client: Client::log_in(server).await, messages: Vec::new() };
        believer.run("SELECT INBOX").await;
        believer
    }

    /// Runs a command, takes in what it tells, and returns the tagged answer.
    async fn run(&mut self, command: &str) -> String {
        let mut lines = self.client.command(command).await;
        let tagged = lines.pop().unwrap();
        for line in &lines {
            let is_expunge = self.take_in(line);
            let forbids = ["FETCH", "STORE", "SEARCH"].iter().any(|name| command.starts_with(name));
            assert!(!(is_expunge && forbids), "{line} during {command}");
        }
        tagged
    }

    /// Takes in an untagged response; says whether it was an EXPUNGE.
    fn take_in(&mut self, line: &str) -> bool {
        let mut words = line.split(' ').skip(1);
        let (Some(Ok(number)), Some(kind)) = (words.next().map(str::parse::<usize>), words.next()) else {
            return false;
        };
        match kind {
            "EXISTS" => {
                assert!(number >= self.messages.len(), "{line} takes away what no EXPUNGE did");
                self.messages.resize(number, Known::default());
            }
            "EXPUNGE" => {
                self.messages.remove(number - 1);
            }
            "FETCH" => {
                let known = &mut self.messages[number - 1];
                if let Some(uid) = between(line, "UID ", [' ', ')']) {
                    let uid = uid.parse().unwrap();
                    assert!(known.uid.is_none_or(|known| known == uid), "{line}, but it was {known:?}");
                    known.uid = Some(uid);
                }
                known.flags = between(line, "FLAGS (", [')', ')']).or(known.flags.take());
            }
            _ => {}
        }
        kind == "EXPUNGE"
    }
}

fn between(line: &str, start: &str, ends: [char; 2]) -> Option<String> {
    let after = &line[line.find(start)? + start.len()..];
    Some(after[..after.find(ends)?].to_owned())
}

async fn step(believer: &mut Believer, dice: &mut Dice) {
    let count = believer.messages.len();
    let flag = [r"\Seen", r"\Flagged", "$Work", r"\Deleted"][dice.below(4)];
    let sign = ["+", "-", ""][dice.below(3)];
    let message = if count == 0 { None } else { Some(dice.below(count) + 1) };
    let command = match (dice.below(10), message) {
        (0..=2, _) | (_, None) => "APPEND INBOX {4+}\r\na: b".to_owned(),
        (3, Some(n)) => format!("STORE {n} {sign}FLAGS ({flag})"),
        (4, Some(n)) => format!("STORE {n}:* {sign}FLAGS.SILENT ({flag})"),
        (5, Some(n)) => format!("FETCH {n} (UID FLAGS)"),
        (6, Some(n)) => format!("COPY {n} INBOX"),
        (7, Some(n)) => format!("MOVE {n} INBOX"),
        (8, Some(_)) => "EXPUNGE".to_owned(),
        (_, Some(_)) => "SEARCH SEEN".to_owned(),
    };
    let silences = command.contains(".SILENT");
    let tagged = believer.run(&command).await;
    // A message that another client has expunged may be named: that is told, and is no error of this one.
    assert!(tagged.starts_with("t OK") || tagged.contains("[EXPUNGEISSUED]"), "{command}: {tagged}");
    if silences {
        // What a client changes in silence it has to remember by itself; this one asks again.
        believer.messages.iter_mut().for_each(|known| known.flags = None);
    }
}

async fn check(seed: u64) {
    let server = TestServer::start(|_| {}).await;
    let mut dice = Dice(seed);
    let mut believers = Vec::new();
    for _ in 0..3 {
        believers.push(Believer::new(&server).await);
    }
    for _ in 0..80 {
        let who = dice.below(believers.len());
        step(&mut believers[who], &mut dice).await;
    }
    agree(believers, seed).await;
    let problems = server.store.check().await.unwrap().problems;
    assert!(problems.is_empty(), "seed {seed}: {problems:?}");
    server.stop().await;
}

/// Each believes what is there, and all the same.
async fn agree(mut believers: Vec<Believer>, seed: u64) {
    let mut seen = Vec::new();
    for believer in &mut believers {
        believer.run("NOOP").await;
        let believed = believer.messages.clone();
        if !believed.is_empty() {
            believer.run("FETCH 1:* (UID FLAGS)").await;
        }
        for (told, is) in believed.iter().zip(&believer.messages) {
            let agrees = told.flags.is_none() || told.flags == is.flags;
            assert!(agrees, "seed {seed}: told {told:?}, but it is {is:?}");
        }
        seen.push(believer.messages.clone());
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "seed {seed}: {seen:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_believe_what_they_are_told_agree_in_the_end() {
    for seed in 1..=4 {
        check(seed).await;
    }
}

/// Nobody waits for anybody: commands of all meet in the store as they come. Budget: 15 seconds on two cores.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_clients_at_once_agree_in_the_end() {
    let seed = 1;
    let server = TestServer::start(|_| {}).await;
    let mut running = JoinSet::new();
    for number in 0..20 {
        let mut believer = Believer::new(&server).await;
        running.spawn(async move {
            let mut dice = Dice(seed * 100 + number);
            for _ in 0..50 {
                step(&mut believer, &mut dice).await;
            }
            believer
        });
    }
    agree(running.join_all().await, seed).await;
    let problems = server.store.check().await.unwrap().problems;
    assert!(problems.is_empty(), "seed {seed}: {problems:?}");
    server.stop().await;
}
