//! The loop that has everything done: it owns the schedule and every task.
//!
//! It is woken by the bus (an account has changed), by commands ([`Handle`]), by time and by tasks that end. Between two
//! wakes it starts what may be started: looks at accounts, attempts, a sweep of the store for what was missed, a batch of
//! cursors to be stored. None of these is awaited here, so nothing that is slow holds up anything else.
//!
//! Shutdown: nothing new is started; pushes in flight get [`Options::drain`] to end, then they are given up (their cursors
//! have not moved); cursors are stored.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, Tap};
use store::{AccountId, PushState, PushSubscription, PushSubscriptionId, Store};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};
use url::Url;
use webpush::origin::Origin;

use crate::attempt::{Context, Ended, Jitter, attempt};
use crate::clock::{Clock, Tick};
use crate::compose::{Composers, Detail};
use crate::notifier::sweep::Page;
use crate::post::Post;
use crate::progress::{Batch, Progress};
use crate::requests::{Reason, Requests};
use crate::schedule::{Board, Finish, Key, Limits, Looks, OriginNews, Pace, Turn};
use crate::settle::Settling;
use crate::silence::SessionSilence;
use crate::trial::Trials;
use crate::vapid::VapidKeys;
use crate::verification::{Awaited, Verifications};

mod sweep;
#[cfg(test)]
mod tests;

/// How the notifier behaves.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bounds of tasks and memory.
    pub limits: Limits,
    /// Pauses between pushes.
    pub pace: Pace,
    /// How often the store is searched for what no wake spoke of.
    pub sweep_interval: Duration,
    /// How often cursors are stored.
    pub flush_interval: Duration,
    /// `* VAPID` notices per sweep: what spreads a rotation over time.
    pub notices_per_sweep: usize,
    /// How long pushes in flight may take to end at shutdown.
    pub drain: Duration,
}

impl Options {
    /// For one server, with this shortest time between two pushes to a subscription.
    #[must_use]
    pub fn new(min_interval: Duration) -> Self {
        Self {
            limits: Limits {
                tasks: 256,
                origin_tasks: 64,
                unproven_origin_tasks: 4,
                slots: 65_536,
                horizon: Duration::from_secs(120),
            },
            pace: Pace { delivery_interval: Duration::from_secs(1).min(min_interval), min_interval },
            sweep_interval: Duration::from_secs(30),
            flush_interval: Duration::from_secs(2),
            notices_per_sweep: 300,
            drain: Duration::from_secs(10),
        }
    }
}

/// What the notifier works with.
pub struct Parts {
    /// Where everything stands.
    pub store: Store,
    /// Who says that an account has changed.
    pub bus: Bus,
    /// One composer for each kind of subscription.
    pub composers: Composers,
    /// The way out.
    pub post: Arc<dyn Post>,
    /// The keys to sign with.
    pub keys: VapidKeys,
    /// How commands reach the notifier.
    pub handle: Handle,
    /// The time.
    pub clock: Clock,
}

/// How the protocols' commands reach the notifier. Cheap to clone; all clones are one. Works before the notifier runs.
#[derive(Clone, Debug)]
pub struct Handle {
    requests: Arc<Requests>,
    silence: SessionSilence,
    verifications: Verifications,
}

impl Default for Handle {
    fn default() -> Self {
        Self::new()
    }
}

impl Handle {
    /// A handle for the notifier that will be built with it.
    #[must_use]
    pub fn new() -> Self {
        let requests = Arc::new(Requests::default());
        let silence = SessionSilence::new(Arc::clone(&requests));
        Self { requests, silence, verifications: Verifications::default() }
    }

    /// Waits for the answer to the first push that proves the endpoint of a subscription with this id of its client's. Call
    /// it before the subscription is made.
    #[must_use]
    pub fn expect_verification(&self, client_id: &str) -> Awaited {
        self.verifications.expect(client_id)
    }

    /// A client has made this subscription or given it another endpoint: forget what the former one demanded, and look at it
    /// now. Call it after the commit.
    pub fn altered(&self, subscription: PushSubscriptionId) {
        self.requests.ask(subscription, Reason::Altered);
    }

    /// This subscription was acknowledged, silenced or unsilenced: look at it now. Call it after the commit.
    pub fn look(&self, subscription: PushSubscriptionId) {
        self.requests.ask(subscription, Reason::Look);
    }

    /// SILWEBPUSH `session`.
    #[must_use]
    pub fn silence(&self) -> &SessionSilence {
        &self.silence
    }
}

/// The notifier. Build it, then [`Notifier::run`] it.
pub struct Notifier {
    context: Arc<Context>,
    options: Options,
    requests: Arc<Requests>,
    tap: Tap,
    board: Board,
    looks: Looks,
    tasks: JoinSet<Event>,
    /// What each task is, for when it panics.
    jobs: HashMap<Id, Job>,
    looks_in_flight: usize,
    sweep: Periodic,
    sweep_after: Option<PushSubscriptionId>,
    notices_left: usize,
    flush: Periodic,
}

/// Something that is done now and then, one at a time.
#[derive(Clone, Copy, Debug)]
struct Periodic {
    next: Tick,
    running: bool,
}

impl Periodic {
    fn is_due(self, now: Tick) -> bool {
        !self.running && self.next <= now
    }

    fn tick(self) -> Option<Tick> {
        (!self.running).then_some(self.next)
    }
}

/// What a task does.
#[derive(Clone, Copy, Debug)]
enum Job {
    Attempt(Turn),
    Look,
    Find,
    Sweep,
    Flush,
}

/// What a task has found out.
enum Event {
    Attempted(PushSubscriptionId, Ended),
    /// The subscriptions that may have to be told of a woken account.
    Looked(store::Result<Vec<PushSubscription>>),
    /// The subscriptions that commands asked for.
    Found(Vec<PushSubscription>),
    Swept(store::Result<Page>),
    Stored(Batch, store::Result<()>),
}

impl Notifier {
    /// A notifier that sees every wake from now on.
    #[must_use]
    pub fn new(parts: Parts, options: Options) -> Self {
        let now = parts.clock.now().tick;
        let tap = parts.bus.tap();
        let context = Context {
            store: parts.store,
            composers: parts.composers,
            post: parts.post,
            keys: parts.keys,
            silence: parts.handle.silence,
            clock: parts.clock,
            pace: options.pace,
            progress: Progress::default(),
            settling: Settling::default(),
            verifications: parts.handle.verifications,
            jitter: Jitter::seeded(),
        };
        Self {
            context: Arc::new(context),
            options,
            requests: parts.handle.requests,
            tap,
            board: Board::new(options.limits, options.pace),
            looks: Looks::new(options.pace.delivery_interval, options.limits.slots),
            tasks: JoinSet::new(),
            jobs: HashMap::new(),
            looks_in_flight: 0,
            sweep: Periodic { next: now, running: false },
            sweep_after: None,
            notices_left: options.notices_per_sweep,
            flush: Periodic { next: now.after(options.flush_interval), running: false },
        }
    }

    /// The way for users' trials.
    #[must_use]
    pub fn trials(&self) -> Trials {
        Trials::new(Arc::clone(&self.context), Arc::clone(&self.requests))
    }

    /// Notifies until `shutdown`, then drains and stores what is not stored.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let requests = Arc::clone(&self.requests);
        loop {
            self.start_what_is_due();
            let sleep_until = self.next_tick().and_then(|tick| self.context.clock.instant(tick));
            // Every branch is cancel-safe: what is not taken stays where it is.
            tokio::select! {
                () = shutdown.cancelled() => break,
                asked = requests.taken() => self.asked(asked),
                accounts = self.tap.woken() => self.woken(accounts),
                Some(joined) = self.tasks.join_next_with_id() => self.joined(joined),
                () = sleep_until_or_never(sleep_until) => {}
            }
        }
        self.drain().await;
    }

    fn start_what_is_due(&mut self) {
        let now = self.context.clock.now().tick;
        while self.looks_in_flight < LOOKS_IN_FLIGHT_MAX
            && let Some(account) = self.looks.take(now)
        {
            self.look(account);
        }
        while let Some(turn) = self.board.take(now) {
            self.attempt(turn);
        }
        if self.sweep.is_due(now) {
            self.start_sweep();
        }
        if self.flush.is_due(now) {
            self.flush.next = now.after(self.options.flush_interval);
            self.start_flush();
        }
        metrics::gauge!("mailbell_push_slots").set(count(self.board.len()));
        metrics::gauge!("mailbell_push_in_flight").set(count(self.board.in_flight()));
    }

    fn next_tick(&self) -> Option<Tick> {
        let looks = if self.looks_in_flight < LOOKS_IN_FLIGHT_MAX { self.looks.next_tick() } else { None };
        [self.board.next_tick(), looks, self.sweep.tick(), self.flush.tick()].into_iter().flatten().min()
    }

    fn asked(&mut self, asked: BTreeMap<PushSubscriptionId, Reason>) {
        for (&id, &reason) in &asked {
            match reason {
                Reason::Look => {}
                Reason::Reached => self.board.lift(id),
                Reason::Altered => {
                    self.board.alter(id);
                    self.context.progress.reset_attempts(id);
                }
            }
        }
        let context = Arc::clone(&self.context);
        self.start(Job::Find, async move {
            let mut found = Vec::with_capacity(asked.len());
            for id in asked.into_keys() {
                match context.store.push_subscription(id).await {
                    Ok(subscription) => found.push(subscription),
                    Err(store::Error::NotFound(_)) => {
                        context.silence.removed(id);
                        context.progress.forget(id);
                    }
                    // The store is unavailable: left to the sweep.
                    Err(error) => debug!(subscription = id.0, %error, "subscription not looked at"),
                }
            }
            Event::Found(found)
        });
    }

    fn woken(&mut self, accounts: impl IntoIterator<Item = u64>) {
        let now = self.context.clock.now().tick;
        for account in accounts {
            self.looks.wake(AccountId(account), now);
        }
    }

    fn look(&mut self, account: AccountId) {
        self.looks_in_flight += 1;
        let context = Arc::clone(&self.context);
        self.start(Job::Look, async move {
            Event::Looked(context.store.push_subscriptions_told_of(account).await)
        });
    }

    fn attempt(&mut self, turn: Turn) {
        let context = Arc::clone(&self.context);
        self.start(
            Job::Attempt(turn),
            async move { Event::Attempted(turn.id, attempt(&context, turn).await) },
        );
    }

    fn start(&mut self, job: Job, work: impl Future<Output = Event> + Send + 'static) {
        let task = self.tasks.spawn(work);
        self.jobs.insert(task.id(), job);
    }

    fn joined(&mut self, joined: Result<(Id, Event), JoinError>) {
        let now = self.context.clock.now().tick;
        if let Ok((task, _)) = &joined {
            self.jobs.remove(task);
        }
        match joined {
            Ok((_, Event::Attempted(id, ended))) => {
                self.board.finish(id, ended.finish, ended.news, now);
            }
            Ok((_, Event::Looked(found))) => {
                self.looks_in_flight -= 1;
                match found {
                    Ok(found) => self.found(&found, now),
                    Err(error) => warn!(%error, "account not looked at; the sweep will"),
                }
            }
            Ok((_, Event::Found(found))) => self.found(&found, now),
            Ok((_, Event::Swept(page))) => self.swept(page, now),
            Ok((_, Event::Stored(batch, result))) => self.stored(&batch, result),
            Err(error) => self.panicked(&error, now),
        }
    }

    /// Wakes those of a woken account, or of a command, that may need something.
    fn found(&mut self, found: &[PushSubscription], now: Tick) {
        for subscription in found {
            self.wake(subscription, now);
        }
    }

    fn wake(&mut self, subscription: &PushSubscription, at: Tick) {
        let needs_nothing = match subscription.state {
            PushState::Inactive | PushState::Pending { sent: true, .. } => true,
            // Silence or not: without its token the subscription could never be acknowledged.
            PushState::Pending { sent: false, .. } => false,
            PushState::Active { .. } => self.context.silence.is_silent(subscription.id),
        };
        if needs_nothing {
            return;
        }
        match Url::parse(&subscription.endpoint).ok().as_ref().and_then(Origin::of) {
            Some(origin) => self.board.wake(&Key { id: subscription.id, origin }, at),
            None => error!(subscription = subscription.id.0, "a stored endpoint is no URL"),
        }
    }

    /// A bug must neither stop what is done over and over nor repeat itself without pause: the next sweep comes in its
    /// time.
    fn panicked(&mut self, error: &JoinError, now: Tick) {
        match self.jobs.remove(&error.id()) {
            Some(Job::Attempt(turn)) => return self.attempt_panicked(error, turn, now),
            Some(Job::Look) => self.looks_in_flight -= 1,
            Some(Job::Sweep) => {
                self.sweep = Periodic { next: now.after(self.options.sweep_interval), running: false };
            }
            Some(Job::Flush) => self.flush.running = false,
            Some(Job::Find) | None => {}
        }
        error!(%error, "a task of the notifier panicked");
    }

    /// What a composer stumbles over is told in summary, and failing that rarely.
    fn attempt_panicked(&mut self, error: &JoinError, turn: Turn, now: Tick) {
        error!(%error, subscription = turn.id.0, "a push attempt panicked");
        let finish = match turn.detail {
            Detail::Full => Finish::Smaller,
            Detail::Summary => Finish::Barred(now.after(PANIC_WAIT)),
        };
        self.board.finish(turn.id, finish, OriginNews::None, now);
    }
}

fn count(items: usize) -> f64 {
    u32::try_from(items).map_or(f64::INFINITY, f64::from)
}

async fn sleep_until_or_never(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// Looks at accounts that may run at a time; more wait.
const LOOKS_IN_FLIGHT_MAX: usize = 8;
/// After an attempt that panicked twice.
const PANIC_WAIT: Duration = Duration::from_secs(300);
