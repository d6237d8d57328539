//! Answers that are given again while nothing has changed: clients ask for the same page whenever they are looked at.
//!
//! Kept are answers of methods that depend on nothing but their arguments and the account, with the account's revision at the
//! time. One is given only for the same revision, which is read from the store each time: another process may have written.
//! Read before the answer is worked out, the revision is never later than what it says, so that no old answer passes for a new
//! one.

use std::collections::HashMap;

use parking_lot::Mutex;
use serde_json::Value;
use store::{AccountId, Revision};

use super::Arguments;

/// Answers of all accounts.
#[derive(Default)]
pub(crate) struct Answers {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    answers: HashMap<Question, (Revision, Arguments)>,
    octets: usize,
}

/// What was asked, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question([u8; 32]);

impl Question {
    /// One that is worth keeping the answer of; `None` for others.
    pub(crate) fn new(account: AccountId, method: &str, arguments: &Arguments) -> Option<Self> {
        if !METHODS.contains(&method) {
            return None;
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(&account.0.to_le_bytes()).update(method.as_bytes()).update(&[0]);
        hasher.update(&serde_json::to_vec(arguments).ok()?);
        Some(Self(*hasher.finalize().as_bytes()))
    }
}

impl Answers {
    /// The answer, if there is one for this revision.
    pub(crate) fn find(&self, question: &Question, revision: Revision) -> Option<Arguments> {
        let kept = self.kept.lock();
        kept.answers.get(question).filter(|(at, _)| *at == revision).map(|(_, answer)| answer.clone())
    }

    /// Keeps an answer in the place of an earlier one.
    pub(crate) fn keep(&self, question: Question, revision: Revision, answer: &Arguments) {
        let octets = size(answer);
        if octets > ANSWER_OCTETS_MAX {
            return;
        }
        let answer = answer.clone();
        let mut kept = self.kept.lock();
        if kept.octets.saturating_add(octets) > OCTETS_MAX {
            *kept = Kept::default();
        }
        let before = kept.answers.insert(question, (revision, answer));
        let freed = before.map_or(0, |(_, before)| size(&before));
        kept.octets = kept.octets.saturating_add(octets).saturating_sub(freed);
    }
}

/// The memory of an answer, about.
fn size(answer: &Arguments) -> usize {
    let of_fields = |fields: &Arguments| {
        fields.iter().map(|(name, value)| name.len() + VALUE_OCTETS + size_of_value(value)).sum()
    };
    of_fields(answer)
}

fn size_of_value(value: &Value) -> usize {
    VALUE_OCTETS
        + match value {
            Value::String(text) => text.len(),
            Value::Array(elements) => elements.iter().map(size_of_value).sum(),
            Value::Object(fields) => size(fields),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

/// Methods whose answers depend on their arguments and the account alone.
const METHODS: [&str; 3] = ["Email/query", "Email/get", "Thread/get"];
/// A larger answer is not kept.
const ANSWER_OCTETS_MAX: usize = 256 * 1024;
/// Of all answers together; with one more, all are forgotten.
const OCTETS_MAX: usize = 64 << 20;
/// What a value costs beside its text.
const VALUE_OCTETS: usize = 32;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arguments(value: &Value) -> Arguments {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn an_answer_is_given_again_for_the_same_question_and_revision_only() {
        let answers = Answers::default();
        let question = |account: u64, method: &str, ids: &str| {
            Question::new(AccountId(account), method, &arguments(&json!({ "ids": [ids] })))
        };
        assert_eq!(question(1, "Email/set", "M1"), None);
        let asked = question(1, "Email/get", "M1").unwrap();
        let said = arguments(&json!({ "list": [1] }));
        answers.keep(asked, Revision::new(3, 1), &said);
        assert_eq!(answers.find(&asked, Revision::new(3, 1)), Some(said));
        for (other, revision) in [
            (asked, Revision::new(4, 1)),
            (asked, Revision::new(3, 2)),
            (question(2, "Email/get", "M1").unwrap(), Revision::new(3, 1)),
            (question(1, "Email/get", "M2").unwrap(), Revision::new(3, 1)),
            (question(1, "Thread/get", "M1").unwrap(), Revision::new(3, 1)),
        ] {
            assert_eq!(answers.find(&other, revision), None);
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let answers = Answers::default();
        let large = arguments(&json!({ "text": "x".repeat(ANSWER_OCTETS_MAX - 1000) }));
        let question =
            |number: u64| Question::new(AccountId(number), "Email/get", &Arguments::new()).unwrap();
        for number in 0..600 {
            answers.keep(question(number), Revision::new(1, 1), &large);
            assert!(answers.kept.lock().octets <= OCTETS_MAX);
        }
        assert!(answers.find(&question(599), Revision::new(1, 1)).is_some());
        assert!(answers.find(&question(0), Revision::new(1, 1)).is_none());
        let larger = arguments(&json!({ "text": "x".repeat(ANSWER_OCTETS_MAX) }));
        answers.keep(question(1000), Revision::new(1, 1), &larger);
        assert!(answers.find(&question(1000), Revision::new(1, 1)).is_none());
        let before = answers.kept.lock().octets;
        answers.keep(question(599), Revision::new(2, 1), &large);
        assert_eq!(answers.kept.lock().octets, before, "in the place of the earlier one");
    }
}
