//! What the HTTP side and the WebSocket side share: configuration, storage, connected agents, tokens, rates.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use webpush::key::PublicKey;
use webpush::origin::Origin;
use webpush::vapid::verify::Verifier;

use crate::clock::{Clock, Instant};
use crate::config::{Config, ConfigError};
use crate::connected::ConnectedAgents;
use crate::id::{AgentId, AggregateId, MessageId, ReceiptSubscriptionId, SubscriptionId};
use crate::measure::{self, Dropped};
use crate::message::Message;
use crate::peers::network_of;
use crate::rate::RateLimiter;
use crate::receipt::{Maker, ReceiptReaders};
use crate::storage::{Outlet, Storage, StorageError, Totals};
use crate::token::TokenKey;

/// One push service, without its sockets.
pub struct Service {
    /// Its settings.
    pub config: Config,
    /// What it keeps.
    pub storage: Arc<dyn Storage>,
    /// Where it takes the time from.
    pub clock: Arc<dyn Clock>,
    /// The agents that are connected.
    pub agents: Arc<ConnectedAgents>,
    /// The application servers that wait for receipts.
    pub receipts: Arc<ReceiptReaders>,
    pub(crate) tokens: TokenKey,
    pub(crate) verifier: Verifier,
    pub(crate) subscription_rates: RateLimiter<SubscriptionId>,
    pub(crate) sender_rates: RateLimiter<Sender>,
    /// Places for the documents of aggregates, which are large, from their making until they have been sent.
    pub(crate) documents: Arc<Semaphore>,
    new_agents: Option<RateLimiter<IpAddr>>,
    new_subscriptions: Option<RateLimiter<IpAddr>>,
}

/// All that wait for what the storage hands out.
struct Waiting {
    agents: Arc<ConnectedAgents>,
    receipts: Arc<ReceiptReaders>,
}

impl Outlet for Waiting {
    fn stored(&self, message: Arc<Message>) {
        self.agents.stored(&message);
    }

    fn withdrawn(&self, agent: AgentId, id: MessageId) {
        self.agents.withdrawn(agent, id);
    }

    fn subscription_removed(&self, agent: AgentId, id: SubscriptionId) {
        self.agents.subscription_removed(agent, id);
    }

    fn agent_removed(&self, agent: AgentId) {
        self.agents.agent_removed(agent);
    }

    fn receipt_due(&self, id: ReceiptSubscriptionId) {
        self.receipts.due(id);
    }

    fn receipts_ended(&self, id: ReceiptSubscriptionId) {
        self.receipts.removed(id);
    }
}

/// Who posts a message, as far as its rate goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Sender {
    /// RFC 8292: it has proven to hold this key.
    Key(PublicKey),
    /// It has not; an IPv6 address stands for its network of 64 bits.
    Address(IpAddr),
}

/// How the service is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// What is kept.
    pub totals: Totals,
    /// Agents that are connected.
    pub connected: usize,
    /// VAPID tokens whose verification is remembered.
    pub tokens_verified: usize,
}

impl Service {
    /// Puts the parts together and attaches the storage to the connected agents.
    pub fn new(
        config: Config,
        tokens: TokenKey,
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        let origin = Origin::parse(config.public_url.origin()).ok_or(ConfigError::PublicUrl)?;
        let agents = Arc::new(ConnectedAgents::default());
        let receipts = Arc::new(ReceiptReaders::default());
        let waiting = Waiting { agents: Arc::clone(&agents), receipts: Arc::clone(&receipts) };
        storage.attach(Arc::new(waiting));
        Ok(Self {
            verifier: Verifier::new(origin, TOKENS_VERIFIED_MAX),
            subscription_rates: RateLimiter::new(config.subscription_rate, RATED_KEYS_MAX),
            sender_rates: RateLimiter::new(config.sender_rate, RATED_KEYS_MAX),
            documents: Arc::new(Semaphore::new(DOCUMENTS_AT_ONCE)),
            new_agents: config.peers.map(|peers| RateLimiter::new(peers.new_agents, RATED_KEYS_MAX)),
            new_subscriptions: config
                .peers
                .map(|peers| RateLimiter::new(peers.subscriptions, RATED_KEYS_MAX)),
            config,
            storage,
            clock,
            agents,
            receipts,
            tokens,
        })
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Where application servers post for a subscription (RFC 8030 §5). A secret: never into a log.
    #[must_use]
    pub fn push_resource(&self, id: SubscriptionId) -> String {
        format!("{}{PUSH_PATH}{}", self.config.public_url.origin(), self.tokens.seal_endpoint(id))
    }

    /// Where a message is revoked (RFC 8030 §5). A secret: never into a log.
    #[must_use]
    pub fn message_resource(&self, id: MessageId) -> String {
        format!("{}{MESSAGE_PATH}{}", self.config.public_url.origin(), self.tokens.seal_message(id))
    }

    /// Where receipts are read (RFC 8030 §5.1, §6.3). A secret: never into a log.
    #[must_use]
    pub fn receipt_resource(&self, id: ReceiptSubscriptionId) -> String {
        format!("{}{RECEIPT_PATH}{}", self.config.public_url.origin(), self.tokens.seal_receipt(id))
    }

    /// Where application servers post for all members of an aggregate. A secret: never into a log.
    #[must_use]
    pub fn aggregate_resource(&self, id: AggregateId) -> String {
        format!("{}{AGGREGATE_PATH}{}", self.config.public_url.origin(), self.tokens.seal_aggregate(id))
    }

    /// The path of a URL of this service; of anything else the whole.
    pub(crate) fn own_path<'a>(&self, url: &'a str) -> &'a str {
        url.strip_prefix(self.config.public_url.origin()).unwrap_or(url)
    }

    /// The sender as the maker of something that is kept.
    pub(crate) fn maker(&self, sender: &Sender) -> Maker {
        match sender {
            Sender::Key(key) => Maker::Key(self.tokens.sender(key.as_bytes())),
            Sender::Address(IpAddr::V4(address)) => Maker::Address(self.tokens.sender(&address.octets())),
            Sender::Address(IpAddr::V6(address)) => Maker::Address(self.tokens.sender(&address.octets())),
        }
    }

    /// Whether a peer may register one more agent that was not there before, or how long it has to wait.
    pub fn admit_new_agent(&self, peer: IpAddr) -> Result<(), Duration> {
        self.new_agents.as_ref().map_or(Ok(()), |rates| rates.take(network_of(peer), self.now()))
    }

    /// Whether a peer may make one more subscription over HTTP, or how long it has to wait.
    pub fn admit_new_subscription(&self, peer: IpAddr) -> Result<(), Duration> {
        self.new_subscriptions.as_ref().map_or(Ok(()), |rates| rates.take(network_of(peer), self.now()))
    }

    /// Where the user agent reads a subscription and removes it (RFC 8030 §6). A secret: never into a log.
    #[must_use]
    pub fn subscription_resource(&self, id: SubscriptionId) -> String {
        format!("{}{SUBSCRIPTION_PATH}{}", self.config.public_url.origin(), self.tokens.seal_subscription(id))
    }

    /// Where the user agent reads all its subscriptions (RFC 8030 §6.1). A secret: never into a log.
    #[must_use]
    pub fn set_resource(&self, agent: AgentId) -> String {
        format!("{}{SET_PATH}{}", self.config.public_url.origin(), self.tokens.seal_set(agent))
    }

    /// The path at which the user agent acknowledges a message (RFC 8030 §6.2). A secret: never into a log.
    #[must_use]
    pub fn delivery_path(&self, id: MessageId, subscription: SubscriptionId) -> String {
        format!("{DELIVERY_PATH}{}", self.tokens.seal_delivery(id, subscription))
    }

    /// How it is doing.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            totals: self.storage.totals(),
            connected: self.agents.count(),
            tokens_verified: self.verifier.remembered(),
        }
    }

    /// Whether the storage answers. It stands in line with everything that waits for it.
    pub async fn answers(&self) -> bool {
        self.storage.subscription(SubscriptionId::from_bytes([0; 16])).await.is_ok()
    }

    /// Removes what has expired and who has not come back, in steps between which pushes go on.
    pub async fn sweep(&self) -> Result<(), StorageError> {
        let now = self.now();
        let idle = i64::try_from(self.config.retention.agent_idle_max.as_secs()).unwrap_or(i64::MAX);
        let idle_since = now.plus_seconds(idle.saturating_neg());
        loop {
            let swept = self.storage.sweep(now, idle_since).await?;
            measure::dropped(Dropped::Expired, swept.messages);
            measure::agents_pruned(swept.agents);
            if !swept.more {
                break;
            }
        }
        self.subscription_rates.forget_idle(now);
        self.sender_rates.forget_idle(now);
        for rates in [&self.new_agents, &self.new_subscriptions].into_iter().flatten() {
            rates.forget_idle(now);
        }
        measure::state(&self.stats());
        Ok(())
    }
}

impl Sender {
    pub(crate) fn at(address: IpAddr) -> Self {
        Self::Address(network_of(address))
    }
}

/// Push resources are found under this path.
pub const PUSH_PATH: &str = "/wpush/";
/// Receipt subscriptions are found under this path.
pub const RECEIPT_PATH: &str = "/r/";
/// Aggregates are made here.
pub const AGGREGATES_PATH: &str = "/aggregate";
/// Aggregates are found under this path.
pub const AGGREGATE_PATH: &str = "/a/";
/// Message resources are found under this path.
pub const MESSAGE_PATH: &str = "/m/";
/// The operator's resources for broadcasts begin with this.
pub const BROADCAST_PATH: &str = "/v1/broadcasts";
/// Subscriptions are made here (RFC 8030 §4).
pub const SUBSCRIBE_PATH: &str = "/subscribe";
/// Subscriptions, as their user agents know them, are found under this path.
pub const SUBSCRIPTION_PATH: &str = "/s/";
/// Subscription sets are found under this path.
pub const SET_PATH: &str = "/set/";
/// Messages, as the user agents know them, are found under this path.
pub const DELIVERY_PATH: &str = "/d/";

/// VAPID tokens remembered, about 300 bytes each; one for each application server and day is enough.
const TOKENS_VERIFIED_MAX: usize = 10_000;
/// Documents of aggregates in memory, each of a few MiB; a further one is answered with 503.
const DOCUMENTS_AT_ONCE: usize = 16;
/// Senders and subscriptions whose rates are followed at once, about 100 bytes each.
const RATED_KEYS_MAX: usize = 200_000;
