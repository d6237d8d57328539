//! A store for the tests of what stands behind the calls. What the calls do is tested in `tests/contract`.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Access, Cause, FlagChange, Flags, MailboxName, NewAccount, NewMessage, Options, Placed, Raw, Result,
    Store, Target, UnixTime,
};

/// A store in a directory of its own, with one account.
pub(crate) struct Home {
    pub(crate) store: Store,
    pub(crate) alice: Access,
    pub(crate) directory: tempfile::TempDir,
}

impl Home {
    pub(crate) async fn new() -> Result<Self> {
        let failed = |error: &dyn std::fmt::Display| crate::Error::Bug(error.to_string());
        let directory = tempfile::tempdir().map_err(|error| failed(&error))?;
        let options = Options { data_dir: directory.path().to_owned(), readers: 2 };
        let store = Store::open(options, bus::Bus::new()).await.map_err(|error| failed(&error))?;
        let new = NewAccount { name: "alice", password: "secret", quota_bytes: None };
        let alice = store.system_access(store.create_account(new).await?.id);
        Ok(Self { store, alice, directory })
    }

    pub(crate) async fn append(&self, text: &str) -> Result<Placed> {
        Ok(self.store.append(&self.alice, message(text)).await?.placed)
    }

    pub(crate) async fn expunge(&self, placed: &Placed) -> Result<()> {
        let delete = FlagChange { add: Flags::DELETED, ..FlagChange::default() };
        let _ = self.store.store_flags(&self.alice, placed.mailbox, vec![placed.uid], delete, None).await?;
        let _ = self.store.expunge(&self.alice, placed.mailbox, None).await?;
        Ok(())
    }

    /// Runs SQL that no call would.
    pub(crate) async fn tamper(&self, sql: &'static str) -> Result<()> {
        let run = move |tx: &crate::sqlite::writer::Tx<'_>| {
            tx.sql.0.execute_batch(sql).map_err(crate::sqlite::failed("tamper"))
        };
        self.store.inner().write(run).await
    }
}

pub(crate) fn message(text: &str) -> NewMessage {
    let bytes = Bytes::from(text.to_owned());
    let parsed = Arc::new(message::Parsed::parse(&bytes));
    NewMessage {
        raw: Raw { bytes, parsed },
        target: Target::NameOrInbox(MailboxName::inbox()),
        received_at: UnixTime(1_700_000_000),
        flags: Flags::default(),
        keywords: Vec::new(),
        cause: Cause::Append,
    }
}
