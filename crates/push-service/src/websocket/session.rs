//! An agent's session without sockets or storage: what each message asks for, what may be sent, when to hang up.
//!
//! [`UnidentifiedAgent`] waits for `hello`; an [`Agent`] has an id, a window of notifications that it has not
//! acknowledged, and a place in the order of its messages.
//!
//! Invariants: at most `window_messages` notifications are unacknowledged; the cursor never passes a stored message
//! that was not sent, and a stored message at or before the cursor is not sent again in this session.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use webpush::key::PublicKey;

use super::frame::{AgentMessage, ServiceMessage, Update};
use crate::clock::Instant;
use crate::config::WebSocketLimits;
use crate::id::{AgentId, ChannelId, MessageId};
use crate::measure::Codes;
use crate::message::{Keeping, Message};
use crate::rate::Allowance;

/// Before `hello`.
#[derive(Debug, Clone, Copy)]
pub struct UnidentifiedAgent;

/// A `hello` that is acceptable.
#[derive(Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The id that the agent says it has.
    pub claimed: Option<AgentId>,
    /// Broadcasts that the agent listens to, with the versions that it knows.
    pub broadcasts: BTreeMap<String, String>,
}

/// After `hello`.
#[derive(Debug)]
pub struct Agent {
    id: AgentId,
    window_max: usize,
    unacknowledged: BTreeSet<MessageId>,
    cursor: MessageId,
    pings: Allowance,
    changes: Allowance,
    messages: Allowance,
}

/// What a message asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Nothing to do.
    Nothing,
    /// An answer that needs nobody else.
    Send(ServiceMessage),
    /// A subscription is wanted.
    Register {
        /// Its name.
        channel: ChannelId,
        /// RFC 8292 §4.
        restricted_to: Option<PublicKey>,
    },
    /// A subscription is to end.
    Unregister {
        /// Its name.
        channel: ChannelId,
        /// Why: 200 by hand, 201 over quota, 202 without permission.
        code: Option<u16>,
    },
    /// Broadcasts are to be listened to.
    Listen {
        /// By id, the version that the agent knows.
        broadcasts: BTreeMap<String, String>,
    },
    /// Messages need not be kept any more.
    Acknowledge {
        /// Those that reached their program.
        ids: Vec<MessageId>,
        /// Those that the agent can't use.
        rejected: Vec<MessageId>,
        /// What it says of them.
        codes: Codes,
    },
    /// The connection has to end.
    Close(Close),
}

/// What to do with a message for the agent.
#[derive(Debug, PartialEq, Eq)]
pub enum Offer {
    /// Send this and wait for its acknowledgement.
    Send(ServiceMessage),
    /// It has been sent, or has expired.
    Skip,
}

/// Why the service hangs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// The first message was no `hello`, or one for another protocol.
    NotHello,
    /// A second `hello`.
    SecondHello,
    /// No `hello` in time.
    HelloTimeout,
    /// Not a message of the protocol.
    Malformed,
    /// A binary message.
    Binary,
    /// A message over the limit.
    TooBig,
    /// Too many pings.
    PingFlood,
    /// Too many registrations.
    ChangeFlood,
    /// Too many other messages.
    MessageFlood,
    /// A full window and nothing acknowledged.
    NotAcknowledging,
    /// The agent has connected again.
    Superseded,
    /// The agent was removed after a long absence, or is to start anew.
    Removed,
    /// The service stops.
    GoingAway,
    /// The storage does not answer.
    Unavailable,
}

impl UnidentifiedAgent {
    /// Judges the first message.
    pub fn hello(self, message: AgentMessage) -> Result<Greeting, Close> {
        match message {
            AgentMessage::Hello { agent, use_webpush: true, broadcasts } => {
                Ok(Greeting { claimed: agent.as_deref().and_then(AgentId::parse), broadcasts })
            }
            _ => Err(Close::NotHello),
        }
    }
}

impl Agent {
    /// An agent that has said `hello`.
    #[must_use]
    pub fn new(id: AgentId, limits: &WebSocketLimits, now: Instant) -> Self {
        Self {
            id,
            window_max: limits.window_messages,
            unacknowledged: BTreeSet::new(),
            cursor: MessageId::START,
            pings: Allowance::new(limits.client_pings, now),
            changes: Allowance::new(limits.client_changes, now),
            messages: Allowance::new(limits.client_messages, now),
        }
    }

    /// Whose session it is.
    #[must_use]
    pub const fn id(&self) -> AgentId {
        self.id
    }

    /// Where the agent stands in the order of its stored messages.
    #[must_use]
    pub const fn cursor(&self) -> MessageId {
        self.cursor
    }

    /// Notifications that may be sent before something is acknowledged.
    #[must_use]
    pub fn room(&self) -> usize {
        self.window_max.saturating_sub(self.unacknowledged.len())
    }

    /// Decides what a message asks for.
    pub fn receive(&mut self, message: AgentMessage, now: Instant) -> Reaction {
        if self.spend(&message, now).is_err() {
            return Reaction::Close(flood_of(&message));
        }
        match message {
            AgentMessage::Hello { .. } => Reaction::Close(Close::SecondHello),
            AgentMessage::Register { channel, key } => register(channel, key),
            AgentMessage::Unregister { channel, code } => unregister(channel, code),
            AgentMessage::Ack { updates } => self.acknowledge(&updates),
            // The message was acknowledged before, and the agent would take it for a duplicate if it came again; a
            // failing handler is not the service's to mend.
            AgentMessage::Nack { .. } => Reaction::Nothing,
            AgentMessage::BroadcastSubscribe { broadcasts } => Reaction::Listen { broadcasts },
            AgentMessage::Ping => Reaction::Send(ServiceMessage::Pong),
        }
    }

    /// Decides whether a message is sent. The caller has made sure that there is [`Agent::room`].
    pub fn offer(&mut self, message: &Message, now: Instant) -> Offer {
        assert!(self.room() > 0, "the window is full");
        assert!(message.agent == self.id, "a message of another agent");
        if message.keeping == Keeping::Stored {
            if message.id <= self.cursor {
                return Offer::Skip;
            }
            self.cursor = message.id;
        }
        // RFC 8030 §5.2: an expired message is not delivered; one with TTL 0 is, at once.
        if message.keeping == Keeping::Stored && message.expires <= now {
            return Offer::Skip;
        }
        self.unacknowledged.insert(message.id);
        Offer::Send(ServiceMessage::notification(message))
    }

    /// Takes what the message costs from the agent's allowances. The acknowledgement of a notification that waits for it is
    /// free: the service has asked for it.
    fn spend(&mut self, message: &AgentMessage, now: Instant) -> Result<(), Duration> {
        match message {
            AgentMessage::Ping => self.pings.take(now),
            AgentMessage::Register { .. } | AgentMessage::Unregister { .. } => self.changes.take(now),
            AgentMessage::Ack { updates } => {
                let waits = |update: &Update| {
                    let id = MessageId::parse_version(&update.version);
                    id.is_some_and(|id| self.unacknowledged.contains(&id))
                };
                let unasked = updates.iter().filter(|update| !waits(update)).count();
                let empty = usize::from(updates.is_empty());
                (0..unasked.max(empty)).try_for_each(|_| self.messages.take(now))
            }
            AgentMessage::Hello { .. }
            | AgentMessage::Nack { .. }
            | AgentMessage::BroadcastSubscribe { .. } => self.messages.take(now),
        }
    }

    /// Any version of the agent's own is taken, also of an earlier session; what is not ours is skipped. A message
    /// that can't be decrypted (101) or shown (102) would fail the next time too, so it goes as well.
    fn acknowledge(&mut self, updates: &[Update]) -> Reaction {
        let mut ids = Vec::with_capacity(updates.len());
        let mut rejected = Vec::new();
        let mut codes = Codes::default();
        for update in updates {
            if let Some(id) = MessageId::parse_version(&update.version) {
                self.unacknowledged.remove(&id);
                let usable = update.code.is_none_or(|code| code == DELIVERED);
                if usable {
                    ids.push(id)
                } else {
                    rejected.push(id)
                }
                codes.count(update.code);
            }
        }
        if ids.is_empty() && rejected.is_empty() {
            return Reaction::Nothing;
        }
        Reaction::Acknowledge { ids, rejected, codes }
    }
}

impl Close {
    /// RFC 6455 §7.4.1.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Superseded | Self::Removed => 1000,
            Self::GoingAway => 1001,
            Self::Binary => 1003,
            Self::Malformed => 1007,
            Self::NotHello
            | Self::SecondHello
            | Self::HelloTimeout
            | Self::PingFlood
            | Self::ChangeFlood
            | Self::MessageFlood
            | Self::NotAcknowledging => 1008,
            Self::TooBig => 1009,
            Self::Unavailable => 1011,
        }
    }

    /// A word for the peer, the log and the metrics.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotHello => "not_hello",
            Self::SecondHello => "second_hello",
            Self::HelloTimeout => "hello_timeout",
            Self::Malformed => "malformed",
            Self::Binary => "binary",
            Self::TooBig => "too_big",
            Self::PingFlood => "ping_flood",
            Self::ChangeFlood => "change_flood",
            Self::MessageFlood => "message_flood",
            Self::NotAcknowledging => "not_acknowledging",
            Self::Superseded => "superseded",
            Self::Removed => "removed",
            Self::GoingAway => "going_away",
            Self::Unavailable => "unavailable",
        }
    }
}

const fn flood_of(message: &AgentMessage) -> Close {
    match message {
        AgentMessage::Ping => Close::PingFlood,
        AgentMessage::Register { .. } | AgentMessage::Unregister { .. } => Close::ChangeFlood,
        _ => Close::MessageFlood,
    }
}

fn register(channel: String, key: Option<String>) -> Reaction {
    let restricted_to = match key.as_deref().filter(|key| !key.is_empty()) {
        None => Ok(None),
        // Firefox pads the key, other agents don't.
        Some(key) => PublicKey::from_base64url_maybe_padded(key).map(Some),
    };
    match (ChannelId::parse(&channel), restricted_to) {
        (Some(channel), Ok(restricted_to)) => Reaction::Register { channel, restricted_to },
        _ => Reaction::Send(ServiceMessage::Register { channel, status: 400, endpoint: String::new() }),
    }
}

fn unregister(channel: String, code: Option<u16>) -> Reaction {
    match ChannelId::parse(&channel) {
        Some(channel) => Reaction::Unregister { channel, code },
        None => Reaction::Send(ServiceMessage::Unregister { channel, status: 400 }),
    }
}

/// Firefox's code for a message that has reached its program.
const DELIVERED: u16 = 100;

#[cfg(test)]
mod tests;
