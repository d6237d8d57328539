//! A client of INBOX that believes what it is told, in one of the ways in which clients speak.

use std::collections::BTreeSet;

use super::naive::{DELETED, FlagSet, Naive};
use crate::support::TestServer;
use crate::support::transcript::Client;

/// How a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Condstore,
    Qresync,
    Rev2,
    UidOnly,
}

/// What a client knows of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// `None` for one that it has only been told to exist.
    pub(crate) uid: Option<u32>,
    pub(crate) flags: Option<FlagSet>,
    modseq: Option<u64>,
}

/// Whether what is gone may not have been told yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    Told,
    MayBeHeld,
}

/// A client.
pub(crate) struct Session {
    pub(crate) kind: Kind,
    client: Client,
    pub(crate) messages: Vec<Known>,
    uid_validity: u64,
    /// The last HIGHESTMODSEQ that it was told.
    highest: u64,
}

impl Session {
    pub(crate) async fn new(server: &TestServer, kind: Kind) -> Self {
        let client = Client::log_in(server).await;
        let mut session = Self { kind, client, messages: Vec::new(), uid_validity: 0, highest: 0 };
        let enable = match kind {
            Kind::Plain => None,
            Kind::Condstore => Some("CONDSTORE"),
            Kind::Qresync => Some("QRESYNC"),
            Kind::Rev2 => Some("IMAP4rev2 CONDSTORE"),
            Kind::UidOnly => Some("UIDONLY CONDSTORE"),
        };
        if let Some(names) = enable {
            session.run(&format!("ENABLE {names}")).await;
        }
        session.run("SELECT INBOX").await;
        session.fill().await;
        session
    }

    /// Runs a command, takes in what it tells, and returns the tagged answer.
    pub(crate) async fn run(&mut self, command: &str) -> String {
        let lines = self.client.command(command).await;
        for line in &lines {
            self.take_in(line);
        }
        lines.last().unwrap().clone()
    }

    /// Asks for what it does not know: new messages.
    pub(crate) async fn fill(&mut self) {
        if self.messages.iter().all(|known| known.uid.is_some()) {
            return;
        }
        let last = self.messages.iter().filter_map(|known| known.uid).max().unwrap_or(0);
        let modseq = if self.kind == Kind::Plain { "" } else { " MODSEQ" };
        self.run(&format!("UID FETCH {}:* (UID FLAGS{modseq})", last + 1)).await;
        assert!(self.messages.iter().all(|known| known.uid.is_some()), "{:?}", self.messages);
    }

    /// Leaves the mailbox and comes back with what it remembers of it (RFC 7162 §3.2.5).
    pub(crate) async fn resynchronise(&mut self, known: &str) {
        self.run("UNSELECT").await;
        // What is new is told anew by EXISTS: the client finds out which messages these are by their UIDs.
        let remembered = std::mem::take(&mut self.messages);
        let (uid_validity, highest) = (self.uid_validity, self.highest);
        let lines =
            self.client.command(&format!("SELECT INBOX (QRESYNC ({uid_validity} {highest}{known}))")).await;
        let vanished: BTreeSet<u32> = lines
            .iter()
            .filter_map(|line| line.strip_prefix("* VANISHED (EARLIER) "))
            .flat_map(numbers)
            .collect();
        let is_there = |known: &Known| known.uid.is_some_and(|uid| !vanished.contains(&uid));
        self.messages = remembered.into_iter().filter(is_there).collect();
        for line in lines.iter().filter(|line| !line.contains("VANISHED")) {
            self.take_in(line);
        }
        self.fill().await;
    }

    /// Does to the flags that it knows what a STORE in silence asks for.
    pub(crate) fn change(&mut self, uids: &[u32], change: impl Fn(&FlagSet) -> FlagSet) {
        for known in &mut self.messages {
            if known.uid.is_some_and(|uid| uids.contains(&uid)) {
                known.flags = known.flags.as_ref().map(&change);
            }
        }
    }

    /// Compares what it believes with what is.
    pub(crate) fn compare(&self, naive: &Naive, gone: Gone) {
        let mut present = naive.mailbox(super::naive::Which::Inbox).members.iter();
        for known in &self.messages {
            let Some(uid) = known.uid else {
                assert!(present.next().is_some(), "a message too many");
                continue;
            };
            let Some(member) = naive.inbox_member(uid) else {
                assert_eq!(gone, Gone::MayBeHeld, "UID {uid} is gone");
                continue;
            };
            assert_eq!(present.next().map(|member| member.uid), Some(uid), "in its place");
            let flags = naive.flags(member);
            assert!(known.flags.as_ref().is_none_or(|known| *known == flags), "{known:?} has {flags:?}");
            assert!(known.modseq.is_none() || known.modseq == member.modseq, "{known:?} is {member:?}");
        }
        assert_eq!(present.count(), 0, "messages that were not told: {:?}", self.messages);
    }

    /// The UIDs that it believes to be `\Deleted`.
    pub(crate) fn deleted(&self) -> BTreeSet<u32> {
        let is_deleted = |known: &&Known| known.flags.as_ref().is_some_and(|flags| flags.contains(DELETED));
        self.messages.iter().filter(is_deleted).filter_map(|known| known.uid).collect()
    }

    /// CLOSE: what it believes to be `\Deleted` goes without a word, then it comes back.
    pub(crate) async fn close(&mut self) {
        let deleted = self.deleted();
        self.run("CLOSE").await;
        self.messages.retain(|known| known.uid.is_none_or(|uid| !deleted.contains(&uid)));
        self.client.command("EXAMINE Archive").await;
    }

    fn take_in(&mut self, line: &str) {
        for (code, value) in
            [("[HIGHESTMODSEQ ", &mut self.highest), ("[UIDVALIDITY ", &mut self.uid_validity)]
        {
            if let Some(told) = between(line, code, "]") {
                *value = told.parse().unwrap();
            }
        }
        if let Some(uids) = line.strip_prefix("* VANISHED ") {
            assert!(matches!(self.kind, Kind::Qresync | Kind::UidOnly), "{line}");
            for uid in numbers(uids) {
                let place = self.messages.iter().position(|known| known.uid == Some(uid));
                self.messages.remove(place.unwrap_or_else(|| panic!("{line}: no {uid} was told")));
            }
        }
        let mut words = line.split(' ').skip(1);
        let (Some(Ok(number)), Some(kind)) = (words.next().map(str::parse::<usize>), words.next()) else {
            return;
        };
        match kind {
            "EXISTS" => {
                assert!(number >= self.messages.len(), "{line} takes away what nothing else did");
                self.messages.resize(number, Known::default());
            }
            "EXPUNGE" => {
                assert!(!matches!(self.kind, Kind::Qresync | Kind::UidOnly), "{line}");
                self.messages.remove(number - 1);
            }
            "FETCH" => {
                assert_ne!(self.kind, Kind::UidOnly, "{line}");
                let known = &mut self.messages[number - 1];
                known.learn(line, between(line, "UID ", " ").and_then(|uid| uid.parse().ok()));
            }
            "UIDFETCH" => {
                assert_eq!(self.kind, Kind::UidOnly, "{line}");
                let uid = u32::try_from(number).unwrap();
                let known = self.messages.iter_mut().find(|known| known.uid.is_none_or(|known| known == uid));
                known.unwrap_or_else(|| panic!("{line}: no such message")).learn(line, Some(uid));
            }
            _ => {}
        }
    }
}

impl Known {
    /// What it knows the message's MODSEQ to be.
    pub(crate) fn modseq(&self) -> Option<u64> {
        self.modseq
    }

    fn learn(&mut self, line: &str, uid: Option<u32>) {
        assert!(self.uid.is_none() || uid.is_none() || self.uid == uid, "{line}, but it was {self:?}");
        self.uid = self.uid.or(uid);
        if let Some(flags) = flags_of(line) {
            self.flags = Some(flags);
        }
        if let Some(modseq) = modseq_of(line) {
            assert!(self.modseq.is_none_or(|known| known <= modseq), "{line}, but it was {self:?}");
            self.modseq = Some(modseq);
        }
    }
}

/// The flags in a FETCH response.
pub(crate) fn flags_of(line: &str) -> Option<FlagSet> {
    Some(between(line, "FLAGS (", ")")?.split_whitespace().map(str::to_owned).collect())
}

/// The MODSEQ in a FETCH response.
pub(crate) fn modseq_of(line: &str) -> Option<u64> {
    between(line, "MODSEQ (", ")")?.parse().ok()
}

/// What stands between two texts.
pub(crate) fn between<'l>(line: &'l str, start: &str, end: &str) -> Option<&'l str> {
    let after = &line[line.find(start)? + start.len()..];
    Some(&after[..after.find([end.chars().next()?, ')'])?])
}

/// The numbers of `1:3,7`.
fn numbers(set: &str) -> impl Iterator<Item = u32> {
    set.split(',').flat_map(|range| {
        let (low, high) = range.split_once(':').unwrap_or((range, range));
        low.parse::<u32>().unwrap()..=high.parse().unwrap()
    })
}
