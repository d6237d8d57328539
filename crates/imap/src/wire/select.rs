//! SELECT and EXAMINE with their parameters (RFC 9051 §6.3.2, RFC 4466 §2.1, RFC 7162 §3.1.8 and §3.2.5).

use std::ops::RangeInclusive;

use crate::wire::cursor::{Cursor, Empty, ListBounds, Parsed};
use crate::wire::mailbox::mailbox;
use crate::wire::set::{SeqBound, SeqSet};

/// Most pairs of sequence number and UID that are compared; what comes after them is passed over.
pub const SEQ_MATCH_MAX: usize = 1024;

/// SELECT and EXAMINE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select {
    /// The mailbox.
    pub mailbox: String,
    /// RFC 7162 §3.1.8: `(CONDSTORE)` was given.
    pub condstore: bool,
    /// RFC 7162 §3.2.5: what the client knows of the mailbox.
    pub resync: Option<Resync>,
}

/// The parameter QRESYNC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resync {
    /// The UIDVALIDITY that the client's UIDs belong to.
    pub uid_validity: u32,
    /// The client knows everything up to here.
    pub modseq: u64,
    /// The messages that it has; `None` for all there were.
    pub known_uids: Option<SeqSet>,
    /// Sequence numbers and the UIDs that they were.
    pub seq_match: Option<(SeqSet, SeqSet)>,
}

impl Resync {
    /// The pairs of sequence number and UID that the client remembers, as it gave them.
    pub fn matches(&self) -> impl Iterator<Item = (u32, u32)> {
        let pairs = |(seqs, uids)| numbers(seqs).zip(numbers(uids));
        self.seq_match.iter().map(|(seqs, uids)| (seqs, uids)).flat_map(pairs).take(SEQ_MATCH_MAX)
    }
}

/// The numbers of a set without `*`, one by one.
fn numbers(set: &SeqSet) -> impl Iterator<Item = u32> {
    set.ranges().iter().flat_map(|range| match (range.first, range.last) {
        (SeqBound::Number(a), SeqBound::Number(b)) => a.min(b)..=a.max(b),
        _ => RangeInclusive::new(1, 0),
    })
}

// select = "SELECT" SP mailbox [SP "(" select-param *(SP select-param) ")"]
/// The arguments of SELECT and EXAMINE.
pub fn select(cursor: &mut Cursor<'_>) -> Parsed<Select> {
    let mut select = Select { mailbox: mailbox(cursor)?, condstore: false, resync: None };
    if cursor.eat(b' ') {
        cursor.list(ListBounds { max: 8, empty: Empty::Refused }, |cursor| {
            let start = cursor.clone();
            match cursor.keyword("a parameter")?.as_str() {
                "CONDSTORE" => select.condstore = true,
                "QRESYNC" if select.resync.is_none() => {
                    cursor.sp()?;
                    select.resync = Some(resync(cursor)?);
                }
                "QRESYNC" => return Err(start.invalid("QRESYNC stands twice")),
                _ => return Err(start.invalid("there is no such parameter")),
            }
            Ok(())
        })?;
    }
    cursor.end()?;
    Ok(select)
}

// select-param =/ "QRESYNC" SP "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"
// seq-match-data = "(" known-sequence-set SP known-uid-set ")"
fn resync(cursor: &mut Cursor<'_>) -> Parsed<Resync> {
    cursor.expect(b'(', "an opening parenthesis")?;
    let uid_validity = cursor.nz_number()?;
    cursor.sp()?;
    let modseq = cursor.number64()?;
    let mut resync = Resync { uid_validity, modseq, known_uids: None, seq_match: None };
    let mut has_more = cursor.eat(b' ');
    if has_more && cursor.peek() != Some(b'(') {
        resync.known_uids = Some(closed_set(cursor)?);
        has_more = cursor.eat(b' ');
    }
    if has_more {
        cursor.expect(b'(', "an opening parenthesis")?;
        let seqs = closed_set(cursor)?;
        cursor.sp()?;
        let uids = closed_set(cursor)?;
        cursor.expect(b')', "a closing parenthesis")?;
        resync.seq_match = Some((seqs, uids));
    }
    cursor.expect(b')', "a closing parenthesis")?;
    Ok(resync)
}

// known-uids = sequence-set ; "*" is not allowed, and what "$" was is over
fn closed_set(cursor: &mut Cursor<'_>) -> Parsed<SeqSet> {
    let start = cursor.clone();
    let set = SeqSet::parse(cursor)?;
    let has_star = set.ranges().iter().any(|range| [range.first, range.last].contains(&SeqBound::Star));
    if has_star || set.is_saved() { Err(start.invalid("* and $ have no meaning here")) } else { Ok(set) }
}

#[cfg(test)]
mod tests;
