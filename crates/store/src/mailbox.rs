//! Mailboxes: names, uses and counts.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use crate::{MailboxId, ModSeq, UidValidity};

/// A mailbox as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Its id, which survives RENAME.
    pub id: MailboxId,
    /// Its full name.
    pub name: MailboxName,
    /// What it is for (RFC 6154).
    pub special_use: Option<SpecialUse>,
    /// Whether the user is subscribed to it.
    pub subscribed: bool,
    /// UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// The UID that the next message will get, at least.
    pub uid_next: u32,
    /// HIGHESTMODSEQ: the last change of a message in it.
    pub highest_modseq: ModSeq,
    /// Messages in it.
    pub messages: u32,
    /// Messages in it without `\Seen`.
    pub unseen: u32,
    /// Messages in it with `\Deleted`.
    pub deleted: u32,
    /// The sum of their sizes in bytes.
    pub size: u64,
}

/// A full mailbox name in UTF-8 with `/` between levels; `INBOX` in capitals.
///
/// At most 1,000 bytes and 20 levels; no empty level, no control characters; in Unicode's composed form (NFC).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxName(String);

impl MailboxName {
    /// Checks a name. INBOX in any case becomes `INBOX`, also as the first of several levels, and what can be written in
    /// several ways is written in one.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] says which rule it breaks.
    pub fn new(name: &str) -> crate::Result<Self> {
        let why = |why: &str| Err(crate::Error::Invalid { what: "mailbox name", why: why.into() });
        // RFC 9051 §5.1: Net-Unicode (RFC 5198 §2), so that what looks the same is the same.
        let name = match is_nfc_quick(name.chars()) {
            IsNormalized::Yes => Cow::Borrowed(name),
            IsNormalized::No | IsNormalized::Maybe => Cow::Owned(name.nfc().collect()),
        };
        if name.is_empty() || name.split('/').any(str::is_empty) {
            return why("a level is empty");
        }
        if name.len() > NAME_BYTES_MAX {
            return why("longer than 1000 bytes");
        }
        if name.split('/').count() > LEVELS_MAX {
            return why("more than 20 levels");
        }
        if name.chars().any(|character| character.is_control() || is_line_end(character)) {
            return why("control characters");
        }
        // RFC 9051 §5.1: INBOX is the one name that is compared without regard to case.
        let (first, rest) = name.split_at(name.find('/').unwrap_or(name.len()));
        if first.eq_ignore_ascii_case("INBOX") {
            return Ok(Self(format!("INBOX{rest}")));
        }
        Ok(Self(name.into_owned()))
    }

    /// The INBOX.
    #[must_use]
    pub fn inbox() -> Self {
        Self("INBOX".to_owned())
    }

    /// One that was checked before it was stored.
    pub(crate) fn stored(name: String) -> Self {
        Self(name)
    }

    /// The name, UTF-8.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is kept for others' mailboxes: no account has an own one of this name.
    #[must_use]
    pub fn is_of_others(&self) -> bool {
        let below = self.0.strip_prefix(crate::OTHER_USERS);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The name one level up, if there is one.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.to_owned()))
    }
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This mailbox.
    Id(MailboxId),
    /// The mailbox of this name; INBOX when there is none.
    NameOrInbox(MailboxName),
    /// The mailbox with this use; INBOX when there is none.
    UseOrInbox(SpecialUse),
}

/// What a mailbox is for (RFC 6154 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpecialUse {
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

/// LINE SEPARATOR and PARAGRAPH SEPARATOR, which Net-Unicode does without.
fn is_line_end(character: char) -> bool {
    matches!(character, '\u{2028}' | '\u{2029}')
}

const NAME_BYTES_MAX: usize = 1000;
const LEVELS_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_form_or_none() {
        let cases = [
            ("a/b", Some("a/b")),
            ("inBox/x", Some("INBOX/x")),
            ("Cafe\u{301}", Some("Caf\u{e9}")),
            ("Caf\u{e9}", Some("Caf\u{e9}")),
            ("\u{212b}ngstr\u{f6}m", Some("\u{c5}ngstr\u{f6}m")),
            ("", None),
            ("a//b", None),
            ("a\u{7}b", None),
            ("a\u{2028}b", None),
        ];
        for (name, expected) in cases {
            assert_eq!(MailboxName::new(name).ok().as_ref().map(MailboxName::as_str), expected, "{name:?}");
        }
        // Three bytes that become six.
        assert!(MailboxName::new(&"\u{958}".repeat(300)).is_err());
    }
}
