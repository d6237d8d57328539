//! The gateway as its user sees it: subscriptions come and go while it runs.
//!
//! One task has the agent's events and the list of subscriptions. Each subscription has a worker, which hands its messages
//! on, and a registrar, which keeps it registered. One spooler fills the spool. A subscription that is removed leaves what
//! it has in the spool: it is handed on if the subscription comes back before the spool's age is over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;

use super::registrar::{Announcement, Registrar, Registration, Source};
use super::spool::Spool;
use super::spooler::Spooler;
use super::target::Target;
use super::worker::{Work, Worker, chain};
use crate::agent::{self, Agent, AgentError, Delivery, Event, Events, Options};
use crate::backoff::Backoff;
use crate::imap::registration::needs_registration;
use crate::pushed;

/// A subscription of the gateway.
#[derive(Clone)]
pub struct Subscription {
    /// Its name, also in the agent's state.
    pub name: String,
    /// Who pushes to it.
    pub source: Source,
    /// Where its messages go.
    pub target: Target,
    /// Who is told its endpoint.
    pub announcement: Announcement,
}

/// A running gateway. Dropping it ends it at once, as a crash would: nothing is lost.
pub struct Gateway {
    commands: mpsc::Sender<Command>,
    instance: Arc<str>,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

/// What has happened since the start.
#[derive(Debug, Default)]
pub struct Counts {
    /// Messages made durable and acknowledged.
    pub spooled: AtomicU64,
    /// Messages that their target took.
    pub handed_on: AtomicU64,
    /// Messages that got too old.
    pub expired: AtomicU64,
    /// Messages that their target can never take.
    pub dropped: AtomicU64,
    /// Pushes that could not be decrypted.
    pub undecryptable: AtomicU64,
}

/// The endpoint of a subscription, as soon as there is one.
pub type Registered = watch::Receiver<Option<agent::Subscription>>;

enum Command {
    Put { subscription: Box<Subscription>, reply: oneshot::Sender<Registered> },
    Remove { name: String, reply: oneshot::Sender<()> },
    Forget,
    Drain { patience: Duration },
}

struct Hub {
    agent: Agent,
    events: Events,
    spool: Arc<Spool>,
    held: BTreeMap<String, Held>,
    counts: Arc<Counts>,
    drain: CancellationToken,
    /// Removals at the push service, and looks at what is there; these return its names.
    asking: JoinSet<Vec<String>>,
}

struct Held {
    is_account: bool,
    worker: Worker,
    registrar: Registrar,
}

impl Gateway {
    /// Starts a gateway without subscriptions; what is in the spool waits for them.
    pub fn start(options: Options, spool: Arc<Spool>) -> Result<Self, AgentError> {
        let (agent, events) = Agent::start(options)?;
        let (commands, wishes) = mpsc::channel(COMMANDS_WAITING_MAX);
        let instance = Arc::from(agent.instance());
        let counts = Arc::new(Counts::default());
        let hub = Hub {
            agent,
            events,
            spool,
            held: BTreeMap::new(),
            counts: Arc::clone(&counts),
            drain: CancellationToken::new(),
            asking: JoinSet::new(),
        };
        let task = tokio::spawn(hub.run(wishes));
        Ok(Self { commands, instance, counts, task })
    }

    /// Adds a subscription, or replaces the one of this name; the same endpoint stays if its key does.
    pub async fn put(&self, subscription: Subscription) -> Result<Registered, AgentError> {
        let (reply, registered) = oneshot::channel();
        let command = Command::Put { subscription: Box::new(subscription), reply };
        self.commands.send(command).await.map_err(|_| AgentError::Closed)?;
        registered.await.map_err(|_| AgentError::Closed)
    }

    /// Ends a subscription, also at the push service; one that is not there is no error.
    pub async fn remove(&self, name: &str) -> Result<(), AgentError> {
        let (reply, removed) = oneshot::channel();
        let command = Command::Remove { name: name.to_owned(), reply };
        self.commands.send(command).await.map_err(|_| AgentError::Closed)?;
        removed.await.map_err(|_| AgentError::Closed)
    }

    /// Ends those at the push service that an earlier run has left there and that have not been put since.
    pub async fn forget_others(&self) -> Result<(), AgentError> {
        self.commands.send(Command::Forget).await.map_err(|_| AgentError::Closed)
    }

    /// What has happened since the start.
    #[must_use]
    pub const fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// A random word that stays the same as long as the state is kept; see [`Agent::instance`].
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Takes nothing more from the push service and hands on what is in the spool, until it is empty, the targets fail
    /// or `patience` is over. What is left stays in the spool.
    pub async fn drain(mut self, patience: Duration) {
        // A hub that has ended has nothing to drain.
        let _told = self.commands.send(Command::Drain { patience }).await;
        let _ended = (&mut self.task).await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Counts {
    pub(super) fn add(count: &AtomicU64, number: usize) {
        count.fetch_add(u64::try_from(number).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Hub {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let (spooling, deliveries) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let spooler = Spooler {
            spool: Arc::clone(&self.spool),
            deliveries,
            counts: Arc::clone(&self.counts),
            stop: stop.clone(),
        };
        let mut spooler = JoinSet::from_iter([spooler.run()]);
        let mut expiry = interval_at(Instant::now() + EXPIRY_INTERVAL, EXPIRY_INTERVAL);
        expiry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let patience = loop {
            tokio::select! {
                event = self.events.next() => match event {
                    Some(event) => self.heard(event, &spooling),
                    // Only `close` ends an agent.
                    None => return,
                },
                command = commands.recv() => match command {
                    Some(Command::Drain { patience }) => break patience,
                    Some(command) => self.obey(command),
                    None => return,
                },
                _ = expiry.tick() => self.expire().await,
                Some(there) = self.asking.join_next() => self.forget_others(there.unwrap_or_default()),
            }
        };
        stop.cancel();
        // A batch that is being written is written and acknowledged.
        while spooler.join_next().await.is_some() {}
        let Self { agent, events, held, drain, .. } = self;
        let mut workers = Vec::new();
        for held in held.into_values() {
            drop(held.registrar);
            workers.push(held.worker);
        }
        events.close(agent).await;
        drain.cancel();
        let emptying = async {
            for worker in workers {
                worker.ended().await;
            }
        };
        if timeout(patience, emptying).await.is_err() {
            tracing::warn!("a target took too long; what is left stays in the spool");
        }
    }

    fn heard(&self, event: Event, spooling: &mpsc::UnboundedSender<Delivery>) {
        let again = needs_registration(&event);
        match event {
            Event::Connected => tracing::info!("connected to the push service"),
            Event::Disconnected { reason, retry_in } => {
                let retry_in = retry_in.as_secs_f32();
                tracing::warn!(reason, retry_in, "not connected to the push service");
            }
            Event::SubscriptionChanged(subscription) => {
                tracing::warn!(subscription = subscription.name, "the push service gave another endpoint");
                if let Some(held) = self.held.get(&subscription.name) {
                    held.registrar.again();
                }
            }
            Event::Undecryptable { subscription, size } => {
                Counts::add(&self.counts.undecryptable, 1);
                let total = self.counts.undecryptable.load(Ordering::Relaxed);
                tracing::warn!(subscription, size, total, "a push could not be decrypted");
            }
            Event::Push(delivery) => match self.held.get(&delivery.push().subscription) {
                None => delivery.give_up(),
                Some(held) if held.is_account && pushed::is_token(&delivery.push().cleartext) => {
                    delivery.acknowledge()
                }
                Some(held) => {
                    if again && held.is_account {
                        held.registrar.again();
                    }
                    // Without a spooler the gateway ends, and the push comes again.
                    let _given = spooling.send(delivery);
                }
            },
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Put { subscription, reply } => {
                let held = self.hold(*subscription);
                // Whoever asked may have stopped waiting.
                let _told = reply.send(held);
            }
            Command::Remove { name, reply } => {
                if self.held.remove(&name).is_some() {
                    let waiting = self.spool.waiting_for(&name);
                    tracing::info!(subscription = name, waiting, "subscription removed");
                }
                self.unsubscribe(name);
                let _told = reply.send(());
            }
            Command::Forget => {
                let agent = self.agent.clone();
                self.asking.spawn(async move { names(&agent).await });
            }
            Command::Drain { .. } => {}
        }
    }

    fn hold(&mut self, subscription: Subscription) -> Registered {
        let Subscription { name, mut source, target, announcement } = subscription;
        // First the old ones end: two workers would break the order.
        self.held.remove(&name);
        let is_account = matches!(source, Source::Account(_));
        if let Source::Account(account) = &mut source {
            account.name = Some(name.clone());
        }
        let worker = Worker::start(Work {
            subscription: name.clone(),
            target,
            spool: Arc::clone(&self.spool),
            retry: Backoff::new(RETRY_FIRST, RETRY_LONGEST),
            counts: Arc::clone(&self.counts),
            drain: self.drain.clone(),
        });
        let registrar = Registrar::start(Registration {
            name: name.clone(),
            source,
            announcement,
            agent: self.agent.clone(),
            retry: Backoff::new(RETRY_FIRST, RETRY_LONGEST),
        });
        let registered = registrar.registered();
        self.held.insert(name, Held { is_account, worker, registrar });
        registered
    }

    fn unsubscribe(&mut self, name: String) {
        let agent = self.agent.clone();
        self.asking.spawn(async move {
            end(&agent, &name).await;
            Vec::new()
        });
    }

    /// Ends those of the subscriptions at the push service that are not held now.
    fn forget_others(&mut self, there: Vec<String>) {
        for name in there {
            if !self.held.contains_key(&name) {
                self.unsubscribe(name);
            }
        }
    }

    async fn expire(&self) {
        match self.spool.expire(SystemTime::now()).await {
            Ok(expired) => {
                for (subscription, messages) in expired {
                    Counts::add(&self.counts.expired, messages);
                    tracing::error!(subscription, messages, "too old for the spool: dropped");
                }
            }
            Err(error) => tracing::error!(error = chain(&error), "the spool failed"),
        }
    }
}

/// The subscriptions at the push service, once it answers.
async fn names(agent: &Agent) -> Vec<String> {
    loop {
        match agent.subscriptions().await {
            Ok(names) => return names,
            Err(AgentError::Closed) => return Vec::new(),
            // It has been waited for.
            Err(_) => {}
        }
    }
}

/// While there is no connection the agent keeps the wish, and says that it does not answer.
async fn end(agent: &Agent, name: &str) {
    if let Err(error) = agent.unsubscribe(name).await {
        tracing::warn!(subscription = name, error = chain(&error), "not yet removed at the push service");
    }
}

const COMMANDS_WAITING_MAX: usize = 64;
const EXPIRY_INTERVAL: Duration = Duration::from_secs(30);
const RETRY_FIRST: Duration = Duration::from_secs(1);
/// A target that comes back is found within this time.
const RETRY_LONGEST: Duration = Duration::from_secs(30);
