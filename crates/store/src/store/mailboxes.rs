//! Mailboxes: list, create, rename, delete, subscribe.

use super::{CHUNK_MESSAGES, by, own_by};
use crate::sqlite::edit::Edit;
use crate::sqlite::mailboxes::{self, NewMailbox};
use crate::sqlite::moves::{self, Way};
use crate::sqlite::{accounts, acl, annotations, push_elsewhere, reading, rename};
use crate::{
    Access, Cause, Changes, Error, Mailbox, MailboxId, MailboxName, Result, Rights, SpecialUse, Store,
};

impl Store {
    /// Every mailbox that the reader may look up, by name.
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn mailboxes(&self, access: &Access) -> Result<Vec<Mailbox>> {
        let who = access.who();
        self.read(move |sql| {
            if who.is_owner() {
                accounts::modseq(sql, who.owner)?;
            }
            Ok(acl::visible(sql, who)?.into_iter().map(|(mailbox, _)| mailbox).collect())
        })
        .await
    }

    /// One mailbox.
    ///
    /// # Errors
    /// NotFound.
    pub async fn mailbox(&self, access: &Access, id: MailboxId) -> Result<Mailbox> {
        let who = access.who();
        self.read(move |sql| {
            if who.is_owner() {
                accounts::modseq(sql, who.owner)?;
            }
            acl::one(sql, who, id)
        })
        .await
    }

    /// One mailbox by its name.
    ///
    /// # Errors
    /// NotFound.
    pub async fn mailbox_named(&self, access: &Access, name: &MailboxName) -> Result<Mailbox> {
        let (who, name) = (access.who(), name.clone());
        self.read(move |sql| acl::named(sql, who, &name)).await
    }

    /// Makes a mailbox, and missing parents too; at most 10,000 in an account. Each has the access control list of the one
    /// above it. In another's account the nearest parent that is there needs the right to that.
    ///
    /// # Errors
    /// Exists, Limit, Forbidden.
    pub async fn create_mailbox(
        &self,
        access: &Access,
        name: &MailboxName,
        special_use: Option<SpecialUse>,
    ) -> Result<(Mailbox, Changes)> {
        let (who, by) = (access.who(), by(access, Cause::Mailbox));
        let new = NewMailbox { name: name.clone(), special_use };
        self.write(move |tx| {
            acl::demand_parent(tx.sql, who, &new.name)?;
            mailboxes::create(tx, &by, &new)
        })
        .await
    }

    /// Renames a mailbox with its children, in one commit; missing parents are made, subscriptions go along. INBOX is
    /// RFC 9051 §6.3.6's special case: its messages move to the new name, in chunks, its annotations are copied, and it stays, empty. A crash
    /// in between leaves messages in both, none twice.
    ///
    /// # Errors
    /// NotFound, Exists, Invalid if it would go below itself, Forbidden, Limit if annotations have no room twice.
    pub async fn rename_mailbox(
        &self,
        access: &Access,
        from: &MailboxName,
        to: &MailboxName,
    ) -> Result<Changes> {
        let (who, by) = (access.who(), by(access, Cause::Mailbox));
        if *from == MailboxName::inbox() && access.is_own() {
            return self.empty_inbox_into(access, to).await;
        }
        let (from, to) = (from.clone(), to.clone());
        self.write(move |tx| {
            if !who.is_owner() {
                let mailbox = acl::named(tx.sql, who, &from)?;
                acl::demand(tx.sql, who, mailbox.id, Rights::DELETE)?;
                acl::demand_parent(tx.sql, who, &to)?;
                if from == MailboxName::inbox() {
                    return Err(Error::Forbidden("another's INBOX stays where it is"));
                }
            }
            rename::rename(tx, &by, &from, &to)
        })
        .await
    }

    async fn empty_inbox_into(&self, access: &Access, to: &MailboxName) -> Result<Changes> {
        let inbox = self.mailbox_named(access, &MailboxName::inbox()).await?.id;
        let (create, new) = (by(access, Cause::Mailbox), NewMailbox { name: to.clone(), special_use: None });
        let made = self.write(move |tx| {
            let (target, changes) = mailboxes::create(tx, &create, &new)?;
            annotations::copy(tx, &create, changes.modseq, inbox, target.id)?;
            Ok(target.id)
        });
        let way = Way { from: inbox, to: made.await? };
        let by = by(access, Cause::Move);
        loop {
            let (moved, changes) = self
                .write(move |tx| {
                    let members = reading::first_members(tx.sql, by.account, inbox, CHUNK_MESSAGES)?;
                    let uids: Vec<_> = members.iter().map(|member| member.uid).collect();
                    let mut edit = Edit::new(tx, by);
                    let moved = moves::shift(&mut edit, way, &uids)?.len();
                    Ok((moved, edit.finish()?))
                })
                .await?;
            if moved < CHUNK_MESSAGES {
                return Ok(changes);
            }
        }
    }

    /// Deletes a mailbox with its messages. They go in chunks, the mailbox with the last one: a crash in between leaves
    /// it with some of them. The name stays subscribed (RFC 9051 §6.3.5).
    ///
    /// # Errors
    /// NotFound, Forbidden for INBOX and for one with children.
    pub async fn delete_mailbox(&self, access: &Access, id: MailboxId) -> Result<Changes> {
        let (who, by) = (access.who(), by(access, Cause::Mailbox));
        loop {
            let (gone, changes) = self
                .write(move |tx| {
                    acl::demand(tx.sql, who, id, Rights::DELETE)?;
                    accounts::modseq(tx.sql, by.account)?;
                    let mailbox = mailboxes::deletable(tx.sql, by.account, id)?;
                    let mut edit = Edit::new(tx, by);
                    let gone = moves::remove_mailbox(&mut edit, &mailbox, CHUNK_MESSAGES)?;
                    Ok((gone, edit.finish()?))
                })
                .await?;
            if gone {
                return Ok(changes);
            }
        }
    }

    /// Subscribes to a name, or ends that. There need not be such a mailbox. Mailboxes of others are names like any; from
    /// then on devices are told of them by push, as far as the rights to them reach.
    ///
    /// # Errors
    /// Limit (10,000 names), Forbidden.
    pub async fn set_subscribed(
        &self,
        access: &Access,
        name: &MailboxName,
        subscribed: bool,
    ) -> Result<Changes> {
        let by = own_by(access, Cause::Mailbox)?;
        let name = name.clone();
        self.write(move |tx| {
            let account = by.account;
            if !mailboxes::set_subscribed(tx, account, &name, subscribed)? {
                return Ok(Changes { account, modseq: accounts::modseq(tx.sql, account)? });
            }
            let modseq = tx.raise_modseq(account)?;
            mailboxes::mark(tx, &by, modseq, &name)?;
            if name.is_of_others() {
                push_elsewhere::follow(tx, account)?;
            }
            Ok(Changes { account, modseq })
        })
        .await
    }

    /// Names subscribed to, in order, whether or not such a mailbox is there now (RFC 9051 §6.3.7).
    ///
    /// # Errors
    /// NotFound if the account is gone, Forbidden for another's.
    pub async fn subscribed_names(&self, access: &Access) -> Result<Vec<MailboxName>> {
        let owner = access.account()?;
        self.read(move |sql| {
            accounts::modseq(sql, owner)?;
            mailboxes::subscribed(sql, owner)
        })
        .await
    }
}
