//! Messages in mailboxes: what goes in, what is read, flags.

use std::sync::Arc;

use bytes::Bytes;

use crate::{AccountId, Changes, MailboxId, MessageId, ModSeq, Target, ThreadId, Uid, UidValidity, UnixTime};

/// Flags and keywords of a message in a mailbox, as bits: 8 for system flags, 120 for the account's keywords.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flags(pub u128);

impl Flags {
    /// `\Seen`
    pub const SEEN: Self = Self(1);
    /// `\Answered`
    pub const ANSWERED: Self = Self(1 << 1);
    /// `\Flagged`
    pub const FLAGGED: Self = Self(1 << 2);
    /// `\Draft`
    pub const DRAFT: Self = Self(1 << 3);
    /// `\Deleted`: the only one that belongs to the membership, not to the message.
    pub const DELETED: Self = Self(1 << 4);

    /// The bit of the account's n-th keyword, n below 120.
    #[must_use]
    pub fn keyword(index: u8) -> Self {
        Self(1_u128.checked_shl(u32::from(index) + 8).unwrap_or(0))
    }

    /// Whether all bits of `other` are set.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits of both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The bits that are not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// The names of an account's keywords by their index in [`Flags`]. Shared; a new keyword makes a new one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keywords {
    names: Arc<[String]>,
}

impl Keywords {
    pub(crate) fn new(names: Vec<String>) -> Self {
        Self { names: names.into() }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether the account has no keyword yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Every keyword, by index.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The bit of a keyword, compared without regard to ASCII case (RFC 9051 §2.3.2), if the account has it.
    #[must_use]
    pub fn bit(&self, name: &str) -> Option<Flags> {
        let index = self.names.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        u8::try_from(index).ok().map(Flags::keyword)
    }

    /// The keywords that are set in `flags`.
    pub fn of(&self, flags: Flags) -> impl Iterator<Item = &str> {
        (0_u8..)
            .zip(self.names.iter())
            .filter_map(move |(index, name)| flags.contains(Flags::keyword(index)).then_some(name.as_str()))
    }
}

/// A change of flags. Keywords are given by name; new ones are added to the account (at most 120).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlagChange {
    /// Bits and keywords to set.
    pub add: Flags,
    /// Keywords to set, beyond the bits.
    pub add_keywords: Vec<String>,
    /// Bits to clear. `Flags(u128::MAX)` with `add` replaces all flags.
    pub remove: Flags,
    /// Keywords to clear, beyond the bits.
    pub remove_keywords: Vec<String>,
}

/// One message in a mailbox, as a view holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its UID.
    pub uid: Uid,
    /// Which message.
    pub message: MessageId,
    /// Flags and keywords.
    pub flags: Flags,
    /// When this membership last changed.
    pub modseq: ModSeq,
}

/// All messages of a mailbox at one MODSEQ. Shared between the sessions that have it selected.
#[derive(Clone, Debug)]
pub struct View {
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// UIDNEXT.
    pub uid_next: u32,
    /// The account's MODSEQ at which it was read: changes after this are in [`crate::Store::mailbox_changes`].
    pub modseq: ModSeq,
    /// HIGHESTMODSEQ of the mailbox then.
    pub highest_modseq: ModSeq,
    /// Ascending by UID.
    pub entries: Vec<Entry>,
}

/// A raw message and its one parse, made once whatever the number of recipients.
#[derive(Clone, Debug)]
pub struct Raw {
    /// The message as it is stored: CRLF line ends, headers that delivery adds included.
    pub bytes: Bytes,
    /// What the `message` crate made of exactly these bytes.
    pub parsed: Arc<message::Parsed>,
}

/// A message that goes into one account.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The message.
    pub raw: Raw,
    /// Where to.
    pub target: Target,
    /// INTERNALDATE.
    pub received_at: UnixTime,
    /// Its first flags; keywords by name.
    pub flags: Flags,
    /// Its first keywords.
    pub keywords: Vec<String>,
    /// Append, Delivery or Import.
    pub cause: crate::Cause,
}

/// One recipient of a delivery.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Whose mailbox.
    pub account: AccountId,
    /// The message in it; all recipients of one delivery share the same `raw.bytes` where theirs are the same.
    pub message: NewMessage,
}

/// What became of a message that was put into a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// In which mailbox.
    pub mailbox: MailboxId,
    /// Its UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// Its UID there.
    pub uid: Uid,
    /// Its id.
    pub message: MessageId,
    /// Its thread.
    pub thread: ThreadId,
}

/// A message that was put into a mailbox by a commit that is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Where.
    pub placed: Placed,
    /// The commit.
    pub changes: Changes,
}

/// A message that was put into the place of another by a commit that is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// Where the new one is.
    pub placed: Placed,
    /// The MODSEQ at which the old one went.
    pub replaced_at: ModSeq,
    /// The commit.
    pub changes: Changes,
}

/// A column of a message that costs reading and is asked for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// `message::Envelope`, encoded.
    Envelope,
    /// `message::Structure`, encoded.
    Structure,
    /// `message::Summary`, encoded.
    Summary,
}

/// Which columns to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns {
    /// [`Column::Envelope`]
    pub envelope: bool,
    /// [`Column::Structure`]
    pub structure: bool,
    /// [`Column::Summary`]
    pub summary: bool,
}

/// A message in a mailbox, read for FETCH, SEARCH or a push.
#[derive(Clone, Debug)]
pub struct MessageRow {
    /// UID, id, flags and MODSEQ.
    pub entry: Entry,
    /// Its thread.
    pub thread: ThreadId,
    /// INTERNALDATE.
    pub received_at: UnixTime,
    /// When it came into this mailbox (RFC 8514); `None` where only the message was read.
    pub saved_at: Option<UnixTime>,
    /// RFC822.SIZE in bytes.
    pub size: u32,
    /// For `message::EnvelopeRef::decode`; empty unless asked for. Rows that were read together share their memory, here and
    /// below.
    pub envelope: Bytes,
    /// For `message::Structure::decode`; empty unless asked for.
    pub structure: Bytes,
    /// For `message::Summary::decode`; empty unless asked for.
    pub summary: Bytes,
}

/// Messages that may hold a text, as far as the search index knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextCandidates {
    /// Messages after this one are not indexed yet.
    pub covered: MessageId,
    /// Those that may, ascending.
    pub messages: Vec<MessageId>,
}

impl TextCandidates {
    /// Whether a message does not hold the text for sure.
    #[must_use]
    pub fn rules_out(&self, message: MessageId) -> bool {
        message <= self.covered && self.messages.binary_search(&message).is_err()
    }
}
