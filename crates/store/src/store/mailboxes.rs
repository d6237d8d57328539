//! Mailboxes: list, create, rename, delete, subscribe.

use super::{CHUNK_MESSAGES, by};
use crate::sqlite::edit::Edit;
use crate::sqlite::mailboxes::{self, NewMailbox};
use crate::sqlite::moves::{self, Way};
use crate::sqlite::{accounts, annotations, reading, rename};
use crate::{Access, Cause, Changes, Mailbox, MailboxId, MailboxName, Result, SpecialUse, Store};

impl Store {
    /// Every mailbox, by name.
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn mailboxes(&self, access: &Access) -> Result<Vec<Mailbox>> {
        let owner = access.owner;
        self.read(move |sql| {
            accounts::modseq(sql, owner)?;
            mailboxes::all(sql, owner)
        })
        .await
    }

    /// One mailbox.
    ///
    /// # Errors
    /// NotFound.
    pub async fn mailbox(&self, access: &Access, id: MailboxId) -> Result<Mailbox> {
        let owner = access.owner;
        self.read(move |sql| {
            accounts::modseq(sql, owner)?;
            mailboxes::one(sql, owner, id)
        })
        .await
    }

    /// One mailbox by its name.
    ///
    /// # Errors
    /// NotFound.
    pub async fn mailbox_named(&self, access: &Access, name: &MailboxName) -> Result<Mailbox> {
        let (owner, name) = (access.owner, name.clone());
        self.read(move |sql| {
            accounts::modseq(sql, owner)?;
            mailboxes::named(sql, owner, &name)
        })
        .await
    }

    /// Makes a mailbox, and missing parents too; at most 10,000 in an account.
    ///
    /// # Errors
    /// Exists, Limit, Forbidden.
    pub async fn create_mailbox(
        &self,
        access: &Access,
        name: &MailboxName,
        special_use: Option<SpecialUse>,
    ) -> Result<(Mailbox, Changes)> {
        let by = by(access, Cause::Mailbox)?;
        let new = NewMailbox { name: name.clone(), special_use };
        self.write(move |tx| mailboxes::create(tx, &by, &new)).await
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
        let by = by(access, Cause::Mailbox)?;
        if *from == MailboxName::inbox() {
            return self.empty_inbox_into(access, to).await;
        }
        let (from, to) = (from.clone(), to.clone());
        self.write(move |tx| rename::rename(tx, &by, &from, &to)).await
    }

    async fn empty_inbox_into(&self, access: &Access, to: &MailboxName) -> Result<Changes> {
        let inbox = self.mailbox_named(access, &MailboxName::inbox()).await?.id;
        let (create, new) = (by(access, Cause::Mailbox)?, NewMailbox { name: to.clone(), special_use: None });
        let made = self.write(move |tx| {
            let (target, changes) = mailboxes::create(tx, &create, &new)?;
            annotations::copy(tx, &create, changes.modseq, inbox, target.id)?;
            Ok(target.id)
        });
        let way = Way { from: inbox, to: made.await? };
        let by = by(access, Cause::Move)?;
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
        let by = by(access, Cause::Mailbox)?;
        loop {
            let (gone, changes) = self
                .write(move |tx| {
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

    /// Subscribes to a name, or ends that. There need not be such a mailbox.
    ///
    /// # Errors
    /// Limit (10,000 names), Forbidden.
    pub async fn set_subscribed(
        &self,
        access: &Access,
        name: &MailboxName,
        subscribed: bool,
    ) -> Result<Changes> {
        let by = by(access, Cause::Mailbox)?;
        let name = name.clone();
        self.write(move |tx| {
            let account = by.account;
            if !mailboxes::set_subscribed(tx, account, &name, subscribed)? {
                return Ok(Changes { account, modseq: accounts::modseq(tx.sql, account)? });
            }
            let modseq = tx.raise_modseq(account)?;
            mailboxes::mark(tx, &by, modseq, &name)?;
            Ok(Changes { account, modseq })
        })
        .await
    }

    /// Names subscribed to, in order, whether or not such a mailbox is there now (RFC 9051 §6.3.7).
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn subscribed_names(&self, access: &Access) -> Result<Vec<MailboxName>> {
        let owner = access.owner;
        self.read(move |sql| {
            accounts::modseq(sql, owner)?;
            mailboxes::subscribed(sql, owner)
        })
        .await
    }
}
