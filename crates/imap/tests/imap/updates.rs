//! Results that are kept up to date (RFC 5267 §4.3): whatever clients do, what one makes of ADDTO and REMOVEFROM is what
//! the same search would find.

use std::time::Duration;

use crate::dice::Dice;
use crate::support::TestServer;
use crate::support::transcript::Client;

/// What a client has been told of one result.
struct Watched {
    tag: String,
    command: &'static str,
    by_uid: bool,
    numbers: Vec<u32>,
}

/// A client that keeps results up to date as RFC 5267 §4.3.3 and §4.3.4 say.
struct Watcher {
    client: Client,
    watched: Vec<Watched>,
}

const SEARCHES: [&str; 8] = [
    "UID SEARCH RETURN (UPDATE ALL) UNSEEN",
    "SEARCH RETURN (UPDATE ALL) FLAGGED",
    "UID SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 UNDELETED",
    "SORT RETURN (UPDATE ALL) (REVERSE SUBJECT REVERSE SIZE) UTF-8 UNSEEN",
    "UID SEARCH RETURN (UPDATE ALL) OR SUBJECT b NOT SEEN",
    "UID SORT RETURN (UPDATE ALL) (REVERSE ARRIVAL) UTF-8 SUBJECT a",
    "SEARCH RETURN (UPDATE ALL) ALL",
    "SORT RETURN (UPDATE ALL) (SIZE) UTF-8 OR FLAGGED DELETED",
];

fn numbers(set: &str) -> Vec<u32> {
    let range = |range: &str| {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        first.parse().unwrap()..=last.parse::<u32>().unwrap()
    };
    set.split(',').flat_map(range).collect()
}

impl Watched {
    fn add(&mut self, position: usize, numbers: Vec<u32>) {
        for (offset, number) in numbers.into_iter().enumerate() {
            assert!(!self.numbers.contains(&number), "{}: {number} comes twice", self.command);
            let place = match position {
                0 => self.numbers.partition_point(|&other| other < number),
                position => position - 1 + offset,
            };
            self.numbers.insert(place, number);
        }
    }

    fn remove(&mut self, position: usize, numbers: Vec<u32>) {
        for number in numbers {
            let place = match position {
                0 => self.numbers.iter().position(|&other| other == number).expect("it is there"),
                position => position - 1,
            };
            assert_eq!(self.numbers.remove(place), number, "{}", self.command);
        }
    }

    /// Takes what stands after the correlator.
    fn take(&mut self, items: &str) {
        let words: Vec<&str> = items.split([' ', '(', ')']).filter(|word| !word.is_empty()).collect();
        let mut adds = true;
        let mut position = None;
        for word in words {
            match (word, position) {
                ("UID", _) => {}
                ("ADDTO" | "REMOVEFROM", _) => adds = word == "ADDTO",
                ("ALL", _) => position = Some(1),
                (word, None) => position = Some(word.parse().unwrap()),
                (set, Some(place)) if adds => {
                    self.add(place, numbers(set));
                    position = None;
                }
                (set, Some(place)) => {
                    self.remove(place, numbers(set));
                    position = None;
                }
            }
        }
    }
}

impl Watcher {
    async fn run(&mut self, tag: &str, command: &str) {
        self.client.send(&format!("{tag} {command}")).await;
        let lines = self.client.answer(tag).await;
        assert!(lines.last().unwrap().starts_with(&format!("{tag} OK")), "{command}: {lines:?}");
        for line in &lines {
            self.hear(line);
        }
    }

    fn hear(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("* ESEARCH (TAG \"") {
            let (tag, items) = rest.split_once("\")").unwrap();
            if let Some(watched) = self.watched.iter_mut().find(|watched| watched.tag == tag) {
                watched.take(items);
            }
        } else if let Some(gone) = line.strip_prefix("* ").and_then(|line| line.strip_suffix(" EXPUNGE")) {
            let gone: u32 = gone.parse().unwrap();
            for watched in self.watched.iter_mut().filter(|watched| !watched.by_uid) {
                assert!(!watched.numbers.contains(&gone), "{}: {gone} left before", watched.command);
                watched.numbers.iter_mut().filter(|number| **number > gone).for_each(|number| *number -= 1);
            }
        }
        assert!(!line.contains("NOUPDATE"), "{line}");
    }

    /// What the searches find now is what has been told of them.
    async fn check(&mut self) {
        for place in 0..self.watched.len() {
            let Watched { command, numbers: told, .. } = &self.watched[place];
            let lines = self.client.command(&command.replace("UPDATE ", "")).await;
            let found = lines.iter().find_map(|line| line.strip_prefix("* ESEARCH (TAG \"t\")")).unwrap();
            let found = found.split_once("ALL ").map_or_else(Vec::new, |(_, set)| numbers(set));
            assert_eq!(*told, found, "{command}");
        }
    }
}

/// One of the others does something.
async fn disturb(client: &mut Client, dice: &mut Dice, count: &mut usize) -> String {
    let first = 1 + dice.below((*count).max(1));
    let last = (first + dice.below(40)).min(*count);
    let flag = [r"\Seen", r"\Flagged", r"\Deleted"][dice.below(3)];
    let sign = ["+", "-"][dice.below(2)];
    let command = match dice.below(8) {
        0..=1 => {
            let subject = ["a", "b", "ab", "Re: b", "c"][dice.below(5)];
            let text = format!("Subject: {subject}\r\n\r\n{}", "x".repeat(dice.below(60)));
            format!("APPEND INBOX {{{}+}}\r\n{text}", text.len())
        }
        2 if *count > 12 => "EXPUNGE".to_owned(),
        _ if *count == 0 => "NOOP".to_owned(),
        _ => format!("STORE {first}:{last} {sign}FLAGS.SILENT ({flag})"),
    };
    let lines = client.command(&command).await;
    let tagged = lines.last().unwrap();
    assert!(tagged.starts_with("t OK") || tagged.contains("EXPUNGEISSUED"), "{command}: {lines:?}");
    for line in &lines {
        if line.ends_with(" EXPUNGE") {
            *count -= 1;
        } else if let Some(exists) = line.strip_prefix("* ").and_then(|line| line.strip_suffix(" EXISTS")) {
            *count = exists.parse().unwrap();
        }
    }
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_of_a_result_is_what_a_search_would_find() {
    for seed in 0..6 {
        let server = TestServer::start(|_| {}).await;
        server.give(&["simple", "second", "multipart"].repeat(6)).await;
        let mut dice = Dice(seed);
        let mut other = Client::log_in(&server).await;
        other.command("SELECT INBOX").await;
        let mut watcher = Watcher { client: Client::log_in(&server).await, watched: Vec::new() };
        watcher.run("s", "SELECT INBOX").await;
        for (place, command) in SEARCHES.into_iter().enumerate() {
            let tag = format!("w{place}");
            let by_uid = command.starts_with("UID");
            watcher.watched.push(Watched { tag: tag.clone(), command, by_uid, numbers: Vec::new() });
            watcher.run(&tag, command).await;
        }
        let mut count = 18;
        for _ in 0..120 {
            let done = disturb(&mut other, &mut dice, &mut count).await;
            match dice.below(5) {
                0 => watcher.run("n", "NOOP").await,
                1 => watcher.run("n", "SEARCH SEEN").await,
                2 if count > 0 => watcher.run("n", r"UID STORE * +FLAGS.SILENT (\Flagged)").await,
                3 => watcher.run("n", "EXPUNGE").await,
                _ => continue,
            }
            println!("seed {seed}: {done}");
            watcher.run("n", "NOOP").await;
            watcher.check().await;
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn a_session_has_only_so_many_results_updated_and_the_rest_is_answered() {
    let server = TestServer::start(|options| options.limits.updated_searches = 1).await;
    server.give(&["simple"]).await;
    let mut client = Client::log_in(&server).await;
    client.command("SELECT INBOX").await;
    let cases = [
        ("one UID SEARCH RETURN (UPDATE) ALL", vec!["* ESEARCH (TAG \"one\") UID", "one OK SEARCH done"]),
        (
            "two SEARCH RETURN (UPDATE MAX) ALL",
            vec![
                "* ESEARCH (TAG \"two\") MAX 1",
                "* NO [NOUPDATE \"two\"] too many searches are being updated",
                "two OK SEARCH done",
            ],
        ),
        ("c CANCELUPDATE \"one\"", vec!["c OK CANCELUPDATE done"]),
        ("two SEARCH RETURN (UPDATE MAX) ALL", vec!["* ESEARCH (TAG \"two\") MAX 1", "two OK SEARCH done"]),
    ];
    for (command, expected) in cases {
        client.send(command).await;
        let tag = command.split(' ').next().unwrap();
        assert_eq!(client.answer(tag).await, expected);
    }
    assert!(client.line_within(Duration::from_millis(1)).await.is_none(), "nothing more is said");
    server.stop().await;
}
