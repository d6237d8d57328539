//! The agent as its user sees it: subscriptions, and events to consume.
//!
//! One task owns the connection and the state; [`Agent`] sends it wishes, [`Events`] receives what happens and ends the
//! task when dropped. A push that is not acknowledged is delivered again after the next connection.
//!
//! A subscription is made either for its [`Form::Cleartext`] or for its [`Form::Ciphertext`]: the second is for those who
//! pass pushes on to somebody who has the keys.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use url::Url;
use webpush::key::{AuthSecret, KeyError, PublicKey};

use crate::backoff::Backoff;
use crate::service::frame::{DELIVERED, UNDELIVERED};
use crate::service::session::{Ack, Command, Session, Wish};
use crate::service::socket::{self, Socket};
use crate::state::{State, StateError, StateStore};
use crate::transport::Address;
use crate::trust::Trust;

/// Where to connect to and how.
#[derive(Clone)]
pub struct Options {
    /// `ws://` or `wss://`.
    pub url: Url,
    /// For `wss://`.
    pub trust: Trust,
    /// What the agent remembers.
    pub store: StateStore,
    /// Silence after which the service is asked whether it is still there. Default 4 minutes: under the time after
    /// which most address translators forget a connection.
    pub keepalive: Duration,
    /// How long is waited for what only the service can answer. Default 30 seconds.
    pub answer_timeout: Duration,
    /// Waits before connecting again. Default 1 second, doubling to 5 minutes.
    pub reconnect: Backoff,
}

/// A running agent. Cheap to clone.
#[derive(Clone)]
pub struct Agent {
    commands: mpsc::Sender<Command>,
    instance: Arc<str>,
    answer_timeout: Duration,
}

/// What happens to an agent. Dropping it ends the agent.
pub struct Events {
    events: mpsc::Receiver<Event>,
    task: JoinHandle<()>,
}

/// What is wanted of the pushes of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// They are decrypted with the subscription's own keys; what can't be decrypted is told and does not come again.
    #[default]
    Cleartext,
    /// They are given out as they came; somebody else has the keys.
    Ciphertext,
}

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// The connection stands.
    Connected,
    /// The connection is lost; the agent connects again by itself.
    Disconnected {
        /// Why, for people.
        reason: String,
        /// When the next try is made.
        retry_in: Duration,
    },
    /// The service gave a subscription another endpoint (it had forgotten the agent): tell the application server.
    SubscriptionChanged(Subscription),
    /// A push.
    Push(Delivery),
    /// A push that could not be decrypted; it will not come again.
    Undecryptable {
        /// For which subscription.
        subscription: String,
        /// Bytes of its body.
        size: usize,
    },
}

/// What an application server needs to know to push.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The name that the agent's user gave.
    pub name: String,
    /// Where to post. A secret.
    pub endpoint: String,
    /// `p256dh` (RFC 8291 §2.1).
    pub public_key: PublicKey,
    /// `auth` (RFC 8291 §3.2).
    pub auth_secret: Auth,
}

/// The authentication secret in its base64url form; does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Auth(String);

/// A push.
#[derive(Clone, PartialEq, Eq)]
pub struct Push {
    /// The name of its subscription.
    pub subscription: String,
    /// What the application server said; empty when it said nothing, and for a subscription of [`Form::Ciphertext`].
    pub cleartext: Vec<u8>,
    /// The push as it came, for a subscription of [`Form::Ciphertext`].
    pub ciphertext: Option<Ciphertext>,
    /// Bytes of the encrypted body.
    pub size: usize,
    /// RFC 8030 §5.3, where the service tells it (ours does).
    pub urgency: Option<String>,
    /// When it reached the agent.
    pub received_at: SystemTime,
}

/// A push that has not been decrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct Ciphertext {
    /// What was posted.
    pub body: Vec<u8>,
    /// How it is encrypted.
    pub encryption: Encryption,
}

/// How a body is encrypted, in the header fields that the application server sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// `Content-Encoding`; `aes128gcm` is RFC 8291, its body needs no other field.
    pub encoding: Option<String>,
    /// `Encryption`, of the older `aesgcm`.
    pub salt: Option<String>,
    /// `Crypto-Key`, of the older `aesgcm`.
    pub key: Option<String>,
}

/// A push that waits for its acknowledgement.
#[must_use = "a push that is not acknowledged comes again"]
pub struct Delivery {
    push: Push,
    channel: String,
    version: String,
    outcome: Option<u16>,
    acks: mpsc::UnboundedSender<Ack>,
}

/// Why the agent could not do something.
#[derive(Debug, Error)]
pub enum AgentError {
    /// The URL is not `ws://` or `wss://` with a host.
    #[error("not a ws:// or wss:// URL")]
    Url,
    /// The state can't be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// No connection to the service.
    #[error("no connection to the push service: {0}")]
    Connect(String),
    /// The service refused a subscription.
    #[error("the push service refused with status {0}")]
    Refused(u16),
    /// Keys could not be made or read.
    #[error("keys of the subscription")]
    Key(#[from] KeyError),
    /// The service did not answer in time.
    #[error("the push service does not answer")]
    Timeout,
    /// The agent has been closed.
    #[error("the agent is closed")]
    Closed,
}

impl Options {
    /// Options with the defaults named at the fields.
    pub fn new(url: &str, trust: Trust, store: StateStore) -> Result<Self, AgentError> {
        let url = Url::parse(url).map_err(|_| AgentError::Url)?;
        if !matches!(url.scheme(), "ws" | "wss") || !url.has_host() {
            return Err(AgentError::Url);
        }
        let reconnect = Backoff::new(Duration::from_secs(1), Duration::from_secs(300));
        let [keepalive, answer_timeout] = [240, 30].map(Duration::from_secs);
        Ok(Self { url, trust, store, keepalive, answer_timeout, reconnect })
    }

    pub(crate) fn address(&self) -> Result<Address, AgentError> {
        let host = self.url.host_str().ok_or(AgentError::Url)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = self.url.port_or_known_default().ok_or(AgentError::Url)?;
        Ok(Address { host, port })
    }
}

impl Agent {
    /// Connects and says hello. When that fails the first time it is an error; later on the agent tries again and
    /// again.
    pub async fn connect(options: Options) -> Result<(Self, Events), AgentError> {
        let state = options.store.load()?.for_service(options.url.as_str());
        let opened = socket::open(&options, state.uaid.clone()).await?;
        Self::run(options, state, std::future::ready(Ok(opened)))
    }

    /// As [`Agent::connect`] for those who have time: the first connection is tried again and again as well.
    pub fn start(options: Options) -> Result<(Self, Events), AgentError> {
        let state = options.store.load()?.for_service(options.url.as_str());
        let (first, uaid) = (options.clone(), state.uaid.clone());
        let opening = async move { socket::open(&first, uaid).await.map_err(|error| error.to_string()) };
        Self::run(options, state, opening)
    }

    fn run(
        options: Options,
        state: State,
        opening: impl Future<Output = Result<(Socket, String), String>> + Send + 'static,
    ) -> Result<(Self, Events), AgentError> {
        let instance = Arc::from(state.instance.as_str());
        let answer_timeout = options.answer_timeout;
        let (commands, wishes) = mpsc::channel(COMMANDS_WAITING_MAX);
        let (sender, events) = mpsc::channel(EVENTS_WAITING_MAX);
        let session = Session::new(options, state, wishes, sender)?;
        let task = tokio::spawn(async move { session.run(opening.await).await });
        Ok((Self { commands, instance, answer_timeout }, Events { events, task }))
    }

    /// A random word that stays the same as long as the state is kept: tells this agent from its user's other ones.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Makes sure that there is a subscription of this name that takes pushes signed with `application_server_key`
    /// (of anybody, without one). The same name and key give the same subscription, also after a restart; another key
    /// replaces it.
    pub async fn subscribe(
        &self,
        name: &str,
        application_server_key: Option<PublicKey>,
    ) -> Result<Subscription, AgentError> {
        self.subscribe_for(Form::Cleartext, name, application_server_key).await
    }

    /// As [`Agent::subscribe`], and says in which form the pushes are wanted from now on.
    pub async fn subscribe_for(
        &self,
        form: Form,
        name: &str,
        application_server_key: Option<PublicKey>,
    ) -> Result<Subscription, AgentError> {
        let wish = Wish { name: name.to_owned(), application_server_key, form };
        self.ask(|reply| Command::Subscribe { wish, reply }).await?
    }

    /// The names of all subscriptions, also of those that were made before a restart.
    pub async fn subscriptions(&self) -> Result<Vec<String>, AgentError> {
        self.ask(|reply| Command::List { reply }).await
    }

    /// Ends a subscription; one that is not there is no error.
    pub async fn unsubscribe(&self, name: &str) -> Result<(), AgentError> {
        let name = name.to_owned();
        self.ask(|reply| Command::Unsubscribe { name, reply }).await?
    }

    /// Asks for the next `ACKWEBPUSH` token that is pushed to a subscription from now on. The push itself goes to the
    /// consumer as well.
    pub async fn next_token(&self, name: &str) -> Result<oneshot::Receiver<String>, AgentError> {
        let (token, waiting) = oneshot::channel();
        let command = Command::WatchToken { name: name.to_owned(), token };
        self.commands.send(command).await.map_err(|_| AgentError::Closed)?;
        Ok(waiting)
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, AgentError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| AgentError::Closed)?;
        let answer = timeout(self.answer_timeout, answer).await.map_err(|_| AgentError::Timeout)?;
        answer.map_err(|_| AgentError::Closed)
    }
}

impl Events {
    /// The next event; `None` when the agent has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Says goodbye to the service and waits for the task to end. Acknowledgements given before are sent.
    pub async fn close(mut self, agent: Agent) {
        let ending = async {
            // A task that has ended already needs no telling; one without a connection may have no room for it.
            let _told = agent.commands.send(Command::Close).await;
            drop(agent);
            (&mut self.task).await
        };
        if timeout(CLOSE_TIMEOUT, ending).await.is_err() {
            tracing::debug!("the agent's task did not end in time");
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Delivery {
    pub(crate) const fn new(
        push: Push,
        channel: String,
        version: String,
        acks: mpsc::UnboundedSender<Ack>,
    ) -> Self {
        Self { push, channel, version, outcome: None, acks }
    }

    /// The push.
    #[must_use]
    pub const fn push(&self) -> &Push {
        &self.push
    }

    /// What the push service calls the push. The same one comes with the same id again; no secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.version
    }

    /// The push has been dealt with: it need not come again.
    pub fn acknowledge(mut self) {
        self.outcome = Some(DELIVERED);
    }

    /// Nobody can deal with the push: it need not come again either.
    pub fn give_up(mut self) {
        self.outcome = Some(UNDELIVERED);
    }
}

impl Drop for Delivery {
    /// A push that is dropped without an outcome is not acknowledged: it comes again after the next connection.
    fn drop(&mut self) {
        let channel = std::mem::take(&mut self.channel);
        let version = std::mem::take(&mut self.version);
        // Without an agent there is nobody to tell; the push comes again when there is one.
        let _told = self.acks.send(Ack { channel, version, code: self.outcome });
    }
}

impl Subscription {
    /// In the form that browsers have for it: `endpoint` and `keys`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let keys = serde_json::json!({
            "p256dh": self.public_key.to_base64url(),
            "auth": self.auth_secret.reveal(),
        });
        serde_json::json!({ "endpoint": self.endpoint, "keys": keys })
    }
}

impl Auth {
    pub(crate) fn new(secret: &AuthSecret) -> Self {
        Self(secret.to_base64url().to_string())
    }

    /// 22 characters.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Push");
        fields.field("subscription", &self.subscription).field("size", &self.size).finish_non_exhaustive()
    }
}

impl fmt::Debug for Ciphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ciphertext").field("encryption", &self.encryption).finish_non_exhaustive()
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Delivery").field(&self.push).finish()
    }
}

/// Wishes that wait for the task; further callers wait.
const COMMANDS_WAITING_MAX: usize = 64;
/// Events that wait for the consumer; the task keeps more, up to a limit of its own.
const EVENTS_WAITING_MAX: usize = 16;
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
