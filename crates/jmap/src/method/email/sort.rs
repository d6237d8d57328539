//! The order of emails (RFC 8621 §4.4.2).

use std::cmp::Ordering;
use std::collections::HashMap;

use message::{AddressListRef, EnvelopeRef, Summary, base_subject};
use store::{Flags, Keywords, MessageId, ThreadId};

use super::filter::{Candidate, ThreadFlags, bit};
use crate::method::query::Comparator;
use crate::reply::MethodError;
use crate::session::EMAIL_SORTS;

/// What emails are compared by that lists don't know, for one email.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    from: String,
    to: String,
    subject: String,
    sent_at: Option<i64>,
}

impl Keys {
    /// From the stored columns.
    pub(crate) fn new(envelope: &EnvelopeRef<'_>, summary: &Summary) -> Self {
        // RFC 8621 §4.4.2: the first address' name, or else its email.
        let first = |list: AddressListRef<'_>| {
            let first = list.iter().find(|address| address.host.is_some());
            let name = first.and_then(|first| first.decoded_name().filter(|name| !name.trim().is_empty()));
            let shown = name.or_else(|| first.map(|first| super::header::email(&first)));
            shown.unwrap_or_default().trim().to_lowercase()
        };
        let subject = envelope.subject.map(|subject| base_subject(subject).text.to_lowercase());
        Self {
            from: first(envelope.from),
            to: first(envelope.to),
            subject: subject.unwrap_or_default(),
            sent_at: summary.sent.map(|sent| sent.unix_seconds),
        }
    }
}

/// Checks comparators.
///
/// # Errors
/// unsupportedSort; invalidArguments if a keyword is missing.
pub(crate) fn check(comparators: &[Comparator]) -> Result<(), MethodError> {
    for comparator in comparators {
        comparator.check(&EMAIL_SORTS)?;
        if comparator.property.ends_with("Keyword") && comparator.keyword.is_none() {
            return Err(MethodError::InvalidArguments("sort: a keyword is missing".to_owned()));
        }
    }
    Ok(())
}

/// Whether the stored columns are needed.
pub(crate) fn needs_keys(comparators: &[Comparator]) -> bool {
    comparators.iter().any(|comparator| matches!(&*comparator.property, "from" | "to" | "subject" | "sentAt"))
}

/// Whether the other emails of a thread are needed.
pub(crate) fn needs_threads(comparators: &[Comparator]) -> bool {
    comparators.iter().any(|comparator| comparator.property.contains("InThread"))
}

/// What is compared.
pub(crate) struct Order<'o> {
    pub(crate) comparators: &'o [Comparator],
    pub(crate) keywords: &'o Keywords,
    pub(crate) keys: &'o HashMap<MessageId, Keys>,
    pub(crate) threads: &'o HashMap<ThreadId, ThreadFlags>,
}

impl Order<'_> {
    /// Sorts; what nothing distinguishes stands in the order of arrival, the newest first unless that order is turned round.
    pub(crate) fn sort(&self, emails: &mut [Candidate]) {
        let is_oldest_first =
            matches!(self.comparators, [by] if by.property == "receivedAt" && by.is_ascending);
        emails.sort_unstable_by(|a, b| {
            let by = |comparator: &Comparator| {
                let ordering = self.compare(comparator, a, b);
                if comparator.is_ascending { ordering } else { ordering.reverse() }
            };
            let decided = self.comparators.iter().map(by).find(|ordering| *ordering != Ordering::Equal);
            decided.unwrap_or_else(|| {
                let newest_first = (b.received_at, b.id).cmp(&(a.received_at, a.id));
                if is_oldest_first { newest_first.reverse() } else { newest_first }
            })
        });
    }

    fn compare(&self, comparator: &Comparator, a: &Candidate, b: &Candidate) -> Ordering {
        let none = Keys::default();
        let (keys_a, keys_b) = (self.keys.get(&a.id).unwrap_or(&none), self.keys.get(&b.id).unwrap_or(&none));
        let bit = comparator.keyword.as_deref().and_then(|keyword| bit(keyword, self.keywords));
        let has = |flags: Flags| bit.is_some_and(|bit| flags.contains(bit));
        let thread = |email: &Candidate, pick: fn(&ThreadFlags) -> Flags| {
            self.threads.get(&email.thread).is_some_and(|flags| has(pick(flags)))
        };
        match &*comparator.property {
            "receivedAt" => a.received_at.cmp(&b.received_at),
            "size" => a.size.cmp(&b.size),
            "from" => keys_a.from.cmp(&keys_b.from),
            "to" => keys_a.to.cmp(&keys_b.to),
            "subject" => keys_a.subject.cmp(&keys_b.subject),
            "sentAt" => keys_a.sent_at.unwrap_or(a.received_at).cmp(&keys_b.sent_at.unwrap_or(b.received_at)),
            // RFC 8621 §4.4.2: descending puts those first that have it.
            "hasKeyword" => has(a.flags).cmp(&has(b.flags)),
            "allInThreadHaveKeyword" => thread(a, |flags| flags.all).cmp(&thread(b, |flags| flags.all)),
            _ => thread(a, |flags| flags.some).cmp(&thread(b, |flags| flags.some)),
        }
    }
}
