//! Chooses the form of each response so that the push is as rich as its limit allows. Pure.
//!
//! First all is taken in its shortest form. If that is too long, groups of responses are replaced by `* SYNC <word>`, the
//! least important first, then whole mailboxes by SELECT + SYNC, then everything by one SYNC. Otherwise what room there is
//! goes to new messages: envelopes to as many as possible, then texts, shared evenly.

use bytes::{Bytes, BytesMut};
use store::MessageId;

use crate::push::line;
use crate::push::text::MessageText;
use crate::wire::mailbox::Names;
use crate::wire::response::Response;

#[cfg(test)]
mod tests;

/// All that a push might say.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Responses about no mailbox in particular.
    pub(super) account: Vec<Bytes>,
    pub(super) sections: Vec<Section>,
}

/// All that might be said of one mailbox.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) select: Bytes,
    pub(super) flags: Group<Bytes>,
    pub(super) arrivals: Group<Arrival>,
    pub(super) vanished: Group<Bytes>,
    pub(super) altered: Group<Bytes>,
    /// Whether only SELECT and SYNC are said.
    pub(super) is_unspecified: bool,
}

/// Responses of one kind.
#[derive(Debug)]
pub(super) enum Group<T> {
    Lines(Vec<T>),
    /// Too much: one SYNC stands for them.
    Sync,
}

impl<T> Group<T> {
    pub(super) fn of(lines: impl IntoIterator<Item = T>) -> Self {
        Self::Lines(lines.into_iter().collect())
    }

    fn lines(&self) -> &[T] {
        match self {
            Self::Lines(lines) => lines,
            Self::Sync => &[],
        }
    }

    fn lines_mut(&mut self) -> &mut [T] {
        match self {
            Self::Lines(lines) => lines,
            Self::Sync => &mut [],
        }
    }
}

/// A new message.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) message: MessageId,
    /// The shortest form.
    pub(super) plain: Bytes,
    /// Forms with an envelope, richest first, without their end. Once one is chosen it is the only one.
    pub(super) enveloped: Vec<BytesMut>,
    pub(super) text: Option<MessageText>,
}

/// The kinds of responses about a mailbox, the least important first: the order in which they are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Altered,
    Vanished,
    Flags,
    Arrivals,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Altered, Self::Vanished, Self::Flags, Self::Arrivals];

    /// What stands for them. Of `* n UIDFETCH` the first word that says something; new messages and expunged ones have the
    /// words that draft-gougeon-imap-webpush §7.1 gives them.
    fn sync(self) -> Bytes {
        sync(match self {
            Self::Altered => "UIDFETCH",
            Self::Vanished => "EXPUNGE",
            Self::Flags => "FLAGS",
            Self::Arrivals => "EXISTS",
        })
    }
}

impl Section {
    /// A mailbox of which only is said that it has changed.
    pub(super) fn unspecified(select: Bytes) -> Self {
        let none = || Group::of([]);
        Self {
            select,
            flags: none(),
            arrivals: Group::of([]),
            vanished: none(),
            altered: none(),
            is_unspecified: true,
        }
    }

    /// The bytes of the lines of a kind in their shortest form.
    fn bytes_of(&self, kind: Kind) -> usize {
        let sum = |group: &Group<Bytes>| match group {
            Group::Lines(lines) => lines.iter().map(Bytes::len).sum(),
            Group::Sync => kind.sync().len(),
        };
        match (kind, &self.arrivals) {
            (Kind::Altered, _) => sum(&self.altered),
            (Kind::Vanished, _) => sum(&self.vanished),
            (Kind::Flags, _) => sum(&self.flags),
            (Kind::Arrivals, Group::Sync) => kind.sync().len(),
            (Kind::Arrivals, Group::Lines(lines)) => lines.iter().map(|arrival| arrival.plain.len()).sum(),
        }
    }

    fn bytes(&self) -> usize {
        let content = if self.is_unspecified {
            line::GENERIC_SYNC.len()
        } else {
            Kind::ALL.iter().map(|&kind| self.bytes_of(kind)).sum()
        };
        self.select.len() + content
    }

    /// What is saved if a SYNC stands for this kind.
    fn saving(&self, kind: Kind) -> usize {
        if self.is_unspecified { 0 } else { self.bytes_of(kind).saturating_sub(kind.sync().len()) }
    }

    /// What is saved if only SELECT and SYNC are said.
    fn unspecified_saving(&self) -> usize {
        self.bytes().saturating_sub(self.select.len() + line::GENERIC_SYNC.len())
    }

    fn give_up(&mut self, kind: Kind) {
        match kind {
            Kind::Altered => self.altered = Group::Sync,
            Kind::Vanished => self.vanished = Group::Sync,
            Kind::Flags => self.flags = Group::Sync,
            Kind::Arrivals => self.arrivals = Group::Sync,
        }
    }

    fn push_to(&self, out: &mut BytesMut) {
        out.extend_from_slice(&self.select);
        if self.is_unspecified {
            out.extend_from_slice(line::GENERIC_SYNC);
            return;
        }
        push_group(out, &self.flags, Kind::Flags);
        match &self.arrivals {
            Group::Sync => out.extend_from_slice(&Kind::Arrivals.sync()),
            Group::Lines(arrivals) => {
                for arrival in arrivals {
                    out.extend_from_slice(arrival.enveloped.first().map_or(&arrival.plain, |line| line));
                }
            }
        }
        push_group(out, &self.vanished, Kind::Vanished);
        push_group(out, &self.altered, Kind::Altered);
    }
}

impl Draft {
    /// Whether it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.account.is_empty() && self.sections.is_empty()
    }

    /// Says what another says after it.
    pub(super) fn append(&mut self, other: Self) {
        self.account.extend(other.account);
        self.sections.extend(other.sections);
    }

    /// The push that says only that there is something.
    pub(super) fn generic_sync() -> Bytes {
        Bytes::from_static(line::GENERIC_SYNC)
    }

    /// Gives a new message its text, in whichever mailboxes it is new.
    pub(super) fn give_text(&mut self, message: MessageId, text: &MessageText) {
        for arrival in self.arrivals_mut().filter(|arrival| arrival.message == message) {
            arrival.text = Some(text.clone());
        }
    }

    /// The push, at most `limit` bytes, which must be enough for a generic SYNC.
    pub(super) fn fit(mut self, limit: usize) -> Bytes {
        if !self.shorten(limit) {
            return Self::generic_sync();
        }
        let room = limit.saturating_sub(self.bytes());
        let room = self.choose_envelopes(room);
        self.add_texts(room);
        let mut out = BytesMut::with_capacity(limit);
        self.account.iter().for_each(|line| out.extend_from_slice(line));
        self.sections.iter().for_each(|section| section.push_to(&mut out));
        assert!(out.len() <= limit, "a push of {} bytes, where {limit} fit", out.len());
        out.freeze()
    }

    /// The bytes of all in its shortest form.
    fn bytes(&self) -> usize {
        let account: usize = self.account.iter().map(Bytes::len).sum();
        account + self.sections.iter().map(Section::bytes).sum::<usize>()
    }

    /// Gives up detail until the shortest forms fit. False: they never do.
    fn shorten(&mut self, limit: usize) -> bool {
        for kind in Kind::ALL {
            while self.bytes() > limit {
                let most = self.sections.iter_mut().max_by_key(|section| section.saving(kind));
                match most.filter(|section| section.saving(kind) > 0) {
                    Some(section) => section.give_up(kind),
                    None => break,
                }
            }
        }
        let lists: usize = self.account.iter().map(Bytes::len).sum();
        if self.bytes() > limit && lists > sync("LIST").len() {
            self.account = vec![sync("LIST")];
        }
        while self.bytes() > limit {
            let longest = self.sections.iter_mut().max_by_key(|section| section.unspecified_saving());
            match longest.filter(|section| section.unspecified_saving() > 0) {
                Some(section) => section.is_unspecified = true,
                None => break,
            }
        }
        self.bytes() <= limit
    }

    /// Gives envelopes to as many new messages as possible. Answers what room is left.
    fn choose_envelopes(&mut self, mut room: usize) -> usize {
        let mut arrivals: Vec<&mut Arrival> = self.arrivals_mut().collect();
        arrivals.sort_by_key(|arrival| arrival.enveloped.last().map_or(0, BytesMut::len));
        for arrival in arrivals {
            let grows_by = |form: &BytesMut| (form.len() + END_BYTES).saturating_sub(arrival.plain.len());
            let richest = arrival.enveloped.iter().position(|form| grows_by(form) <= room);
            arrival.enveloped = match richest {
                Some(index) => {
                    let form = arrival.enveloped.swap_remove(index);
                    room -= grows_by(&form);
                    vec![form]
                }
                None => Vec::new(),
            };
        }
        room
    }

    /// Shares the room between the texts: what a short one leaves over goes to the longer ones. Ends all open lines.
    fn add_texts(&mut self, mut room: usize) {
        let mut open: Vec<&mut Arrival> =
            self.arrivals_mut().filter(|arrival| !arrival.enveloped.is_empty()).collect();
        open.sort_by_key(|arrival| arrival.text.as_ref().map_or(0, |text| text.text.len()));
        let mut sharers = open.iter().filter(|arrival| arrival.text.is_some()).count();
        for arrival in open {
            let Some(line) = arrival.enveloped.first_mut() else { continue };
            if let Some(text) = &arrival.text {
                let before = line.len();
                if let Some(length) = text_length(text, room / sharers.max(1)) {
                    line::push_text(line, text, length);
                }
                room = room.saturating_sub(line.len() - before);
                sharers -= 1;
            }
            line::close(line);
        }
    }

    fn arrivals_mut(&mut self) -> impl Iterator<Item = &mut Arrival> {
        let sections = self.sections.iter_mut().filter(|section| !section.is_unspecified);
        sections.flat_map(|section| section.arrivals.lines_mut())
    }
}

/// How much of a text goes into so much room; `None`: too little to show anything.
fn text_length(text: &MessageText, room: usize) -> Option<usize> {
    let whole = text.text.len();
    if text.is_whole && line::text_overhead(text, whole, true) + whole <= room {
        return Some(whole);
    }
    // The longest number that the length may be written with, so that the sum can only be less.
    let length = room.checked_sub(line::text_overhead(text, room, false))?.min(whole);
    let length = text.text.floor_char_boundary(length);
    (length >= TEXT_BYTES_MIN).then_some(length)
}

fn push_group(out: &mut BytesMut, group: &Group<Bytes>, kind: Kind) {
    match group {
        Group::Sync => out.extend_from_slice(&kind.sync()),
        lines @ Group::Lines(_) => lines.lines().iter().for_each(|line| out.extend_from_slice(line)),
    }
}

fn sync(word: &str) -> Bytes {
    line::response(&Response::Sync(Some(word)), Names::Utf8)
}

/// A shorter beginning of a text shows nothing.
const TEXT_BYTES_MIN: usize = 48;
/// What [`line::close`] adds.
const END_BYTES: usize = 3;
