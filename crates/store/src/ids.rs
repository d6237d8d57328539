//! Identifiers. Each is a type of its own, so that one cannot stand where another belongs.
//!
//! Ids of accounts, credentials, mailboxes, messages and threads are small integers, unique within their account
//! (accounts and credentials: within the store), given once and never again. Protocols show them in a form of their own.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// An account: the owner of mailboxes and messages.
    AccountId
);
id!(
    /// A credential: the main password or one app password.
    CredentialId
);
id!(
    /// A mailbox. Survives RENAME. `MAILBOXID` of RFC 8474.
    MailboxId
);
id!(
    /// A message, whatever mailboxes it is in. `EMAILID` of RFC 8474, Email id of RFC 8621.
    MessageId
);
id!(
    /// A thread. `THREADID` of RFC 8474.
    ThreadId
);
id!(
    /// A push subscription, unique in the store.
    PushSubscriptionId
);
id!(
    /// An identity, unique in the store.
    IdentityId
);
id!(
    /// A submission, unique in the store.
    SubmissionId
);
id!(
    /// A connection or request that makes changes; random, so that it is unique across restarts.
    SessionId
);

/// The MODSEQ of RFC 7162: the account's counter of commits. 1 or more once anything has happened; 0 is "before everything".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModSeq(pub u64);

/// A message's unique identifier in a mailbox (RFC 9051 §2.3.1.1). 1 or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(pub u32);

/// UIDVALIDITY (RFC 9051 §2.3.1.1). 1 or more; raised for all mailboxes by a restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UidValidity(pub u32);

/// Seconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub i64);
