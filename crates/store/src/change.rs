//! What a commit changed, why and by whom.

use std::collections::BTreeSet;

use crate::{
    AccountId, CredentialId, Entry, Mailbox, MailboxId, MailboxName, MessageId, ModSeq, SessionId, ThreadId,
    Uid,
};

/// Why something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// A message came from outside (LMTP).
    Delivery,
    /// A client put a message there.
    Append,
    /// An import by the command line.
    Import,
    /// COPY.
    Copy,
    /// MOVE.
    Move,
    /// Flags or keywords.
    Flags,
    /// EXPUNGE.
    Expunge,
    /// A mailbox was made, renamed, deleted or (un)subscribed.
    Mailbox,
    /// The operator did it.
    Admin,
}

/// Who changed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// With which credential; `None` for the system.
    pub credential: Option<CredentialId>,
    /// In which session.
    pub session: Option<SessionId>,
}

/// What a write did: the account's MODSEQ after it. The bus has been woken already.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Whose.
    pub account: AccountId,
    /// The MODSEQ that everything the write touched now has; unchanged if it had nothing to do.
    pub modseq: ModSeq,
}

/// What changed in one mailbox since a MODSEQ: what a selected session needs.
#[derive(Clone, Debug)]
pub struct MailboxChanges {
    /// The MODSEQ up to which this is complete: the next `since`.
    pub modseq: ModSeq,
    /// Messages added or altered, ascending by UID. Added ones have a UID not below the `uid_next` known before.
    pub changed: Vec<Entry>,
    /// UIDs that are gone, ascending.
    pub vanished: Vec<Uid>,
    /// False if `since` lies before the horizon: `vanished` may then lack some, and the view must be read anew.
    pub complete: bool,
}

/// What changed in an account since a MODSEQ: what the notifier composes from.
#[derive(Clone, Debug)]
pub struct AccountChanges {
    /// The MODSEQ up to which this is complete: the next cursor. Below the account's if there were more than the limit.
    pub modseq: ModSeq,
    /// Whether there is more than the limit allowed to return.
    pub more: bool,
    /// False if `since` lies before the horizon: say SYNC.
    pub complete: bool,
    /// Mailboxes made, renamed, deleted or (un)subscribed, by MODSEQ.
    pub mailboxes: Vec<MailboxChange>,
    /// Memberships added, altered or removed, by mailbox, then UID.
    pub memberships: Vec<MembershipChange>,
    /// Keywords that the account has got since.
    pub keywords: BTreeSet<String>,
}

/// What happened to a mailbox, last state only.
#[derive(Clone, Debug)]
pub struct MailboxChange {
    /// When.
    pub modseq: ModSeq,
    /// By whom.
    pub origin: Origin,
    /// Which.
    pub id: MailboxId,
    /// Its name now, or its last one if it is gone.
    pub name: MailboxName,
    /// As it stands; `None` if it is gone.
    pub now: Option<Mailbox>,
    /// True if it was made after `since`.
    pub created: bool,
    /// Its name before the last rename, if that came after `since`.
    pub old_name: Option<MailboxName>,
}

/// What happened to a message in a mailbox, last state only.
#[derive(Clone, Debug)]
pub struct MembershipChange {
    /// When.
    pub modseq: ModSeq,
    /// Why (its last change).
    pub cause: Cause,
    /// By whom (its last change).
    pub origin: Origin,
    /// In which mailbox.
    pub mailbox: MailboxId,
    /// Its UID there.
    pub uid: Uid,
    /// The message and its thread.
    pub message: MessageId,
    /// Its thread; `None` once it is gone.
    pub thread: Option<ThreadId>,
    /// As it stands; `None` if it has been expunged.
    pub now: Option<Entry>,
    /// `Some(cause)` if it came into the mailbox after `since`, with the cause of that (`Delivery`, `Append`, `Copy`, ...).
    pub arrived: Option<Cause>,
}
