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
    }
}

fn number<T: TryFrom<usize>>(raw: &Raw) -> Result<T, String> {
    let count = value::count(raw)?;
    T::try_from(count).map_err(|_| format!("{count} is too large"))
}

/// RFC 8030 §7.2: a push service must take 4096 octets.
fn message_bytes(raw: &Raw) -> Result<usize, String> {
    let bytes = value::bytes(raw)?;
    let bytes = usize::try_from(bytes).map_err(|_| format!("{bytes} is too large"))?;
    let least = push_service::config::BODY_BYTES_ALWAYS_TAKEN;
    if bytes < least { Err(format!("{bytes} is less than {least}")) } else { Ok(bytes) }
}

const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 60 * 60)
}
