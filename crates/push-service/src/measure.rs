//! The metrics, through the `metrics` facade: whoever runs the service decides where they go.
//!
//! One place for the names. Labels come from fixed sets; nothing of a peer's choosing becomes one.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

/// Requests by outcome: `stored`, `delivered_now`, `expired_now`, or the reason of a refusal.
pub const PUSHES: &str = "push_service_pushes_total";
/// Notifications sent to agents, redeliveries included.
pub const NOTIFICATIONS: &str = "push_service_notifications_total";
/// Messages that agents acknowledged, by `outcome`: `used` or `unusable`.
pub const ACKNOWLEDGED: &str = "push_service_acknowledged_total";
/// Messages whose TTL ended before they were acknowledged.
pub const EXPIRED: &str = "push_service_expired_total";
/// Agents removed after a long absence.
pub const AGENTS_PRUNED: &str = "push_service_agents_pruned_total";
/// Agents that are connected.
pub const CONNECTED: &str = "push_service_connected_agents";
/// Sessions of agents by why they ended.
pub const SESSIONS: &str = "push_service_sessions_total";
/// Messages that wait.
pub const WAITING: &str = "push_service_waiting_messages";
/// Subscriptions.
pub const SUBSCRIPTIONS: &str = "push_service_subscriptions";
/// Seconds from the end of a request's head to its answer.
pub const PUSH_SECONDS: &str = "push_service_push_seconds";
/// Seconds from acceptance to the notification, of messages sent for the first time or again.
pub const DELIVERY_SECONDS: &str = "push_service_delivery_seconds";

pub(crate) fn push(outcome: &'static str, took: Duration) {
    counter!(PUSHES, "outcome" => outcome).increment(1);
    histogram!(PUSH_SECONDS).record(took);
}

pub(crate) fn notification(waited: Duration) {
    counter!(NOTIFICATIONS).increment(1);
    histogram!(DELIVERY_SECONDS).record(waited);
}

pub(crate) fn acknowledged(used: usize, unusable: usize) {
    counter!(ACKNOWLEDGED, "outcome" => "used").increment(u64::try_from(used).unwrap_or(0));
    counter!(ACKNOWLEDGED, "outcome" => "unusable").increment(u64::try_from(unusable).unwrap_or(0));
}

pub(crate) fn swept(expired: u64, agents: u64) {
    counter!(EXPIRED).increment(expired);
    counter!(AGENTS_PRUNED).increment(agents);
}

pub(crate) fn session_ended(why: &'static str) {
    counter!(SESSIONS, "end" => why).increment(1);
}

pub(crate) fn state(stats: &crate::service::Stats) {
    gauge!(CONNECTED).set(approximate(u64::try_from(stats.connected).unwrap_or(u64::MAX)));
    gauge!(WAITING).set(approximate(stats.totals.messages));
    gauge!(SUBSCRIPTIONS).set(approximate(stats.totals.subscriptions));
}

/// Gauges are floating-point numbers; counts beyond 2^32 need not be exact.
fn approximate(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
