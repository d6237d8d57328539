//! Rights to mailboxes (RFC 4314): the set, and who has been given which.

use crate::MailboxName;

/// Rights to a mailbox, as a set (RFC 4314 §2.1). The owner of a mailbox always has all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights(u16);

impl Rights {
    /// No right.
    pub const NONE: Self = Self(0);
    /// `l`: it is there for the reader. Without this one none of the others is of use, and every call answers as for a
    /// mailbox that does not exist.
    pub const LOOKUP: Self = Self(1);
    /// `r`: messages are read.
    pub const READ: Self = Self(1 << 1);
    /// `s`: `\Seen` is changed.
    pub const SEEN: Self = Self(1 << 2);
    /// `w`: other flags but `\Deleted` are changed.
    pub const WRITE: Self = Self(1 << 3);
    /// `i`: messages are put there.
    pub const INSERT: Self = Self(1 << 4);
    /// `p`: mail is posted there.
    pub const POST: Self = Self(1 << 5);
    /// `k`: mailboxes are made below it.
    pub const CREATE: Self = Self(1 << 6);
    /// `x`: it is deleted or renamed.
    pub const DELETE: Self = Self(1 << 7);
    /// `t`: `\Deleted` is changed.
    pub const DELETE_MESSAGES: Self = Self(1 << 8);
    /// `e`: messages are expunged.
    pub const EXPUNGE: Self = Self(1 << 9);
    /// `a`: rights are given and taken.
    pub const ADMINISTER: Self = Self(1 << 10);
    /// Every right.
    pub const ALL: Self = Self((1 << 11) - 1);

    /// Each right with its letter, in the order of RFC 4314 §2.1.
    pub const LETTERS: [(char, Self); 11] = [
        ('l', Self::LOOKUP),
        ('r', Self::READ),
        ('s', Self::SEEN),
        ('w', Self::WRITE),
        ('i', Self::INSERT),
        ('p', Self::POST),
        ('k', Self::CREATE),
        ('x', Self::DELETE),
        ('t', Self::DELETE_MESSAGES),
        ('e', Self::EXPUNGE),
        ('a', Self::ADMINISTER),
    ];

    /// Whether all of `other` are there.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is there.
    #[must_use]
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Those of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) fn stored(bits: i64) -> Self {
        Self(u16::try_from(bits).unwrap_or_default() & Self::ALL.0)
    }

    pub(crate) fn bits(self) -> i64 {
        i64::from(self.0)
    }
}

/// Whose rights an entry of an access control list is about (RFC 4314 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier {
    /// An account's name or alias, or `anyone`: every account.
    pub name: String,
    /// Whether the rights are given or taken away.
    pub sign: Sign,
}

/// Whether an entry gives rights or takes them away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// It gives them.
    Positive,
    /// It takes them away, whatever other entries give (RFC 4314 §2, "negative right").
    Negative,
}

/// How an entry is changed (RFC 4314 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RightsChange {
    /// To exactly these; none removes the entry.
    Replace(Rights),
    /// These are added.
    Add(Rights),
    /// These are removed.
    Remove(Rights),
}

/// An entry of a mailbox's access control list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclEntry {
    /// Whose, by the account's own name.
    pub identifier: Identifier,
    /// Which.
    pub rights: Rights,
}

/// A mailbox of another account that the reader may look up.
#[derive(Clone, Debug)]
pub struct SharedMailbox {
    /// The owner's name.
    pub owner: String,
    /// Leads to it.
    pub access: crate::Access,
    /// As it stands; `subscribed` says nothing here.
    pub mailbox: crate::Mailbox,
    /// What the reader may do with it.
    pub rights: Rights,
}

impl SharedMailbox {
    /// The name by which the reader knows it. A name that is too long for that can't be said: `None`.
    #[must_use]
    pub fn known_name(&self) -> Option<MailboxName> {
        MailboxName::new(&shared_name(&self.owner, &self.mailbox.name)).ok()
    }
}

/// The name by which others know a mailbox of this owner.
#[must_use]
pub fn shared_name(owner: &str, name: &MailboxName) -> String {
    format!("{OTHER_USERS}/{owner}/{}", name.as_str())
}

/// The first level of all names of others' mailboxes (RFC 2342 §5). No account has own mailboxes there.
pub const OTHER_USERS: &str = "Other Users";
/// The identifier that stands for every account (RFC 4314 §2).
pub const ANYONE: &str = "anyone";
/// Entries of one mailbox's access control list; one more is refused with Limit.
pub const ACL_ENTRIES_MAX: usize = 200;
