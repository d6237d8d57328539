//! Messages: views, rows, content.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::sqlite::blobs::Identity;
use crate::sqlite::{Sql, accounts, acl, blobs, flags, log, mailboxes, reading};
use crate::{
    Access, Columns, Entry, Error, Keywords, MailboxChanges, MailboxId, MessageId, MessageRow, ModSeq,
    OpenedView, Result, Rights, Store, Uid, View,
};

impl Store {
    /// All messages of a mailbox as of now. Sessions that have the same one share it; the memory of a message in it is
    /// 48 bytes.
    ///
    /// # Errors
    /// NotFound.
    pub async fn view(&self, access: &Access, mailbox: MailboxId) -> Result<Arc<View>> {
        let (who, inner) = (access.who(), Arc::clone(&self.inner));
        self.read(move |sql| {
            acl::demand(sql, who, mailbox, Rights::READ)?;
            inner.views.read(sql, who.owner, mailbox)
        })
        .await
    }

    /// The bytes that EXPUNGE of a mailbox would take out of it.
    ///
    /// # Errors
    /// NotFound.
    pub async fn deleted_bytes(&self, access: &Access, mailbox: MailboxId) -> Result<u64> {
        let who = access.who();
        self.read(move |sql| {
            acl::demand(sql, who, mailbox, Rights::READ)?;
            reading::deleted_bytes(sql, who.owner, mailbox)
        })
        .await
    }

    /// The same for a session that opens the mailbox and keeps few changes by itself: costs what has changed since
    /// another session's view was read, not what the mailbox holds.
    ///
    /// # Errors
    /// NotFound.
    pub async fn open_view(&self, access: &Access, mailbox: MailboxId) -> Result<OpenedView> {
        let (who, inner) = (access.who(), Arc::clone(&self.inner));
        self.read(move |sql| {
            acl::demand(sql, who, mailbox, Rights::READ)?;
            inner.views.open(sql, who.owner, mailbox)
        })
        .await
    }

    /// The account's keywords; to others than the owner those that messages have which they may read.
    ///
    /// # Errors
    /// NotFound if the account is gone, or if nothing in it may be read.
    pub async fn keywords(&self, access: &Access) -> Result<Keywords> {
        let who = access.who();
        self.read(move |sql| {
            acl::demand_any(sql, who)?;
            accounts::modseq(sql, who.owner)?;
            if !who.is_owner() {
                return flags::keywords_in(sql, who.owner, &acl::readable(sql, who)?);
            }
            flags::keywords(sql, who.owner)
        })
        .await
    }

    /// What changed in one mailbox since a MODSEQ. Costs what the account has changed since, not what the mailbox holds.
    ///
    /// # Errors
    /// NotFound.
    pub async fn mailbox_changes(
        &self,
        access: &Access,
        mailbox: MailboxId,
        since: ModSeq,
    ) -> Result<MailboxChanges> {
        let who = access.who();
        self.read(move |sql| {
            acl::demand(sql, who, mailbox, Rights::READ)?;
            log::of_mailbox(sql, who.owner, mailbox, since)
        })
        .await
    }

    /// Messages by UID, in ascending order; unknown UIDs are passed over. Ask for at most a few hundred at a time: the
    /// answer is held in memory.
    ///
    /// # Errors
    /// NotFound for the mailbox.
    pub async fn messages(
        &self,
        access: &Access,
        mailbox: MailboxId,
        mut uids: Vec<Uid>,
        columns: Columns,
    ) -> Result<Vec<MessageRow>> {
        let who = access.who();
        if !uids.is_sorted_by(|a, b| a < b) {
            uids.sort_unstable();
            uids.dedup();
        }
        self.read(move |sql| {
            acl::demand(sql, who, mailbox, Rights::READ)?;
            mailboxes::one(sql, who.owner, mailbox)?;
            reading::rows(sql, who.owner, mailbox, (&uids, columns))
        })
        .await
    }

    /// Messages that a view names, in its order; those that are gone are passed over. Half the work of
    /// [`Store::messages`], since flags are taken from the view and the mailbox is not looked at. Ask for at most a few
    /// hundred at a time.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn messages_of_view(
        &self,
        access: &Access,
        entries: Vec<Entry>,
        columns: Columns,
    ) -> Result<Vec<MessageRow>> {
        let who = access.who();
        self.read(move |sql| {
            let entries = acl::seen_of(sql, who, entries)?;
            reading::rows_of(sql, who.owner, (&entries, columns))
        })
        .await
    }

    /// A message as it was stored, all of it in memory. For what goes to a client piece by piece there is
    /// [`Store::open_raw`].
    ///
    /// # Errors
    /// NotFound; Unavailable if its file can't be read.
    pub async fn raw(&self, access: &Access, message: MessageId) -> Result<Bytes> {
        let (who, inner) = (access.who(), Arc::clone(&self.inner));
        self.read(move |sql| {
            acl::demand_message(sql, who, message)?;
            blobs::of_message(sql, inner.files(), who.owner, message)
        })
        .await
    }

    /// As [`Store::raw`] for several at once, in their order; those that are gone are passed over. Ask for as many as may
    /// be in memory together.
    ///
    /// # Errors
    /// Unavailable if a file can't be read.
    pub async fn raws(&self, access: &Access, messages: Vec<MessageId>) -> Result<Vec<(MessageId, Bytes)>> {
        let (who, inner) = (access.who(), Arc::clone(&self.inner));
        let read = move |sql: Sql<'_>| {
            let found = messages.into_iter().map(|message| {
                let raw = acl::demand_message(sql, who, message)
                    .and_then(|()| blobs::of_message(sql, inner.files(), who.owner, message));
                match raw {
                    Ok(raw) => Ok(Some((message, raw))),
                    Err(Error::NotFound(_)) => Ok(None),
                    Err(error) => Err(error),
                }
            });
            found.filter_map(Result::transpose).collect()
        };
        self.read(read).await
    }

    /// Opens a message to be read in stretches, and reads the first: the bytes of `first` as far as there are any.
    ///
    /// # Errors
    /// NotFound; Unavailable if its file can't be read.
    pub async fn open_raw(
        &self,
        access: &Access,
        message: MessageId,
        first: Range<u64>,
    ) -> Result<(RawReader, Bytes)> {
        let (who, inner) = (access.who(), Arc::clone(&self.inner));
        let read = self.read(move |sql| {
            acl::demand_message(sql, who, message)?;
            let content = blobs::identity(sql, who.owner, message)?;
            Ok((content, blobs::range(sql, inner.files(), content, first)?))
        });
        let (content, bytes) = read.await?;
        Ok((RawReader { store: self.clone(), content }, bytes))
    }
}

/// A message that is read in stretches. Whoever has opened it may read on although it is expunged meanwhile, for a
/// day at least.
#[derive(Clone)]
pub struct RawReader {
    store: Store,
    content: Identity,
}

impl RawReader {
    /// Bytes of the whole message.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.content.size
    }

    /// The bytes of a range, as far as there are any; all of them are in memory.
    ///
    /// # Errors
    /// NotFound once the message has been gone for long; Unavailable if its file can't be read.
    pub async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let (content, inner) = (self.content, Arc::clone(&self.store.inner));
        self.store.read(move |sql| blobs::range(sql, inner.files(), content, range)).await
    }
}
