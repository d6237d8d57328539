//! ORDEREDSUBJECT (RFC 5256 §3): what has the same base subject is one thread, its first message above all others.

use std::collections::BTreeMap;

use super::Message;
use crate::wire::thread::Threads;

/// The threads, in the order in which they began.
pub(super) fn ordered_subject(mut messages: Vec<Message>) -> Threads {
    messages.sort_unstable_by_key(|message| (message.sent_at, message.number));
    let mut threads = Threads {
        numbers: messages.iter().map(|message| Some(message.number)).collect(),
        children: vec![Vec::new(); messages.len()],
        roots: Vec::new(),
    };
    // From the first of each subject on, all that follow are its children.
    let mut firsts: BTreeMap<Option<u64>, usize> = BTreeMap::new();
    for (place, message) in messages.iter().enumerate() {
        let first = *firsts.entry(message.subject).or_insert(place);
        if first == place {
            threads.roots.push(place);
        } else if let Some(children) = threads.children.get_mut(first) {
            children.push(place);
        }
    }
    threads
}

#[cfg(test)]
mod tests;
