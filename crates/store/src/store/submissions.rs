//! Identities, submissions and their queue, replies while away.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::own_by;
use crate::password::random;
use crate::sqlite::blobs::Reach;
use crate::sqlite::{
    accounts, identities, objects, pairs, reports, submission_queue, submissions, vacations,
};
use crate::{
    Access, AccountId, Cause, Error, Identity, IdentityId, IdentityText, ModSeq, NewSubmission, ObjectChange,
    ObjectKind, QueuedSubmission, RecipientOutcome, Report, Result, Store, Submission, SubmissionId,
    UnixTime, Vacation, VacationReply,
};

impl Store {
    /// All identities, by id, after those of the account's own addresses were made to be for `addresses`.
    ///
    /// # Errors
    /// NotFound if the account is gone, Unavailable.
    pub async fn identities(&self, access: &Access, addresses: Vec<String>) -> Result<Vec<Identity>> {
        let owner = access.account()?;
        let found = self
            .read(move |sql| {
                accounts::modseq(sql, owner)?;
                identities::all(sql, owner)
            })
            .await?;
        if !identities::are_stale(&found, &addresses) {
            return Ok(found);
        }
        self.write(move |tx| {
            identities::renew(tx, owner, &addresses)?;
            identities::all(tx.sql, owner)
        })
        .await
    }

    /// Makes an identity; at most 100 in an account besides those of its own addresses.
    ///
    /// # Errors
    /// Invalid for control characters, Limit, Forbidden.
    pub async fn create_identity(
        &self,
        access: &Access,
        email: String,
        text: IdentityText,
    ) -> Result<IdentityId> {
        let owner = own_by(access, Cause::Admin)?.account;
        check_text(&text)?;
        self.write(move |tx| identities::create(tx, owner, &email, &text)).await
    }

    /// Has an identity say something else.
    ///
    /// # Errors
    /// NotFound, Invalid for control characters, Forbidden.
    pub async fn update_identity(&self, access: &Access, id: IdentityId, text: IdentityText) -> Result<()> {
        let owner = own_by(access, Cause::Admin)?.account;
        check_text(&text)?;
        self.write(move |tx| identities::update(tx, owner, id, &text)).await
    }

    /// Destroys an identity.
    ///
    /// # Errors
    /// NotFound; Forbidden also for one of the account's own addresses.
    pub async fn destroy_identity(&self, access: &Access, id: IdentityId) -> Result<()> {
        let owner = own_by(access, Cause::Admin)?.account;
        self.write(move |tx| identities::destroy(tx, owner, id)).await
    }

    /// Identities or submissions that have changed after a MODSEQ, by MODSEQ, and whether all that are gone are among them.
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn object_changes(
        &self,
        access: &Access,
        kind: ObjectKind,
        since: ModSeq,
    ) -> Result<(Vec<ObjectChange>, bool)> {
        let owner = access.account()?;
        self.read(move |sql| objects::changes(sql, owner, (kind, since))).await
    }

    /// All submissions, by id.
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn submissions(&self, access: &Access) -> Result<Vec<Submission>> {
        let owner = access.account()?;
        self.read(move |sql| {
            accounts::modseq(sql, owner)?;
            submissions::all(sql, owner)
        })
        .await
    }

    /// One of them.
    ///
    /// # Errors
    /// NotFound.
    pub async fn submission(&self, access: &Access, id: SubmissionId) -> Result<Submission> {
        let owner = access.account()?;
        self.read(move |sql| submissions::one(sql, owner, id)).await
    }

    /// Queues an email for sending, and wakes the sender.
    ///
    /// # Errors
    /// NotFound: `message` or `identity`. Limit, Invalid, Forbidden.
    pub async fn create_submission(&self, access: &Access, new: NewSubmission) -> Result<Submission> {
        let owner = own_by(access, Cause::Admin)?.account;
        let all = std::iter::once(&new.mail_from).chain(&new.recipients);
        if new.recipients.is_empty() || !all.into_iter().all(pairs::is_plain_address) {
            return Err(Error::Invalid {
                what: "envelope",
                why: "no recipient, or a control character".into(),
            });
        }
        let made = self.write(move |tx| submissions::create(tx, owner, &new)).await?;
        self.inner.submission_news.notify_one();
        Ok(made)
    }

    /// Stops a submission; nobody gets the message then.
    ///
    /// # Errors
    /// NotFound; Forbidden if it is too late.
    pub async fn cancel_submission(&self, access: &Access, id: SubmissionId) -> Result<()> {
        let owner = own_by(access, Cause::Admin)?.account;
        self.write(move |tx| submissions::cancel(tx, owner, id)).await
    }

    /// Removes the record of a submission; a message that waits is sent all the same.
    ///
    /// # Errors
    /// NotFound, Forbidden.
    pub async fn destroy_submission(&self, access: &Access, id: SubmissionId) -> Result<()> {
        let owner = own_by(access, Cause::Admin)?.account;
        self.write(move |tx| submissions::destroy(tx, owner, id)).await
    }

    /// For the sender: resolves when something has been queued since it was last awaited. Cancel-safe.
    pub async fn submission_queued(&self) {
        self.inner.submission_news.notified().await;
    }

    /// For the sender: those that are due, the longest due first, but none of `except`.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn due_submissions(
        &self,
        now: UnixTime,
        except: Vec<SubmissionId>,
        limit: usize,
    ) -> Result<Vec<QueuedSubmission>> {
        self.read(move |sql| submission_queue::due(sql, now, (&except, limit))).await
    }

    /// For the sender: when the next one after a time is due, and how many wait.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn submission_queue(&self, after: UnixTime) -> Result<(Option<UnixTime>, u64)> {
        self.read(move |sql| Ok((submission_queue::next_due(sql, after)?, submission_queue::length(sql)?)))
            .await
    }

    /// For the sender: the content, all of it in memory.
    ///
    /// # Errors
    /// NotFound if there is nothing left to send.
    pub async fn submission_content(&self, id: SubmissionId) -> Result<Bytes> {
        let inner = Arc::clone(&self.inner);
        self.read(move |sql| submission_queue::content(sql, inner.files(), id)).await
    }

    /// For the sender, before the smarthost has all of a message: the recipients that it is for are in doubt from here on, on
    /// disk when this answers. False if the submission was stopped: then it must not be sent.
    ///
    /// # Errors
    /// Unavailable; it must not be sent then.
    pub async fn commit_submission(&self, id: SubmissionId, outcomes: Vec<RecipientOutcome>) -> Result<bool> {
        self.write(move |tx| submission_queue::commit(tx, id, &outcomes)).await
    }

    /// For the sender: what an attempt has come to. `due_at` is when the next one is, should any recipient be left.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn settle_submission(
        &self,
        id: SubmissionId,
        outcomes: Vec<RecipientOutcome>,
        due_at: UnixTime,
    ) -> Result<()> {
        self.write(move |tx| submission_queue::settle(tx, id, &outcomes, due_at)).await
    }

    /// For the sender at its start: settles what was in doubt when the server ended. It counts as relayed, with this reply, and
    /// is not sent again. Which submissions that concerns.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn resolve_submissions_in_doubt(
        &self,
        reply: String,
    ) -> Result<Vec<(AccountId, SubmissionId)>> {
        self.write(move |tx| submission_queue::resolve_doubts(tx, &reply)).await
    }

    /// Notes what a report says; whether there is a submission that it is about.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn note_report(&self, account: AccountId, report: Report) -> Result<bool> {
        self.write(move |tx| reports::note(tx, account, &report)).await
    }

    /// The reply while away.
    ///
    /// # Errors
    /// NotFound if the account is gone.
    pub async fn vacation(&self, access: &Access) -> Result<Vacation> {
        let owner = access.account()?;
        self.read(move |sql| {
            accounts::modseq(sql, owner)?;
            vacations::read(sql, owner)
        })
        .await
    }

    /// Sets the reply while away. Whoever had the one before gets this one, too.
    ///
    /// # Errors
    /// NotFound, Forbidden.
    pub async fn set_vacation(&self, access: &Access, vacation: Vacation) -> Result<()> {
        let owner = own_by(access, Cause::Admin)?.account;
        let is_enabled = vacation.is_enabled;
        self.write(move |tx| vacations::write(tx, owner, &vacation)).await?;
        if let Some(away) = self.inner.away.lock().as_mut() {
            if is_enabled {
                away.insert(owner)
            } else {
                away.remove(&owner)
            };
        }
        Ok(())
    }

    /// Whether an account may have its messages replied to now. Answered from memory, so that a delivery may ask: what another
    /// process sets is not seen before the next start.
    ///
    /// # Errors
    /// Unavailable, the first time.
    pub async fn may_be_away(&self, account: AccountId) -> Result<bool> {
        if let Some(away) = self.inner.away.lock().as_ref() {
            return Ok(away.contains(&account));
        }
        let found: BTreeSet<AccountId> = self.read(vacations::enabled).await?.into_iter().collect();
        let mut away = self.inner.away.lock();
        Ok(away.get_or_insert(found).contains(&account))
    }

    /// Queues a reply from the null reverse-path, and wakes the sender. False, and nothing done, if the recipient has had one,
    /// if more than 2,000 others have, or if the account's replies are off by now.
    ///
    /// # Errors
    /// Unavailable, NotFound if the account is gone.
    pub async fn queue_vacation_reply(&self, account: AccountId, reply: VacationReply) -> Result<bool> {
        if !pairs::is_plain(&reply.to) {
            return Ok(false);
        }
        let (files, nonce) = (self.inner.files().clone(), u64::from_le_bytes(random()?));
        let VacationReply { to, content, unless_after } = reply;
        let task = tokio::task::spawn_blocking(move || files.prepare(&content, Reach::Here, nonce));
        let content = task.await.map_err(|error| Error::Bug(format!("preparing ended early: {error}")))?;
        let content = content.map_err(|error| Error::Unavailable(format!("write blob: {error}")))?;
        let is_queued =
            self.write(move |tx| vacations::queue(tx, account, (&to, unless_after), &content)).await?;
        if is_queued {
            self.inner.submission_news.notify_one();
        }
        Ok(is_queued)
    }
}

fn check_text(text: &IdentityText) -> Result<()> {
    let lists = [&text.reply_to, &text.bcc].into_iter().flatten().flatten();
    let is_plain = lists.into_iter().all(|address| {
        pairs::is_plain(&address.email) && address.name.as_deref().is_none_or(pairs::is_plain)
    });
    if is_plain && pairs::is_plain(&text.name) {
        return Ok(());
    }
    Err(Error::Invalid { what: "identity", why: "a control character".into() })
}
