//! What can be configured, with the default and the effect of each limit.
//!
//! Reading a file is not done here: the binary converts its own configuration into [`Config`].

use std::fmt;
use std::time::Duration;

use thiserror::Error;
use url::Url;

/// Settings of one push service. [`Config::new`] gives the defaults named at each field.
#[derive(Debug, Clone)]
pub struct Config {
    /// Origin under which application servers reach the service; becomes the beginning of every endpoint and the
    /// `aud` that VAPID tokens must name (RFC 8292 §2). No path.
    pub public_url: PublicUrl,
    /// Largest message body in bytes; a larger one gets 413. At least 4096 (RFC 8030 §7.2). Default 5630.
    pub body_bytes_max: usize,
    /// Longest time a message is kept; a longer TTL is cut to it and the answer says so. Default 30 days.
    pub ttl_max: Duration,
    /// What is kept for one subscription and agent.
    pub retention: Retention,
    /// Limits of the HTTP side.
    pub http: HttpLimits,
    /// Limits of the WebSocket side.
    pub websocket: WebSocketLimits,
    /// Limits of the delivery over HTTP (RFC 8030 §6).
    pub delivery: DeliveryLimits,
    /// Messages one subscription may receive; more get 429 with Retry-After. Default 10/s, 200 at once.
    pub subscription_rate: Rate,
    /// Messages one sender may post (a VAPID key, else an address, which behind a proxy is the proxy's); more get 429.
    /// Default 2,000/s, 20,000 at once.
    pub sender_rate: Rate,
    /// What one peer may have; `None` where all peers come through a proxy, which then has to bound them. Default as there.
    pub peers: Option<PeerLimits>,
    /// Who may set broadcasts; `None` is nobody, and the default.
    pub broadcast_token: Option<BearerToken>,
    /// How often expired messages and idle agents are looked for. Default 60 s.
    pub sweep_interval: Duration,
    /// How long open connections may take to finish at shutdown before they are dropped. Default 10 s.
    pub drain_timeout: Duration,
}

/// What the storage keeps.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Messages kept for one subscription; at the limit the oldest of the lowest urgency goes. Default 500.
    pub subscription_messages_max: u64,
    /// Bytes of bodies kept for one subscription, same effect; a larger single body is still kept. Default 1 MiB.
    pub subscription_bytes_max: u64,
    /// Messages kept for one agent, all its subscriptions together, same effect among all of them. Default 5,000.
    pub agent_messages_max: u64,
    /// Bytes of bodies kept for one agent, same effect; a body that many messages share counts with each. Default 8 MiB.
    pub agent_bytes_max: u64,
    /// Channels (subscriptions) of one agent; a further `register` is answered with an error. Default 1,000.
    pub agent_channels_max: u64,
    /// An agent that has not been connected for so long is removed with all it has; the next push to it gets 410.
    /// Default 60 days.
    pub agent_idle_max: Duration,
    /// Receipt subscriptions of one sender; a further one is refused with 429 (RFC 8030 §5.1). Default 1,000.
    pub sender_receipt_subscriptions_max: u64,
    /// Receipts that wait in one receipt subscription; at the limit the one about the oldest message goes. Default 10,000.
    pub receipts_max: u64,
    /// A receipt subscription that has been neither named nor read for so long is removed with its receipts, and answers
    /// 404 (RFC 8030 §7.3). Should be longer than `ttl_max`. Default 60 days.
    pub receipts_idle_max: Duration,
    /// Aggregates of one sender; a further one is refused with 429. Default 100.
    pub sender_aggregates_max: u64,
    /// Members of one aggregate; a request that would make it larger is refused with 413. Default 20,000.
    pub aggregate_members_max: u64,
    /// An aggregate that has not been used for so long is removed, and answers 410. Default 60 days.
    pub aggregate_idle_max: Duration,
}

/// What one peer may have: an address, or with IPv6 its network of 64 bits. Default in brackets; many people may share
/// one address.
#[derive(Debug, Clone, Copy)]
pub struct PeerLimits {
    /// Open connections of every kind; a further one is closed at once. [10,000]
    pub connections_max: u32,
    /// Agents that register for the first time; more are answered with 429. [10/s, 20,000 at once]
    pub new_agents: Rate,
    /// Subscriptions made over HTTP; more are answered with 429. [5/s, 1,200 at once]
    pub subscriptions: Rate,
}

/// A secret that opens what it is asked for; never printed.
#[derive(Clone)]
pub struct BearerToken(String);

/// Limits of the HTTP side. Default in brackets.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// Open connections, WebSocket ones included; further ones wait to be accepted. [100,000]
    pub connections_max: usize,
    /// Bytes of a request's head; a larger one gets 431 and the connection is closed. [16 KiB]
    pub head_bytes_max: u32,
    /// Fields in a request's head (HTTP/1.1), same effect. [64]
    pub head_fields_max: usize,
    /// Requests under way in one HTTP/2 connection; more are refused (`REFUSED_STREAM`). [256]
    pub streams_max: u32,
    /// Time for the TLS handshake, and for the switch to WebSocket. [10 s]
    pub handshake_timeout: Duration,
    /// Time for a whole body; after it 408. [10 s]
    pub body_timeout: Duration,
    /// Time in which the peer must take some of what there is for it, over HTTP/1.1 and HTTP/2; then the connection is
    /// dropped, and the messages that it did not take wait. [2 min]
    pub write_timeout: Duration,
    /// A connection on which no request is under way and no head of one has been completed for so long is closed, so
    /// it bounds heads that trickle in as well. [60 s]
    pub idle_timeout: Duration,
}

/// Limits of the delivery over HTTP (RFC 8030 §6). Default in brackets.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryLimits {
    /// Messages that a reader has been sent and has not acknowledged; further ones wait in the storage. Does not hold
    /// for `Prefer: wait=0`, which asks for all at once. [64]
    pub window_messages: usize,
    /// Bytes of messages and fields that one HTTP/2 connection has been given and has not sent, because the peer does
    /// not read; what comes next waits in the storage. [256 KiB]
    pub unsent_bytes_max: u32,
    /// A request that leaves a message unacknowledged for so long is ended; the next one brings it again. [5 min]
    pub acknowledge_timeout: Duration,
    /// Silence after which a connection with a reader is tried: an HTTP/2 PING, else an empty event or part. [60 s]
    pub keep_alive_interval: Duration,
    /// Time in which the peer must answer a PING; then the connection is dropped. [30 s]
    pub keep_alive_timeout: Duration,
}

/// Limits of one WebSocket connection. Default in brackets.
#[derive(Debug, Clone, Copy)]
pub struct WebSocketLimits {
    /// Time for the first message, which must be `hello`; then closed with 1008. [5 s, as Mozilla's service]
    pub hello_timeout: Duration,
    /// Largest message; a larger one closes the connection. [32 KiB]
    pub message_bytes_max: usize,
    /// Bytes read at once, allocated for as long as the connection lives. [1 KiB]
    pub read_buffer_bytes: usize,
    /// Notifications sent and not yet acknowledged; further ones wait in the storage. [32]
    pub window_messages: usize,
    /// An agent whose window is full and which acknowledges nothing for so long is closed with 1008; what it did
    /// not acknowledge comes again when it is back. [5 min]
    pub acknowledge_timeout: Duration,
    /// Time in which the peer must take what is written to it; then the connection is dropped. [30 s]
    pub write_timeout: Duration,
    /// Silence after which a WebSocket ping is sent. [5 min]
    pub ping_interval: Duration,
    /// Time in which an answer to that ping (or anything else) must come. [30 s]
    pub pong_timeout: Duration,
    /// `ping` messages an agent may send; more close the connection with 1008. [one in 45 s, 5 at once]
    pub client_pings: Rate,
    /// `register` and `unregister` messages an agent may send; more close with 1008. [5/s, 1,200 at once]
    pub client_changes: Rate,
    /// Further messages an agent may send, acknowledgements of what has just been sent to it not counted; more close the
    /// connection with 1008. [10/s, 1,200 at once]
    pub client_messages: Rate,
}

/// A rate with a burst: `burst` at once, and one more every `interval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Time that one unit takes to come back.
    pub interval: Duration,
    /// Units that may be taken at once; at least 1.
    pub burst: u32,
}

/// `scheme://host[:port]`, http or https, as written in endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
}

/// Why a configuration is refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// Not an http(s) origin.
    #[error("public_url must be http(s)://host[:port] without a path")]
    PublicUrl,
    /// RFC 8030 §7.2 asks for at least 4096.
    #[error("body_bytes_max must be at least 4096")]
    BodyBytesMax,
    /// A secret that could be guessed, or could not stand in a header field.
    #[error("a token must be 16 to 256 printable ASCII characters without spaces")]
    Token,
    /// A limit that would stop everything.
    #[error("{0} must be above 0")]
    Zero(&'static str),
}

impl Config {
    /// The defaults, for a service reached under `public_url`.
    #[must_use]
    pub fn new(public_url: PublicUrl) -> Self {
        Self {
            public_url,
            body_bytes_max: 5630,
            ttl_max: Duration::from_secs(30 * DAY_SECONDS),
            retention: Retention {
                subscription_messages_max: 500,
                subscription_bytes_max: 1 << 20,
                agent_messages_max: 5000,
                agent_bytes_max: 8 << 20,
                agent_channels_max: 1000,
                agent_idle_max: Duration::from_secs(60 * DAY_SECONDS),
                sender_receipt_subscriptions_max: 1000,
                receipts_max: 10_000,
                receipts_idle_max: Duration::from_secs(60 * DAY_SECONDS),
                sender_aggregates_max: 100,
                aggregate_members_max: 20_000,
                aggregate_idle_max: Duration::from_secs(60 * DAY_SECONDS),
            },
            http: HttpLimits {
                connections_max: 100_000,
                head_bytes_max: 16 << 10,
                head_fields_max: 64,
                streams_max: 256,
                handshake_timeout: Duration::from_secs(10),
                body_timeout: Duration::from_secs(10),
                write_timeout: Duration::from_secs(120),
                idle_timeout: Duration::from_secs(60),
            },
            websocket: WebSocketLimits {
                hello_timeout: Duration::from_secs(5),
                message_bytes_max: 32 << 10,
                read_buffer_bytes: 1 << 10,
                window_messages: 32,
                acknowledge_timeout: Duration::from_secs(300),
                write_timeout: Duration::from_secs(30),
                ping_interval: Duration::from_secs(300),
                pong_timeout: Duration::from_secs(30),
                client_pings: Rate { interval: Duration::from_secs(45), burst: 5 },
                client_changes: Rate { interval: Duration::from_millis(200), burst: 1200 },
                client_messages: Rate { interval: Duration::from_millis(100), burst: 1200 },
            },
            delivery: DeliveryLimits {
                window_messages: 64,
                unsent_bytes_max: 256 << 10,
                acknowledge_timeout: Duration::from_secs(300),
                keep_alive_interval: Duration::from_secs(60),
                keep_alive_timeout: Duration::from_secs(30),
            },
            subscription_rate: Rate { interval: Duration::from_millis(100), burst: 200 },
            sender_rate: Rate { interval: Duration::from_micros(500), burst: 20_000 },
            peers: Some(PeerLimits {
                connections_max: 10_000,
                new_agents: Rate { interval: Duration::from_millis(100), burst: 20_000 },
                subscriptions: Rate { interval: Duration::from_millis(200), burst: 1200 },
            }),
            broadcast_token: None,
            sweep_interval: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(10),
        }
    }

    /// Refuses values with which the service could not work.
    pub fn check(&self) -> Result<(), ConfigError> {
        // RFC 8030 §7.2: 413 must not be given to 4096 bytes or less.
        if self.body_bytes_max < BODY_BYTES_ALWAYS_TAKEN {
            return Err(ConfigError::BodyBytesMax);
        }
        let numbers = [
            ("http.connections_max", self.http.connections_max),
            ("http.head_fields_max", self.http.head_fields_max),
            ("delivery.window_messages", self.delivery.window_messages),
            ("delivery.unsent_bytes_max", usize::try_from(self.delivery.unsent_bytes_max).unwrap_or(1)),
            ("websocket.window_messages", self.websocket.window_messages),
            ("websocket.message_bytes_max", self.websocket.message_bytes_max),
            ("websocket.read_buffer_bytes", self.websocket.read_buffer_bytes),
            ("subscription_rate.burst", usize::try_from(self.subscription_rate.burst).unwrap_or(1)),
            ("sender_rate.burst", usize::try_from(self.sender_rate.burst).unwrap_or(1)),
        ];
        for (name, value) in numbers {
            if value == 0 {
                return Err(ConfigError::Zero(name));
            }
        }
        let times = [
            ("sweep_interval", self.sweep_interval),
            ("http.idle_timeout", self.http.idle_timeout),
            ("http.body_timeout", self.http.body_timeout),
            ("http.write_timeout", self.http.write_timeout),
            ("http.handshake_timeout", self.http.handshake_timeout),
            ("delivery.acknowledge_timeout", self.delivery.acknowledge_timeout),
            ("delivery.keep_alive_interval", self.delivery.keep_alive_interval),
            ("delivery.keep_alive_timeout", self.delivery.keep_alive_timeout),
            ("websocket.hello_timeout", self.websocket.hello_timeout),
            ("websocket.ping_interval", self.websocket.ping_interval),
        ];
        times.into_iter().find(|(_, time)| time.is_zero()).map_or(Ok(()), |(n, _)| Err(ConfigError::Zero(n)))
    }
}

impl BearerToken {
    /// Takes 16 to 256 printable ASCII characters without spaces.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let is_good = (16..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_good { Ok(Self(text.to_owned())) } else { Err(ConfigError::Token) }
    }

    /// Whether `given` is this token, in a time that does not tell how much of it is right.
    #[must_use]
    pub fn is(&self, given: &str) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.0.as_bytes(), given.as_bytes()).is_ok()
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(..)")
    }
}

impl PublicUrl {
    /// Takes `http://host[:port]` or `https://host[:port]`, with or without a final slash.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let url = Url::parse(text).map_err(|_| ConfigError::PublicUrl)?;
        let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let anonymous = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !plain || !anonymous {
            return Err(ConfigError::PublicUrl);
        }
        Ok(Self { origin: url.origin().ascii_serialization() })
    }

    /// The origin, without a final slash.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

/// RFC 8030 §7.2: bodies up to this size are taken by every push service.
pub const BODY_BYTES_ALWAYS_TAKEN: usize = 4096;

const DAY_SECONDS: u64 = 24 * 60 * 60;

#[cfg(test)]
mod tests;
