//! Messages: append, deliver, flags, copy, move, expunge.
//!
//! # What is atomic
//! `append`, `append_many` and `replace`: all or nothing. `deliver`: for each recipient by itself. The others work in chunks of
//! 500 messages, each a commit of its own, so that no delivery waits behind a large one: after an error or a crash in
//! between, the chunks before have happened. Each chunk of a move is atomic, so no message is ever lost or doubled.
//! RFC 9051 §6.4.7 wants a COPY that fails to leave nothing behind: on an error, what it has copied is removed again;
//! only a crash in between leaves a part of the copies.

use std::sync::Arc;

use super::{CHUNK_MESSAGES, by};
use crate::password::random;
use crate::sqlite::acl::{self, Who};
use crate::sqlite::append::{self, Placing, Prepared};
use crate::sqlite::blobs::Reach;
use crate::sqlite::edit::{By, Edit};
use crate::sqlite::flags::{self, StoreFlags};
use crate::sqlite::moves::{self, Way};
use crate::sqlite::writer::{Pending, Tx};
use crate::sqlite::{accounts, mailboxes, reading};
use crate::{
    Access, Cause, Changes, Delivered, Delivery, Entry, Error, FlagChange, MailboxId, ModSeq, NewMessage,
    Placed, Raw, Replaced, Result, Rights, Store, Target, Uid,
};

impl Store {
    /// Puts one message into one mailbox.
    ///
    /// # Errors
    /// NotFound for the mailbox, OverQuota, Limit, Forbidden, Unavailable.
    pub async fn append(&self, access: &Access, message: NewMessage) -> Result<Delivered> {
        let who_and_by = (access.who(), by(access, message.cause));
        let prepared = self.prepare(&message.raw, Reach::Database).await?;
        self.submit_append(who_and_by, prepared, message).await?.outcome().await
    }

    /// Puts several into one mailbox each in one commit: all or none. At most 1,000 messages.
    ///
    /// # Errors
    /// As [`Store::append`], for the first that is refused.
    pub async fn append_many(
        &self,
        access: &Access,
        messages: Vec<NewMessage>,
    ) -> Result<(Vec<Placed>, Changes)> {
        if messages.len() > APPEND_MESSAGES_MAX {
            return Err(Error::Limit("messages in one append"));
        }
        let (who, by) = (access.who(), by(access, Cause::Append));
        let mut all = Vec::with_capacity(messages.len());
        for message in messages {
            let by = By { cause: message.cause, ..by };
            all.push((self.prepare(&message.raw, Reach::Database).await?, by, placing(message)));
        }
        self.write(move |tx| {
            let mut changes = Changes { account: by.account, modseq: accounts::modseq(tx.sql, by.account)? };
            let mut placed = Vec::with_capacity(all.len());
            for (prepared, by, placing) in &all {
                let delivered = append_permitted(tx, (who, *by), prepared, placing)?;
                placed.push(delivered.placed);
                changes = delivered.changes;
            }
            Ok((placed, changes))
        })
        .await
    }

    /// Puts one message into a mailbox and takes another out of one, in one commit. What the old one frees counts for
    /// the quota.
    ///
    /// # Errors
    /// NotFound: `message` for the old one, `mailbox` for the new one's; else as [`Store::append`].
    pub async fn replace(
        &self,
        access: &Access,
        (mailbox, uid): (MailboxId, Uid),
        message: NewMessage,
    ) -> Result<Replaced> {
        let (who, by) = (access.who(), by(access, message.cause));
        let prepared = self.prepare(&message.raw, Reach::Database).await?;
        let placing = placing(message);
        self.write(move |tx| {
            acl::demand(tx.sql, who, mailbox, TAKE)?;
            mailboxes::one(tx.sql, by.account, mailbox)?;
            let mut edit = Edit::new(tx, By { cause: Cause::Expunge, ..by });
            if moves::discard(&mut edit, mailbox, &[uid])?.is_empty() {
                return Err(Error::NotFound("message"));
            }
            let replaced_at = edit.finish()?.modseq;
            let Delivered { placed, changes } = append_permitted(tx, (who, by), &prepared, &placing)?;
            Ok(Replaced { placed, replaced_at, changes })
        })
        .await
    }

    /// One message to several accounts; where their `raw.bytes` are one allocation, the content is hashed and stored once
    /// (large content also once for all deliveries that have it). One outcome for each recipient, in order. At most 1,000 recipients;
    /// more are answered Limit.
    pub async fn deliver(&self, deliveries: Vec<Delivery>) -> Vec<Result<Delivered>> {
        let mut contents: Vec<(Raw, Arc<Prepared>)> = Vec::new();
        let mut pending: Vec<Result<Pending<Delivered>>> = Vec::with_capacity(deliveries.len());
        for (position, delivery) in deliveries.into_iter().enumerate() {
            let submitted = if position < RECIPIENTS_MAX {
                self.submit_delivery(&mut contents, delivery).await
            } else {
                Err(Error::Limit("recipients of one delivery"))
            };
            pending.push(submitted);
        }
        settled(pending).await
    }

    async fn submit_delivery(
        &self,
        contents: &mut Vec<(Raw, Arc<Prepared>)>,
        Delivery { account, message }: Delivery,
    ) -> Result<Pending<Delivered>> {
        let access = self.system_access(account);
        let who_and_by = (access.who(), by(&access, message.cause));
        let same = |raw: &Raw| {
            raw.bytes.as_ptr() == message.raw.bytes.as_ptr() && raw.bytes.len() == message.raw.bytes.len()
        };
        let known = contents.iter().find(|(raw, _)| same(raw)).map(|(_, prepared)| Arc::clone(prepared));
        let prepared = match known {
            Some(prepared) => prepared,
            None => {
                let prepared = self.prepare(&message.raw, Reach::Here).await?;
                // Held with its bytes: while it is here, nothing else can have their address.
                contents.push((message.raw.clone(), Arc::clone(&prepared)));
                prepared
            }
        };
        self.submit_append(who_and_by, prepared, message).await
    }

    async fn submit_append(
        &self,
        who_and_by: (Who, By),
        prepared: Arc<Prepared>,
        message: NewMessage,
    ) -> Result<Pending<Delivered>> {
        let placing = placing(message);
        self.inner.submit(move |tx| append_permitted(tx, who_and_by, &prepared, &placing)).await
    }

    /// Everything about a message that needs no transaction. A large one is written to its file here. One whose size has
    /// more than 32 bits is refused with Limit: offsets into it have no more.
    pub(super) async fn prepare(&self, raw: &Raw, reach: Reach) -> Result<Arc<Prepared>> {
        let files = self.inner.files().clone();
        let bytes = raw.bytes.clone();
        let parsed = Arc::clone(&raw.parsed);
        let nonce = u64::from_le_bytes(random()?);
        let work = move || -> Result<Prepared> {
            if u32::try_from(bytes.len()).is_err() {
                return Err(Error::Limit("bytes of a message"));
            }
            let content = files
                .prepare(&bytes, reach, nonce)
                .map_err(|error| Error::Unavailable(format!("write blob: {error}")))?;
            Ok(Prepared {
                content,
                envelope: parsed.envelope.encode(),
                structure: parsed.structure.encode(),
                summary: parsed.summary.encode(),
                thread_keys: append::thread_keys(&parsed.summary),
            })
        };
        // A small one is done in microseconds; handing it to another thread would cost more.
        if raw.bytes.len() <= PREPARED_IN_PLACE_BYTES_MAX {
            return work().map(Arc::new);
        }
        let task = tokio::task::spawn_blocking(work);
        task.await.map_err(|error| Error::Bug(format!("preparing ended early: {error}")))?.map(Arc::new)
    }

    /// Changes flags. Returns what the messages have now (also when nothing changed), ascending by UID, and, with
    /// `unchanged_since`, the UIDs that had changed since (left alone). Unknown UIDs are passed over.
    ///
    /// # Errors
    /// NotFound for the mailbox, Limit for a 121st keyword, Invalid for a keyword that is no atom, Forbidden.
    #[expect(
        clippy::too_many_arguments,
        reason = "the six words of the STORE command; a struct would name them again"
    )]
    pub async fn store_flags(
        &self,
        access: &Access,
        mailbox: MailboxId,
        uids: Vec<Uid>,
        change: FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> Result<(Vec<Entry>, Vec<Uid>, Changes)> {
        let (who, by) = (access.who(), by(access, Cause::Flags));
        let (chunks, changes) = self
            .in_chunks(uids, move |tx, chunk| {
                let rights = acl::demand(tx.sql, who, mailbox, Rights::LOOKUP)?;
                mailboxes::one(tx.sql, by.account, mailbox)?;
                let change = acl::permitted_change(rights, &change)?;
                let mut edit = Edit::new(tx, by);
                let request = StoreFlags { mailbox, uids: chunk, change: &change, unchanged_since };
                let stored = flags::store(&mut edit, &request)?;
                Ok((stored, edit.finish()?))
            })
            .await
            .map_err(|failed| failed.error)?;
        let (entries, modified): (Vec<_>, Vec<_>) = chunks.into_iter().unzip();
        Ok((entries.concat(), modified.concat(), changes))
    }

    /// Copies. Pairs of (UID there, placed), ascending by source UID. Unknown UIDs are passed over. Does not count
    /// against the quota: the message is the same.
    ///
    /// # Errors
    /// NotFound for either mailbox, Forbidden.
    pub async fn copy(
        &self,
        access: &Access,
        from: MailboxId,
        uids: Vec<Uid>,
        to: MailboxId,
    ) -> Result<(Vec<(Uid, Placed)>, Changes)> {
        let (who, by) = (access.who(), by(access, Cause::Copy));
        let copied = self
            .in_chunks(uids, move |tx, chunk| {
                acl::demand(tx.sql, who, from, Rights::READ)?;
                acl::demand(tx.sql, who, to, Rights::INSERT)?;
                mailboxes::one(tx.sql, by.account, from)?;
                let mut edit = Edit::new(tx, by);
                let placed = moves::copy(&mut edit, Way { from, to }, chunk)?;
                Ok((placed, edit.finish()?))
            })
            .await;
        match copied {
            Ok((chunks, changes)) => Ok((chunks.concat(), changes)),
            Err(failed) => {
                self.undo_copy(by, to, &failed.done.concat()).await;
                Err(failed.error)
            }
        }
    }

    /// RFC 9051 §6.4.7: the destination of a copy that failed is restored.
    pub(super) async fn undo_copy(&self, by: By, to: MailboxId, done: &[(Uid, Placed)]) {
        let copies = done.iter().map(|(_, placed)| placed.uid).collect();
        let undone = self.in_chunks(copies, move |tx, chunk| {
            let mut edit = Edit::new(tx, by);
            let gone = moves::discard(&mut edit, to, chunk)?;
            Ok((gone, edit.finish()?))
        });
        if let Err(undo) = undone.await {
            tracing::warn!(account = by.account.0, error = %undo.error, "part of a failed copy stays");
        }
    }

    /// Moves, each message in one piece (RFC 9051 §6.4.8). Pairs of (UID there, placed), ascending by source UID. Unknown
    /// UIDs are passed over.
    ///
    /// # Errors
    /// NotFound for either mailbox, Forbidden.
    pub async fn move_messages(
        &self,
        access: &Access,
        from: MailboxId,
        uids: Vec<Uid>,
        to: MailboxId,
    ) -> Result<(Vec<(Uid, Placed)>, Changes)> {
        let (who, by) = (access.who(), by(access, Cause::Move));
        let (chunks, changes) = self
            .in_chunks(uids, move |tx, chunk| {
                acl::demand(tx.sql, who, from, TAKE)?;
                acl::demand(tx.sql, who, to, Rights::INSERT)?;
                mailboxes::one(tx.sql, by.account, from)?;
                let mut edit = Edit::new(tx, by);
                let placed = moves::shift(&mut edit, Way { from, to }, chunk)?;
                Ok((placed, edit.finish()?))
            })
            .await
            .map_err(|failed| failed.error)?;
        Ok((chunks.concat(), changes))
    }

    /// Removes those with `\Deleted`, of `only` if given. Returns what is gone, ascending.
    ///
    /// # Errors
    /// NotFound for the mailbox, Forbidden.
    pub async fn expunge(
        &self,
        access: &Access,
        mailbox: MailboxId,
        only: Option<Vec<Uid>>,
    ) -> Result<(Vec<Uid>, Changes)> {
        let (who, by) = (access.who(), by(access, Cause::Expunge));
        // Found by a reader; the writer looks again whether they still have the flag.
        let deleted = self
            .read(move |sql| {
                acl::demand(sql, who, mailbox, Rights::EXPUNGE)?;
                accounts::modseq(sql, by.account)?;
                reading::deleted(sql, by.account, mailbox)
            })
            .await?;
        let uids = match only {
            None => deleted,
            Some(only) => {
                let only = ascending(only);
                deleted.into_iter().filter(|uid| only.binary_search(uid).is_ok()).collect()
            }
        };
        let (chunks, changes) = self
            .in_chunks(uids, move |tx, chunk| {
                acl::demand(tx.sql, who, mailbox, Rights::EXPUNGE)?;
                let mut edit = Edit::new(tx, by);
                let gone = moves::expunge(&mut edit, mailbox, chunk)?;
                Ok((gone, edit.finish()?))
            })
            .await
            .map_err(|failed| failed.error)?;
        Ok((chunks.concat(), changes))
    }

    /// Runs a write over ascending UIDs, 500 at a time; at least once, so that even nothing has its answer.
    pub(super) async fn in_chunks<T: Send + 'static>(
        &self,
        uids: Vec<Uid>,
        operation: impl Fn(&Tx<'_>, &[Uid]) -> Result<(T, Changes)> + Send + Sync + 'static,
    ) -> std::result::Result<(Vec<T>, Changes), Failed<T>> {
        let uids = ascending(uids);
        let operation = Arc::new(operation);
        let mut done = Vec::new();
        let mut rest = &uids[..];
        loop {
            let (chunk, after) = rest.split_at(rest.len().min(CHUNK_MESSAGES));
            let (chunk, operation) = (chunk.to_vec(), Arc::clone(&operation));
            match self.write(move |tx| operation(tx, &chunk)).await {
                Err(error) => return Err(Failed { done, error }),
                Ok((value, changes)) => {
                    done.push(value);
                    if after.is_empty() {
                        return Ok((done, changes));
                    }
                }
            }
            rest = after;
        }
    }
}

/// A write in chunks that failed at one of them.
pub(super) struct Failed<T> {
    /// What the chunks before it returned.
    pub(super) done: Vec<T>,
    pub(super) error: Error,
}

/// RFC 4314 §4: `i` to put a message there; of its flags those are set that the rights let one set.
fn append_permitted(
    tx: &Tx<'_>,
    (who, by): (Who, By),
    prepared: &Prepared,
    placing: &Placing,
) -> Result<Delivered> {
    if who.is_owner() {
        return append::append(tx, &by, prepared, placing);
    }
    let mailbox = mailboxes::resolve(tx.sql, by.account, &placing.target)?;
    let rights = acl::demand(tx.sql, who, mailbox, Rights::INSERT)?;
    let mut permitted = Placing { target: Target::Id(mailbox), ..placing.clone() };
    permitted.flags = acl::permitted_flags(rights, placing.flags);
    if !rights.contains(Rights::WRITE) {
        permitted.keywords.clear();
    }
    append::append(tx, &by, prepared, &permitted)
}

/// What became of each, in the same order.
pub(super) async fn settled<T>(pending: Vec<Result<Pending<T>>>) -> Vec<Result<T>> {
    let mut outcomes = Vec::with_capacity(pending.len());
    for one in pending {
        outcomes.push(match one {
            Ok(pending) => pending.outcome().await,
            Err(error) => Err(error),
        });
    }
    outcomes
}

fn placing(message: NewMessage) -> Placing {
    let NewMessage { target, received_at, flags, keywords, .. } = message;
    Placing { target, received_at, flags, keywords }
}

fn ascending(mut uids: Vec<Uid>) -> Vec<Uid> {
    if !uids.is_sorted_by(|a, b| a < b) {
        uids.sort_unstable();
        uids.dedup();
    }
    uids
}

/// RFC 6851 §4.4: what MOVE needs of the mailbox that it takes messages from.
pub(super) const TAKE: Rights = Rights::READ.union(Rights::DELETE_MESSAGES).union(Rights::EXPUNGE);
/// One more message is refused with Limit.
const APPEND_MESSAGES_MAX: usize = 1000;
/// One more recipient is answered Limit.
const RECIPIENTS_MAX: usize = 1000;
/// Up to this size hashing is done in about 20 microseconds.
const PREPARED_IN_PLACE_BYTES_MAX: usize = 64 * 1024;
