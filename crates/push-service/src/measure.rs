//! The metrics, through the `metrics` facade: whoever runs the service decides where they go.
//!
//! One place for the names; `docs/metrics.md` explains them to operators, and a check compares the two. Labels come
//! from fixed sets; nothing of a peer's choosing becomes one. Counters begin at 0 with the process.

use std::sync::LazyLock;
use std::time::Duration;

use metrics::{Counter, Histogram, counter, gauge, histogram};

/// Messages that application servers posted, whatever became of them; an aggregate's post counts once.
pub const RECEIVED: &str = "push_service_received_total";
/// Messages that were taken, by `how`: `stored`, `delivered_now` (TTL 0), `expired_now` (TTL 0 and nobody there).
pub const ACCEPTED: &str = "push_service_accepted_total";
/// Messages that were refused, by `reason`.
pub const REFUSED: &str = "push_service_refused_total";
/// Messages delivered to user agents, redeliveries included, by `over`: `websocket` or `http`.
pub const DELIVERED: &str = "push_service_delivered_total";
/// Messages that user agents acknowledged, by `code`: `100`, `101` (could not be decrypted), `102` (could not be
/// shown), `other`, or `http` for a DELETE.
pub const ACKNOWLEDGED: &str = "push_service_acknowledged_total";
/// Acknowledged messages that the user agent says it could not hand to the program, by `code`: `301`, `302`, `303`,
/// `other`.
pub const NACKS: &str = "push_service_nacks_total";
/// Messages that were stored and went without being acknowledged, by `why`.
pub const DROPPED: &str = "push_service_dropped_total";
/// Subscriptions that user agents gave up, by `code`: `200` (by hand), `201` (over quota), `202` (without permission),
/// `other`.
pub const UNREGISTERED: &str = "push_service_unregistered_total";
/// Connections closed at once because their peer has as many as it may have.
pub const PEERS_REFUSED: &str = "push_service_peers_refused_total";
/// Agents removed after a long absence.
pub const AGENTS_PRUNED: &str = "push_service_agents_pruned_total";
/// User agents that can be delivered to at this moment.
pub const CONNECTED: &str = "push_service_connected_agents";
/// Connections that were accepted, by `protocol`: `http1`, `http2`, `websocket` (which began as `http1`).
pub const CONNECTIONS: &str = "push_service_connections_total";
/// WebSocket sessions that have ended, by `end`.
pub const SESSIONS: &str = "push_service_sessions_total";
/// User agents that are known.
pub const AGENTS: &str = "push_service_agents";
/// Subscriptions.
pub const SUBSCRIPTIONS: &str = "push_service_subscriptions";
/// Messages that wait.
pub const WAITING: &str = "push_service_waiting_messages";
/// Receipts (RFC 8030 §5.1) handed to application servers, by `outcome`: `acknowledged` or `expired`.
pub const RECEIPTS: &str = "push_service_receipts_total";
/// Messages that were made for the members of aggregates out of one post each.
pub const AGGREGATED: &str = "push_service_aggregated_total";
/// Seconds from the end of a request's head to its answer.
pub const PUSH_SECONDS: &str = "push_service_push_seconds";
/// Seconds from acceptance to the delivery, of messages delivered for the first time or again.
pub const DELIVERY_SECONDS: &str = "push_service_delivery_seconds";

/// How a message reached its user agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// A notification.
    WebSocket,
    /// RFC 8030 §6: a promised response, or what stands in for it.
    Http,
}

/// Why a stored message went without being acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// RFC 8030 §5.2: its TTL ended.
    Expired,
    /// RFC 8030 §5.4: another one came with its topic.
    Replaced,
    /// Its sender revoked it.
    Revoked,
    /// A limit was reached and it was the least urgent.
    Evicted,
    /// Its subscription ended.
    Unsubscribed,
}

/// Acknowledgements, by what the user agent says of the messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Codes {
    /// 100, or no code: it has been handed to the program.
    pub delivered: u64,
    /// 101: it could not be decrypted.
    pub undecryptable: u64,
    /// 102: it could not be shown.
    pub unshowable: u64,
    /// Anything else.
    pub other: u64,
}

/// What a receipt says (RFC 8030 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// The user agent has it.
    Acknowledged,
    /// It never will.
    Expired,
}

/// What a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
    /// WebSocket, after HTTP/1.1.
    WebSocket,
}

/// What every push counts, looked up once: by name and labels it costs more than the rest of counting. The recorder has to
/// be installed before the first push; what is counted earlier is lost.
struct Hot {
    received: Counter,
    stored: Counter,
    delivered_over_websocket: Counter,
    delivered_over_http: Counter,
    acknowledged_100: Counter,
    push_seconds: Histogram,
    delivery_seconds: Histogram,
}

static HOT: LazyLock<Hot> = LazyLock::new(|| Hot {
    received: counter!(RECEIVED),
    stored: counter!(ACCEPTED, "how" => "stored"),
    delivered_over_websocket: counter!(DELIVERED, "over" => "websocket"),
    delivered_over_http: counter!(DELIVERED, "over" => "http"),
    acknowledged_100: counter!(ACKNOWLEDGED, "code" => "100"),
    push_seconds: histogram!(PUSH_SECONDS),
    delivery_seconds: histogram!(DELIVERY_SECONDS),
});

/// A post to a push resource has been answered, after `took`.
pub fn push(outcome: &'static str, took: Duration) {
    HOT.received.increment(1);
    match outcome {
        "stored" => HOT.stored.increment(1),
        "delivered_now" | "expired_now" => counter!(ACCEPTED, "how" => outcome).increment(1),
        reason => counter!(REFUSED, "reason" => reason).increment(1),
    }
    HOT.push_seconds.record(took);
}

/// A message has been written to its user agent, `waited` after it was accepted.
pub fn delivered(over: Over, waited: Duration) {
    match over {
        Over::WebSocket => HOT.delivered_over_websocket.increment(1),
        Over::Http => HOT.delivered_over_http.increment(1),
    }
    HOT.delivery_seconds.record(waited);
}

/// Acknowledgements over WebSocket are durable.
pub fn acknowledged(codes: Codes) {
    let Codes { delivered, undecryptable, unshowable, other } = codes;
    HOT.acknowledged_100.increment(delivered);
    for (code, count) in [("101", undecryptable), ("102", unshowable), ("other", other)] {
        if count > 0 {
            counter!(ACKNOWLEDGED, "code" => code).increment(count);
        }
    }
}

/// A DELETE that acknowledges is durable (RFC 8030 §6.2).
pub fn acknowledged_over_http() {
    counter!(ACKNOWLEDGED, "code" => "http").increment(1);
}

/// A user agent could not hand on what it had acknowledged.
pub fn nack(code: Option<u16>) {
    let code = match code {
        Some(301) => "301",
        Some(302) => "302",
        Some(303) => "303",
        _ => "other",
    };
    counter!(NACKS, "code" => code).increment(1);
}

/// A user agent has given a subscription up.
pub fn unregistered(code: Option<u16>) {
    let code = match code {
        Some(200) => "200",
        Some(201) => "201",
        Some(202) => "202",
        _ => "other",
    };
    counter!(UNREGISTERED, "code" => code).increment(1);
}

/// A connection was closed because its peer has too many.
pub fn peer_refused() {
    counter!(PEERS_REFUSED).increment(1);
}

/// Stored messages went without an acknowledgement.
pub fn dropped(why: Dropped, count: u64) {
    let why = match why {
        Dropped::Expired => "expired",
        Dropped::Replaced => "replaced",
        Dropped::Revoked => "revoked",
        Dropped::Evicted => "evicted",
        Dropped::Unsubscribed => "unsubscribed",
    };
    if count > 0 {
        counter!(DROPPED, "why" => why).increment(count);
    }
}

/// A receipt has been handed to the application server.
pub fn receipt(receipt: Receipt) {
    let outcome = match receipt {
        Receipt::Acknowledged => "acknowledged",
        Receipt::Expired => "expired",
    };
    counter!(RECEIPTS, "outcome" => outcome).increment(1);
}

/// One post to an aggregate has become `messages` messages.
pub fn aggregated(messages: u64) {
    counter!(AGGREGATED).increment(messages);
}

/// A connection has been accepted, or has become one of another kind.
pub fn connection(protocol: Protocol) {
    let protocol = match protocol {
        Protocol::Http1 => "http1",
        Protocol::Http2 => "http2",
        Protocol::WebSocket => "websocket",
    };
    counter!(CONNECTIONS, "protocol" => protocol).increment(1);
}

pub(crate) fn agents_pruned(agents: u64) {
    counter!(AGENTS_PRUNED).increment(agents);
}

pub(crate) fn session_ended(why: &'static str) {
    counter!(SESSIONS, "end" => why).increment(1);
}

/// Sets the gauges; to be called before the metrics are read.
pub fn state(stats: &crate::service::Stats) {
    gauge!(CONNECTED).set(approximate(u64::try_from(stats.connected).unwrap_or(u64::MAX)));
    gauge!(AGENTS).set(approximate(stats.totals.agents));
    gauge!(SUBSCRIPTIONS).set(approximate(stats.totals.subscriptions));
    gauge!(WAITING).set(approximate(stats.totals.messages));
}

impl Codes {
    /// Counts one acknowledgement.
    pub fn count(&mut self, code: Option<u16>) {
        match code {
            None | Some(100) => self.delivered += 1,
            Some(101) => self.undecryptable += 1,
            Some(102) => self.unshowable += 1,
            Some(_) => self.other += 1,
        }
    }

    /// These and those.
    pub fn add(&mut self, others: Self) {
        self.delivered += others.delivered;
        self.undecryptable += others.undecryptable;
        self.unshowable += others.unshowable;
        self.other += others.other;
    }
}

/// Gauges are floating-point numbers; counts beyond 2^32 need not be exact.
fn approximate(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
