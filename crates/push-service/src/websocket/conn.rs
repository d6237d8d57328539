//! One agent's connection: the only file of the WebSocket side that reads and writes.
//!
//! It looks at its queue and the storage whenever its window has room, sends what is due, and lets acknowledgements
//! be written behind its back, many in one go. At the end it says goodbye, takes the acknowledgements that are still
//! on the way, and only then frees the agent's place for the next connection.
//!
//! Every future that is selected on is cancel-safe: the socket's `next`, the queue's notification, the storage's
//! answer (kept across selects), the watch on broadcasts and timers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_util::sync::CancellationToken;

use self::acknowledger::Acknowledger;
use self::socket::{Ended, Incoming, Socket};
use super::frame::{self, AgentMessage, ServiceMessage};
use super::listening::Listening;
use super::session::{Agent, Close, Offer, Reaction, UnidentifiedAgent};
use crate::connected::{self, DeliveryQueue};
use crate::id::{AgentId, ChannelId};
use crate::measure::{self, Over, Protocol};
use crate::message::{Message, Selection};
use crate::service::Service;
use crate::storage::{Registered, Registration};

mod acknowledger;
mod socket;

pub use self::socket::tungstenite_config;

/// Serves one agent until it or the service ends the connection.
pub async fn serve<S>(
    service: Arc<Service>,
    stream: WebSocketStream<S>,
    peer: IpAddr,
    shutdown: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let began = Instant::now();
    measure::connection(Protocol::WebSocket);
    let mut socket = Socket::new(stream, service.config.websocket.write_timeout);
    let ended = match open(&service, &mut socket, &shutdown).await {
        Ok(agent) => {
            let mut connection = Connection::new(&service, socket, peer, agent);
            let ended = connection.run(&shutdown).await;
            connection.finish(ended).await;
            ended
        }
        Err(ended) => {
            if let Ended::Ours(close) = ended {
                socket.close(close).await;
            }
            ended
        }
    };
    let end = ended.reason();
    measure::session_ended(end);
    tracing::info!(name: "push.session", outcome = end, duration = ?began.elapsed());
}

/// Waits for `hello` and finds out who it is.
async fn open<S>(
    service: &Service,
    socket: &mut Socket<S>,
    shutdown: &CancellationToken,
) -> Result<Identified, Ended>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let first = timeout(service.config.websocket.hello_timeout, socket.next_text());
    let text = tokio::select! {
        () = shutdown.cancelled() => return Err(Ended::Ours(Close::GoingAway)),
        text = first => text.map_err(|_| Ended::Ours(Close::HelloTimeout))??,
    };
    let message = frame::decode(&text).map_err(|_| Ended::Ours(Close::Malformed))?;
    let greeting = UnidentifiedAgent.hello(message).map_err(Ended::Ours)?;
    let broadcasts = greeting.broadcasts;
    if let Some(id) = greeting.claimed {
        // Its place comes first, so that a removal after the look at the storage is told to it.
        let queue = service.agents.connect(Selection::all(id), SUPERSEDED_PATIENCE).await;
        match service.storage.resume(id, service.now()).await {
            Ok(true) => return Ok(Identified { id, queue, is_stored: true, broadcasts }),
            Ok(false) => service.agents.disconnect(&queue),
            Err(error) => {
                service.agents.disconnect(&queue);
                return Err(unavailable(error));
            }
        }
    }
    // An agent that is not known gets a new id; it is stored with its first subscription.
    let id = AgentId::random().map_err(|_| Ended::Ours(Close::Unavailable))?;
    let queue = service.agents.connect(Selection::all(id), SUPERSEDED_PATIENCE).await;
    // Nothing waits for an agent that did not exist.
    queue.catch_up();
    Ok(Identified { id, queue, is_stored: false, broadcasts })
}

/// An agent that has said hello.
struct Identified {
    id: AgentId,
    queue: Arc<DeliveryQueue>,
    is_stored: bool,
    broadcasts: BTreeMap<String, String>,
}

struct Connection<'a, S> {
    service: &'a Arc<Service>,
    socket: Socket<S>,
    peer: IpAddr,
    agent: Agent,
    /// Whether the agent has a subscription, or had one.
    is_stored: bool,
    greeting: Option<BTreeMap<String, String>>,
    news: Option<News>,
    queue: Arc<DeliveryQueue>,
    acknowledger: Acknowledger,
    heard: Instant,
    pinged: Option<Instant>,
    full_since: Option<Instant>,
    seen_noted: Instant,
}

/// The broadcasts that an agent listens to. Most agents that are not Firefox have none.
struct News {
    listening: Listening,
    changed: watch::Receiver<()>,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Connection<'a, S> {
    fn new(service: &'a Arc<Service>, socket: Socket<S>, peer: IpAddr, who: Identified) -> Self {
        let Identified { id, queue, is_stored, broadcasts } = who;
        let now = Instant::now();
        Self {
            service,
            socket,
            peer,
            agent: Agent::new(id, &service.config.websocket, service.now()),
            is_stored,
            greeting: Some(broadcasts),
            news: None,
            queue,
            acknowledger: Acknowledger::new(Arc::clone(service), id),
            heard: now,
            pinged: None,
            full_since: None,
            seen_noted: now,
        }
    }

    async fn run(&mut self, shutdown: &CancellationToken) -> Ended {
        if let Some(asked) = self.greeting.take() {
            let broadcasts = self.listen(asked);
            let hello = ServiceMessage::hello(self.agent.id(), broadcasts);
            if let Err(ended) = self.socket.send(&hello).await {
                return ended;
            }
        }
        let alarm = sleep_until(self.deadline());
        tokio::pin!(alarm);
        loop {
            match self.step(shutdown, alarm.as_mut()).await {
                Ok(()) => {}
                Err(ended) => return ended,
            }
        }
    }

    /// Sends what is due, then waits for the next thing to happen.
    async fn step(
        &mut self,
        shutdown: &CancellationToken,
        mut alarm: std::pin::Pin<&mut Sleep>,
    ) -> Result<(), Ended> {
        self.deliver().await?;
        if self.deadline() < alarm.deadline() {
            alarm.as_mut().reset(self.deadline());
        }
        tokio::select! {
            () = shutdown.cancelled() => Err(Ended::Ours(Close::GoingAway)),
            () = self.queue.changed() => Ok(()),
            () = self.acknowledger.progress() => Ok(()),
            () = changed(self.news.as_mut()) => self.tell_news().await,
            incoming = self.socket.next() => {
                self.heard = Instant::now();
                self.pinged = None;
                match incoming? {
                    Incoming::Text(text) => self.receive(&text).await,
                    Incoming::SignOfLife => Ok(()),
                }
            }
            () = alarm.as_mut() => {
                self.on_alarm().await?;
                alarm.as_mut().reset(self.deadline());
                Ok(())
            }
        }
    }

    /// Fills the window, first from what has just been stored, and from the storage when that is not all.
    async fn deliver(&mut self) -> Result<(), Ended> {
        loop {
            let waiting = self.queue.take(self.agent.room());
            match waiting.ended {
                Some(connected::Ended::Superseded) => return Err(Ended::Ours(Close::Superseded)),
                Some(connected::Ended::Removed) => return Err(Ended::Ours(Close::Removed)),
                None => {}
            }
            for message in &waiting.messages {
                self.send(message).await?;
            }
            if !waiting.behind || self.agent.room() == 0 {
                break;
            }
            self.catch_up().await?;
        }
        if self.agent.room() > 0 {
            self.full_since = None;
        } else if self.full_since.is_none() {
            self.full_since = Some(Instant::now());
        }
        self.socket.flush().await
    }

    async fn catch_up(&mut self) -> Result<(), Ended> {
        self.queue.catch_up();
        let wanted = self.agent.room().min(READ_AT_ONCE);
        let storage = &self.service.storage;
        let batch = storage
            .pending(Selection::all(self.agent.id()), self.agent.cursor(), wanted, self.service.now())
            .await
            .map_err(unavailable)?;
        if batch.len() == wanted {
            self.queue.fall_behind();
        }
        for message in &batch {
            self.send(message).await?;
        }
        Ok(())
    }

    async fn send(&mut self, message: &Message) -> Result<(), Ended> {
        let now = self.service.now();
        match self.agent.offer(message, now) {
            Offer::Skip => Ok(()),
            Offer::Send(notification) => {
                let waited = now.micros().saturating_sub(message.id.number());
                measure::delivered(
                    Over::WebSocket,
                    Duration::from_micros(u64::try_from(waited).unwrap_or(0)),
                );
                self.socket.feed(&notification).await
            }
        }
    }

    async fn receive(&mut self, text: &str) -> Result<(), Ended> {
        let message = frame::decode(text).map_err(|_| Ended::Ours(Close::Malformed))?;
        if let AgentMessage::Nack { code, .. } = &message {
            measure::nack(*code);
        }
        match self.agent.receive(message, self.service.now()) {
            Reaction::Nothing => Ok(()),
            Reaction::Send(answer) => self.socket.send(&answer).await,
            Reaction::Close(close) => Err(Ended::Ours(close)),
            Reaction::Acknowledge { ids, rejected, codes } => {
                self.acknowledger.add(ids, rejected, codes);
                // An agent that acknowledges faster than the storage takes it is not listened to meanwhile.
                while self.acknowledger.is_full() {
                    self.acknowledger.progress().await;
                }
                Ok(())
            }
            Reaction::Register { channel, restricted_to } => {
                let (agent, now) = (self.agent.id(), self.service.now());
                let answer = self.register(Registration { agent, channel, restricted_to, now }).await;
                self.socket.send(&answer).await
            }
            Reaction::Listen { broadcasts } => {
                let broadcasts = self.listen(broadcasts);
                if broadcasts.is_empty() {
                    return Ok(());
                }
                self.socket.send(&ServiceMessage::Broadcast { broadcasts }).await
            }
            Reaction::Unregister { channel, code } => {
                measure::unregistered(code);
                let answer = unregister(self.service, self.agent.id(), channel).await;
                self.socket.send(&answer).await
            }
        }
    }

    async fn register(&mut self, wish: Registration) -> ServiceMessage {
        let channel = wish.channel.to_string();
        if !self.is_stored && self.service.admit_new_agent(self.peer).is_err() {
            return ServiceMessage::Register { channel, status: 429, endpoint: String::new() };
        }
        let (status, endpoint) = match self.service.storage.register(wish).await {
            Ok(Registered::Subscription(subscription)) => {
                self.is_stored = true;
                (200, self.service.push_resource(subscription.id))
            }
            Ok(Registered::TooManyChannels) => (409, String::new()),
            Err(_) => (500, String::new()),
        };
        ServiceMessage::Register { channel, status, endpoint }
    }

    fn listen(&mut self, asked: BTreeMap<String, String>) -> frame::Broadcasts {
        if asked.is_empty() {
            return frame::Broadcasts::default();
        }
        let present = self.service.storage.broadcasts();
        // Watched before it is read, so that no change falls between.
        let news = self
            .news
            .get_or_insert_with(|| News { listening: Listening::default(), changed: present.watch() });
        news.listening.ask(asked, present)
    }

    async fn tell_news(&mut self) -> Result<(), Ended> {
        let Some(news) = &mut self.news else { return Ok(()) };
        let broadcasts = news.listening.news(self.service.storage.broadcasts());
        if broadcasts.is_empty() {
            return Ok(());
        }
        self.socket.send(&ServiceMessage::Broadcast { broadcasts }).await
    }

    /// The next moment at which silence means something.
    fn deadline(&self) -> Instant {
        let limits = &self.service.config.websocket;
        let ping = match self.pinged {
            Some(pinged) => pinged + limits.pong_timeout,
            None => self.heard + limits.ping_interval,
        };
        self.full_since.map_or(ping, |since| ping.min(since + limits.acknowledge_timeout))
    }

    async fn on_alarm(&mut self) -> Result<(), Ended> {
        let now = Instant::now();
        let limits = &self.service.config.websocket;
        if self.full_since.is_some_and(|since| now >= since + limits.acknowledge_timeout) {
            return Err(Ended::Ours(Close::NotAcknowledging));
        }
        if self.pinged.is_some_and(|pinged| now >= pinged + limits.pong_timeout) {
            return Err(Ended::Vanished);
        }
        if self.pinged.is_none() && now >= self.heard + limits.ping_interval {
            self.pinged = Some(now);
            self.note_seen(now).await?;
            return self.socket.ping().await;
        }
        Ok(())
    }

    /// Keeps an agent that stays connected for months from being taken for an idle one.
    async fn note_seen(&mut self, now: Instant) -> Result<(), Ended> {
        if now < self.seen_noted + SEEN_INTERVAL {
            return Ok(());
        }
        self.seen_noted = now;
        match self.service.storage.resume(self.agent.id(), self.service.now()).await {
            Ok(false) if self.is_stored => Err(Ended::Ours(Close::Removed)),
            // Not noted this time is noted the next; pruning takes weeks.
            _ => Ok(()),
        }
    }

    async fn finish(mut self, ended: Ended) {
        if let Ended::Ours(close) = ended {
            self.socket.close(close).await;
            self.take_last_acknowledgements().await;
        }
        self.acknowledger.finish().await;
        self.service.agents.disconnect(&self.queue);
        let _noted = self.service.storage.resume(self.agent.id(), self.service.now()).await;
    }

    /// RFC 6455 §1.4: after our close frame the peer's own data still arrives until its close frame does; the
    /// acknowledgements among it count.
    async fn take_last_acknowledgements(&mut self) {
        let limit = sleep_until(Instant::now() + CLOSING_PATIENCE);
        tokio::pin!(limit);
        loop {
            let text = tokio::select! {
                () = limit.as_mut() => return,
                text = self.socket.next_text() => text,
            };
            let Ok(text) = text else { return };
            if let Ok(message @ AgentMessage::Ack { .. }) = frame::decode(&text)
                && let Reaction::Acknowledge { ids, rejected, codes } =
                    self.agent.receive(message, self.service.now())
            {
                self.acknowledger.add(ids, rejected, codes);
            }
        }
    }
}

/// Returns when a broadcast has changed; never for an agent that listens to none. Cancel-safe.
async fn changed(news: Option<&mut News>) {
    if let Some(news) = news
        && news.changed.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

async fn unregister(service: &Service, agent: AgentId, channel: ChannelId) -> ServiceMessage {
    let done = service.storage.unregister(agent, channel).await;
    let status = if done.is_ok() { 200 } else { 500 };
    ServiceMessage::Unregister { channel: channel.to_string(), status }
}

fn unavailable(_: crate::storage::StorageError) -> Ended {
    Ended::Ours(Close::Unavailable)
}

/// Messages read from the storage in one go: at 5 KiB each, what one slow agent may hold in memory.
const READ_AT_ONCE: usize = 32;
/// How long the peer's last messages are waited for after our close frame.
const CLOSING_PATIENCE: Duration = Duration::from_secs(1);
/// How long an agent's second connection waits for the first to finish: its close and its acknowledgements.
const SUPERSEDED_PATIENCE: Duration = Duration::from_secs(3);
/// How often an agent that stays connected is noted as being here.
const SEEN_INTERVAL: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests;
