//! The limits in `[push_service]`: what one sender, one subscription and one user agent can cause.

use std::time::Duration;

use super::source::{Raw, Reader};
use super::value;

/// Limits of our own push service. What happens at each stands in `mailbell.example.toml`.
#[derive(Clone, Debug)]
pub(crate) struct PushLimits {
    /// Octets of one message.
    pub(crate) message_bytes: usize,
    /// The longest time that a message is kept.
    pub(crate) ttl: Duration,
    /// Messages that one subscription may receive.
    pub(crate) subscription_rate: MessageRate,
    /// Messages that one sender may post.
    pub(crate) sender_rate: MessageRate,
    /// Messages and octets that wait for one subscription.
    pub(crate) subscription: Waiting,
    /// Messages and octets that wait for one user agent.
    pub(crate) agent: Waiting,
    /// Subscriptions of one user agent.
    pub(crate) agent_subscriptions: u64,
    /// Absence after which a user agent is removed.
    pub(crate) agent_idle: Duration,
    /// Members of one aggregate.
    pub(crate) aggregate_members: u64,
    /// Connections at a time.
    pub(crate) connections: usize,
    /// Connections at a time of one peer address.
    pub(crate) peer_connections: u32,
    /// User agents that one peer address may register.
    pub(crate) peer_agents: MessageRate,
    /// Subscriptions that one peer address may make over HTTP.
    pub(crate) peer_subscriptions: MessageRate,
    /// Time in which a peer must take something of what there is for it.
    pub(crate) write_timeout: Duration,
    /// The delivery over HTTP.
    pub(crate) delivery: Delivery,
}

/// RFC 8030 §6.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery {
    /// Messages that a reader has and has not acknowledged.
    pub(crate) window: usize,
    /// Octets on their way to one HTTP/2 connection.
    pub(crate) unsent_bytes: u32,
    /// Time for the acknowledgement of a message.
    pub(crate) acknowledge: Duration,
    /// Silence after which a reader is tried.
    pub(crate) keep_alive: Duration,
    /// Time in which it must answer.
    pub(crate) keep_alive_timeout: Duration,
}

/// A rate with a burst, of messages or of what else is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageRate {
    /// So many in a second.
    pub(crate) per_second: u32,
    /// So many at once, when there were none before.
    pub(crate) burst: u32,
}

/// What may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    /// Messages.
    pub(crate) messages: u64,
    /// Octets of their bodies.
    pub(crate) bytes: u64,
}

/// Reads the keys.
pub(super) fn read(reader: &mut Reader) -> PushLimits {
    PushLimits {
        message_bytes: reader.read("push_service.message_bytes", 5630, message_bytes),
        ttl: reader.read("push_service.ttl", days(30), value::duration),
        subscription_rate: MessageRate {
            per_second: reader.read("push_service.subscription_rate", 10, number),
            burst: reader.read("push_service.subscription_burst", 200, number),
        },
        sender_rate: MessageRate {
            per_second: reader.read("push_service.sender_rate", 2000, number),
            burst: reader.read("push_service.sender_burst", 20_000, number),
        },
        subscription: Waiting {
            messages: reader.read("push_service.subscription_messages", 500, number),
            bytes: reader.read("push_service.subscription_bytes", 1 << 20, value::bytes),
        },
        agent: Waiting {
            messages: reader.read("push_service.agent_messages", 5000, number),
            bytes: reader.read("push_service.agent_bytes", 8 << 20, value::bytes),
        },
        agent_subscriptions: reader.read("push_service.agent_subscriptions", 1000, number),
        agent_idle: reader.read("push_service.agent_idle", days(60), value::duration),
        aggregate_members: reader.read("push_service.aggregate_members", 20_000, number),
        connections: reader.read("push_service.connections", 100_000, value::count),
        peer_connections: reader.read("push_service.peer_connections", 10_000, number),
        peer_agents: MessageRate {
            per_second: reader.read("push_service.peer_agents_rate", 10, number),
            burst: reader.read("push_service.peer_agents_burst", 20_000, number),
        },
        peer_subscriptions: MessageRate {
            per_second: reader.read("push_service.peer_subscriptions_rate", 5, number),
            burst: reader.read("push_service.peer_subscriptions_burst", 1200, number),
        },
        write_timeout: reader.read("push_service.write_timeout", Duration::from_secs(120), time),
        delivery: Delivery {
            window: reader.read("push_service.delivery_window", 64, value::count),
            unsent_bytes: reader.read("push_service.delivery_unsent_bytes", 256 << 10, unsent_bytes),
            acknowledge: reader.read("push_service.delivery_acknowledge", Duration::from_secs(300), time),
            keep_alive: reader.read("push_service.delivery_keep_alive", Duration::from_secs(60), time),
            keep_alive_timeout: reader.read(
                "push_service.delivery_keep_alive_timeout",
                Duration::from_secs(30),
                time,
            ),
        },
    }
}

fn number<T: TryFrom<usize>>(raw: &Raw) -> Result<T, String> {
    let count = value::count(raw)?;
    T::try_from(count).map_err(|_| format!("{count} is too large"))
}

fn time(raw: &Raw) -> Result<Duration, String> {
    let time = value::duration(raw)?;
    if time.is_zero() { Err("0 would end everything at once".to_owned()) } else { Ok(time) }
}

fn unsent_bytes(raw: &Raw) -> Result<u32, String> {
    let bytes = value::bytes(raw)?;
    if bytes < UNSENT_BYTES_LEAST {
        return Err(format!("{bytes} is less than {UNSENT_BYTES_LEAST}"));
    }
    u32::try_from(bytes).map_err(|_| format!("{bytes} is too large"))
}

/// RFC 8030 §7.2: a push service must take 4096 octets.
fn message_bytes(raw: &Raw) -> Result<usize, String> {
    let bytes = value::bytes(raw)?;
    let bytes = usize::try_from(bytes).map_err(|_| format!("{bytes} is too large"))?;
    let least = push_service::config::BODY_BYTES_ALWAYS_TAKEN;
    if bytes < least { Err(format!("{bytes} is less than {least}")) } else { Ok(bytes) }
}

/// Room for a few ordinary messages, so that a connection does not wait after each.
const UNSENT_BYTES_LEAST: u64 = 16 << 10;

const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 60 * 60)
}
