//! A client's message set in pieces, so that a command over a whole mailbox holds a piece at a time.

use std::collections::VecDeque;

use store::{Entry, Uid};

use crate::reply::Failure;
use crate::session::view::ClientView;
use crate::wire::partial::PartialRange;
use crate::wire::set::{NumberSet, Numbering, SeqSet};

/// Messages that are read at once.
pub(crate) const READ_BATCH: usize = 256;
/// Messages that are written at once: one commit each, behind which no delivery waits for long.
pub(crate) const WRITE_BATCH: usize = 2_000;

/// What is left of a set.
pub(crate) struct Batches(VecDeque<(u32, u32)>);

impl Batches {
    /// A page of a client's set (RFC 9394 §3.3); BAD for sequence numbers that no message has.
    pub(crate) fn page(
        view: &ClientView,
        (set, numbering): (&SeqSet, Numbering),
        page: PartialRange,
    ) -> Result<Self, Failure> {
        let seqs = seqs_of(view, set, numbering)?;
        let places = page.of(seqs.count());
        Ok(Self(seqs.slice(places).ranges().to_vec().into()))
    }

    /// Messages by sequence number.
    pub(crate) fn of(seqs: &NumberSet) -> Self {
        Self(seqs.ranges().to_vec().into())
    }

    /// How many messages are left.
    pub(crate) fn count(&self) -> usize {
        let Self(ranges) = self;
        ranges
            .iter()
            .map(|&(first, last)| usize::try_from(last - first).map_or(usize::MAX, |more| more + 1))
            .sum()
    }

    /// The next messages in order, at most `max`; `None` at the end.
    pub(crate) fn next(&mut self, view: &ClientView, max: usize) -> Option<Vec<(u32, Entry)>> {
        let mut batch = Vec::new();
        while batch.len() < max {
            let Some((first, last)) = self.0.pop_front() else { break };
            let room = u32::try_from(max - batch.len()).unwrap_or(u32::MAX);
            let end = last.min(first.saturating_add(room - 1));
            batch.extend(view.entries(first, end));
            if end < last {
                self.0.push_front((end + 1, last));
            }
        }
        (!batch.is_empty()).then_some(batch)
    }
}

/// The UIDs of a batch.
pub(crate) fn uids(batch: &[(u32, Entry)]) -> Vec<Uid> {
    batch.iter().map(|(_, entry)| entry.uid).collect()
}

/// A client's set as sequence numbers; BAD for those that no message has.
pub(crate) fn seqs_of(view: &ClientView, set: &SeqSet, numbering: Numbering) -> Result<NumberSet, Failure> {
    let ranges = view.resolve(set, numbering).map_err(|_| Failure::no_such_message())?;
    Ok(NumberSet::from_ranges(ranges))
}

/// The UIDs of messages by sequence number, rising.
pub(crate) fn uids_of(view: &ClientView, seqs: &NumberSet) -> Vec<Uid> {
    let mut batches = Batches::of(seqs);
    let mut all = Vec::new();
    while let Some(batch) = batches.next(view, WRITE_BATCH) {
        all.extend(uids(&batch));
    }
    all
}
