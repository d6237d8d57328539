//! Sequence sets (RFC 9051 §9, `sequence-set`): which messages a command is about.
//!
//! A set keeps what the client wrote. What `*` is, and whether the numbers are UIDs, is known only where the
//! mailbox is: [`SeqSet::resolve`]. What `$` is (RFC 5182), only the client's view knows.

use std::ops::Range;

use bytes::BytesMut;

use crate::wire::cursor::{Cursor, Parsed};
use crate::wire::encode;

/// Most ranges in one set; more are BAD.
pub const SEQ_RANGES_MAX: usize = 16_384;

/// Whether a command's numbers (and its answers') are message sequence numbers or UIDs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// Message sequence numbers.
    Seq,
    /// UIDs: the command came with the prefix `UID`.
    Uid,
}

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeqBound {
    /// A number above zero.
    Number(u32),
    /// `*`: the largest number in use.
    Star,
}

/// `a:b` as written, in either order; a single number has two equal ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeqRange {
    /// The end written first.
    pub first: SeqBound,
    /// The end written last.
    pub last: SeqBound,
}

/// At least one range, or `$`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeqSet(Written);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Written {
    Ranges(Vec<SeqRange>),
    Saved,
}

impl SeqSet {
    // sequence-set = (seq-number / seq-range) ["," sequence-set] / seq-last-command
    // seq-last-command = "$"   (RFC 5182 §3)
    /// Reads a sequence set.
    pub fn parse(cursor: &mut Cursor<'_>) -> Parsed<Self> {
        if cursor.eat(b'$') {
            return Ok(Self(Written::Saved));
        }
        let mut ranges = Vec::new();
        loop {
            if ranges.len() == SEQ_RANGES_MAX {
                return Err(cursor.invalid("the sequence set has too many ranges"));
            }
            let first = bound(cursor)?;
            let last = if cursor.eat(b':') { bound(cursor)? } else { first };
            ranges.push(SeqRange { first, last });
            if !cursor.eat(b',') {
                return Ok(Self(Written::Ranges(ranges)));
            }
        }
    }

    /// `first:last`; zero counts as one.
    #[must_use]
    pub fn between(first: u32, last: u32) -> Self {
        let bound = |number: u32| SeqBound::Number(number.max(1));
        Self(Written::Ranges(vec![SeqRange { first: bound(first), last: bound(last) }]))
    }

    /// The set of these numbers; `None` if there are none.
    #[must_use]
    pub fn of(numbers: &NumberSet) -> Option<Self> {
        let ranges = numbers.ranges().iter();
        let ranges: Vec<SeqRange> = ranges
            .map(|&(low, high)| SeqRange { first: SeqBound::Number(low), last: SeqBound::Number(high) })
            .collect();
        (!ranges.is_empty()).then_some(Self(Written::Ranges(ranges)))
    }

    /// Whether a set begins at the cursor.
    #[must_use]
    pub fn begins(cursor: &Cursor<'_>) -> bool {
        matches!(cursor.peek(), Some(b'$' | b'*' | b'0'..=b'9'))
    }

    /// RFC 5182 §2.1: whether it is `$`, the result of the last search that was saved.
    #[must_use]
    pub fn is_saved(&self) -> bool {
        self.0 == Written::Saved
    }

    /// The ranges as written; none for `$`.
    #[must_use]
    pub fn ranges(&self) -> &[SeqRange] {
        match &self.0 {
            Written::Ranges(ranges) => ranges,
            Written::Saved => &[],
        }
    }

    /// The set with `*` replaced by `largest`: inclusive ranges, sorted, overlaps joined.
    ///
    /// RFC 9051 §9: `*` is the largest number in use, so `4294967295:*` holds the last message. An empty
    /// mailbox (`largest` 0) has no number for `*`: ranges with it are dropped.
    #[must_use]
    pub fn resolve(&self, largest: u32) -> NumberSet {
        let number = |bound| match bound {
            SeqBound::Number(number) => number,
            SeqBound::Star => largest,
        };
        let pairs = self.ranges().iter().map(|range| {
            let (a, b) = (number(range.first), number(range.last));
            (a.min(b), a.max(b))
        });
        NumberSet::from_ranges(pairs.filter(|&(low, _)| low > 0).collect())
    }
}

// seq-number = nz-number / "*"
fn bound(cursor: &mut Cursor<'_>) -> Parsed<SeqBound> {
    if cursor.eat(b'*') {
        return Ok(SeqBound::Star);
    }
    match cursor.peek() {
        Some(b'0'..=b'9') => cursor.nz_number().map(SeqBound::Number),
        _ => Err(cursor.expected("a message number or *")),
    }
}

/// Sorted, disjoint, non-adjacent inclusive ranges of numbers above zero.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NumberSet(Vec<(u32, u32)>);

impl NumberSet {
    /// Every number above zero.
    #[must_use]
    pub fn all() -> Self {
        Self(vec![(1, u32::MAX)])
    }

    /// From inclusive ranges in any order.
    #[must_use]
    pub fn from_ranges(mut ranges: Vec<(u32, u32)>) -> Self {
        ranges.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (low, high) in ranges {
            match joined.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => joined.push((low, high)),
            }
        }
        Self(joined)
    }

    /// From single numbers in rising order.
    #[must_use]
    pub fn from_sorted(numbers: impl IntoIterator<Item = u32>) -> Self {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for number in numbers {
            match ranges.last_mut() {
                Some(last) if number <= last.1.saturating_add(1) => last.1 = last.1.max(number),
                _ => ranges.push((number, number)),
            }
        }
        Self(ranges)
    }

    /// Whether `number` is in it.
    #[must_use]
    pub fn contains(&self, number: u32) -> bool {
        let after = self.0.partition_point(|&(low, _)| low <= number);
        after.checked_sub(1).and_then(|i| self.0.get(i)).is_some_and(|&(_, high)| number <= high)
    }

    /// The ranges, rising.
    #[must_use]
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// How many numbers there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.iter().map(|&(low, high)| width(low, high)).sum()
    }

    /// The numbers, rising.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        self.0.iter().flat_map(|&(low, high)| low..=high)
    }

    /// The numbers of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::from_ranges(self.0.iter().chain(&other.0).copied().collect())
    }

    /// The numbers that are not in the other.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut left = Vec::with_capacity(self.0.len());
        for &(low, high) in &self.0 {
            let mut next = Some(low);
            let first = other.0.partition_point(|&(_, last)| last < low);
            for &(from, to) in other.0.iter().skip(first).take_while(|&&(from, _)| from <= high) {
                if let Some(low) = next.filter(|&low| low < from) {
                    left.push((low, from - 1));
                }
                next = to.checked_add(1);
            }
            left.extend(next.filter(|&low| low <= high).map(|low| (low, high)));
        }
        Self(left)
    }

    /// The numbers at these places, counted from 0 in rising order.
    #[must_use]
    pub fn slice(&self, places: Range<usize>) -> Self {
        let mut ranges = Vec::new();
        let mut start = 0;
        for &(low, high) in &self.0 {
            let end = start + width(low, high);
            let (from, to) = (places.start.max(start), places.end.min(end));
            if from < to {
                let offset = |place: usize| u32::try_from(place - start).unwrap_or(u32::MAX);
                ranges.push((low.saturating_add(offset(from)), low.saturating_add(offset(to - 1))));
            }
            start = end;
        }
        Self(ranges)
    }

    /// Whether no number is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    // uid-set = (uniqueid / uid-range) ["," uid-set]
    /// Writes `1:3,7`. The set must not be empty: the grammar has no empty one.
    pub fn encode(&self, out: &mut BytesMut) {
        push_ranges(out, &self.0);
    }
}

/// Writes ranges in their order, each with its lower end first. There must be one.
pub fn push_ranges(out: &mut BytesMut, ranges: &[(u32, u32)]) {
    assert!(!ranges.is_empty(), "an empty set has no form on the wire");
    for (index, &(low, high)) in ranges.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b",");
        }
        encode::number(out, u64::from(low));
        if high > low {
            out.extend_from_slice(b":");
            encode::number(out, u64::from(high));
        }
    }
}

/// Numbers in an order of their own as ranges: what rises one by one is one range, which means the same order
/// to everybody (RFC 5267 §3.2).
#[must_use]
pub fn ranges_in_order(numbers: impl IntoIterator<Item = u32>) -> Vec<(u32, u32)> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some(last) if last.1.checked_add(1) == Some(number) => last.1 = number,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}

fn width(low: u32, high: u32) -> usize {
    usize::try_from(u64::from(high - low) + 1).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
