//! A search program made ready for one mailbox, and its verdict on one message.

use std::sync::{Arc, OnceLock};

use message::{EnvelopeRef, Structure, Summary};
use store::{Columns, Entry, Flags, Keywords, MessageRow, UnixTime};

use crate::cmd::batch::READ_BATCH;
use crate::cmd::flags;
use crate::cmd::search::text::{Needle, body_holds, field_holds, header_holds};
use crate::reply::Failure;
use crate::session::view::ClientView;
use crate::wire::date::Date;
use crate::wire::flag::Flag;
use crate::wire::search::{DateTest, EnvelopeField, SearchKey};
use crate::wire::set::{NumberSet, Numbering, SeqSet};

/// What a program is made ready for.
pub(super) struct Surroundings<'s> {
    pub(super) view: &'s ClientView,
    pub(super) keywords: &'s Keywords,
    pub(super) now: UnixTime,
    /// The owner's number, unless it is the user.
    pub(super) owner: Option<u64>,
    /// What `$` is, once a key has asked: up to 512 KiB, which all keys share.
    pub(super) saved: OnceLock<Arc<NumberSet>>,
}

/// What has to be read of the messages on which the view does not decide.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needs {
    /// The wide columns.
    pub(super) columns: Columns,
    /// When it came into the mailbox.
    pub(super) place: bool,
}

impl Needs {
    const NOTHING: Self =
        Self { columns: Columns { envelope: false, structure: false, summary: false }, place: false };

    /// Whether a wide column is needed.
    pub(super) fn has_columns(&self) -> bool {
        self.columns.envelope || self.columns.structure || self.columns.summary
    }

    /// How many messages are read at once.
    pub(super) fn batch(&self) -> usize {
        if self.has_columns() { READ_BATCH } else { NARROW_BATCH }
    }

    fn and(self, other: Self) -> Self {
        let columns = Columns {
            envelope: self.columns.envelope || other.columns.envelope,
            structure: self.columns.structure || other.columns.structure,
            summary: self.columns.summary || other.columns.summary,
        };
        Self { columns, place: self.place || other.place }
    }
}

/// A message, as far as it has been read.
pub(super) struct Candidate<'m> {
    pub(super) seq: u32,
    pub(super) entry: Entry,
    pub(super) row: Option<&'m MessageRow>,
    pub(super) raw: Option<&'m [u8]>,
}

/// Whether a message matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// More of it has to be read.
    Unknown,
}

impl From<bool> for Verdict {
    fn from(matches: bool) -> Self {
        if matches { Self::Yes } else { Self::No }
    }
}

/// A search key with everything looked up that is the same for all messages.
pub(super) enum Test {
    /// Its sequence number is within one of the ranges.
    Within(Arc<NumberSet>),
    Has(Flags),
    Lacks(Flags),
    ModSeq(u64),
    Message(u64),
    Thread(u64),
    Arrived(DateTest, Date),
    /// INTERNALDATE is not after this moment.
    ArrivedBy(i64),
    /// INTERNALDATE is not before this moment.
    ArrivedFrom(i64),
    Saved(DateTest, Date),
    Sent(DateTest, Date),
    Larger(u64),
    Smaller(u64),
    Field(EnvelopeField, Needle),
    Header(String, Needle),
    Body(Needle),
    Text(Needle),
    Not(Box<Test>),
    Any(Vec<Test>),
    All(Vec<Test>),
}

impl Test {
    /// All keys must hold.
    pub(super) fn all_of(keys: Vec<SearchKey>, surroundings: &Surroundings<'_>) -> Result<Self, Failure> {
        let tests = keys.into_iter().map(|key| Self::new(key, surroundings));
        tests.collect::<Result<_, _>>().map(Self::All)
    }

    fn new(key: SearchKey, surroundings: &Surroundings<'_>) -> Result<Self, Failure> {
        let (keywords, now) = (surroundings.keywords, surroundings.now.0);
        Ok(match key {
            SearchKey::All => Self::All(Vec::new()),
            SearchKey::Nothing => Self::Any(Vec::new()),
            SearchKey::Has(flag) => bit(flag, keywords).map_or(Self::Any(Vec::new()), Self::Has),
            SearchKey::Lacks(flag) => bit(flag, keywords).map_or(Self::All(Vec::new()), Self::Lacks),
            SearchKey::Seq(set) => within(surroundings, &set, Numbering::Seq)?,
            SearchKey::Uid(set) => within(surroundings, &set, Numbering::Uid)?,
            SearchKey::Header { name, value } => Self::Header(name, Needle::new(&value)),
            SearchKey::Field(field, text) => Self::Field(field, Needle::new(&text)),
            SearchKey::Body(text) => Self::Body(Needle::new(&text)),
            SearchKey::Text(text) => Self::Text(Needle::new(&text)),
            SearchKey::Arrived(test, date) => Self::Arrived(test, date),
            // RFC 5032 §2.1: both hold for the message whose age is exactly the interval.
            SearchKey::Older(seconds) => Self::ArrivedBy(now.saturating_sub(i64::from(seconds))),
            SearchKey::Younger(seconds) => Self::ArrivedFrom(now.saturating_sub(i64::from(seconds))),
            SearchKey::Saved(test, date) => Self::Saved(test, date),
            SearchKey::Sent(test, date) => Self::Sent(test, date),
            SearchKey::Larger(size) => Self::Larger(size),
            SearchKey::Smaller(size) => Self::Smaller(size),
            SearchKey::ModSeq(modseq) => Self::ModSeq(modseq),
            // An id that this server can't have given names no message.
            SearchKey::EmailId(id) => {
                surroundings.object_id(&id, 'M').map_or(Self::Any(Vec::new()), Self::Message)
            }
            SearchKey::ThreadId(id) => {
                surroundings.object_id(&id, 'T').map_or(Self::Any(Vec::new()), Self::Thread)
            }
            SearchKey::Not(key) => Self::Not(Box::new(Self::new(*key, surroundings)?)),
            SearchKey::Or(one, other) => {
                Self::Any(vec![Self::new(*one, surroundings)?, Self::new(*other, surroundings)?])
            }
            SearchKey::And(keys) => Self::all_of(keys, surroundings)?,
        })
    }

    /// The texts that are looked for.
    pub(super) fn needles(&mut self) -> Vec<&mut Needle> {
        match self {
            Self::Field(_, needle) | Self::Header(_, needle) | Self::Body(needle) | Self::Text(needle) => {
                vec![needle]
            }
            Self::Not(test) => test.needles(),
            Self::Any(tests) | Self::All(tests) => tests.iter_mut().flat_map(Self::needles).collect(),
            _ => Vec::new(),
        }
    }

    /// What has to be read for it.
    pub(super) fn needs(&self) -> Needs {
        let columns = Needs::NOTHING.columns;
        match self {
            Self::Not(test) => test.needs(),
            Self::Any(tests) | Self::All(tests) => {
                tests.iter().map(Self::needs).fold(Needs::NOTHING, Needs::and)
            }
            Self::Sent(..) => Needs { columns: Columns { summary: true, ..columns }, ..Needs::NOTHING },
            Self::Field(..) => Needs { columns: Columns { envelope: true, ..columns }, ..Needs::NOTHING },
            Self::Header(..) | Self::Body(_) | Self::Text(_) => {
                Needs { columns: Columns { structure: true, ..columns }, ..Needs::NOTHING }
            }
            Self::Saved(..) => Needs { place: true, ..Needs::NOTHING },
            _ => Needs::NOTHING,
        }
    }

    /// The verdict on a message.
    pub(super) fn of(&self, message: &Candidate<'_>) -> Verdict {
        match self {
            Self::Within(seqs) => seqs.contains(message.seq).into(),
            Self::Has(flags) => message.entry.flags.contains(*flags).into(),
            Self::Lacks(flags) => (!message.entry.flags.contains(*flags)).into(),
            Self::ModSeq(modseq) => (message.entry.modseq.0 >= *modseq).into(),
            Self::Message(id) => (message.entry.message.0 == *id).into(),
            Self::Not(test) => match test.of(message) {
                Verdict::Yes => Verdict::No,
                Verdict::No => Verdict::Yes,
                Verdict::Unknown => Verdict::Unknown,
            },
            Self::Field(_, needle) | Self::Header(_, needle) | Self::Body(needle) | Self::Text(needle)
                if needle.rules_out(message.entry.message) =>
            {
                Verdict::No
            }
            Self::Any(tests) => combined(tests, message, Verdict::Yes, Verdict::No),
            Self::All(tests) => combined(tests, message, Verdict::No, Verdict::Yes),
            other => match message.row {
                Some(row) => other.of_row(row, message.raw),
                None => Verdict::Unknown,
            },
        }
    }

    /// The verdict of a test that needs more than the view.
    fn of_row(&self, row: &MessageRow, raw: Option<&[u8]>) -> Verdict {
        match self {
            Self::Thread(id) => (row.thread.0 == *id).into(),
            Self::Larger(size) => (u64::from(row.size) > *size).into(),
            Self::Smaller(size) => (u64::from(row.size) < *size).into(),
            Self::Arrived(test, date) => compare(*test, day_of(row.received_at.0), *date).into(),
            Self::ArrivedBy(moment) => (row.received_at.0 <= *moment).into(),
            Self::ArrivedFrom(moment) => (row.received_at.0 >= *moment).into(),
            Self::Saved(test, date) => {
                compare(*test, day_of(row.saved_at.unwrap_or(row.received_at).0), *date).into()
            }
            Self::Sent(test, date) => compare(*test, sent_day(row), *date).into(),
            Self::Field(field, needle) => match EnvelopeRef::decode(&row.envelope) {
                Ok(envelope) => field_holds(&envelope, *field, needle).into(),
                Err(_) => Verdict::No,
            },
            text => match (raw, Structure::decode(&row.structure)) {
                (None, _) => Verdict::Unknown,
                (Some(raw), Ok(structure)) => text.of_text(&structure, raw).into(),
                (Some(_), Err(_)) => Verdict::No,
            },
        }
    }

    fn of_text(&self, structure: &Structure, raw: &[u8]) -> bool {
        match self {
            Self::Header(name, needle) => header_holds(structure, raw, Some(name), needle),
            Self::Body(needle) => body_holds(structure, raw, needle),
            Self::Text(needle) => {
                header_holds(structure, raw, None, needle) || body_holds(structure, raw, needle)
            }
            _ => false,
        }
    }
}

/// `decisive` as soon as one test says so; else unknown if one is; else `otherwise`.
fn combined(tests: &[Test], message: &Candidate<'_>, decisive: Verdict, otherwise: Verdict) -> Verdict {
    let mut verdict = otherwise;
    for test in tests {
        match test.of(message) {
            found if found == decisive => return decisive,
            Verdict::Unknown => verdict = Verdict::Unknown,
            _ => {}
        }
    }
    verdict
}

/// The bit of a flag; `None` for a keyword that no message of the account has.
fn bit(flag: Flag, keywords: &Keywords) -> Option<Flags> {
    match flag {
        Flag::Keyword(keyword) => keywords.bit(&keyword),
        system => Some(flags::to_store(vec![system]).0),
    }
}

fn within(surroundings: &Surroundings<'_>, set: &SeqSet, numbering: Numbering) -> Result<Test, Failure> {
    let known = if set.is_saved() { surroundings.saved.get() } else { None };
    if let Some(known) = known {
        return Ok(Test::Within(Arc::clone(known)));
    }
    let numbers = Arc::new(NumberSet::from_ranges(surroundings.view.find(set, numbering)));
    if set.is_saved() {
        return Ok(Test::Within(Arc::clone(surroundings.saved.get_or_init(|| numbers))));
    }
    Ok(Test::Within(numbers))
}

impl Surroundings<'_> {
    fn object_id(&self, id: &str, letter: char) -> Option<u64> {
        let id = id.strip_prefix(letter)?;
        let (number, owner) = id.split_once('-').map_or((id, None), |(number, owner)| (number, Some(owner)));
        let owner = owner.map(str::parse).transpose().ok()?;
        number.parse().ok().filter(|_| owner == self.owner)
    }
}

fn compare(test: DateTest, day: i64, date: Date) -> bool {
    match test {
        DateTest::Before => day < date.days(),
        DateTest::On => day == date.days(),
        DateTest::Since => day >= date.days(),
    }
}

fn day_of(unix_seconds: i64) -> i64 {
    unix_seconds.div_euclid(86_400)
}

/// RFC 9051 §6.4.4: the day as the sender wrote it, zone disregarded. Without a Date field the day of arrival
/// stands for it, as in RFC 5256 §2.2.
fn sent_day(row: &MessageRow) -> i64 {
    let sent = Summary::decode(&row.summary).ok().and_then(|summary| summary.sent);
    sent.map_or(day_of(row.received_at.0), |sent| {
        day_of(sent.unix_seconds.saturating_add(i64::from(sent.offset_minutes) * 60))
    })
}

/// Messages of which only narrow rows are read at once.
const NARROW_BATCH: usize = 4_096;

#[cfg(test)]
mod tests;
