//! Access control lists, and the ways to others' mailboxes (RFC 4314).

use super::by;
use crate::sqlite::acl::{self, Who};
use crate::sqlite::{accounts, mailboxes};
use crate::{
    Access, AccountId, AclEntry, Cause, Identifier, MailboxId, Result, Rights, RightsChange, SharedMailbox,
    Store,
};

impl Store {
    /// The way to another account's mailboxes, for whoever has this access to its own. It opens nothing by itself: every
    /// call with it asks for the rights to the mailbox. An account that is not there, or whose own this is, gives an
    /// access with which no mailbox is found. With it comes the owner's name as the owner writes it.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn access_to(&self, access: &Access, owner: &str) -> Result<(Access, String)> {
        let (reader, name) = (access.reader(), owner.to_owned());
        let found = self.read(move |sql| accounts::by_own_name(sql, &name)).await?;
        let (id, name) = found.filter(|(id, _)| *id != reader).unwrap_or((NOBODY, owner.to_owned()));
        Ok((access.to(id), name))
    }

    /// The mailboxes of other accounts that this reader may look up, by owner and name.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn shared_mailboxes(&self, access: &Access) -> Result<Vec<SharedMailbox>> {
        let access = access.clone();
        self.read(move |sql| {
            let reader = access.reader();
            let mut shared = Vec::new();
            for (owner, name) in acl::sharing_with(sql, reader)? {
                let access = access.to(owner);
                let visible = acl::visible(sql, Who { owner, reader })?;
                shared.extend(visible.into_iter().map(|(mailbox, rights)| SharedMailbox {
                    owner: name.clone(),
                    access: access.clone(),
                    mailbox,
                    rights,
                }));
            }
            Ok(shared)
        })
        .await
    }

    /// What this access may do with a mailbox.
    ///
    /// # Errors
    /// NotFound, also without the right to look it up.
    pub async fn rights(&self, access: &Access, mailbox: MailboxId) -> Result<Rights> {
        let who = access.who();
        self.read(move |sql| {
            let rights = acl::demand(sql, who, mailbox, Rights::LOOKUP)?;
            mailboxes::one(sql, who.owner, mailbox)?;
            Ok(rights)
        })
        .await
    }

    /// A mailbox's access control list; its owner, who has all rights, comes first.
    ///
    /// # Errors
    /// NotFound, Forbidden.
    pub async fn acl(&self, access: &Access, mailbox: MailboxId) -> Result<Vec<AclEntry>> {
        let who = access.who();
        self.read(move |sql| {
            acl::demand(sql, who, mailbox, Rights::ADMINISTER)?;
            acl::list(sql, who, mailbox)
        })
        .await
    }

    /// Changes an entry of a mailbox's access control list. It holds from the commit on: what asks for a right asks anew
    /// each time.
    ///
    /// # Errors
    /// NotFound for the mailbox or an identifier that is no account's, Forbidden, Limit.
    pub async fn set_acl(
        &self,
        access: &Access,
        mailbox: MailboxId,
        identifier: Identifier,
        change: RightsChange,
    ) -> Result<()> {
        let (who, by) = (access.who(), by(access, Cause::Mailbox));
        self.write(move |tx| {
            acl::demand(tx.sql, who, mailbox, Rights::ADMINISTER)?;
            mailboxes::one(tx.sql, who.owner, mailbox)?;
            acl::change(tx, &by, mailbox, (&identifier, change))
        })
        .await
    }
}

/// Ids of accounts begin with 1.
const NOBODY: AccountId = AccountId(0);
