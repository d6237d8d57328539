//! The task behind an agent: one connection after the other, registrations, notifications, acknowledgements.
//!
//! Invariants: a notification that is in the consumer's hands is not given to it again; one that was acknowledged is
//! acknowledged again and not given out; nothing is acknowledged that the consumer has not finished with, except what
//! nobody can read or wants.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;
use webpush::key::PublicKey;

use super::frame::{AgentMessage, DELIVERED, Headers, ServiceMessage, UNDECRYPTABLE, UNDELIVERED};
use super::socket::{self, Incoming, Socket};
use super::subscriptions::{Known, Read, Subscriptions};
use crate::agent::{AgentError, Delivery, Event, Form, Options, Push, Subscription};
use crate::pushed;
use crate::state::State;

/// What the agent's user wants.
pub(crate) enum Command {
    Subscribe { wish: Wish, reply: oneshot::Sender<Result<Subscription, AgentError>> },
    List { reply: oneshot::Sender<Vec<String>> },
    Unsubscribe { name: String, reply: oneshot::Sender<Result<(), AgentError>> },
    WatchToken { name: String, token: oneshot::Sender<String> },
    Close,
}

impl Command {
    /// Whether nobody waits for what it would bring. A removal is wanted all the same.
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Subscribe { reply, .. } => reply.is_closed(),
            Self::List { reply } => reply.is_closed(),
            Self::Unsubscribe { .. } | Self::WatchToken { .. } | Self::Close => false,
        }
    }
}

/// A subscription that is wanted.
pub(crate) struct Wish {
    pub(crate) name: String,
    pub(crate) application_server_key: Option<PublicKey>,
    pub(crate) form: Form,
}

/// What became of a notification.
pub(crate) struct Ack {
    pub(crate) channel: String,
    pub(crate) version: String,
    /// `None`: the consumer has let go of it without dealing with it.
    pub(crate) code: Option<u16>,
}

pub(crate) struct Session {
    options: Options,
    state: State,
    subscriptions: Subscriptions,
    commands: mpsc::Receiver<Command>,
    postponed: VecDeque<Command>,
    events: mpsc::Sender<Event>,
    outgoing: VecDeque<Event>,
    acks: mpsc::UnboundedReceiver<Ack>,
    ack_sender: mpsc::UnboundedSender<Ack>,
    registering: BTreeMap<String, Registering>,
    watching: Vec<(String, oneshot::Sender<String>)>,
    in_hand: HashSet<String>,
    finished: VecDeque<String>,
    /// Whether the state is not yet in its file.
    unsaved: bool,
}

/// A `register` without its answer.
struct Registering {
    /// The subscription that the new one is to replace.
    replaces: Option<String>,
    reply: Option<oneshot::Sender<Result<Subscription, AgentError>>>,
}

enum End {
    /// The user wants no more.
    Closed,
    /// The connection is lost.
    Lost(String),
}

impl Session {
    pub(crate) fn new(
        options: Options,
        state: State,
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<Event>,
    ) -> Result<Self, AgentError> {
        // The consumer holds at most what the service's window lets through, so this queue is bounded by that.
        let (ack_sender, acks) = mpsc::unbounded_channel();
        Ok(Self {
            subscriptions: Subscriptions::restore(&state)?,
            options,
            state,
            commands,
            postponed: VecDeque::new(),
            events,
            outgoing: VecDeque::new(),
            acks,
            ack_sender,
            registering: BTreeMap::new(),
            watching: Vec::new(),
            in_hand: HashSet::new(),
            finished: VecDeque::new(),
            unsaved: false,
        })
    }

    /// Runs from the first connection, or from the reason why there is none.
    pub(crate) async fn run(mut self, mut opened: Result<(Socket, String), String>) {
        loop {
            let (mut socket, uaid) = match opened {
                Ok(opened) => opened,
                Err(reason) => match self.reconnect(reason).await {
                    Some(opened) => opened,
                    None => return,
                },
            };
            self.outgoing.push_back(Event::Connected);
            let ended = match self.resume(&mut socket, uaid).await {
                Ok(()) => self.serve(&mut socket).await,
                Err(reason) => End::Lost(reason),
            };
            match ended {
                End::Closed => {
                    self.send_last_acks(&mut socket).await;
                    socket.close().await;
                    return;
                }
                End::Lost(reason) => opened = Err(reason),
            }
        }
    }

    /// After hello: a service that gave another id has forgotten the agent, so all subscriptions are made anew.
    async fn resume(&mut self, socket: &mut Socket, uaid: String) -> Result<(), String> {
        let forgotten = self.state.uaid.as_ref() != Some(&uaid);
        self.state.uaid = Some(uaid);
        self.unsaved |= forgotten;
        // Answers to what was asked on the last connection will not come: ask again.
        let mut channels: Vec<String> = self.registering.keys().cloned().collect();
        if forgotten {
            self.in_hand.clear();
            channels = self.subscriptions.channels();
        }
        for channel in channels {
            self.send_register(socket, &channel).await?;
        }
        Ok(())
    }

    async fn serve(&mut self, socket: &mut Socket) -> End {
        let began = Instant::now();
        let mut heard = Instant::now();
        let mut asked = false;
        loop {
            if began.elapsed() > STABLE_AFTER {
                self.options.reconnect.succeeded();
            }
            let patience = if asked { PONG_TIMEOUT } else { self.options.keepalive };
            let events = self.events.clone();
            let done = tokio::select! {
                command = next_command(&mut self.postponed, &mut self.commands) => match command {
                    None | Some(Command::Close) => return End::Closed,
                    Some(command) => self.obey(socket, command).await,
                },
                Some(ack) = self.acks.recv() => self.acknowledge(socket, ack).await,
                slot = events.reserve(), if !self.outgoing.is_empty() => match (slot, self.outgoing.pop_front()) {
                    (Ok(slot), Some(event)) => { slot.send(event); Ok(()) }
                    _ => return End::Closed,
                },
                incoming = socket.next() => {
                    heard = Instant::now();
                    asked = false;
                    match incoming {
                        Ok(Incoming::Message(message)) => self.receive(socket, message).await,
                        Ok(Incoming::SignOfLife) => Ok(()),
                        Err(reason) => Err(reason),
                    }
                }
                () = sleep_until(heard + patience) => {
                    if asked { Err("the service has fallen silent".to_owned()) } else {
                        asked = true;
                        heard = Instant::now();
                        socket.ping().await
                    }
                }
            };
            if let Err(reason) = done {
                return End::Lost(reason);
            }
        }
    }

    /// Tries until a connection stands; `None` when the user wants no more.
    async fn reconnect(&mut self, mut reason: String) -> Option<(Socket, String)> {
        loop {
            let retry_in = self.options.reconnect.next_wait(Uuid::new_v4().as_fields().0);
            self.outgoing.push_back(Event::Disconnected { reason, retry_in });
            let wait = sleep(retry_in);
            tokio::pin!(wait);
            loop {
                // Who asks again and again while the service is away must not fill the queue.
                self.postponed.retain(|command| !command.is_abandoned());
                let events = self.events.clone();
                tokio::select! {
                    () = wait.as_mut() => break,
                    slot = events.reserve(), if !self.outgoing.is_empty() => {
                        if let (Ok(slot), Some(event)) = (slot, self.outgoing.pop_front()) {
                            slot.send(event);
                        } else {
                            return None;
                        }
                    }
                    command = self.commands.recv(), if self.postponed.len() < COMMANDS_POSTPONED_MAX => match command {
                        None | Some(Command::Close) => return None,
                        Some(command) => self.postponed.push_back(command),
                    },
                }
            }
            match socket::open(&self.options, self.state.uaid.clone()).await {
                Ok(opened) => return Some(opened),
                Err(error) => reason = error.to_string(),
            }
        }
    }

    async fn obey(&mut self, socket: &mut Socket, command: Command) -> Result<(), String> {
        match command {
            Command::Subscribe { wish, reply } => self.subscribe(socket, wish, reply).await,
            Command::List { reply } => {
                // Whoever asked may have stopped waiting.
                let _told = reply.send(self.subscriptions.names());
                Ok(())
            }
            Command::Unsubscribe { name, reply } => {
                let mut sent = Ok(());
                if let Some(channel) = self.subscriptions.channel_of(&name) {
                    self.subscriptions.remove(&channel);
                    self.unsaved = true;
                    sent = socket.send(&AgentMessage::Unregister { channel, code: BY_HAND }).await;
                }
                // Whoever asked may have stopped waiting.
                let _told = reply.send(self.save());
                sent
            }
            Command::WatchToken { name, token } => {
                self.watching.retain(|(_, waiting)| !waiting.is_closed());
                self.watching.push((name, token));
                Ok(())
            }
            Command::Close => Ok(()),
        }
    }

    async fn subscribe(
        &mut self,
        socket: &mut Socket,
        wish: Wish,
        reply: oneshot::Sender<Result<Subscription, AgentError>>,
    ) -> Result<(), String> {
        let present = self.subscriptions.channel_of(&wish.name);
        let same = present
            .as_deref()
            .and_then(|channel| self.subscriptions.find(channel))
            .is_some_and(|known| known.application_server_key == wish.application_server_key);
        let (channel, replaces) = match present {
            Some(channel) if same => {
                self.unsaved |= self.subscriptions.set_form(&channel, wish.form);
                (channel, None)
            }
            other => match Known::fresh(wish) {
                Ok(known) => (self.subscriptions.add(known), other),
                Err(error) => {
                    let _told = reply.send(Err(AgentError::Key(error)));
                    return Ok(());
                }
            },
        };
        self.registering.insert(channel.clone(), Registering { replaces, reply: Some(reply) });
        self.send_register(socket, &channel).await
    }

    async fn send_register(&mut self, socket: &mut Socket, channel: &str) -> Result<(), String> {
        let Some(known) = self.subscriptions.find(channel) else { return Ok(()) };
        let key = known.application_server_key.map(|key| key.to_base64url());
        self.registering.entry(channel.to_owned()).or_insert(Registering { replaces: None, reply: None });
        socket.send(&AgentMessage::Register { channel: channel.to_owned(), key }).await
    }

    async fn receive(&mut self, socket: &mut Socket, message: ServiceMessage) -> Result<(), String> {
        match message {
            ServiceMessage::Register { channel, status, endpoint } => {
                self.registered(socket, &channel, status, endpoint).await
            }
            ServiceMessage::Notification { channel, version, data, headers } => {
                let notification = Notification { channel, version, data, headers };
                self.notified(socket, notification).await
            }
            ServiceMessage::Hello { .. } | ServiceMessage::Unregister { .. } | ServiceMessage::Other => {
                Ok(())
            }
        }
    }

    async fn registered(
        &mut self,
        socket: &mut Socket,
        channel: &str,
        status: u16,
        endpoint: String,
    ) -> Result<(), String> {
        let Some(Registering { replaces, reply }) = self.registering.remove(channel) else { return Ok(()) };
        if status != 200 || endpoint.is_empty() {
            if self.subscriptions.find(channel).is_some_and(|known| known.endpoint.is_empty()) {
                self.subscriptions.remove(channel);
            }
            if let Some(reply) = reply {
                let _told = reply.send(Err(AgentError::Refused(status)));
            }
            return Ok(());
        }
        let Some((subscription, before)) = self.subscriptions.set_endpoint(channel, endpoint) else {
            return Ok(());
        };
        self.unsaved |= replaces.is_some() || before != subscription.endpoint;
        let mut sent = Ok(());
        if let Some(old) = replaces {
            self.subscriptions.remove(&old);
            sent = socket.send(&AgentMessage::Unregister { channel: old, code: BY_HAND }).await;
        }
        let saved = self.save();
        match reply {
            Some(reply) => drop(reply.send(saved.map(|()| subscription))),
            None if before != subscription.endpoint => {
                self.outgoing.push_back(Event::SubscriptionChanged(subscription));
            }
            None => {}
        }
        sent
    }

    async fn notified(&mut self, socket: &mut Socket, notification: Notification) -> Result<(), String> {
        let Notification { channel, version, data, headers } = notification;
        if self.in_hand.contains(&version) {
            return Ok(());
        }
        if self.finished.contains(&version) {
            return socket.send(&AgentMessage::ack(channel, version, DELIVERED)).await;
        }
        let Some(known) = self.subscriptions.find(&channel) else {
            return socket.send(&AgentMessage::ack(channel, version, UNDELIVERED)).await;
        };
        let name = known.name.clone();
        let Read { cleartext, ciphertext, size } = match known.read(data.as_deref(), &headers) {
            Ok(read) => read,
            Err((_, size)) => {
                self.outgoing.push_back(Event::Undecryptable { subscription: name, size });
                return socket.send(&AgentMessage::ack(channel, version, UNDECRYPTABLE)).await;
            }
        };
        self.tell_token(&name, &cleartext);
        if self.in_hand.len() >= IN_HAND_MAX {
            return Err("the service sends more than it may without acknowledgement".to_owned());
        }
        self.in_hand.insert(version.clone());
        let received_at = SystemTime::now();
        let push =
            Push { subscription: name, cleartext, ciphertext, size, urgency: headers.urgency, received_at };
        let delivery = Delivery::new(push, channel, version, self.ack_sender.clone());
        self.outgoing.push_back(Event::Push(delivery));
        Ok(())
    }

    fn tell_token(&mut self, name: &str, cleartext: &[u8]) {
        if self.watching.is_empty() {
            return;
        }
        let Some(token) = pushed::parse(cleartext).into_iter().find_map(pushed::Response::into_token) else {
            return;
        };
        if let Some(index) = self.watching.iter().position(|(watched, _)| watched == name) {
            let (_, waiting) = self.watching.swap_remove(index);
            // Whoever asked may have stopped waiting.
            let _told = waiting.send(token);
        }
    }

    async fn acknowledge(&mut self, socket: &mut Socket, ack: Ack) -> Result<(), String> {
        self.in_hand.remove(&ack.version);
        let Some(code) = ack.code else { return Ok(()) };
        if self.finished.len() >= VERSIONS_REMEMBERED {
            self.finished.pop_front();
        }
        self.finished.push_back(ack.version.clone());
        socket.send(&AgentMessage::ack(ack.channel, ack.version, code)).await
    }

    async fn send_last_acks(&mut self, socket: &mut Socket) {
        while let Ok(ack) = self.acks.try_recv() {
            if self.acknowledge(socket, ack).await.is_err() {
                return;
            }
        }
    }

    /// Small and rare: the file is written from the task itself, when there is something new.
    fn save(&mut self) -> Result<(), AgentError> {
        if self.unsaved {
            self.subscriptions.store(&mut self.state)?;
            self.options.store.save(&self.state)?;
            self.unsaved = false;
        }
        Ok(())
    }
}

struct Notification {
    channel: String,
    version: String,
    data: Option<String>,
    headers: Headers,
}

/// First what was asked while there was no connection. Cancel-safe.
async fn next_command(
    postponed: &mut VecDeque<Command>,
    commands: &mut mpsc::Receiver<Command>,
) -> Option<Command> {
    match postponed.pop_front() {
        Some(command) => Some(command),
        None => commands.recv().await,
    }
}

/// `unregister`: the user wants it.
const BY_HAND: u16 = 200;
/// A connection that stood for so long was a good one: the next wait is short again.
const STABLE_AFTER: Duration = Duration::from_secs(30);
const PONG_TIMEOUT: Duration = Duration::from_secs(30);
/// Finished notifications that are known when they come again, as many as Firefox remembers.
const VERSIONS_REMEMBERED: usize = 100;
/// Notifications kept for a slow consumer; services allow far fewer without acknowledgement.
const IN_HAND_MAX: usize = 10_000;
const COMMANDS_POSTPONED_MAX: usize = 64;
