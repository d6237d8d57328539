//! States (RFC 8620 §1.6.3): how far a client has been told about one type of one account.
//!
//! The store's epoch and a MODSEQ, `3-4711`; after an answer that stopped amidst one commit, also the number of the last
//! object told of it, `3-4711-12`. Another epoch, because a backup was restored, is a state from which no changes can be calculated.

use store::ModSeq;

#[cfg(test)]
mod tests;

/// A state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct State {
    /// The store's epoch.
    pub epoch: u64,
    /// Everything before this MODSEQ has been told.
    pub modseq: ModSeq,
    /// Of what has this MODSEQ, the objects up to this number have been told; `u64::MAX` for all.
    pub told: u64,
}

impl State {
    /// All up to a MODSEQ has been told.
    #[must_use]
    pub fn at(epoch: u64, modseq: ModSeq) -> Self {
        Self { epoch, modseq, told: u64::MAX }
    }

    /// Whether the change of an object at a MODSEQ has been told.
    #[must_use]
    pub fn covers(&self, modseq: ModSeq, number: u64) -> bool {
        (modseq, number) <= (self.modseq, self.told)
    }

    /// Reads what [`State::to_string`] wrote; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('-').map(number);
        let (epoch, modseq) = (numbers.next()??, ModSeq(numbers.next()??));
        let told = match numbers.next() {
            None => u64::MAX,
            Some(told) => told?,
        };
        if numbers.next().is_some() { None } else { Some(Self { epoch, modseq, told }) }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.epoch, self.modseq.0)?;
        if self.told == u64::MAX { Ok(()) } else { write!(f, "-{}", self.told) }
    }
}

fn number(text: &str) -> Option<u64> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_plain && *number <= i64::MAX.cast_unsigned())
}
