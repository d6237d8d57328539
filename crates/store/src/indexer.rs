//! Brings the search index up to what is in the mail, behind the deliveries: none waits for it.
//!
//! Only accounts whose texts are searched now and then are indexed. The first search of one reads, and sets its index going.
//!
//! Level-triggered: whatever woke it, it goes on from the index's own cursor until nothing is left. A search covers what
//! it has not come to yet by reading.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bus::Tap;

use crate::sqlite::index::news::{self, Gap};
use crate::sqlite::index::{Asked, Cursor, Step};
use crate::store::Inner;
use crate::{AccountId, Error, Result, UnixTime};

#[cfg(test)]
mod tests;

/// Runs until the store is closed or dropped; [`Inner`] owns the task.
pub(crate) async fn run(store: Weak<Inner>, asked: Arc<Asked>, mut tap: Tap) {
    // A command that opens the store for a moment has no time for it.
    tokio::time::sleep(FIRST_PAUSE).await;
    let mut wanted = BTreeSet::new();
    let mut behind = BTreeSet::new();
    let mut next_look_at_all = Instant::now();
    loop {
        let Some(inner) = store.upgrade() else { return };
        if next_look_at_all <= Instant::now() {
            next_look_at_all = Instant::now() + LOOK_AT_ALL_EVERY;
            wanted = still_wanted(&inner, crate::store::now()).await;
            behind.clone_from(&wanted);
        }
        for account in std::mem::take(&mut behind) {
            if let Err(error) = catch_up(&inner, account).await {
                tracing::warn!(%error, "the search index falls behind; searches read instead");
            }
        }
        drop(inner);
        // A burst of messages is indexed together.
        tokio::time::sleep(PAUSE).await;
        behind = match news(&store, &asked, &mut tap).await {
            News::Changed(changed) => changed.intersection(&wanted).copied().collect(),
            News::Searched(searched) => {
                wanted.extend(&searched);
                searched
            }
            News::None => BTreeSet::new(),
        };
    }
}

enum News {
    Changed(BTreeSet<AccountId>),
    Searched(BTreeSet<AccountId>),
    None,
}

async fn news(store: &Weak<Inner>, asked: &Asked, tap: &mut Tap) -> News {
    let searched = tokio::select! {
        woken = tap.woken() => return News::Changed(woken.into_iter().map(AccountId).collect()),
        () = tokio::time::sleep(LOOK_EVERY) => return News::None,
        searched = asked.next() => searched,
    };
    let Some(store) = store.upgrade() else { return News::None };
    let noted = searched.clone();
    if let Err(error) =
        with_index(&store, move |index| index.note_searched(&noted, crate::store::now())).await
    {
        tracing::warn!(%error, "the search index can't be opened; searches read instead");
        return News::None;
    }
    News::Searched(searched)
}

/// The accounts whose texts are searched now and then. Forgets the others.
async fn still_wanted(store: &Arc<Inner>, now: UnixTime) -> BTreeSet<AccountId> {
    let since = UnixTime(now.0 - WANTED_FOR_SECONDS);
    let indexed = match with_index(store, move |index| index.accounts(since)).await {
        Ok(indexed) => indexed,
        Err(error) => {
            tracing::warn!(%error, "the search index can't be opened; searches read instead");
            return BTreeSet::new();
        }
    };
    for account in indexed.unused {
        if let Err(error) = forget(store, account).await {
            tracing::warn!(%error, "what nobody searches stays in the search index");
        }
    }
    indexed.wanted
}

async fn forget(store: &Arc<Inner>, account: AccountId) -> Result<()> {
    while with_index(store, move |index| index.forget(account)).await? {}
    Ok(())
}

/// Indexes all that is not indexed yet of an account.
pub(crate) async fn catch_up(store: &Arc<Inner>, account: AccountId) -> Result<()> {
    loop {
        let from = with_index(store, move |index| index.cursor(account)).await?;
        let files = store.files().clone();
        let read = store.read(move |sql| news::read(sql, &files, account, from)).await;
        let news = match read {
            Err(Error::NotFound(_)) => return forget(store, account).await,
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
const LOOK_AT_ALL_EVERY: Duration = Duration::from_secs(24 * 3600);
/// An account is indexed for so long after its texts were last searched.
const WANTED_FOR_SECONDS: i64 = 90 * 24 * 3600;
