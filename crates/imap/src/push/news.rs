//! The change log, sorted into what the device has to be told. Pure.

use std::collections::{BTreeMap, BTreeSet};

use notifier::compose::Known;
use store::{
    AccountChanges, Cause, Entry, Flags, Keywords, Mailbox, MailboxChange, MailboxId, MailboxName,
    MembershipChange, Uid,
};

/// From where the log is looked at.
pub(super) struct Reader<'a> {
    /// The mailboxes as they stand.
    pub(super) mailboxes: &'a [Mailbox],
    pub(super) keywords: &'a Keywords,
    /// What the device knows.
    pub(super) known: &'a Known,
    pub(super) is_silent: &'a dyn Fn(&Mailbox) -> bool,
}

/// What the device has to be told.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Mailboxes made, renamed, deleted or (un)subscribed, in the order of the log.
    pub(super) lists: Vec<MailboxChange>,
    /// What happened in the mailboxes, by id.
    pub(super) mailboxes: BTreeMap<MailboxId, MailboxNews>,
    /// Whether unread mail was delivered.
    pub(super) announces_mail: bool,
    parents: BTreeSet<String>,
}

/// What happened in one mailbox. Each list ascends by UID.
#[derive(Debug)]
pub(super) struct MailboxNews {
    pub(super) name: MailboxName,
    pub(super) arrived: Vec<Arrived>,
    pub(super) vanished: Vec<Uid>,
    pub(super) altered: Vec<Entry>,
    /// Whether keywords are in use in it that the account did not have before.
    pub(super) has_new_keywords: bool,
}

/// A message that came into a mailbox.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived {
    pub(super) entry: Entry,
    /// Whether it is newly delivered mail that nobody has read.
    pub(super) rings: bool,
}

impl News {
    /// Sorts a log that is complete.
    pub(super) fn sort(changes: &AccountChanges, reader: &Reader<'_>) -> Self {
        let mut news = Self::default();
        for mailbox in reader.mailboxes {
            let levels = mailbox.name.as_str().match_indices('/');
            let parents = levels.filter_map(|(end, _)| mailbox.name.as_str().get(..end));
            news.parents.extend(parents.map(str::to_owned));
        }
        let own = |change: &&MailboxChange| {
            change.origin.session.is_some_and(|session| reader.known.own_sessions.contains(&session))
        };
        news.lists = changes.mailboxes.iter().filter(|change| !own(change)).cloned().collect();
        let audible: BTreeMap<_, _> = reader
            .mailboxes
            .iter()
            .filter(|mailbox| !(reader.is_silent)(mailbox))
            .map(|mailbox| (mailbox.id, mailbox))
            .collect();
        for change in latest(&changes.memberships) {
            // A mailbox that is gone has been told of as a whole.
            if let Some(mailbox) = audible.get(&change.mailbox)
                && !reader.known.covers(&change)
            {
                news.take(&change, mailbox);
            }
        }
        news.take_keywords(changes, reader);
        news
    }

    /// Has the keywords named of all messages that carry some: it is not known which of them the device knows.
    pub(super) fn name_keywords(&mut self) {
        let keywords = Flags(u128::MAX << Flags::SYSTEM_BITS);
        for mailbox in self.mailboxes.values_mut() {
            let entries = mailbox.arrived.iter().map(|arrived| arrived.entry);
            let mut entries = entries.chain(mailbox.altered.iter().copied());
            mailbox.has_new_keywords = entries.any(|entry| entry.flags.0 & keywords.0 != 0);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lists.is_empty() && self.mailboxes.is_empty()
    }

    /// For RFC 9051 §7.3.1's `\HasChildren`.
    pub(super) fn has_children(&self, change: &MailboxChange) -> bool {
        self.parents.contains(change.name.as_str())
    }

    /// The messages that most deserve to be shown: those that ring first, then the newest.
    pub(super) fn newest_arrivals(&self, max: usize) -> Vec<(MailboxId, Arrived)> {
        let all = self.mailboxes.iter();
        let mut all: Vec<_> = all
            .flat_map(|(&id, mailbox)| mailbox.arrived.iter().map(move |&arrived| (id, arrived)))
            .collect();
        all.sort_by_key(|(_, arrived)| {
            std::cmp::Reverse((arrived.rings, arrived.entry.modseq, arrived.entry.uid))
        });
        all.truncate(max);
        all
    }

    fn take(&mut self, change: &MembershipChange, mailbox: &Mailbox) {
        let told = self.mailbox(mailbox);
        match (change.now, change.arrived) {
            (Some(entry), Some(cause)) => {
                let rings = cause == Cause::Delivery && !entry.flags.contains(Flags::SEEN);
                told.arrived.push(Arrived { entry, rings });
                self.announces_mail |= rings;
            }
            (Some(entry), None) => told.altered.push(entry),
            // Also of what came and went since the cursor: the device may have fetched it in between.
            (None, _) => told.vanished.push(change.uid),
        }
    }

    /// New keywords are told where they are in use. One that is in use nowhere is told of at INBOX, unless it came with a
    /// change that this device is not told of.
    fn take_keywords(&mut self, changes: &AccountChanges, reader: &Reader<'_>) {
        let carriers = |bit: Flags| {
            let memberships = changes.memberships.iter();
            memberships.filter(move |change| change.now.is_some_and(|entry| entry.flags.contains(bit)))
        };
        for bit in changes.keywords.iter().filter_map(|keyword| reader.keywords.bit(keyword)) {
            let told = self.mailboxes.values_mut().find(|mailbox| mailbox.carries(bit));
            if let Some(mailbox) = told {
                mailbox.has_new_keywords = true;
            } else if carriers(bit).next().is_none()
                && let Some(inbox) = reader.mailboxes.iter().find(|m| m.name == MailboxName::inbox())
            {
                self.mailbox(inbox).has_new_keywords = true;
            }
        }
    }

    fn mailbox(&mut self, mailbox: &Mailbox) -> &mut MailboxNews {
        self.mailboxes.entry(mailbox.id).or_insert_with(|| MailboxNews {
            name: mailbox.name.clone(),
            arrived: Vec::new(),
            vanished: Vec::new(),
            altered: Vec::new(),
            has_new_keywords: false,
        })
    }
}

impl MailboxNews {
    fn carries(&self, keyword: Flags) -> bool {
        let arrived = self.arrived.iter().map(|arrived| arrived.entry);
        arrived.chain(self.altered.iter().copied()).any(|entry| entry.flags.contains(keyword))
    }
}

/// The last change of each message, by mailbox and UID: pages of the log, which are read one after the other, may hold one
/// twice. That it arrived is kept.
fn latest(memberships: &[MembershipChange]) -> impl Iterator<Item = MembershipChange> {
    let mut latest: BTreeMap<(MailboxId, Uid), MembershipChange> = BTreeMap::new();
    for change in memberships {
        let known = latest.entry((change.mailbox, change.uid)).or_insert_with(|| change.clone());
        if change.modseq > known.modseq {
            *known = MembershipChange { arrived: known.arrived.or(change.arrived), ..change.clone() };
        }
    }
    latest.into_values()
}

#[cfg(test)]
mod tests;
