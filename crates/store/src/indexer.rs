//! Brings the search index up to what is in the mail, behind the deliveries: none waits for it.
//!
//! Level-triggered: whatever woke it, it goes on from the index's own cursor until nothing is left. A search covers what
//! it has not come to yet by reading.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bus::Tap;

use crate::sqlite::index::news::{self, Gap};
use crate::sqlite::index::{Cursor, Step};
use crate::store::Inner;
use crate::{AccountId, Error, Result};

#[cfg(test)]
mod tests;

/// Runs until the store is closed or dropped; [`Inner`] owns the task.
pub(crate) async fn run(store: Weak<Inner>, mut tap: Tap) {
    // A command that opens the store for a moment has no time for it.
    tokio::time::sleep(FIRST_PAUSE).await;
    let mut behind = match store.upgrade() {
        Some(store) => all_accounts(&store).await,
        None => return,
    };
    loop {
        let Some(store) = store.upgrade() else { return };
        for account in std::mem::take(&mut behind) {
            if let Err(error) = catch_up(&store, account).await {
                tracing::warn!(%error, "the search index falls behind; searches read instead");
            }
        }
        drop(store);
        // A burst of messages is indexed together.
        tokio::time::sleep(PAUSE).await;
        if let Ok(woken) = tokio::time::timeout(LOOK_EVERY, tap.woken()).await {
            behind.extend(woken.into_iter().map(AccountId));
        }
    }
}

/// Those with mail, and those that are indexed.
async fn all_accounts(store: &Arc<Inner>) -> BTreeSet<AccountId> {
    let mut accounts = BTreeSet::new();
    match store.read(crate::sqlite::accounts::all).await {
        Ok(found) => accounts.extend(found.into_iter().map(|account| account.id)),
        Err(error) => tracing::warn!(%error, "the search index does not know where to begin"),
    }
    match with_index(store, |index| index.accounts()).await {
        Ok(found) => accounts.extend(found),
        Err(error) => tracing::warn!(%error, "the search index can't be opened; searches read instead"),
    }
    accounts
}

/// Indexes all that is not indexed yet of an account.
pub(crate) async fn catch_up(store: &Arc<Inner>, account: AccountId) -> Result<()> {
    loop {
        let from = with_index(store, move |index| index.cursor(account)).await?;
        let files = store.files().clone();
        let read = store.read(move |sql| news::read(sql, &files, account, from)).await;
        let news = match read {
            Err(Error::NotFound(_)) => {
                while with_index(store, move |index| index.forget(account)).await? {}
                return Ok(());
            }
            news => news?,
        };
        if let Some(gap) = news.gap {
            compare(store, account, (from, gap)).await?;
            continue;
        }
        let more = news.more;
        with_index(store, move |index| {
            let step = news.step();
            if step.from == step.to { Ok(()) } else { index.take(account, &step) }
        })
        .await?;
        if !more {
            return Ok(());
        }
    }
}

/// Removes from the index what is no longer in the mail, without the log's help.
async fn compare(store: &Arc<Inner>, account: AccountId, (from, gap): (Cursor, Gap)) -> Result<()> {
    // What is removed between the two is found in the log: its MODSEQ is read first.
    let modseq = store.read(move |sql| crate::sqlite::accounts::modseq(sql, account)).await?;
    let present = store.read(move |sql| news::all_messages(sql, account)).await?;
    with_index(store, move |index| {
        let mut gone = index.messages(account)?;
        let message = match gap {
            Gap::Log => {
                gone.retain(|message| present.binary_search(message).is_err());
                from.message
            }
            Gap::Mail => Cursor::START.message,
        };
        index.take(account, &Step { from, to: Cursor { message, modseq }, texts: Vec::new(), gone })
    })
    .await
}

async fn with_index<T: Send + 'static>(
    store: &Arc<Inner>,
    operation: impl FnOnce(&crate::sqlite::index::Index) -> Result<T> + Send + 'static,
) -> Result<T> {
    let store = Arc::clone(store);
    tokio::task::spawn_blocking(move || operation(store.index()))
        .await
        .map_err(|error| Error::Bug(format!("indexing ended early: {error}")))?
}

const FIRST_PAUSE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_secs(1);
/// How long a store that nobody uses any more can keep the task.
const LOOK_EVERY: Duration = Duration::from_secs(60);
