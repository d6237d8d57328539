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

    /// Bits before the first keyword's.
    pub const SYSTEM_BITS: u32 = 8;

    /// The bit of the account's n-th keyword, n below 120.
    #[must_use]
    pub fn keyword(index: u8) -> Self {
        Self(1_u128.checked_shl(u32::from(index) + Self::SYSTEM_BITS).unwrap_or(0))
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
    /// An empty one is kept from the reader.
    names: Arc<[String]>,
}

impl Keywords {
    pub(crate) fn new(names: Vec<String>) -> Self {
        Self { names: names.into() }
    }

    /// How many the account has.
    pub(crate) fn count(&self) -> usize {
        self.names.len()
    }

    /// Every keyword that the reader may know, by index.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.named().map(|(_, name)| name)
    }

    /// Whether all keywords in `flags` have their names here. If not, they are newer.
    #[must_use]
    pub fn name_all(&self, flags: Flags) -> bool {
        let keywords = flags.0 >> Flags::SYSTEM_BITS;
        // Most messages have none.
        keywords == 0
            || self.named().fold(flags, |rest, (bit, _)| rest.without(bit)).0 >> Flags::SYSTEM_BITS == 0
    }

    /// Those that are set in `flags`; the others have no name any more.
    pub(crate) fn only(self, flags: Flags) -> Self {
        let kept = (0_u8..).zip(self.names.iter()).map(|(index, name)| {
            if flags.contains(Flags::keyword(index)) { name.clone() } else { String::new() }
        });
        Self { names: kept.collect() }
    }

    fn named(&self) -> impl Iterator<Item = (Flags, &str)> {
        let all = (0_u8..).zip(self.names.iter());
        all.filter(|(_, name)| !name.is_empty()).map(|(index, name)| (Flags::keyword(index), name.as_str()))
    }

    /// The bit of a keyword, compared without regard to ASCII case (RFC 9051 §2.3.2), if the account has it.
    #[must_use]
    pub fn bit(&self, name: &str) -> Option<Flags> {
        let index = self.names.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        u8::try_from(index).ok().map(Flags::keyword)
    }

    /// The keywords that are set in `flags`.
    pub fn of(&self, flags: Flags) -> impl Iterator<Item = &str> {
        self.named().filter_map(move |(bit, name)| flags.contains(bit).then_some(name))
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
