//! Emails, threads and uploads: what JMAP reads and writes, for the owner of the account alone.

use std::sync::Arc;

use bytes::Bytes;

use super::own_by;
use super::writing::settled;
use crate::password::random;
use crate::sqlite::append::Placing;
use crate::sqlite::blobs::Reach;
use crate::sqlite::writer::Tx;
use crate::sqlite::{
    accounts, arrivals, email_edit, email_log, emails, flags, mailboxes, no_account, uploads,
};
use crate::{
    Access, ArrivalPage, Arrivals, Cause, Changes, Columns, Email, EmailChanges, EmailEdit, EmailPlace,
    EmailSnapshot, Error, Expected, MailboxCounts, MailboxId, MailboxRevision, MessageId, ModSeq, NewEmail,
    Placed, Result, Revision, SpecialUse, Store, Target, ThreadId, TypeStates, Upload,
};

impl Store {
    /// How far each type of the account has come.
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn type_states(&self, access: &Access) -> Result<TypeStates> {
        let owner = access.account()?;
        self.read(move |sql| emails::states(sql, owner)?.ok_or_else(|| no_account(owner))).await
    }

    /// How far all of the account's mail has come.
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn revision(&self, access: &Access) -> Result<Revision> {
        let owner = access.account()?;
        self.read(move |sql| emails::revision(sql, owner)?.ok_or_else(|| no_account(owner))).await
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
        let owner = access.account()?;
        ids.sort_unstable();
        ids.dedup();
        self.read(move |sql| emails::by_id(sql, owner, &ids, columns)).await
    }

    /// As [`Store::emails`], with the account's states and keywords at the same moment.
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn email_snapshot(
        &self,
        access: &Access,
        mut ids: Vec<MessageId>,
        columns: Columns,
    ) -> Result<EmailSnapshot> {
        let owner = access.account()?;
        ids.sort_unstable();
        ids.dedup();
        self.read(move |sql| {
            Ok(EmailSnapshot {
                states: emails::states(sql, owner)?.ok_or_else(|| no_account(owner))?,
                keywords: flags::keywords(sql, owner)?,
                emails: emails::by_id(sql, owner, &ids, columns)?,
            })
        })
        .await
    }

    /// A page of the emails of a mailbox by when they came. Costs what the page holds, not what the mailbox does.
    ///
    /// # Errors
    /// NotFound for the mailbox.
    pub async fn email_arrivals(&self, access: &Access, wanted: Arrivals) -> Result<ArrivalPage> {
        let owner = access.account()?;
        self.read(move |sql| {
            let states = emails::states(sql, owner)?.ok_or_else(|| no_account(owner))?;
            let (places, more) = arrivals::arrivals(sql, owner, &wanted)?;
            Ok(ArrivalPage { states, places, more })
        })
        .await
    }

    /// Which emails are in a mailbox, or in all mailboxes, in no order. 64 bytes for each.
    ///
    /// # Errors
    /// NotFound for the mailbox.
    pub async fn email_places(&self, access: &Access, mailbox: Option<MailboxId>) -> Result<Vec<EmailPlace>> {
        let owner = access.account()?;
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
        let owner = access.account()?;
        self.read(move |sql| ids.iter().map(|id| emails::of_thread(sql, owner, *id)).collect()).await
    }

    /// What became of emails after a MODSEQ: at least one commit, at least about `limit` changes if there are, and never
    /// half a commit.
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn email_changes(&self, access: &Access, since: ModSeq, limit: usize) -> Result<EmailChanges> {
        let owner = access.account()?;
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
        let owner = access.account()?;
        self.read(move |sql| email_log::mailboxes(sql, owner, since)).await
    }

    /// What JMAP counts in a mailbox. Costs a scan of it, unless nothing has changed there since it was last asked.
    ///
    /// # Errors
    /// NotFound.
    pub async fn mailbox_counts(&self, access: &Access, mailbox: MailboxId) -> Result<MailboxCounts> {
        let owner = access.account()?;
        self.read(move |sql| emails::counts(sql, owner, mailbox)?.ok_or(Error::NotFound("mailbox"))).await
    }

    /// When each mailbox or its counts last changed, by id: what [`Store::mailbox_counts`] says is the same until then.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn mailbox_counts_changed(&self, access: &Access) -> Result<Vec<(MailboxId, ModSeq)>> {
        let owner = access.account()?;
        self.read(move |sql| emails::counts_modseqs(sql, owner)).await
    }

    /// Makes an email in one mailbox or more, all or nothing.
    ///
    /// # Errors
    /// NotFound for a mailbox, OverQuota, Limit, Invalid, Forbidden, Unavailable.
    pub async fn create_email(&self, access: &Access, new: NewEmail) -> Result<(Placed, Changes)> {
        self.create_email_if(access, new, Expected::Anything).await
    }

    /// As [`Store::create_email`], if what is there is what is expected.
    ///
    /// # Errors
    /// Changed, and those of [`Store::create_email`].
    pub async fn create_email_if(
        &self,
        access: &Access,
        new: NewEmail,
        expected: Expected,
    ) -> Result<(Placed, Changes)> {
        let by = own_by(access, Cause::Append)?;
        let prepared = self.prepare(&new.raw, Reach::Database).await?;
        let NewEmail { mut mailboxes, received_at, flags, keywords, .. } = new;
        mailboxes.sort_unstable();
        mailboxes.dedup();
        let Some((first, others)) = mailboxes.split_first() else {
            return Err(Error::Invalid { what: "mailboxes", why: "an email is in at least one".into() });
        };
        let placing = Placing { target: Target::Id(*first), received_at, flags, keywords };
        let others = others.to_vec();
        self.write(move |tx| email_edit::create(tx, &by, &prepared, (&placing, &others), expected)).await
    }

    /// Alters emails, each by itself but all on disk together. One outcome for each, in order.
    pub async fn update_emails(
        &self,
        access: &Access,
        edits: Vec<(MessageId, EmailEdit)>,
    ) -> Vec<Result<Changes>> {
        self.update_emails_if(access, edits, Expected::Anything).await
    }

    /// As [`Store::update_emails`], each if what is there is what is expected; of a state that is expected only the first is
    /// told, and where it finds another, nothing is altered. The others are then to be as they were in that state.
    pub async fn update_emails_if(
        &self,
        access: &Access,
        edits: Vec<(MessageId, EmailEdit)>,
        expected: Expected,
    ) -> Vec<Result<Changes>> {
        let update = |(id, edit): (MessageId, EmailEdit), expected| {
            let cause = if edit.mailboxes.is_some() { Cause::Move } else { Cause::Flags };
            let by = own_by(access, cause)?;
            Ok(move |tx: &Tx<'_>| email_edit::update(tx, &by, id, &edit, expected))
        };
        self.in_state(edits, expected, update).await
    }

    /// Destroys emails, each by itself but all on disk together. One outcome for each, in order.
    pub async fn destroy_emails(&self, access: &Access, ids: Vec<MessageId>) -> Vec<Result<Changes>> {
        self.destroy_emails_if(access, ids, Expected::Anything).await
    }

    /// As [`Store::destroy_emails`], with an expectation as in [`Store::update_emails_if`].
    pub async fn destroy_emails_if(
        &self,
        access: &Access,
        ids: Vec<MessageId>,
        expected: Expected,
    ) -> Vec<Result<Changes>> {
        let destroy = |id, expected| {
            let by = own_by(access, Cause::Expunge)?;
            Ok(move |tx: &Tx<'_>| email_edit::destroy(tx, &by, id, expected))
        };
        self.in_state(ids, expected, destroy).await
    }

    /// Hands writes over, all at once but for the first of those that expect a state: nobody's write comes between it and
    /// the look at the state, and the others follow only if it was right.
    async fn in_state<W, O: FnMut(&Tx<'_>) -> Result<Changes> + Send + 'static>(
        &self,
        writes: Vec<W>,
        expected: Expected,
        operation: impl Fn(W, Expected) -> Result<O>,
    ) -> Vec<Result<Changes>> {
        let (mut outcomes, mut rest) = (Vec::with_capacity(writes.len()), expected);
        let mut pending = Vec::with_capacity(writes.len());
        for write in writes {
            if let Expected::State(state) = rest {
                if matches!(outcomes.first(), Some(Err(Error::Changed))) {
                    outcomes.push(Err(Error::Changed));
                    continue;
                }
                outcomes.push(match operation(write, rest) {
                    Ok(operation) => self.write(operation).await,
                    Err(error) => Err(error),
                });
                // Where the store was not to be had, nothing was compared.
                if !matches!(outcomes.last(), Some(Err(Error::Changed | Error::Unavailable(_)))) {
                    rest = Expected::Unchanged(state);
                }
                continue;
            }
            pending.push(match operation(write, rest) {
                Ok(operation) => self.inner.submit(operation).await,
                Err(error) => Err(error),
            });
        }
        outcomes.extend(settled(pending).await);
        outcomes
    }

    /// Keeps content for some hours, under an id that nobody can guess. Of an account's uploads the oldest go when there are
    /// more than `bytes_max` octets or 1,000 of them.
    ///
    /// # Errors
    /// NotFound if the account is gone, Forbidden, Unavailable.
    pub async fn upload(&self, access: &Access, bytes: Bytes, bytes_max: u64) -> Result<(String, Upload)> {
        let by = own_by(access, Cause::Append)?;
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
        let (owner, id, inner) = (access.account()?, id.to_owned(), Arc::clone(&self.inner));
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
        let by = own_by(access, Cause::Mailbox)?;
        self.write(move |tx| mailboxes::set_special_use(tx, &by, mailbox, special_use)).await
    }

    /// Sets a mailbox's `sortOrder`.
    ///
    /// # Errors
    /// NotFound, Forbidden.
    pub async fn set_sort_order(&self, access: &Access, mailbox: MailboxId, order: u32) -> Result<Changes> {
        let by = own_by(access, Cause::Mailbox)?;
        self.write(move |tx| mailboxes::set_sort_order(tx, &by, mailbox, order)).await
    }
}
