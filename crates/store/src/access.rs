//! Who asks: every read and write takes an [`Access`].

use crate::sqlite::acl::Who;
use crate::{AccountId, CredentialId, Error, Result, SessionId, UnixTime};

/// Who reads whose mail, proven by a credential (or held by the system itself).
///
/// To one's own mail it is the right to everything. To another's ([`crate::Store::access_to`]) it is no right by itself:
/// every call asks for the reader's [`crate::Rights`] to the mailbox.
///
/// Made only by the store: [`crate::Store::authenticate`], [`crate::Store::access_of_credential`],
/// [`crate::Store::system_access`] and [`crate::Store::access_to`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    reader: AccountId,
    owner: AccountId,
    credential: Option<CredentialId>,
    kind: Option<CredentialKind>,
    session: Option<SessionId>,
}

impl Access {
    /// To an account's own mail; without a credential the system's.
    pub(crate) fn own(account: AccountId, credential: Option<(CredentialId, CredentialKind)>) -> Self {
        let (credential, kind) = credential.unzip();
        Self { reader: account, owner: account, credential, kind, session: None }
    }

    /// The same reader's, to the mail of another.
    pub(crate) fn to(&self, owner: AccountId) -> Self {
        Self { owner, ..self.clone() }
    }

    /// Whose mail, and who asks: what rights are asked for with.
    pub(crate) fn who(&self) -> Who {
        Who { owner: self.owner, reader: self.reader }
    }

    /// The account, for what nobody but its owner may do.
    pub(crate) fn account(&self) -> Result<AccountId> {
        if self.is_own() { Ok(self.owner) } else { Err(Error::Forbidden("another's account")) }
    }

    /// The account that reads.
    #[must_use]
    pub fn reader(&self) -> AccountId {
        self.reader
    }

    /// The account whose mail is read.
    #[must_use]
    pub fn owner(&self) -> AccountId {
        self.owner
    }

    /// Whether it is the owner who reads.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.reader == self.owner
    }

    /// The credential that proved it; `None` for the system (delivery, command line).
    #[must_use]
    pub fn credential(&self) -> Option<CredentialId> {
        self.credential
    }

    /// Whether it stands on the main password (or is the system's own), which sees the subscriptions of all credentials.
    #[must_use]
    pub fn is_main(&self) -> bool {
        !matches!(self.kind, Some(CredentialKind::App))
    }

    /// The same access, whose changes carry this session as their origin.
    #[must_use]
    pub fn in_session(mut self, session: SessionId) -> Self {
        self.session = Some(session);
        self
    }

    /// The session that changes are marked with.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.session
    }
}

/// A way to prove who one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// Main or app password.
    pub kind: CredentialKind,
    /// What the user calls it; `main` for the main password.
    pub name: String,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it last opened a session, kept to the minute or coarser.
    pub last_used_at: Option<UnixTime>,
}

/// A place in the list of revocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RevocationMark(pub(crate) u64);

/// Something that ended the right to be there: sessions that began before it have to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Where it stands in the list.
    pub mark: RevocationMark,
    /// Whose account.
    pub account: AccountId,
    /// Which credential; `None` for all: the account is gone.
    pub credential: Option<CredentialId>,
}

impl Revocation {
    /// Whether it ends what began as this account, with this credential, when the list ended at `began`. What began after
    /// it, with a new password, stays.
    #[must_use]
    pub fn ends(&self, account: AccountId, credential: Option<CredentialId>, began: RevocationMark) -> bool {
        account == self.account
            && began < self.mark
            && (self.credential.is_none() || self.credential == credential)
    }
}

/// Which kind of credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// The account's one main password.
    Main,
    /// A password for one device or program, revocable by itself.
    App,
}
