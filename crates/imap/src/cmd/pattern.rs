//! The patterns of LIST and LSUB (RFC 9051 §6.3.9): `*` is anything, `%` anything within one level.

use crate::wire::mailbox::composed;

/// A pattern joined with its reference, ready to match names.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Vec<char>);

impl Pattern {
    /// RFC 9051 §6.3.9: the reference stands before the pattern, unless that begins at the root.
    pub(crate) fn new(reference: &str, pattern: &str) -> Self {
        let joined = match pattern.strip_prefix('/') {
            Some(rooted) => rooted.to_owned(),
            None => format!("{reference}{pattern}"),
        };
        let joined = composed(&joined);
        // RFC 9051 §5.1: INBOX is one name in any case.
        let (first, rest) = joined.split_at(joined.find('/').unwrap_or(joined.len()));
        let first = if first.eq_ignore_ascii_case("INBOX") { "INBOX" } else { first };
        Self(first.chars().chain(rest.chars()).collect())
    }

    /// Whether a name is meant. Takes time proportional to the product of both lengths.
    pub(crate) fn matches(&self, name: &str) -> bool {
        // reachable[i]: the pattern's first i characters match what has been read of the name.
        let mut reachable = vec![false; self.0.len() + 1];
        if let Some(start) = reachable.first_mut() {
            *start = true;
        }
        self.skip_wildcards(&mut reachable);
        for character in name.chars() {
            let mut next = vec![false; self.0.len() + 1];
            for (place, wanted) in self.0.iter().enumerate() {
                if !reachable.get(place).copied().unwrap_or(false) {
                    continue;
                }
                let (stays, passes) = match wanted {
                    '*' => (true, false),
                    '%' => (character != '/', false),
                    wanted => (false, *wanted == character),
                };
                set(&mut next, place, stays);
                set(&mut next, place + 1, passes);
            }
            self.skip_wildcards(&mut next);
            reachable = next;
        }
        reachable.last().copied().unwrap_or(false)
    }

    /// A wildcard may stand for nothing.
    fn skip_wildcards(&self, reachable: &mut [bool]) {
        for (place, wanted) in self.0.iter().enumerate() {
            let here = reachable.get(place).copied().unwrap_or(false);
            set(reachable, place + 1, here && matches!(wanted, '*' | '%'));
        }
    }
}

fn set(states: &mut [bool], place: usize, value: bool) {
    if let Some(state) = states.get_mut(place) {
        *state |= value;
    }
}

#[cfg(test)]
mod tests;
