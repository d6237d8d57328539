//! Finds the messages of one mailbox for which search keys hold.
//!
//! Three rounds: what the view and the search index know decides on most messages; what is left is decided by what the
//! store keeps of a message, and only what is left then by the message itself.

use std::sync::OnceLock;

use store::{Access, Columns, Entry, Keywords, MessageRow, Store, UnixTime};

use crate::cmd::batch::Batches;
use crate::cmd::place::other_owner;
use crate::cmd::search::progress::Progress;
use crate::cmd::search::test::{Candidate, Needs, Surroundings, Test, Verdict};
use crate::cmd::{Context, message_limit, now};
use crate::reply::Failure;
use crate::session::view::ClientView;
use crate::wire::search::SearchKey;
use crate::wire::set::{NumberSet, Numbering};
use crate::wire::status::Code;

/// Where to search, and with whose rights.
pub(crate) struct Finder<'f> {
    pub(crate) store: &'f Store,
    pub(crate) access: &'f Access,
    pub(crate) view: &'f ClientView,
    pub(crate) keywords: &'f Keywords,
    /// RFC 5032 §2.1: what OLDER and YOUNGER count from.
    pub(crate) now: UnixTime,
    /// RFC 9738: how many messages one command searches.
    pub(crate) limit: Option<usize>,
}

impl<'f> Finder<'f> {
    /// Searches the selected mailbox as the client knows it, and tells the client how far it is.
    pub(crate) fn of_selected(context: &'f mut Context<'_>) -> Result<(Self, Progress<'f>), Failure> {
        let (access, selected) = context.session.selected()?;
        let finder = Self {
            store: &context.server.store,
            access,
            view: &selected.view,
            keywords: &selected.keywords,
            now: now(),
            limit: context.server.options.limits.message_limit,
        };
        Ok((finder, Progress::new(context.link, context.tag, &context.server.options.limits)))
    }

    /// The same for what the client does not wait for.
    pub(crate) fn quietly(context: &'f mut Context<'_>) -> Result<(Self, Progress<'f>), Failure> {
        let (finder, progress) = Self::of_selected(context)?;
        Ok((finder, progress.quiet()))
    }

    /// The sequence numbers of the messages for which all keys hold. RFC 9738 §3.3: NO if more are to be searched than one
    /// command may.
    pub(crate) async fn find(
        &self,
        keys: Vec<SearchKey>,
        progress: &mut Progress<'_>,
    ) -> Result<NumberSet, Failure> {
        let seqs = self.searched(&keys);
        message_limit::check(self.limit, seqs.count())?;
        self.find_among(seqs, keys, progress).await
    }

    /// The same among the newest messages, and the code that says so if these are not all (RFC 9738 §3.1).
    pub(crate) async fn find_newest(
        &self,
        keys: Vec<SearchKey>,
        progress: &mut Progress<'_>,
    ) -> Result<(NumberSet, Option<Code>), Failure> {
        let (seqs, cut) = message_limit::newest(self.limit, self.view, self.searched(&keys));
        Ok((self.find_among(seqs, keys, progress).await?, cut))
    }

    /// The messages that the keys leave to be searched: those that they name, if they do.
    fn searched(&self, keys: &[SearchKey]) -> NumberSet {
        let mut seqs = self.view.seqs();
        let sets = keys.iter().filter_map(|key| match key {
            SearchKey::Seq(set) => Some((set, Numbering::Seq)),
            SearchKey::Uid(set) => Some((set, Numbering::Uid)),
            _ => None,
        });
        for (set, numbering) in sets.take(NARROWING_MAX) {
            let named = NumberSet::from_ranges(self.view.find(set, numbering));
            seqs = seqs.minus(&seqs.minus(&named));
        }
        seqs
    }

    /// The same, but only of these messages.
    pub(crate) async fn find_among(
        &self,
        seqs: NumberSet,
        keys: Vec<SearchKey>,
        progress: &mut Progress<'_>,
    ) -> Result<NumberSet, Failure> {
        let (view, keywords, now) = (self.view, self.keywords, self.now);
        let owner = other_owner(self.access);
        let surroundings = Surroundings { view, keywords, now, owner, saved: OnceLock::new() };
        let mut test = Test::all_of(keys, &surroundings)?;
        if seqs.count() > INDEX_FROM {
            for needle in test.needles().into_iter().take(LOOK_UPS_MAX) {
                needle.look_up(self.store, self.access).await;
            }
        }
        let mut found = Vec::new();
        let mut open = Vec::new();
        let mut batches = Batches::of(&seqs);
        while let Some(batch) = batches.next(self.view, VIEW_BATCH) {
            for (seq, entry) in batch {
                match test.of(&Candidate { seq, entry, row: None, raw: None }) {
                    Verdict::Yes => found.push(seq),
                    Verdict::No => {}
                    Verdict::Unknown => open.push(seq),
                }
            }
            // A large mailbox is searched beside other work, not before it.
            tokio::task::consume_budget().await;
        }
        if !open.is_empty() {
            progress.expect(open.len());
            for seqs in open.chunks(test.needs().batch()) {
                self.read(&test, seqs, &mut found).await?;
                progress.step(seqs.len()).await?;
            }
            found.sort_unstable();
        }
        Ok(NumberSet::from_sorted(found))
    }

    /// Reads messages in batches and hands over each with its row; those that are gone meanwhile are passed over.
    pub(crate) async fn read_all(
        &self,
        (seqs, columns): (&NumberSet, Columns),
        progress: &mut Progress<'_>,
        mut take: impl FnMut(u32, &MessageRow),
    ) -> Result<(), Failure> {
        let needs = Needs { columns, place: false };
        let seqs: Vec<u32> = seqs.numbers().collect();
        progress.expect(seqs.len());
        for seqs in seqs.chunks(needs.batch()) {
            let entries = self.entries(seqs);
            let rows = self.rows(needs, &entries).await?;
            let mut rows = rows.iter().peekable();
            let entries_read = entries.len();
            for (seq, entry) in entries {
                if let Some(row) = rows.next_if(|row| row.entry.uid == entry.uid) {
                    take(seq, row);
                }
            }
            progress.step(entries_read).await?;
        }
        Ok(())
    }

    /// Decides on messages by what the store has of them.
    async fn read(&self, test: &Test, seqs: &[u32], found: &mut Vec<u32>) -> Result<(), Failure> {
        let entries = self.entries(seqs);
        let rows = self.rows(test.needs(), &entries).await?;
        let mut rows = rows.iter().peekable();
        let mut open = Vec::new();
        let mut bytes = 0;
        for (seq, entry) in entries {
            // A message that is gone meanwhile does not match.
            let Some(row) = rows.next_if(|row| row.entry.uid == entry.uid) else { continue };
            match test.of(&Candidate { seq, entry, row: Some(row), raw: None }) {
                Verdict::Yes => found.push(seq),
                Verdict::No => {}
                Verdict::Unknown => {
                    bytes += u64::from(row.size);
                    open.push((seq, entry, row));
                }
            }
            if bytes >= RAW_BYTES {
                self.read_texts(test, &mut open, found).await?;
                bytes = 0;
            }
        }
        self.read_texts(test, &mut open, found).await
    }

    /// Decides on messages by their text.
    async fn read_texts(
        &self,
        test: &Test,
        open: &mut Vec<(u32, Entry, &MessageRow)>,
        found: &mut Vec<u32>,
    ) -> Result<(), Failure> {
        if open.is_empty() {
            return Ok(());
        }
        let ids = open.iter().map(|(_, entry, _)| entry.message).collect();
        let raws = self.store.raws(self.access, ids).await?;
        let mut raws = raws.iter().peekable();
        for (seq, entry, row) in open.drain(..) {
            let Some((_, raw)) = raws.next_if(|(message, _)| *message == entry.message) else { continue };
            if test.of(&Candidate { seq, entry, row: Some(row), raw: Some(raw) }) == Verdict::Yes {
                found.push(seq);
            }
        }
        tokio::task::consume_budget().await;
        Ok(())
    }

    fn entries(&self, seqs: &[u32]) -> Vec<(u32, Entry)> {
        seqs.iter().filter_map(|&seq| Some((seq, self.view.entry(seq)?))).collect()
    }

    async fn rows(&self, needs: Needs, entries: &[(u32, Entry)]) -> Result<Vec<MessageRow>, Failure> {
        let rows = if needs.place || !needs.has_columns() {
            // The rows of the mailbox are narrow, and they alone say when a message came into it.
            let uids = entries.iter().map(|(_, entry)| entry.uid).collect();
            self.store.messages(self.access, self.view.base().mailbox, uids, needs.columns).await?
        } else {
            let entries = entries.iter().map(|(_, entry)| *entry).collect();
            self.store.messages_of_view(self.access, entries, needs.columns).await?
        };
        Ok(rows)
    }
}

/// Messages of a view that are looked at before others get their turn.
const VIEW_BATCH: usize = 4_096;
/// Among fewer messages the search index saves nothing.
const INDEX_FROM: usize = 64;
/// Texts that are looked up in the search index; more of them are looked for by reading.
const LOOK_UPS_MAX: usize = 16;
/// Sets that make a search smaller; more of them are only looked at.
const NARROWING_MAX: usize = 16;
/// Bytes of messages that are in memory at once, but for the last of them.
const RAW_BYTES: u64 = 4 << 20;
