//! What the loop does now and then: search the store for what no wake spoke of, store cursors, and, once, drain.

use std::sync::Arc;
use std::time::Duration;

use store::{PushState, PushSubscription, PushSubscriptionId};
use tracing::{info, warn};

use crate::attempt::Context;
use crate::backoff::Draw;
use crate::clock::Tick;
use crate::notifier::{Event, Job, Notifier};
use crate::progress::Batch;

/// A page of a sweep.
pub(super) struct Page {
    rows: Vec<Row>,
    /// The last id, if there may be more after it.
    next: Option<PushSubscriptionId>,
}

struct Row {
    subscription: PushSubscription,
    /// Whether a `* VAPID` notice is all that it needs.
    only_notice: bool,
}

impl Notifier {
    pub(super) fn start_sweep(&mut self) {
        self.sweep.running = true;
        let after = self.sweep_after.take();
        if after.is_none() {
            self.notices_left = self.options.notices_per_sweep;
        }
        let context = Arc::clone(&self.context);
        self.start(Job::Sweep, async move { Event::Swept(page(&context, after).await) });
    }

    pub(super) fn swept(&mut self, page: store::Result<Page>, now: Tick) {
        self.sweep = super::Periodic { next: now.after(self.options.sweep_interval), running: false };
        let page = match page {
            Ok(page) => page,
            Err(error) => return warn!(%error, "sweep for due push subscriptions failed"),
        };
        for row in &page.rows {
            if !row.only_notice {
                self.wake(&row.subscription, now);
            } else if self.notices_left > 0 {
                // Rotation notices are spread over time: so many a sweep, evenly until the next.
                self.notices_left -= 1;
                self.wake(&row.subscription, now.after(self.some_of(self.options.sweep_interval)));
            }
        }
        // Where it stopped, it goes on: at once if there is room, else with the next sweep, so that no id starves.
        self.sweep_after = page.next;
        if page.next.is_some() && self.board.len() < self.options.limits.slots {
            self.sweep.next = now;
        }
    }

    pub(super) fn start_flush(&mut self) {
        let Some(batch) = self.context.progress.batch(BATCH_ROWS_MAX) else { return };
        self.flush.running = true;
        let context = Arc::clone(&self.context);
        self.start(Job::Flush, async move {
            let result = context.store.record_push_progress(batch.progress.clone()).await;
            Event::Stored(batch, result)
        });
    }

    pub(super) fn stored(&mut self, batch: &Batch, result: store::Result<()>) {
        self.flush.running = false;
        match result {
            Ok(()) => self.context.progress.stored(batch),
            Err(error) => warn!(%error, rows = batch.progress.len(), "cursors not stored; tried again"),
        }
        if batch.progress.len() == BATCH_ROWS_MAX {
            self.flush.next = self.context.clock.now().tick;
        }
    }

    /// Lets what is in flight end, within bounds, and stores what is not stored.
    pub(super) async fn drain(mut self) {
        let in_flight = self.board.in_flight();
        let ended = tokio::time::timeout(self.options.drain, async {
            while let Some(joined) = self.tasks.join_next_with_id().await {
                self.joined(joined);
            }
        });
        let given_up = ended.await.is_err();
        self.tasks.shutdown().await;
        while let Some(batch) = self.context.progress.batch(BATCH_ROWS_MAX) {
            match self.context.store.record_push_progress(batch.progress.clone()).await {
                Ok(()) => self.context.progress.stored(&batch),
                Err(error) => {
                    warn!(%error, "cursors not stored at shutdown: some pushes will be repeated");
                    break;
                }
            }
        }
        info!(in_flight, given_up, "notifier stopped");
    }

    fn some_of(&self, whole: Duration) -> Duration {
        let Draw(drawn) = self.context.jitter.draw();
        whole.mul_f64(f64::from(drawn) / f64::from(u32::MAX))
    }
}

async fn page(context: &Context, after: Option<PushSubscriptionId>) -> store::Result<Page> {
    let unix = context.clock.now().unix;
    if after.is_none() {
        context.store.remove_expired_push_subscriptions(unix).await?;
    }
    let due = context.store.due_push_subscriptions(unix, after, PAGE_ROWS).await?;
    let next = if due.len() == PAGE_ROWS { due.last().map(|last| last.id) } else { None };
    let mut rows = Vec::with_capacity(due.len());
    for mut subscription in due {
        context.progress.apply(&mut subscription);
        let only_notice = needs_only_notice(context, &subscription).await?;
        rows.push(Row { subscription, only_notice });
    }
    Ok(Page { rows, next })
}

async fn needs_only_notice(context: &Context, subscription: &PushSubscription) -> store::Result<bool> {
    let is_active = matches!(subscription.state, PushState::Active { .. });
    let ends_silence = subscription.silenced_until.is_some() || subscription.silenced_at.is_some();
    if subscription.vapid_notice.is_none() || !is_active || ends_silence {
        return Ok(false);
    }
    let own = (subscription.account, subscription.cursor);
    for (account, cursor) in [own].into_iter().chain(subscription.elsewhere.iter()) {
        match context.store.modseq(&context.store.system_access(account)).await {
            // There is nobody any more whose mailboxes could change.
            Err(store::Error::NotFound(_)) => {}
            Ok(modseq) if modseq <= cursor => {}
            Ok(_) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Rows that one page of a sweep reads; pages follow each other until the sweep is done.
const PAGE_ROWS: usize = 256;
/// Cursors that are stored in one commit.
const BATCH_ROWS_MAX: usize = 512;
