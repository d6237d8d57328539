//! Emails, threads and uploads: what JMAP reads and writes.

use std::sync::Arc;

use bytes::Bytes;

use super::by;
use super::writing::settled;
use crate::password::random;
use crate::sqlite::append::Placing;
use crate::sqlite::blobs::Reach;
use crate::sqlite::{accounts, email_edit, email_log, emails, mailboxes, no_account, uploads};
use crate::{
    Access, Cause, Changes, Columns, Email, EmailChanges, EmailEdit, EmailPlace, Error, MailboxCounts,
    MailboxId, MailboxRevision, MessageId, ModSeq, NewEmail, Placed, Result, SpecialUse, Store, Target,
    ThreadId, TypeStates, Upload,
};

impl Store {
    /// How far each type of the account has come.
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn type_states(&self, access: &Access) -> Result<TypeStates> {
        let owner = access.owner;
        self.read(move |sql| emails::states(sql, owner)?.ok_or_else(|| no_account(owner))).await
    }

    /// Emails by id, ascending, each once; those that are not there are passed over. Ask for at most a thousand at a time.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn emails(
        &self,
        access: &Access,
        mut ids: Vec<MessageId>,
        columns: Columns,
    ) -> Result<Vec<Email>> {
        let owner = access.owner;
        ids.sort_unstable();
        ids.dedup();
        self.read(move |sql| emails::by_id(sql, owner, &ids, columns)).await
    }

    /// Which emails are in a mailbox, or in all mailboxes, in no order. 64 bytes for each.
    ///
    /// # Errors
    /// NotFound for the mailbox.
    pub async fn email_places(&self, access: &Access, mailbox: Option<MailboxId>) -> Result<Vec<EmailPlace>> {
        let owner = access.owner;
        self.read(move |sql| {
            if let Some(mailbox) = mailbox {
                mailboxes::one(sql, owner, mailbox)?;
            }
            emails::places(sql, owner, mailbox)
        })
        .await
    }

    /// The emails of threads, the oldest first, in the order of `ids`; empty for a thread that is not there.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn threads(&self, access: &Access, ids: Vec<ThreadId>) -> Result<Vec<Vec<MessageId>>> {
        let owner = access.owner;
        self.read(move |sql| ids.iter().map(|id| emails::of_thread(sql, owner, *id)).collect()).await
    }

    /// What became of emails after a MODSEQ: at least one commit, at least about `limit` changes if there are, and never
    /// half a commit.
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn email_changes(&self, access: &Access, since: ModSeq, limit: usize) -> Result<EmailChanges> {
        let owner = access.owner;
        self.read(move |sql| email_log::emails(sql, owner, since, limit)?.ok_or_else(|| no_account(owner)))
            .await
    }

    /// Mailboxes that have changed after a MODSEQ, by MODSEQ, and whether all that are gone are among them.
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn mailbox_revisions(
        &self,
        access: &Access,
        since: ModSeq,
    ) -> Result<(Vec<MailboxRevision>, bool)> {
        let owner = access.owner;
        self.read(move |sql| email_log::mailboxes(sql, owner, since)).await
    }

    /// What JMAP counts in a mailbox. Costs a scan of it, unless nothing has changed there since it was last asked.
    ///
    /// # Errors
    /// NotFound.
    pub async fn mailbox_counts(&self, access: &Access, mailbox: MailboxId) -> Result<MailboxCounts> {
        let owner = access.owner;
        self.read(move |sql| emails::counts(sql, owner, mailbox)?.ok_or(Error::NotFound("mailbox"))).await
    }

    /// When each mailbox or its counts last changed, by id: what [`Store::mailbox_counts`] says is the same until then.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn mailbox_counts_changed(&self, access: &Access) -> Result<Vec<(MailboxId, ModSeq)>> {
        let owner = access.owner;
        self.read(move |sql| emails::counts_modseqs(sql, owner)).await
    }

    /// Makes an email in one mailbox or more, all or nothing.
    ///
    /// # Errors
    /// NotFound for a mailbox, OverQuota, Limit, Invalid, Forbidden, Unavailable.
    pub async fn create_email(&self, access: &Access, new: NewEmail) -> Result<(Placed, Changes)> {
        let by = by(access, Cause::Append)?;
        let prepared = self.prepare(&new.raw, Reach::Database).await?;
        let NewEmail { mut mailboxes, received_at, flags, keywords, .. } = new;
        mailboxes.sort_unstable();
        mailboxes.dedup();
        let Some((first, others)) = mailboxes.split_first() else {
            return Err(Error::Invalid { what: "mailboxes", why: "an email is in at least one".into() });
        };
        let placing = Placing { target: Target::Id(*first), received_at, flags, keywords };
        let others = others.to_vec();
        self.write(move |tx| email_edit::create(tx, &by, &prepared, (&placing, &others))).await
    }

    /// Alters emails, each by itself but all on disk together. One outcome for each, in order.
    pub async fn update_emails(
        &self,
        access: &Access,
        edits: Vec<(MessageId, EmailEdit)>,
    ) -> Vec<Result<Changes>> {
        let mut pending = Vec::with_capacity(edits.len());
        for (id, edit) in edits {
            let cause = if edit.mailboxes.is_some() { Cause::Move } else { Cause::Flags };
            pending.push(match by(access, cause) {
                Ok(by) => self.inner.submit(move |tx| email_edit::update(tx, &by, id, &edit)).await,
                Err(error) => Err(error),
            });
        }
        settled(pending).await
    }

    /// Destroys emails, each by itself but all on disk together. One outcome for each, in order.
    pub async fn destroy_emails(&self, access: &Access, ids: Vec<MessageId>) -> Vec<Result<Changes>> {
        let mut pending = Vec::with_capacity(ids.len());
        for id in ids {
            pending.push(match by(access, Cause::Expunge) {
                Ok(by) => self.inner.submit(move |tx| email_edit::destroy(tx, &by, id)).await,
                Err(error) => Err(error),
            });
        }
        settled(pending).await
    }

    /// Keeps content for some hours, under an id that nobody can guess. Of an account's uploads the oldest go when there are
    /// more than `bytes_max` octets or 1,000 of them.
    ///
    /// # Errors
    /// NotFound if the account is gone, Forbidden, Unavailable.
    pub async fn upload(&self, access: &Access, bytes: Bytes, bytes_max: u64) -> Result<(String, Upload)> {
        let by = by(access, Cause::Append)?;
        let id = format!("{:032x}", u128::from_le_bytes(random()?));
        let (files, nonce) = (self.inner.files().clone(), u64::from_le_bytes(random()?));
        let task = tokio::task::spawn_blocking(move || files.prepare(&bytes, Reach::Database, nonce));
        let content = task.await.map_err(|error| Error::Bug(format!("preparing ended early: {error}")))?;
        let content = content.map_err(|error| Error::Unavailable(format!("write blob: {error}")))?;
        let (content, kept) = (Arc::new(content), id.clone());
        let upload =
            self.write(move |tx| uploads::insert(tx, by.account, (&kept, &content), bytes_max)).await?;
        Ok((id, upload))
    }

    /// What was uploaded, all of it in memory.
    ///
    /// # Errors
    /// NotFound: never there, another account's, or too old.
    pub async fn uploaded(&self, access: &Access, id: &str) -> Result<Bytes> {
        let (owner, id, inner) = (access.owner, id.to_owned(), Arc::clone(&self.inner));
        self.read(move |sql| {
            accounts::modseq(sql, owner)?;
            uploads::read(sql, inner.files(), owner, &id)
        })
        .await
    }

    /// Sets what a mailbox is for.
    ///
    /// # Errors
    /// NotFound, Forbidden.
    pub async fn set_special_use(
        &self,
        access: &Access,
        mailbox: MailboxId,
        special_use: Option<SpecialUse>,
    ) -> Result<Changes> {
        let by = by(access, Cause::Mailbox)?;
        self.write(move |tx| mailboxes::set_special_use(tx, &by, mailbox, special_use)).await
    }

    /// Sets a mailbox's `sortOrder`.
    ///
    /// # Errors
    /// NotFound, Forbidden.
    pub async fn set_sort_order(&self, access: &Access, mailbox: MailboxId, order: u32) -> Result<Changes> {
        let by = by(access, Cause::Mailbox)?;
        self.write(move |tx| mailboxes::set_sort_order(tx, &by, mailbox, order)).await
    }
}
