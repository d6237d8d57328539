//! Emails as JMAP has them (RFC 8621 §4): a message with all the mailboxes that it is in.
//!
//! A membership with `\Deleted` is not shown (RFC 8621 §4.1.1); an email without any other is not there.

use bytes::Bytes;

use crate::{Flags, Keywords, MailboxId, MessageId, ModSeq, Raw, ThreadId, UnixTime};

/// An email.
#[derive(Clone, Debug)]
pub struct Email {
    /// Its id.
    pub id: MessageId,
    /// Its thread.
    pub thread: ThreadId,
    /// INTERNALDATE.
    pub received_at: UnixTime,
    /// Bytes of the message.
    pub size: u32,
    /// Flags and keywords, without `\Deleted`.
    pub flags: Flags,
    /// The mailboxes that it is in, ascending, each once. Not empty.
    pub mailboxes: Vec<MailboxId>,
    /// For `message::EnvelopeRef::decode`; empty unless asked for.
    pub envelope: Bytes,
    /// For `message::Structure::decode`; empty unless asked for.
    pub structure: Bytes,
    /// For `message::Summary::decode`; empty unless asked for.
    pub summary: Bytes,
}

/// That an email is in a mailbox, with what queries ask first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmailPlace {
    /// Which email.
    pub email: MessageId,
    /// In which mailbox.
    pub mailbox: MailboxId,
    /// Its thread.
    pub thread: ThreadId,
    /// INTERNALDATE.
    pub received_at: UnixTime,
    /// Bytes of the message.
    pub size: u32,
    /// Flags and keywords.
    pub flags: Flags,
}

/// A page of the emails of a mailbox, by when they came and then by id.
#[derive(Clone, Copy, Debug)]
pub struct Arrivals {
    /// Of which mailbox.
    pub mailbox: MailboxId,
    /// From which end.
    pub order: ArrivalOrder,
    /// Those after this one only.
    pub after: Option<(UnixTime, MessageId)>,
    /// How many at most; one at least.
    pub limit: usize,
}

/// In which order emails are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrivalOrder {
    /// Those that came last first.
    NewestFirst,
    /// Those that came first first.
    OldestFirst,
}

/// A page that was read.
#[derive(Clone, Debug)]
pub struct ArrivalPage {
    /// How far the account has come.
    pub states: TypeStates,
    /// In order, each email once.
    pub places: Vec<EmailPlace>,
    /// Whether there may be more after it.
    pub more: bool,
}

/// How far all of an account's mail has come. While it is the same, whatever is read of the mail is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    modseq: ModSeq,
    /// States depend on it: see [`TypeStates`].
    horizon: ModSeq,
}

impl Revision {
    /// After a commit, with what is gone being told from the horizon on.
    #[must_use]
    pub fn new(modseq: u64, horizon: u64) -> Self {
        Self { modseq: ModSeq(modseq), horizon: ModSeq(horizon) }
    }
}

/// Emails with all that is shown with them, as of one moment.
#[derive(Clone, Debug)]
pub struct EmailSnapshot {
    /// How far the account has come.
    pub states: TypeStates,
    /// The account's keywords.
    pub keywords: Keywords,
    /// Ascending by id, each once.
    pub emails: Vec<Email>,
}

/// What became of an email since a MODSEQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmailChange {
    /// Which.
    pub id: MessageId,
    /// Its thread.
    pub thread: ThreadId,
    /// Its last change.
    pub modseq: ModSeq,
    /// When it came into the account.
    pub created: ModSeq,
    /// Whether it is there now.
    pub is_there: bool,
    /// Whether it was gone at the MODSEQ already, for all that JMAP shows.
    pub was_gone: bool,
}

/// What became of an account's emails since a MODSEQ.
#[derive(Clone, Debug)]
pub struct EmailChanges {
    /// The MODSEQ up to which this is complete.
    pub modseq: ModSeq,
    /// Whether there is more after that.
    pub more: bool,
    /// False if the MODSEQ asked for lies before the horizon: some that are gone may be missing.
    pub complete: bool,
    /// Each email once, by MODSEQ, then id.
    pub changes: Vec<EmailChange>,
}

/// What became of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxRevision {
    /// Which.
    pub id: MailboxId,
    /// The last change of the mailbox itself, or when it went.
    pub modseq: ModSeq,
    /// The last change of its counts.
    pub counts: ModSeq,
    /// When it was made; 0 for one that is gone.
    pub created: ModSeq,
    /// Whether it is there now.
    pub is_there: bool,
}

/// What JMAP shows of a mailbox beyond IMAP's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailboxCounts {
    /// `sortOrder`
    pub sort_order: u32,
    /// `totalEmails`
    pub emails: u32,
    /// `unreadEmails`: with neither `\Seen` nor `\Draft`.
    pub unread_emails: u32,
    /// `totalThreads`
    pub threads: u32,
    /// `unreadThreads`: those of which an unread email is in the mailbox.
    pub unread_threads: u32,
}

/// How far each type of an account has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeStates {
    /// The store's epoch.
    pub epoch: u64,
    /// Emails.
    pub email: ModSeq,
    /// Mailboxes, with their counts.
    pub mailbox: ModSeq,
    /// Threads.
    pub thread: ModSeq,
    /// New emails.
    pub delivery: ModSeq,
    /// Identities.
    pub identity: ModSeq,
    /// Submissions.
    pub submission: ModSeq,
    /// The reply while away.
    pub vacation: ModSeq,
}

/// An email to make.
#[derive(Clone, Debug)]
pub struct NewEmail {
    /// The message.
    pub raw: Raw,
    /// The mailboxes that it goes into; not empty.
    pub mailboxes: Vec<MailboxId>,
    /// INTERNALDATE.
    pub received_at: UnixTime,
    /// Its first flags.
    pub flags: Flags,
    /// Its first keywords.
    pub keywords: Vec<String>,
}

/// How an email is to change.
#[derive(Clone, Debug, Default)]
pub struct EmailEdit {
    /// Its flags and keywords, if they change. `\Deleted` is left alone.
    pub flags: Option<crate::FlagChange>,
    /// Which mailboxes it is in, if that changes.
    pub mailboxes: Option<MailboxesEdit>,
}

/// What a write of emails is meant for. Checked in the transaction that it is made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever there is.
    Anything,
    /// The emails as [`TypeStates::email`] said: nothing has changed since.
    State(ModSeq),
    /// The emails that are altered as they were then, unless they were made later.
    Unchanged(ModSeq),
}

/// Which mailboxes an email is to be in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailboxesEdit {
    /// These and no other.
    Replace(Vec<MailboxId>),
    /// Some more, some less.
    Patch {
        /// These too.
        add: Vec<MailboxId>,
        /// Not these.
        remove: Vec<MailboxId>,
    },
}

/// What a client has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Bytes.
    pub size: u64,
    /// When.
    pub uploaded_at: UnixTime,
}
