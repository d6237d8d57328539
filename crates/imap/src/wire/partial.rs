//! PARTIAL: one page of what a command finds (RFC 9394 §3 and §4, RFC 5267 §4.4).

use std::ops::Range;

use bytes::BytesMut;

use crate::wire::cursor::{Cursor, Parsed};
use crate::wire::encode::number;

/// A page: places in what was found, counted from 1, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartialRange {
    counted: Counted,
    /// The ends as the client wrote them, in either order: the answer repeats them.
    ends: (u32, u32),
}

/// Where counting begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// `1:10`: at what comes first.
    FromFirst,
    /// `-1:-10`: at what comes last.
    FromLast,
}

impl PartialRange {
    // partial-range = partial-range-first / partial-range-last
    // partial-range-first = nz-number ":" nz-number
    // partial-range-last = MINUS nz-number ":" MINUS nz-number
    /// Reads a range.
    pub fn parse(cursor: &mut Cursor<'_>) -> Parsed<Self> {
        let counted = if cursor.eat(b'-') { Counted::FromLast } else { Counted::FromFirst };
        let first = cursor.nz_number()?;
        cursor.expect(b':', "a colon")?;
        if counted == Counted::FromLast {
            cursor.expect(b'-', "a minus, as before the other end")?;
        }
        Ok(Self { counted, ends: (first, cursor.nz_number()?) })
    }

    /// The places of the page, from 0, in a list of this length; empty where the list does not reach.
    #[must_use]
    pub fn of(&self, length: usize) -> Range<usize> {
        let place = |end: u32| usize::try_from(end).unwrap_or(usize::MAX);
        let low = place(self.ends.0.min(self.ends.1)) - 1;
        let high = place(self.ends.0.max(self.ends.1)).min(length);
        match self.counted {
            _ if low >= high => 0..0,
            Counted::FromFirst => low..high,
            Counted::FromLast => length - high..length - low,
        }
    }

    /// Writes it as it was written.
    pub fn encode(&self, out: &mut BytesMut) {
        let minus: &[u8] = if self.counted == Counted::FromLast { b"-" } else { b"" };
        out.extend_from_slice(minus);
        number(out, u64::from(self.ends.0));
        out.extend_from_slice(b":");
        out.extend_from_slice(minus);
        number(out, u64::from(self.ends.1));
    }
}

#[cfg(test)]
mod tests;
