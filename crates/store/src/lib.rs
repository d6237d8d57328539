//! Accounts, mailboxes, messages, the change log and push subscriptions, on disk.
//!
//! The only writer of mail state. A domain-level, asynchronous API: a reader of its callers sees mail, not tables,
//! and nothing of the backend (SQLite, one file and a directory of large blobs) shows through it, so that a
//! second backend can stand behind the same calls.
//!
//! # Invariants
//! - A write has answered only when its commit is on disk. Then, and only then, it wakes the account on the bus.
//! - One commit to an account raises its [`ModSeq`] by at least one; everything it touched remembers that value.
//!   Reading "what changed since" is therefore a range scan, complete from a stated horizon on.
//! - Every read takes an [`Access`]; another account's id answers exactly as one that does not exist. What the reader may
//!   do with another's mailbox is decided in `sqlite::acl` and nowhere else, in the transaction that it is done in.
//! - Keywords belong to the message and are the same in all its mailboxes; `\Deleted` and UIDs belong to the
//!   membership of a message in a mailbox.
//! - Derived data (counts, sizes, highest MODSEQs, reference counts) can be recomputed and compared:
//!   [`Store::check`].
//! - No read keeps a snapshot open after it has answered.

mod access;
mod account;
mod annotation;
mod change;
mod email;
mod error;
mod ids;
mod indexer;
mod lazy;
mod mail;
mod mailbox;
mod password;
mod push;
mod rights;
mod scram;
mod sqlite;
mod store;
mod submission;
#[cfg(test)]
mod testing;
mod upkeep;
mod views;

pub use access::{Access, Credential, CredentialKind, Revocation, RevocationMark};
pub use account::{Account, NewAccount};
pub use annotation::{
    ANNOTATION_BYTES_MAX, ANNOTATIONS_BYTES_MAX, ANNOTATIONS_MAX, Annotation, AnnotationChanges, EntryName,
    EntryScope,
};
pub use change::{AccountChanges, Cause, Changes, MailboxChange, MailboxChanges, MembershipChange, Origin};
pub use email::*;
pub use error::{Error, Result};
pub use ids::*;
pub use mail::{
    Column, Columns, Delivered, Delivery, Entry, FlagChange, Flags, Keywords, MessageRow, NewMessage, Placed,
    Raw, Replaced, TextCandidates, View,
};
pub use mailbox::{Mailbox, MailboxName, SpecialUse, Target};
pub use push::*;
pub use rights::{
    ACL_ENTRIES_MAX, ANYONE, AclEntry, Identifier, OTHER_USERS, Rights, RightsChange, SharedMailbox, Sign,
    shared_name,
};
pub use scram::{ScramKeys, ScramRecord};
pub use store::lifecycle::restore;
pub use store::reading::RawReader;
pub use store::{CheckReport, OpenError, Options, Store};
pub use submission::*;
pub use views::OpenedView;
