//! Puts what a [`Source`] holds into an account's mailboxes.
//!
//! Messages of one mailbox that follow each other go into the store in batches, each in one commit, so that an import
//! is fast and still a batch is there whole or not at all. Limits: [`BATCH_MESSAGES_MAX`], [`BATCH_BYTES_MAX`].

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use indicatif::ProgressBar;
use message::Parsed;
use store::{
    Access, Cause, Columns, Error, Mailbox, MailboxName, NewMessage, Raw, Store, Target, Uid, UnixTime,
};

use super::journal::{Batch, Journal};
use super::{Found, Source};

/// Where messages go, and what is refused.
pub(crate) struct Importer {
    store: Store,
    access: Access,
    /// The mailbox for what lies in the source's root; its folders go below it, or to the top if it is INBOX.
    root: MailboxName,
    message_bytes_max: u64,
    journal: Journal,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Messages imported.
    pub(crate) imported: u64,
    /// Messages that an earlier run had imported.
    pub(crate) already_there: u64,
    /// Messages over the size limit, left out.
    pub(crate) too_large: u64,
}

impl Importer {
    /// Prepares an import.
    pub(crate) fn new(
        store: Store,
        access: Access,
        root: MailboxName,
        message_bytes_max: u64,
        journal: Journal,
    ) -> Self {
        Self { store, access, root, message_bytes_max, journal }
    }

    /// Imports everything that has not been imported yet.
    /// Refuses to begin while a batch of an earlier run is not settled.
    pub(crate) async fn run(
        &mut self,
        source: &mut dyn Source,
        bar: &ProgressBar,
    ) -> anyhow::Result<Summary> {
        ensure!(self.journal.unfinished().is_none(), "an interrupted batch has not been settled");
        let mut summary = Summary::default();
        let mut batch: Vec<Found> = Vec::new();
        bar.set_length(source.length());
        while let Some(found) = source.next()? {
            bar.set_position(found.position);
            if self.journal.is_done(&found.key) {
                summary.already_there += 1;
            } else if u64::try_from(found.raw.len())? > self.message_bytes_max {
                summary.too_large += 1;
            } else {
                let is_full = batch.len() >= BATCH_MESSAGES_MAX
                    || batch.iter().map(|found| found.raw.len()).sum::<usize>() >= BATCH_BYTES_MAX;
                if is_full || batch.first().is_some_and(|first| first.folder != found.folder) {
                    summary.imported += self.commit(std::mem::take(&mut batch)).await?;
                }
                batch.push(found);
            }
        }
        summary.imported += self.commit(batch).await?;
        bar.finish_and_clear();
        Ok(summary)
    }

    /// If an earlier run ended with a batch under way: finds out whether it was committed. It was if the mailbox has
    /// since got one of its messages, for a batch is there whole or not at all. To be called before [`Importer::run`],
    /// with the same source from its beginning.
    pub(crate) async fn settle(&mut self, source: &mut dyn Source) -> anyhow::Result<()> {
        let Some(batch) = self.journal.unfinished().cloned() else { return Ok(()) };
        let mut found = source.next()?;
        while found.as_ref().is_some_and(|found| !batch.keys.contains(&found.key)) {
            found = source.next()?;
        }
        let Some(found) = found else { return self.journal.forget() };
        let is_there = match self.store.mailbox_named(&self.access, &MailboxName::new(&batch.mailbox)?).await
        {
            Ok(mailbox) => self.holds(&mailbox, batch.uid_next, &found.raw).await?,
            Err(Error::NotFound(_)) => false,
            Err(error) => return Err(error.into()),
        };
        if is_there { self.journal.done() } else { self.journal.forget() }
    }

    async fn holds(&self, mailbox: &Mailbox, uid_next: u32, raw: &[u8]) -> anyhow::Result<bool> {
        let view = self.store.view(&self.access, mailbox.id).await?;
        let size = u32::try_from(raw.len()).unwrap_or(u32::MAX);
        let since: Vec<Uid> =
            view.entries.iter().map(|entry| entry.uid).filter(|uid| uid.0 >= uid_next).collect();
        let nothing = Columns { envelope: false, structure: false, summary: false };
        for uids in since.chunks(ROWS_AT_ONCE) {
            for row in self.store.messages(&self.access, mailbox.id, uids.to_vec(), nothing).await? {
                if row.size == size && self.store.raw(&self.access, row.entry.message).await? == raw {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    async fn commit(&mut self, batch: Vec<Found>) -> anyhow::Result<u64> {
        let Some(first) = batch.first() else { return Ok(0) };
        let mailbox = self.mailbox(first.folder.as_deref()).await?;
        self.journal.begin(Batch {
            uid_next: mailbox.uid_next,
            mailbox: mailbox.name.as_str().to_owned(),
            keys: batch.iter().map(|found| found.key.clone()).collect(),
        })?;
        let count = u64::try_from(batch.len())?;
        let messages = batch.into_iter().map(|found| new_message(found, mailbox.id)).collect();
        match self.store.append_many(&self.access, messages).await {
            Ok((_placed, _changes)) => {
                self.journal.done()?;
                Ok(count)
            }
            Err(Error::OverQuota) => {
                self.journal.forget()?;
                bail!("the account's quota is reached; raise it and run the same command again");
            }
            Err(error) => {
                Err(error).context("the store refused a batch; run the same command again to go on")
            }
        }
    }

    async fn mailbox(&self, folder: Option<&str>) -> anyhow::Result<Mailbox> {
        let name = match folder {
            None => self.root.clone(),
            Some(folder) if self.root == MailboxName::inbox() => MailboxName::new(folder)?,
            Some(folder) => MailboxName::new(&format!("{}/{folder}", self.root.as_str()))?,
        };
        match self.store.mailbox_named(&self.access, &name).await {
            Err(Error::NotFound(_)) => {
                let made = self.store.create_mailbox(&self.access, &name, None).await;
                let (mailbox, _changes) =
                    made.with_context(|| format!("cannot make the mailbox {}", name.as_str()))?;
                let _changes = self.store.set_subscribed(&self.access, &name, true).await?;
                Ok(mailbox)
            }
            found => Ok(found?),
        }
    }
}

fn new_message(found: Found, mailbox: store::MailboxId) -> NewMessage {
    let parsed = Parsed::parse(&found.raw);
    let sent_at = parsed.summary.sent.map(|sent| UnixTime(sent.unix_seconds));
    NewMessage {
        received_at: found.received_at.or(sent_at).unwrap_or_else(now),
        raw: Raw { bytes: found.raw.into(), parsed: Arc::new(parsed) },
        target: Target::Id(mailbox),
        flags: found.flags,
        keywords: found.keywords,
        cause: Cause::Import,
    }
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

const BATCH_MESSAGES_MAX: usize = 64;
const BATCH_BYTES_MAX: usize = 8 << 20;
const ROWS_AT_ONCE: usize = 200;
