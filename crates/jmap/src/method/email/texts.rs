//! What the search index says of the texts that a filter looks for: which emails do not hold them for sure.
//!
//! The index knows every word that a condition could find, wherever it stands in the message; so an email that lacks one of
//! them need not be read.

use std::collections::{BTreeMap, BTreeSet};

use store::{MessageId, TextCandidates};

use super::filter::{Condition, words};
use crate::method::Context;

/// By text, what is known of each of its words.
#[derive(Debug, Default)]
pub(crate) struct Texts(BTreeMap<String, Vec<TextCandidates>>);

/// Asks the index about all texts of a filter.
pub(crate) async fn look_up(conditions: Vec<&Condition>, context: &Context<'_>) -> Texts {
    let wanted: BTreeSet<&str> = conditions.into_iter().flat_map(Condition::texts).collect();
    let wanted: Vec<String> = wanted.into_iter().map(str::to_owned).collect();
    let mut texts = Texts::default();
    let mut room = WORDS_MAX;
    for text in wanted {
        let mut known = Vec::new();
        // A phrase may stand across what the index keeps apart, its words can't.
        let words: BTreeSet<String> =
            words(&text).iter().flat_map(|phrase| phrase.split_whitespace()).map(str::to_owned).collect();
        for word in words.into_iter().take(room) {
            room -= 1;
            known.extend(context.server.store.text_candidates(context.access, &word).await);
        }
        texts.0.insert(text, known);
    }
    texts
}

impl Texts {
    /// Whether an email does not hold a text for sure.
    pub(crate) fn rule_out(&self, text: &str, email: MessageId) -> bool {
        self.0.get(text).is_some_and(|words| words.iter().any(|word| word.rules_out(email)))
    }
}

/// Words of one filter that the index is asked about; for more, emails are read instead.
const WORDS_MAX: usize = 16;
