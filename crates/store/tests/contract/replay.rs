//! A reader that knows an account only from its change log.

use std::collections::BTreeMap;

use store::{Access, Flags, MailboxId, ModSeq, Store, Uid};

/// What the log has told so far.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    pub(crate) cursor: ModSeq,
    pub(crate) names: BTreeMap<MailboxId, String>,
    pub(crate) members: BTreeMap<(MailboxId, Uid), Flags>,
}

impl Replay {
    /// Reads one page; whether there is more.
    pub(crate) async fn read(&mut self, store: &Store, access: &Access, limit: usize) -> bool {
        let changes = store.changes_since(access, self.cursor, limit).await.unwrap();
        assert!(changes.complete);
        assert!(changes.modseq > self.cursor || !changes.more, "a page must bring its reader forward");
        for change in changes.memberships {
            assert!(change.modseq > self.cursor && change.modseq <= changes.modseq);
            let key = (change.mailbox, change.uid);
            match change.now {
                Some(entry) => {
                    let was_there = self.members.insert(key, entry.flags).is_some();
                    assert_eq!(change.arrived.is_none(), was_there, "{key:?} says that it is new");
                }
                None => drop(self.members.remove(&key)),
            }
        }
        for change in changes.mailboxes {
            match change.now {
                Some(mailbox) => {
                    let old = self.names.insert(change.id, mailbox.name.as_str().to_owned());
                    assert_eq!(change.created, old.is_none());
                    if let Some(old) = old.filter(|old| old != mailbox.name.as_str()) {
                        // After several renames the log knows only the last one's old name.
                        assert!(change.old_name.is_some(), "{old}");
                    }
                }
                None => {
                    self.names.remove(&change.id);
                    self.members.retain(|(mailbox, _), _| *mailbox != change.id);
                }
            }
        }
        self.cursor = changes.modseq;
        changes.more
    }
}
