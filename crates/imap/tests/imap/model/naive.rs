//! Two mailboxes, kept in the most naive way: what the server should hold.

use std::collections::BTreeSet;

pub(crate) type FlagSet = BTreeSet<String>;

/// A message in a mailbox.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) uid: u32,
    content: usize,
    is_deleted: bool,
    /// `None`: it has changed since the server was last asked, so it must be above all there were.
    pub(crate) modseq: Option<u64>,
}

/// A mailbox.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    pub(crate) members: Vec<Member>,
    uid_next: u32,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Inbox,
    Archive,
}

/// How STORE changes flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Add,
    Remove,
    Replace,
}

impl Change {
    /// The flags afterwards.
    pub(crate) fn of(self, flags: &FlagSet, named: &FlagSet) -> FlagSet {
        match self {
            Self::Add => flags.union(named).cloned().collect(),
            Self::Remove => flags.difference(named).cloned().collect(),
            Self::Replace => named.clone(),
        }
    }
}

/// All that the server holds.
#[derive(Debug, Default)]
pub(crate) struct Naive {
    inbox: Mailbox,
    archive: Mailbox,
    /// Flags but `\Deleted`, which belong to the message in whatever mailboxes it is.
    contents: Vec<FlagSet>,
    highest: u64,
}

impl Naive {
    pub(crate) fn mailbox(&self, which: Which) -> &Mailbox {
        match which {
            Which::Inbox => &self.inbox,
            Which::Archive => &self.archive,
        }
    }

    fn mailbox_mut(&mut self, which: Which) -> &mut Mailbox {
        match which {
            Which::Inbox => &mut self.inbox,
            Which::Archive => &mut self.archive,
        }
    }

    /// A member of INBOX, if it is there.
    pub(crate) fn inbox_member(&self, uid: u32) -> Option<&Member> {
        self.inbox.members.iter().find(|member| member.uid == uid)
    }

    pub(crate) fn flags(&self, member: &Member) -> FlagSet {
        let mut flags = self.contents[member.content].clone();
        if member.is_deleted {
            flags.insert(DELETED.to_owned());
        }
        flags
    }

    pub(crate) fn append(&mut self, which: Which, flags: &FlagSet) {
        let mut shared = flags.clone();
        let is_deleted = shared.remove(DELETED);
        self.contents.push(shared);
        let content = self.contents.len() - 1;
        self.mailbox_mut(which).add(content, is_deleted);
    }

    pub(crate) fn store(&mut self, uids: &[u32], change: Change, named: &FlagSet) {
        for &uid in uids {
            let Some(member) = self.inbox_member(uid).cloned() else { continue };
            let before = self.flags(&member);
            let mut after = change.of(&before, named);
            if after == before {
                continue;
            }
            let is_deleted = after.remove(DELETED);
            let is_shared = after != self.contents[member.content];
            self.contents[member.content] = after;
            for other in self.inbox.members.iter_mut().chain(&mut self.archive.members) {
                if is_shared && other.content == member.content {
                    other.modseq = None;
                }
            }
            let stored = self.inbox.members.iter_mut().find(|other| other.uid == uid).unwrap();
            (stored.is_deleted, stored.modseq) = (is_deleted, None);
        }
    }

    /// COPY: `\Deleted` does not come along.
    pub(crate) fn copy(&mut self, uids: &[u32], to: Which) {
        for &uid in uids {
            if let Some(content) = self.inbox_member(uid).map(|member| member.content) {
                self.mailbox_mut(to).add(content, false);
            }
        }
    }

    /// MOVE: all flags are kept.
    pub(crate) fn shift(&mut self, uids: &[u32], to: Which) {
        let (gone, kept) = std::mem::take(&mut self.inbox.members)
            .into_iter()
            .partition::<Vec<_>, _>(|member| uids.contains(&member.uid));
        self.inbox.members = kept;
        for member in gone {
            self.mailbox_mut(to).add(member.content, member.is_deleted);
        }
    }

    /// EXPUNGE, of some UIDs if given. Whether anything went.
    pub(crate) fn expunge(&mut self, only: Option<&[u32]>) -> bool {
        let before = self.inbox.members.len();
        let goes = |member: &Member| member.is_deleted && only.is_none_or(|uids| uids.contains(&member.uid));
        self.inbox.members.retain(|member| !goes(member));
        self.inbox.members.len() < before
    }

    pub(crate) fn remove(&mut self, uid: u32) {
        self.inbox.members.retain(|member| member.uid != uid);
    }

    /// Compares INBOX with what the server says of it, and takes over its MODSEQs where they had to change.
    pub(crate) fn compare(&mut self, said: &[(u32, FlagSet, u64)]) {
        let members = &self.inbox.members;
        let expected: Vec<(u32, FlagSet)> =
            members.iter().map(|member| (member.uid, self.flags(member))).collect();
        let came: Vec<(u32, FlagSet)> = said.iter().map(|(uid, flags, _)| (*uid, flags.clone())).collect();
        assert_eq!(expected, came, "what INBOX holds");
        let before = self.highest;
        for (member, (uid, _, modseq)) in self.inbox.members.iter_mut().zip(said) {
            match member.modseq {
                Some(known) => assert_eq!(known, *modseq, "UID {uid} has not changed"),
                None => assert!(*modseq > before, "UID {uid} has changed: {modseq} after {before}"),
            }
            member.modseq = Some(*modseq);
            self.highest = self.highest.max(*modseq);
        }
    }
}

impl Mailbox {
    fn add(&mut self, content: usize, is_deleted: bool) {
        self.uid_next = self.uid_next.max(1);
        self.members.push(Member { uid: self.uid_next, content, is_deleted, modseq: None });
        self.uid_next += 1;
    }
}

pub(crate) const DELETED: &str = r"\Deleted";
