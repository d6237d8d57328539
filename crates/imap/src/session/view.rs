//! What the client knows of the selected mailbox: which sequence number is which message (RFC 9051 §2.3.1.2).
//!
//! The store's [`View`] is shared by all sessions on a mailbox; a session adds only what differs for its own
//! client: messages added since, messages gone, flags changed. [`ClientView::apply`] takes what the change log
//! says and returns what the client must be told. Pure: no store, no socket, no clock.
//!
//! Invariants: UIDs rise with sequence numbers; a sequence number changes only by an EXPUNGE that `apply` has
//! returned; what the client has been told is what [`ClientView::entry`] says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use store::{Entry, Flags, MailboxChanges, ModSeq, Uid, View};

use crate::wire::set::{NumberSet, Numbering, SeqBound, SeqSet};

/// The view of one client.
#[derive(Debug)]
pub struct ClientView {
    base: Arc<View>,
    /// Places in the base whose EXPUNGE has been sent, rising.
    gone: Vec<usize>,
    /// Messages of the base whose flags or MODSEQ are not those of the base.
    altered: BTreeMap<Uid, (Flags, ModSeq)>,
    /// Messages after those of the base.
    added: Vec<Entry>,
    /// Messages that are gone, which the client must not be told yet.
    held: BTreeSet<Uid>,
    /// Messages whose changes only answers have shown: they are told as soon as the change log is.
    unheard: BTreeSet<Uid>,
    /// The change log has been read up to here.
    modseq: ModSeq,
    /// The UID that the next message will have, at least.
    uid_next: u32,
    /// RFC 5182: what `$` is. UIDs of messages that stood side by side when it was saved are one range, and no other
    /// message ever comes between them.
    saved: NumberSet,
}

/// Whether the client may be told of expunged messages now (RFC 9051 §7.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expunges {
    /// Yes.
    Send,
    /// No: FETCH, STORE or SEARCH by sequence number is under way.
    Hold,
}

/// What the client must be told, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Updates {
    /// Sequence numbers to EXPUNGE, falling, so that none shifts another.
    pub expunged: Vec<u32>,
    /// The UIDs of the same messages, rising.
    pub vanished: Vec<Uid>,
    /// The number of messages, if there are new ones.
    pub exists: Option<u32>,
    /// Messages with other flags or another MODSEQ than the client knows.
    pub changed: Vec<Changed>,
}

/// A message that is not as the client knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// Its sequence number, expunges counted.
    pub seq: u32,
    /// As it is now.
    pub entry: Entry,
    /// Whether its flags are others, not only its MODSEQ.
    pub flags_differ: bool,
}

/// A sequence number above the number of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfRange;

/// A search result with too many gaps to be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooScattered;

/// Most ranges of `$`: 512 KiB for a session. A search that finds more scattered ones is `NO [NOTSAVED]`.
pub const SAVED_RANGES_MAX: usize = 65_536;

impl ClientView {
    /// A view of a mailbox that has just been selected.
    #[must_use]
    pub fn new(base: Arc<View>) -> Self {
        Self {
            gone: Vec::new(),
            altered: BTreeMap::new(),
            added: Vec::new(),
            held: BTreeSet::new(),
            unheard: BTreeSet::new(),
            modseq: base.modseq,
            uid_next: base.uid_next,
            saved: NumberSet::default(),
            base,
        }
    }

    /// Number of messages, as the client counts them.
    #[must_use]
    pub fn exists(&self) -> u32 {
        count(self.base_length() + self.added.len())
    }

    /// Up to where the change log has been read.
    #[must_use]
    pub fn modseq(&self) -> ModSeq {
        self.modseq
    }

    /// The shared part.
    #[must_use]
    pub fn base(&self) -> &Arc<View> {
        &self.base
    }

    /// The message with a sequence number.
    #[must_use]
    pub fn entry(&self, seq: u32) -> Option<Entry> {
        self.entries(seq, seq).next().map(|(_, entry)| entry)
    }

    /// The messages from one sequence number to another, both included.
    pub fn entries(&self, first: u32, last: u32) -> impl Iterator<Item = (u32, Entry)> {
        let start = index(first.max(1)) - 1;
        // Gone places before the start: those whose rank among the present ones is not above it.
        let mut passed = self.passed(start);
        let mut place = start + passed;
        (first.max(1)..=last.min(self.exists())).map_while(move |seq| {
            while self.gone.get(passed) == Some(&place) {
                passed += 1;
                place += 1;
            }
            let entry = match self.base.entries.get(place) {
                Some(entry) => self.as_known(*entry),
                None => *self.added.get(place - self.base.entries.len())?,
            };
            place += 1;
            Some((seq, entry))
        })
    }

    /// The sequence number of a message.
    #[must_use]
    pub fn seq_of(&self, uid: Uid) -> Option<u32> {
        let before = self.count_below(uid);
        let entry = self.entry(count(before) + 1)?;
        (entry.uid == uid).then_some(count(before) + 1)
    }

    /// The largest UID; 0 in an empty mailbox.
    #[must_use]
    pub fn largest_uid(&self) -> u32 {
        self.entry(self.exists()).map_or(0, |entry| entry.uid.0)
    }

    /// A client's set as inclusive ranges of sequence numbers, rising, none of them empty.
    ///
    /// RFC 9051 §9, `seq-number`: a number that no message has is BAD; a UID that no message has is passed over
    /// (§6.4.9). In an empty mailbox `1:*` is taken for nothing, as clients expect.
    pub fn resolve(&self, set: &SeqSet, numbering: Numbering) -> Result<Vec<(u32, u32)>, OutOfRange> {
        match numbering {
            // RFC 5182 §2.1: the same messages whatever a command's numbers are; of those that are gone it has lost
            // sight.
            _ if set.is_saved() => Ok(self.seqs_of(&self.saved)),
            Numbering::Seq => {
                let exists = self.exists();
                let has_star = |bounds: [SeqBound; 2]| bounds.contains(&SeqBound::Star);
                let numbers = set.resolve(exists);
                let is_open = exists == 0 && set.ranges().iter().all(|r| has_star([r.first, r.last]));
                if is_open {
                    return Ok(Vec::new());
                }
                match numbers.ranges().last() {
                    Some(&(_, last)) if last > exists => Err(OutOfRange),
                    _ => Ok(numbers.ranges().to_vec()),
                }
            }
            Numbering::Uid => Ok(self.seqs_of(&set.resolve(self.largest_uid()))),
        }
    }

    /// The same for a search: a number that no message has finds nothing. RFC 9051 §9 would have it BAD, but a client that
    /// searches by what it has just lost is not wrong.
    #[must_use]
    pub fn find(&self, set: &SeqSet, numbering: Numbering) -> Vec<(u32, u32)> {
        self.resolve(set, numbering).unwrap_or_else(|OutOfRange| {
            let exists = self.exists();
            let numbers = set.resolve(exists);
            let found = numbers.ranges().iter().map(|&(first, last)| (first, last.min(exists)));
            found.filter(|(first, last)| first <= last).collect()
        })
    }

    /// RFC 5182 §2.1: remembers what a search has found, by sequence number, as what `$` is from now on.
    ///
    /// # Errors
    /// [`TooScattered`] if it is more than [`SAVED_RANGES_MAX`] ranges; `$` is then empty.
    pub fn save(&mut self, seqs: &NumberSet) -> Result<(), TooScattered> {
        self.saved = NumberSet::default();
        if seqs.ranges().len() > SAVED_RANGES_MAX {
            return Err(TooScattered);
        }
        self.saved = self.uids(seqs);
        Ok(())
    }

    /// Every sequence number.
    #[must_use]
    pub fn seqs(&self) -> NumberSet {
        let all = (self.exists() > 0).then_some((1, self.exists()));
        NumberSet::from_ranges(all.into_iter().collect())
    }

    /// Messages by sequence number as UIDs. What stands side by side is one range: no message ever comes between.
    #[must_use]
    pub fn uids(&self, seqs: &NumberSet) -> NumberSet {
        let uid = |seq| Some(self.entry(seq)?.uid.0);
        let uids = seqs.ranges().iter().filter_map(|&(first, last)| Some((uid(first)?, uid(last)?)));
        NumberSet::from_ranges(uids.collect())
    }

    /// Messages by UID as ranges of sequence numbers, rising.
    fn seqs_of(&self, uids: &NumberSet) -> Vec<(u32, u32)> {
        let seqs = uids.ranges().iter().map(|&(low, high)| {
            let above = high.checked_add(1).map_or(index(self.exists()), |n| self.count_below(Uid(n)));
            (count(self.count_below(Uid(low))) + 1, count(above))
        });
        seqs.filter(|(first, last)| first <= last).collect()
    }

    /// Takes what the change log says; returns what to tell the client.
    pub fn apply(&mut self, changes: &MailboxChanges, expunges: Expunges) -> Updates {
        let gone = changes.vanished.iter().filter(|&&uid| self.seq_of(uid).is_some());
        let gone: Vec<Uid> = gone.copied().collect();
        self.held.extend(gone);
        let mut changed = Vec::new();
        let mut has_new = false;
        for entry in &changes.changed {
            if let Some(seq) = self.seq_of(entry.uid) {
                let was_unheard = self.unheard.remove(&entry.uid);
                let learnt = self.learn_at(seq, *entry).or(was_unheard.then_some((*entry, true)));
                changed.extend(learnt.map(|(entry, differ)| (entry, differ || was_unheard)));
            } else if entry.uid.0 >= self.uid_next {
                self.uid_next = entry.uid.0.saturating_add(1);
                self.added.push(*entry);
                has_new = true;
            }
        }
        self.modseq = self.modseq.max(changes.modseq);
        let (expunged, vanished) = match expunges {
            Expunges::Send => self.expunge_held(),
            Expunges::Hold => (Vec::new(), Vec::new()),
        };
        let changed = changed.into_iter().filter_map(|(entry, flags_differ)| {
            Some(Changed { seq: self.seq_of(entry.uid)?, entry, flags_differ })
        });
        Updates { expunged, vanished, changed: changed.collect(), exists: has_new.then(|| self.exists()) }
    }

    /// Notes that the client has just been told these flags and this MODSEQ.
    pub fn learn(&mut self, entry: Entry) {
        if let Some(seq) = self.seq_of(entry.uid) {
            self.learn_at(seq, entry);
        }
    }

    /// Takes what the change log says of messages that the client knows, for the answers to its commands: nothing is
    /// told now, and the log is still to be read from where it was.
    pub fn overhear(&mut self, changes: &MailboxChanges) {
        for entry in &changes.changed {
            let learnt = self.seq_of(entry.uid).and_then(|seq| self.learn_at(seq, *entry));
            if learnt.is_some() {
                self.unheard.insert(entry.uid);
            }
        }
    }

    /// The change log as it would read if it reached back far enough: for a reader from before its horizon.
    #[must_use]
    pub fn changes_to(&self, full: &View) -> MailboxChanges {
        let now = |uid: Uid| full.entries.binary_search_by_key(&uid, |entry| entry.uid).is_ok();
        let vanished = self.entries(1, self.exists()).map(|(_, entry)| entry.uid).filter(|&uid| !now(uid));
        let vanished = vanished.collect();
        MailboxChanges { modseq: full.modseq, changed: full.entries.clone(), vanished, complete: true }
    }

    /// The UIDs of a set, above `sound` and below the next UID, that no message of the view has.
    #[must_use]
    pub fn lacking(&self, uids: &NumberSet, sound: u32) -> NumberSet {
        let mut lacking = Vec::new();
        for &(low, high) in uids.ranges() {
            let mut next = low.max(sound.saturating_add(1));
            let high = high.min(self.uid_next.saturating_sub(1));
            let first = count(self.count_below(Uid(next))) + 1;
            for (_, entry) in self.entries(first, self.exists()) {
                let uid = entry.uid.0;
                if uid > high {
                    break;
                }
                if uid > next {
                    lacking.push((next, uid - 1));
                }
                next = uid.saturating_add(1);
            }
            if next <= high {
                lacking.push((next, high));
            }
        }
        NumberSet::from_ranges(lacking)
    }

    /// Whether messages are gone that the client has not been told about.
    #[must_use]
    pub fn holds_expunges(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether so much differs from the shared part that another one would be cheaper.
    #[must_use]
    pub fn is_worn(&self) -> bool {
        let differing = self.gone.len() + self.altered.len() + self.added.len();
        differing > WORN_MIN + self.base.entries.len() / 16
    }

    /// Puts a newer shared part under the view, if the client knows exactly what it says.
    pub fn renew(&mut self, base: Arc<View>) {
        let knows = |(_, known): (u32, Entry), new: &Entry| known == *new;
        let same = base.modseq == self.modseq
            && self.held.is_empty()
            && index(self.exists()) == base.entries.len()
            && self.entries(1, self.exists()).zip(&base.entries).all(|(known, new)| knows(known, new));
        if same {
            let saved = std::mem::take(&mut self.saved);
            *self = Self { saved, ..Self::new(base) };
        }
    }

    fn base_length(&self) -> usize {
        self.base.entries.len() - self.gone.len()
    }

    fn as_known(&self, mut entry: Entry) -> Entry {
        if let Some(&(flags, modseq)) = self.altered.get(&entry.uid) {
            (entry.flags, entry.modseq) = (flags, modseq);
        }
        entry
    }

    /// How many gone places stand before the present message of this rank (from 0).
    fn passed(&self, rank: usize) -> usize {
        let mut low = 0;
        let mut high = self.gone.len();
        // gone[i] - i, the rank of the next present message after that place, never falls.
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.gone.get(middle) {
                Some(&place) if place - middle <= rank => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }

    /// How many messages have a lower UID.
    fn count_below(&self, uid: Uid) -> usize {
        let place = self.base.entries.partition_point(|entry| entry.uid < uid);
        let gone = self.gone.partition_point(|&g| g < place);
        place - gone + self.added.partition_point(|entry| entry.uid < uid)
    }

    /// Takes over flags and MODSEQ; returns the entry if they are news, and whether the flags are.
    fn learn_at(&mut self, seq: u32, entry: Entry) -> Option<(Entry, bool)> {
        let known = self.entry(seq)?;
        if (known.flags, known.modseq) == (entry.flags, entry.modseq) || entry.modseq < known.modseq {
            return None;
        }
        match self.added.binary_search_by_key(&entry.uid, |added| added.uid) {
            Ok(place) => {
                if let Some(added) = self.added.get_mut(place) {
                    *added = entry;
                }
            }
            Err(_) => {
                self.altered.insert(entry.uid, (entry.flags, entry.modseq));
            }
        }
        Some((entry, known.flags != entry.flags))
    }

    fn expunge_held(&mut self) -> (Vec<u32>, Vec<Uid>) {
        let held = std::mem::take(&mut self.held);
        let seqs: Vec<u32> = held.iter().rev().filter_map(|&uid| self.seq_of(uid)).collect();
        self.added.retain(|entry| !held.contains(&entry.uid));
        for uid in &held {
            self.altered.remove(uid);
            self.unheard.remove(uid);
            if let Ok(place) = self.base.entries.binary_search_by_key(uid, |entry| entry.uid) {
                self.gone.push(place);
            }
        }
        self.gone.sort_unstable();
        assert!(self.gone.windows(2).all(|pair| pair.first() < pair.last()), "a message is expunged once");
        (seqs, held.into_iter().collect())
    }
}

/// Messages in a mailbox are numbered in 32 bits; the store has no more UIDs than that.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn index(seq: u32) -> usize {
    usize::try_from(seq).unwrap_or(usize::MAX)
}

/// Fewer differences than this are kept whatever the mailbox's size.
const WORN_MIN: usize = 64;

#[cfg(test)]
mod tests;
