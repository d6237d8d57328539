//! Where a client's mailbox name leads: to an own mailbox, or with `Other Users/NAME/` before it to another's
//! (RFC 9051 §6.3.10, RFC 4314).
//!
//! Nothing is opened here: the store asks for the rights with every call. An account that is not there leads to where no
//! mailbox is, by the same way as one that shares nothing.

use std::borrow::Cow;

use store::{Access, Mailbox, MailboxName, OTHER_USERS, shared_name};

use crate::cmd::Context;
use crate::reply::Failure;
use crate::wire::response::{ObjectId, ObjectKind};

/// A mailbox as the store is asked for it.
pub(crate) struct Place {
    /// Leads to its owner's mailboxes.
    pub(crate) access: Access,
    /// Its name there.
    pub(crate) name: MailboxName,
    /// Its owner's name, unless it is an own mailbox.
    owner: Option<String>,
}

impl Place {
    /// The place of a name. NO for one that can't be.
    pub(crate) async fn of(context: &Context<'_>, name: &str) -> Result<Self, Failure> {
        Self::reached_by(&context.server.store, context.session.access()?, name).await
    }

    /// The same for who has no context yet.
    pub(crate) async fn reached_by(
        store: &store::Store,
        access: &Access,
        name: &str,
    ) -> Result<Self, Failure> {
        let below = name.strip_prefix(OTHER_USERS).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let Some(rest) = below else {
            return Ok(Self { access: access.clone(), name: MailboxName::new(name)?, owner: None });
        };
        // The levels above mailboxes are none themselves.
        let (owner, below) = rest.get(1..).and_then(|rest| rest.split_once('/')).unwrap_or_default();
        let name = MailboxName::new(below).or_else(|_| MailboxName::new(name))?;
        let (access, owner) = store.access_to(access, owner).await?;
        Ok(Self { access, name, owner: Some(owner) })
    }

    /// The name by which this client knows a mailbox of the same owner.
    pub(crate) fn shown<'n>(&self, name: &'n MailboxName) -> Cow<'n, str> {
        match &self.owner {
            None => Cow::Borrowed(name.as_str()),
            Some(owner) => Cow::Owned(shared_name(owner, name)),
        }
    }

    /// The id of a mailbox there.
    pub(crate) fn id_of(&self, mailbox: &Mailbox) -> ObjectId {
        ObjectId { kind: ObjectKind::Mailbox, number: mailbox.id.0, owner: other_owner(&self.access) }
    }

    /// Whether it is an own mailbox.
    pub(crate) fn is_own(&self) -> bool {
        self.owner.is_none()
    }
}

/// The owner's number where a way leads to another's mail: part of the object ids there.
pub(crate) fn other_owner(way: &Access) -> Option<u64> {
    (!way.is_own()).then(|| way.owner().0)
}
