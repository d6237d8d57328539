//! Accounts.

use crate::{AccountId, ModSeq, UnixTime};

/// An account as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name: bare (`alice`) or an address (`alice@example.org`), compared without regard to ASCII case.
    pub name: String,
    /// Further names that mail is taken for, in order.
    pub aliases: Vec<String>,
    /// When it was made.
    pub created_at: UnixTime,
    /// The MODSEQ of its last commit.
    pub modseq: ModSeq,
    /// Bytes of messages, each counted once however many mailboxes hold it.
    pub used_bytes: u64,
    /// The most bytes that it may use; `None` is no limit.
    pub quota_bytes: Option<u64>,
}

/// What an account is made of. INBOX, Drafts, Sent, Junk, Trash and Archive are made with it, subscribed.
#[derive(Debug)]
pub struct NewAccount<'a> {
    /// Bare or an address; 1 to 255 bytes, no spaces or control characters.
    pub name: &'a str,
    /// The main password; 1 to 1,000 bytes. Kept only as an Argon2id hash.
    pub password: &'a str,
    /// The most bytes that it may use.
    pub quota_bytes: Option<u64>,
}
