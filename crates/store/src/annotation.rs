//! Annotations of mailboxes and of accounts (RFC 5464): names of entries, and what is said of changes.

use crate::{Error, MailboxName, ModSeq, Result};

/// The name of an entry, in lower case: names are compared without regard to ASCII case.
///
/// At most 255 bytes of printable ASCII without `*` and `%`; `/private/..` or `/shared/..`; no empty component.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryName {
    scope: EntryScope,
    /// What follows the scope: `/comment`.
    path: String,
}

/// Who sees an entry (RFC 5464 §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryScope {
    /// Each reader has its own.
    Private,
    /// All who may see the mailbox.
    Shared,
}

impl EntryName {
    /// Checks a name.
    ///
    /// # Errors
    /// Invalid says which rule it breaks.
    pub fn new(name: &str) -> Result<Self> {
        let why = |why: &str| Err(Error::Invalid { what: "entry name", why: why.into() });
        let name = name.to_ascii_lowercase();
        let (scope, path) = if let Some(path) = name.strip_prefix("/private") {
            (EntryScope::Private, path)
        } else if let Some(path) = name.strip_prefix("/shared") {
            (EntryScope::Shared, path)
        } else {
            return why("neither below /private nor below /shared");
        };
        if name.len() > ENTRY_BYTES_MAX {
            return why("longer than 255 bytes");
        }
        // RFC 5464 §3.2: no "*", "%", control character or byte beyond ASCII, no empty component.
        if !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'*' && byte != b'%') {
            return why("characters that no entry may have");
        }
        if !path.starts_with('/') || path.split('/').skip(1).any(str::is_empty) {
            return why("an empty component");
        }
        Ok(Self { scope, path: path.to_owned() })
    }

    /// Who sees it.
    #[must_use]
    pub fn scope(&self) -> EntryScope {
        self.scope
    }

    /// What follows the scope, from its slash on.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// One that was checked before it was stored.
    pub(crate) fn stored(scope: EntryScope, path: String) -> Self {
        Self { scope, path }
    }
}

impl std::fmt::Display for EntryName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scope = match self.scope {
            EntryScope::Private => "/private",
            EntryScope::Shared => "/shared",
        };
        write!(f, "{scope}{}", self.path)
    }
}

/// An entry and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// Its name.
    pub name: EntryName,
    /// Its value: any octets.
    pub value: Vec<u8>,
}

/// Entries that have been set or removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnnotationChanges {
    /// The MODSEQ up to which this is complete: the next `since`.
    pub modseq: ModSeq,
    /// Where (`None`: the account as a whole) and which, by mailbox.
    pub changed: Vec<(Option<MailboxName>, EntryName)>,
}

/// Longest value of an entry, in bytes; a longer one is refused with Limit. RFC 5464 §4.1 asks for 1024 at least.
pub const ANNOTATION_BYTES_MAX: usize = 16 << 10;
/// Entries of a mailbox that are shared, and entries of it that one reader has; one more is refused with Limit.
pub const ANNOTATIONS_MAX: usize = 100;
/// Bytes of all shared entries of an account, and of those that one reader has there: names, values, and 64 for each
/// entry; more is refused with Limit.
pub const ANNOTATIONS_BYTES_MAX: u64 = 1 << 20;
const ENTRY_BYTES_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_compared_in_lower_case() {
        let cases = [
            ("/private/comment", Some("/private/comment")),
            ("/SHARED/Vendor/example/Color", Some("/shared/vendor/example/color")),
            ("/private", None),
            ("/private/", None),
            ("/privates/x", None),
            ("/shared//x", None),
            ("/shared/x/", None),
            ("/shared/x y", None),
            ("/shared/*", None),
            ("/shared/50%", None),
            ("/shared/größe", None),
            ("/comment", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(EntryName::new(name).ok().map(|name| name.to_string()).as_deref(), expected, "{name}");
        }
        assert!(EntryName::new(&format!("/shared/{}", "x".repeat(ENTRY_BYTES_MAX))).is_err());
    }
}
