//! FilterConditions of emails (RFC 8621 §4.4.1).
//!
//! Each condition says whether it holds, or what more it has to see: first what lists know of an email, then the stored
//! columns, last the message itself, which is read only if all else does not decide.

use std::collections::BTreeSet;

use message::{AddressListRef, EnvelopeRef, Structure, Summary, fold};
use serde::Deserialize;
use store::{Flags, Keywords, MailboxId, MessageId, ThreadId};

use super::header;
use super::render::SYSTEM_KEYWORDS;
use super::texts::Texts;
use crate::wire::number::UnsignedInt;
use crate::wire::{date, id};

/// A condition; what is given holds together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Condition {
    pub(crate) in_mailbox: Option<String>,
    pub(crate) in_mailbox_other_than: Option<Vec<String>>,
    pub(crate) before: Option<UtcDate>,
    pub(crate) after: Option<UtcDate>,
    pub(crate) min_size: Option<UnsignedInt>,
    pub(crate) max_size: Option<UnsignedInt>,
    pub(crate) all_in_thread_have_keyword: Option<String>,
    pub(crate) some_in_thread_have_keyword: Option<String>,
    pub(crate) none_in_thread_have_keyword: Option<String>,
    pub(crate) has_keyword: Option<String>,
    pub(crate) not_keyword: Option<String>,
    pub(crate) has_attachment: Option<bool>,
    pub(crate) text: Option<String>,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) cc: Option<String>,
    pub(crate) bcc: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) header: Option<HeaderCondition>,
}

/// A UTCDate in an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct UtcDate(pub(crate) i64);

impl TryFrom<String> for UtcDate {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        date::parse_utc(&text).map(Self).ok_or("not a UTCDate")
    }
}

/// A field's name, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(crate) struct HeaderCondition {
    name: String,
    value: Option<String>,
}

impl TryFrom<Vec<String>> for HeaderCondition {
    type Error = &'static str;

    fn try_from(parts: Vec<String>) -> Result<Self, Self::Error> {
        let mut parts = parts.into_iter();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(name), value, None) => Ok(Self { name, value }),
            _ => Err("a header condition has one or two strings"),
        }
    }
}

/// An email as lists know it.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) id: MessageId,
    pub(crate) thread: ThreadId,
    pub(crate) received_at: i64,
    pub(crate) size: u32,
    pub(crate) flags: Flags,
    pub(crate) mailboxes: Vec<MailboxId>,
}

/// What is known of an email so far.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'f> {
    pub(crate) email: &'f Candidate,
    pub(crate) columns: Option<&'f Columns<'f>>,
    pub(crate) raw: Option<&'f [u8]>,
    pub(crate) lists: &'f Lists<'f>,
}

/// The stored columns of an email.
pub(crate) struct Columns<'c> {
    pub(crate) envelope: EnvelopeRef<'c>,
    pub(crate) summary: Summary,
    /// Only if the message may be read.
    pub(crate) structure: Option<Structure>,
}

/// What conditions ask of more than one email.
pub(crate) struct Lists<'l> {
    pub(crate) keywords: &'l Keywords,
    /// Flags of all emails, by thread; empty unless a condition asks for them.
    pub(crate) threads: &'l std::collections::HashMap<ThreadId, ThreadFlags>,
    /// What the search index knows.
    pub(crate) texts: &'l Texts,
}

/// Flags in a thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThreadFlags {
    pub(crate) all: Flags,
    pub(crate) some: Flags,
}

impl ThreadFlags {
    /// One more email is in the thread.
    pub(crate) fn add(&mut self, flags: Flags) {
        self.all.0 &= flags.0;
        self.some = self.some.union(flags);
    }
}

impl Condition {
    /// Whether it holds; `None` if more has to be read.
    pub(crate) fn holds(&self, facts: &Facts<'_>) -> Option<bool> {
        let is_ruled_out = |text| facts.lists.texts.rule_out(text, facts.email.id);
        if !self.listed_holds(facts) || self.texts().any(is_ruled_out) {
            return Some(false);
        }
        let texts = [
            (&self.from, Place::From),
            (&self.to, Place::To),
            (&self.cc, Place::Cc),
            (&self.bcc, Place::Bcc),
            (&self.subject, Place::Subject),
        ];
        let wants_columns = self.has_attachment.is_some() || texts.iter().any(|(text, _)| text.is_some());
        if wants_columns {
            let columns = facts.columns?;
            let is_right = |(text, place): (&Option<String>, Place)| {
                text.as_ref().is_none_or(|text| contains_words(text, &place.words(columns)))
            };
            let attachment = self.has_attachment;
            if !texts.into_iter().all(is_right)
                || attachment.is_some_and(|wanted| wanted != columns.summary.has_attachment)
            {
                return Some(false);
            }
        }
        if self.text.is_none() && self.body.is_none() && self.header.is_none() {
            return Some(true);
        }
        let (columns, raw) = (facts.columns?, facts.raw?);
        Some(self.message_holds(columns, raw))
    }

    fn listed_holds(&self, facts: &Facts<'_>) -> bool {
        let Candidate { thread, received_at, size, flags, mailboxes, .. } = facts.email;
        let has = |flags: Flags, keyword: &str| {
            bit(keyword, facts.lists.keywords).is_some_and(|bit| flags.contains(bit))
        };
        let nothing = ThreadFlags { all: Flags::default(), some: Flags::default() };
        let in_thread = facts.lists.threads.get(thread).copied().unwrap_or(nothing);
        let is_in = |id: &String| id::mailbox(id).is_some_and(|id| mailboxes.contains(&id));
        let other = |ids: &Vec<String>| {
            let named: BTreeSet<_> = ids.iter().filter_map(|id| id::mailbox(id)).collect();
            mailboxes.iter().any(|mailbox| !named.contains(mailbox))
        };
        self.in_mailbox.as_ref().is_none_or(is_in)
            && self.in_mailbox_other_than.as_ref().is_none_or(other)
            && self.before.is_none_or(|before| *received_at < before.0)
            && self.after.is_none_or(|after| *received_at >= after.0)
            && self.min_size.is_none_or(|min| u64::from(*size) >= min.0)
            && self.max_size.is_none_or(|max| u64::from(*size) < max.0)
            && self.has_keyword.as_ref().is_none_or(|keyword| has(*flags, keyword))
            && self.not_keyword.as_ref().is_none_or(|keyword| !has(*flags, keyword))
            && self.all_in_thread_have_keyword.as_ref().is_none_or(|keyword| has(in_thread.all, keyword))
            && self.some_in_thread_have_keyword.as_ref().is_none_or(|keyword| has(in_thread.some, keyword))
            && self.none_in_thread_have_keyword.as_ref().is_none_or(|keyword| !has(in_thread.some, keyword))
    }

    fn message_holds(&self, columns: &Columns<'_>, raw: &[u8]) -> bool {
        let Some(structure) = &columns.structure else { return false };
        let body = || {
            let leaves = structure.nodes().filter(|node| node.part.is_media_type("text"));
            leaves.map(|node| message::text(node.part, raw).text.into_owned()).collect::<Vec<_>>().join("\n")
        };
        let needs_body = self.text.is_some() || self.body.is_some();
        let body = if needs_body { body() } else { String::new() };
        let in_text = |text: &String| {
            // RFC 8621 §4.4.1: from, to, cc, bcc, subject and bodies.
            let places = [Place::From, Place::To, Place::Cc, Place::Bcc, Place::Subject];
            let mut all = places.map(|place| place.words(columns)).join("\n");
            all.push('\n');
            all.push_str(&body);
            contains_words(text, &all)
        };
        let in_header = |wanted: &HeaderCondition| {
            let fields = structure.fields().iter();
            let mut named =
                fields.filter(|field| field.name(raw).eq_ignore_ascii_case(wanted.name.as_bytes()));
            named.any(|field| {
                let value = header::text(&message::unfold(field.value(raw)));
                wanted.value.as_ref().is_none_or(|text| fold(&value).contains(&fold(text)))
            })
        };
        self.text.as_ref().is_none_or(in_text)
            && self.body.as_ref().is_none_or(|text| contains_words(text, &body))
            && self.header.as_ref().is_none_or(in_header)
    }

    /// Whether it asks for nothing but a mailbox.
    pub(crate) fn is_only_a_mailbox(&self) -> bool {
        *self == Self { in_mailbox: self.in_mailbox.clone(), ..Self::default() }
    }

    /// Texts that it looks for, wherever that is.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let all = [&self.text, &self.from, &self.to, &self.cc, &self.bcc, &self.subject, &self.body];
        let header = self.header.as_ref().and_then(|header| header.value.as_deref());
        all.into_iter().filter_map(|text| text.as_deref()).chain(header)
    }

    /// Whether it asks for what only the message itself says.
    pub(crate) fn asks_for_message(&self) -> bool {
        self.text.is_some() || self.body.is_some() || self.header.is_some()
    }

    /// Whether it asks for the other emails of a thread.
    pub(crate) fn asks_for_threads(&self) -> bool {
        self.all_in_thread_have_keyword.is_some()
            || self.some_in_thread_have_keyword.is_some()
            || self.none_in_thread_have_keyword.is_some()
    }
}

/// Where in an email a text is looked for.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    From,
    To,
    Cc,
    Bcc,
    Subject,
}

impl Place {
    fn words(self, columns: &Columns<'_>) -> String {
        let list = |list: AddressListRef<'_>| {
            let mut words = String::new();
            for address in list.iter() {
                words.push_str(&address.decoded_name().unwrap_or_default());
                words.push(' ');
                words.push_str(&header::email(&address));
                words.push('\n');
            }
            words
        };
        let envelope = &columns.envelope;
        match self {
            Self::From => list(envelope.from),
            Self::To => list(envelope.to),
            Self::Cc => list(envelope.cc),
            Self::Bcc => list(envelope.bcc),
            Self::Subject => envelope.subject.map(header::text).unwrap_or_default(),
        }
    }
}

/// The bit of a keyword, if the account has it.
pub(crate) fn bit(keyword: &str, keywords: &Keywords) -> Option<Flags> {
    let system = SYSTEM_KEYWORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(keyword));
    system.map(|(_, flag)| *flag).or_else(|| keywords.bit(keyword))
}

/// RFC 8621 §4.4.1: all words that are looked for are there, in any order; what is quoted is one.
fn contains_words(wanted: &str, text: &str) -> bool {
    let text = fold(text);
    words(wanted).iter().all(|word| text.contains(word.as_str()))
}

/// What a text of a filter looks for: words, and phrases in quotes, without regard to case.
pub(crate) fn words(wanted: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, piece) in wanted.split('"').enumerate() {
        let piece = fold(piece);
        let is_phrase = at % 2 == 1;
        match is_phrase {
            true => words.extend(Some(piece.trim().to_owned()).filter(|phrase| !phrase.is_empty())),
            false => words.extend(piece.split_whitespace().map(str::to_owned)),
        }
    }
    words
}

/// Every property of a condition.
pub(crate) const CONDITIONS: [&str; 20] = [
    "inMailbox",
    "inMailboxOtherThan",
    "before",
    "after",
    "minSize",
    "maxSize",
    "allInThreadHaveKeyword",
    "someInThreadHaveKeyword",
    "noneInThreadHaveKeyword",
    "hasKeyword",
    "notKeyword",
    "hasAttachment",
    "text",
    "from",
    "to",
    "cc",
    "bcc",
    "subject",
    "body",
    "header",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_order_and_phrases_as_they_stand() {
        let text = "The Quick brown\nfox, café";
        for (wanted, found) in [
            ("quick", true),
            ("fox quick", true),
            ("\"quick brown\"", true),
            ("\"brown quick\"", false),
            ("CAFÉ", true),
            ("quick dog", false),
            ("", true),
            ("uick", true),
            ("the \"brown\nfox\"", true),
        ] {
            assert_eq!(contains_words(wanted, text), found, "{wanted:?}");
        }
    }
}
