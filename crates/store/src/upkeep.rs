//! What is done in the background: flushing what is lazy every second, removing what is old every few hours.
//!
//! Nothing here is urgent and nothing is lost if it is cut off: each step is a small commit, and the next round finds
//! what is left.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::sqlite::{submission_queue, upkeep, uploads, vacations};
use crate::store::{Inner, now};
use crate::{Result, UnixTime};

#[cfg(test)]
mod tests;

/// Runs until the store is closed or dropped; [`Inner`] owns the task.
pub(crate) async fn run(store: Weak<Inner>) {
    let mut ticks = tokio::time::interval(FLUSH_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut seconds = 0_u64;
    loop {
        ticks.tick().await;
        let Some(store) = store.upgrade() else { return };
        if !store.lazy().is_empty()
            && let Err(error) = store.write_in_order(|_| Ok(())).await
        {
            tracing::warn!(%error, "push progress could not be stored; it will be tried again");
        }
        if seconds % ROUND_SECONDS == FIRST_ROUND_SECONDS
            && let Err(error) = round(&store, now()).await
        {
            tracing::warn!(%error, "a round of upkeep ended early; the next one goes on");
        }
        seconds = seconds.wrapping_add(1);
    }
}

/// Removes what is old at a time.
pub(crate) async fn round(store: &Arc<Inner>, now: UnixTime) -> Result<()> {
    for account in store.read(upkeep::gone_accounts).await? {
        while store.write(move |tx| upkeep::purge(tx, account, STEP)).await? {}
    }
    let before = UnixTime(now.0.saturating_sub(TOMBSTONE_SECONDS));
    for (account, until) in store.read(move |sql| upkeep::stale_tombstones(sql, before)).await? {
        while store.write(move |tx| upkeep::prune(tx, account, until, STEP)).await? {}
    }
    let before = UnixTime(now.0.saturating_sub(UPLOAD_SECONDS));
    while store.write(move |tx| uploads::expire(tx, before, STEP)).await? {}
    let before = UnixTime(now.0.saturating_sub(SUBMISSION_SECONDS));
    while store.write(move |tx| submission_queue::expire(tx, before, STEP)).await? {}
    store.write(move |tx| vacations::forget(tx, before)).await?;
    let keys = store.read(upkeep::stale_thread_keys).await?;
    for chunk in keys.chunks(STEP as usize) {
        let chunk = chunk.to_vec();
        store.write(move |tx| upkeep::remove_thread_keys(tx, &chunk)).await?;
    }
    reclaim(store, UnixTime(now.0.saturating_sub(BLOB_GRACE_SECONDS))).await
}

async fn reclaim(store: &Arc<Inner>, before: UnixTime) -> Result<()> {
    loop {
        let (names, more) = store.write(move |tx| upkeep::reclaim(tx, before, STEP)).await?;
        // Only now: the rows that named them are gone for good.
        names.iter().for_each(|name| store.files().remove(name));
        if !more {
            break;
        }
    }
    let files = store.files().clone();
    let leftover = store.read(move |sql| upkeep::leftover_files(sql, &files)).await?;
    leftover.iter().for_each(|name| store.files().remove(name));
    Ok(())
}

const FLUSH_EVERY: Duration = Duration::from_secs(1);
const ROUND_SECONDS: u64 = 6 * 3600;
/// Not at once: a command that opens the store for a moment has no time for it.
const FIRST_ROUND_SECONDS: u64 = 600;
/// Rows that one step touches, about.
const STEP: u32 = 500;
/// 30 days: a client that has been away for longer reads its mailboxes anew.
const TOMBSTONE_SECONDS: i64 = 30 * 24 * 3600;
/// A day, which with rounds of six hours is at most 30 hours: RFC 8620 §6.1 asks for one.
const UPLOAD_SECONDS: i64 = 24 * 3600;
/// 30 days after its end: until then reports of a submission can still come.
const SUBMISSION_SECONDS: i64 = 30 * 24 * 3600;
/// A day: longer than a backup copies files.
const BLOB_GRACE_SECONDS: i64 = 24 * 3600;
