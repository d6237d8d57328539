//! Messages of the WebSocket protocol, seen from the agent: what it sends, what it gets.
//!
//! Works with our push service and with Mozilla's. Fields that are not known are skipped, and so are messages of types
//! that are not known, because services add some.

use serde::{Deserialize, Serialize};

/// What the agent sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "messageType", rename_all = "lowercase")]
pub enum AgentMessage {
    /// Opens the session.
    Hello {
        /// The id that the agent has.
        #[serde(skip_serializing_if = "Option::is_none")]
        uaid: Option<String>,
        /// Always true.
        use_webpush: bool,
        /// Always empty; the field has to be there.
        broadcasts: serde_json::Map<String, serde_json::Value>,
    },
    /// Asks for a subscription.
    Register {
        /// A UUID.
        #[serde(rename = "channelID")]
        channel: String,
        /// RFC 8292 §4, base64url.
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// Ends a subscription.
    Unregister {
        /// Which.
        #[serde(rename = "channelID")]
        channel: String,
        /// 200: because its user wants it.
        code: u16,
    },
    /// Says what became of a notification.
    Ack {
        /// Here always one.
        updates: Vec<Update>,
    },
}

/// What became of one notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Update {
    /// The subscription.
    #[serde(rename = "channelID")]
    pub channel: String,
    /// As in the notification.
    pub version: String,
    /// See [`DELIVERED`], [`UNDECRYPTABLE`] and [`UNDELIVERED`].
    pub code: u16,
}

/// What the agent gets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "messageType", rename_all = "lowercase")]
pub enum ServiceMessage {
    /// Answers `hello`.
    Hello {
        /// The agent's id from now on.
        uaid: String,
        /// 200, or why not.
        #[serde(default = "ok")]
        status: u16,
    },
    /// Answers `register`.
    Register {
        /// Which.
        #[serde(rename = "channelID")]
        channel: String,
        /// 200, or why not.
        status: u16,
        /// Where application servers post.
        #[serde(rename = "pushEndpoint", default)]
        endpoint: String,
    },
    /// Answers `unregister`.
    Unregister {
        /// Which.
        #[serde(rename = "channelID")]
        channel: String,
        /// 200, or why not.
        status: u16,
    },
    /// A push message.
    Notification {
        /// The subscription.
        #[serde(rename = "channelID")]
        channel: String,
        /// To be named in the `ack`.
        version: String,
        /// The body, base64url; absent when it is empty.
        data: Option<String>,
        /// How it is encrypted.
        #[serde(default)]
        headers: Headers,
    },
    /// Anything else.
    #[serde(other)]
    Other,
}

/// What a notification says about its body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Headers {
    /// The content coding.
    pub encoding: Option<String>,
    /// Of the older coding `aesgcm`: its `Encryption` field.
    pub encryption: Option<String>,
    /// Of the older coding `aesgcm`: its `Crypto-Key` field.
    pub crypto_key: Option<String>,
    /// RFC 8030 §5.3; our own service tells it, others don't.
    pub urgency: Option<String>,
}

impl AgentMessage {
    /// The `hello` of an agent that has this id, or none yet.
    #[must_use]
    pub fn hello(uaid: Option<String>) -> Self {
        Self::Hello { uaid, use_webpush: true, broadcasts: serde_json::Map::new() }
    }

    /// The `ack` of one notification.
    #[must_use]
    pub fn ack(channel: String, version: String, code: u16) -> Self {
        Self::Ack { updates: vec![Update { channel, version, code }] }
    }

    /// The text to send.
    #[must_use]
    pub fn encode(&self) -> String {
        // Strings and numbers only: nothing in these types can fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Reads one message of the service. `{}`, an answer to a ping, is [`ServiceMessage::Other`].
pub fn decode(text: &str) -> Result<ServiceMessage, serde_json::Error> {
    if text.trim() == "{}" { Ok(ServiceMessage::Other) } else { serde_json::from_str(text) }
}

const fn ok() -> u16 {
    200
}

/// The push reached its consumer.
pub const DELIVERED: u16 = 100;
/// The body could not be decrypted.
pub const UNDECRYPTABLE: u16 = 101;
/// Nobody here wants it.
pub const UNDELIVERED: u16 = 102;

#[cfg(test)]
mod tests;
