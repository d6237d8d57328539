//! A store to test on, and short words for what tests say often.

use std::sync::Arc;

use bytes::Bytes;
use store::{
    Access, Account, Cause, Columns, Delivered, Flags, Mailbox, MailboxName, NewAccount, NewMessage, Options,
    Raw, Store, Target, UnixTime,
};

/// A store in a directory of its own, and its bus.
pub(crate) struct Home {
    pub(crate) store: Store,
    pub(crate) bus: bus::Bus,
    pub(crate) directory: tempfile::TempDir,
}

impl Home {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let bus = bus::Bus::new();
        let store = open(&directory, bus.clone()).await;
        Self { store, bus, directory }
    }

    /// Opens the same store again, as another process would: nothing of the first is closed or flushed.
    pub(crate) async fn beside(&self) -> Store {
        open(&self.directory, bus::Bus::new()).await
    }

    pub(crate) async fn account(&self, name: &str) -> Account {
        let new = NewAccount { name, password: "secret", quota_bytes: None };
        self.store.create_account(new).await.unwrap()
    }

    /// An account and the system's access to it.
    pub(crate) async fn access(&self, name: &str) -> Access {
        self.store.system_access(self.account(name).await.id)
    }

    pub(crate) async fn mailbox(&self, access: &Access, name: &str) -> Mailbox {
        self.store.mailbox_named(access, &mailbox_name(name)).await.unwrap()
    }

    pub(crate) async fn append(&self, access: &Access, name: &str, text: &str) -> Delivered {
        self.store.append(access, message(name, text)).await.unwrap()
    }
}

async fn open(directory: &tempfile::TempDir, bus: bus::Bus) -> Store {
    let options = Options { data_dir: directory.path().join("data"), readers: 2 };
    Store::open(options, bus).await.unwrap()
}

pub(crate) fn mailbox_name(name: &str) -> MailboxName {
    MailboxName::new(name).unwrap()
}

pub(crate) fn raw(text: &str) -> Raw {
    let bytes = Bytes::from(text.to_owned());
    let parsed = Arc::new(message::Parsed::parse(&bytes));
    Raw { bytes, parsed }
}

pub(crate) fn message(mailbox: &str, text: &str) -> NewMessage {
    NewMessage {
        raw: raw(text),
        target: Target::NameOrInbox(mailbox_name(mailbox)),
        received_at: UnixTime(1_700_000_000),
        flags: Flags::default(),
        keywords: Vec::new(),
        cause: Cause::Append,
    }
}

/// Every wide column.
pub(crate) const ALL: Columns = Columns { envelope: true, structure: true, summary: true };
