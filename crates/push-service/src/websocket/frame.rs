//! Messages of the WebSocket protocol as values: decoding what agents send, encoding what they get.
//!
//! Text only, one JSON object each; `{}` is a ping in both directions. Unknown fields are skipped, unknown message
//! types refused. The size of a message is limited before it gets here; nothing here recurses into its content.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::id::{AgentId, ChannelId};
use crate::message::{Encoding, Message};

/// What an agent sends. Ids are not judged here: a bad one is answered, not a reason to hang up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentMessage {
    /// Opens the session.
    Hello {
        /// The id that the agent was given before, if it has one.
        agent: Option<String>,
        /// The agent speaks Web Push and not the SimplePush that was before it.
        use_webpush: bool,
        /// Broadcast ids with the versions that the agent knows.
        broadcasts: BTreeMap<String, String>,
    },
    /// Asks for a subscription.
    Register {
        /// Chosen by the agent.
        channel: String,
        /// The application server key that may post (RFC 8292 §4), base64url.
        key: Option<String>,
    },
    /// Ends a subscription.
    Unregister {
        /// Which.
        channel: String,
        /// Why: 200 by hand, 201 over quota, 202 without permission.
        code: Option<u16>,
    },
    /// Says what became of notifications.
    Ack {
        /// One for each notification.
        updates: Vec<Update>,
    },
    /// A notification that was acknowledged failed afterwards.
    Nack {
        /// Which.
        version: String,
        /// Why: 301 exception, 302 rejection, 303 internal.
        code: Option<u16>,
    },
    /// Asks for broadcasts.
    BroadcastSubscribe {
        /// As in `hello`.
        broadcasts: BTreeMap<String, String>,
    },
    /// `{}` or `{"messageType":"ping"}`.
    Ping,
}

/// What became of one notification.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Update {
    /// The `version` of the notification.
    pub version: String,
    /// 100 delivered, 101 could not be decrypted, 102 not delivered.
    #[serde(default)]
    pub code: Option<u16>,
}

/// What an agent gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "messageType", rename_all = "lowercase")]
pub enum ServiceMessage {
    /// Answers `hello`.
    Hello {
        /// The agent's id from now on.
        uaid: String,
        /// 200.
        status: u16,
        /// Always true.
        use_webpush: bool,
        /// What is known about the broadcasts asked for.
        broadcasts: Broadcasts,
    },
    /// Answers `register`.
    Register {
        /// As the agent wrote it.
        #[serde(rename = "channelID")]
        channel: String,
        /// 200, 400 for a bad channel or key, 409 at the limit of channels, 429 at that of new agents, 500.
        status: u16,
        /// Where application servers post.
        #[serde(rename = "pushEndpoint", skip_serializing_if = "String::is_empty")]
        endpoint: String,
    },
    /// Answers `unregister`.
    Unregister {
        /// As the agent wrote it.
        #[serde(rename = "channelID")]
        channel: String,
        /// 200, 400 for a bad channel, 500.
        status: u16,
    },
    /// A push message.
    Notification {
        /// The subscription.
        #[serde(rename = "channelID")]
        channel: String,
        /// To be named in the `ack`.
        version: String,
        /// The body, base64url without padding; absent when it is empty.
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<String>,
        /// How the body is encrypted; absent when it is empty.
        #[serde(skip_serializing_if = "Option::is_none")]
        headers: Option<Headers>,
    },
    /// Answers `broadcast_subscribe` where there is something to tell, and tells of changes.
    Broadcast {
        /// What is new.
        broadcasts: Broadcasts,
    },
    /// `{}`.
    #[serde(skip)]
    Pong,
}

/// How a body is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Headers {
    /// The content coding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<&'static str>,
    /// The `Encryption` header field, for `aesgcm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<String>,
    /// The `Crypto-Key` header field, for `aesgcm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crypto_key: Option<String>,
    /// RFC 8030 §5.3. Not part of Mozilla's protocol, whose agents skip it.
    pub urgency: &'static str,
}

/// What an agent is told about broadcasts. No id is `errors`, because each has a slash.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Broadcasts {
    /// By id, the version that the agent does not know yet.
    #[serde(flatten)]
    pub versions: BTreeMap<String, String>,
    /// By id, why it is not there.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, &'static str>,
}

/// Why a text is no message of an agent.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// Not a JSON object with fields of the right types.
    #[error("not a message")]
    Json(#[source] serde_json::Error),
    /// An object without a known `messageType`.
    #[error("unknown message type")]
    Type,
    /// A field that its type needs is absent.
    #[error("field {0} is missing")]
    Missing(&'static str),
}

/// Reads one message of an agent.
pub fn decode(text: &str) -> Result<AgentMessage, DecodeError> {
    let raw: Raw = serde_json::from_str(text).map_err(DecodeError::Json)?;
    let Some(kind) = raw.message_type.as_deref() else {
        return if raw == Raw::default() { Ok(AgentMessage::Ping) } else { Err(DecodeError::Type) };
    };
    let channel = raw.channel.ok_or(DecodeError::Missing("channelID"));
    match kind {
        "hello" => Ok(AgentMessage::Hello {
            agent: raw.uaid.filter(|id| !id.is_empty()),
            use_webpush: raw.use_webpush.unwrap_or(false),
            broadcasts: raw.broadcasts.unwrap_or_default(),
        }),
        "register" => Ok(AgentMessage::Register { channel: channel?, key: raw.key }),
        "unregister" => Ok(AgentMessage::Unregister { channel: channel?, code: raw.code }),
        "ack" => Ok(AgentMessage::Ack { updates: raw.updates.ok_or(DecodeError::Missing("updates"))? }),
        "nack" => Ok(AgentMessage::Nack {
            version: raw.version.ok_or(DecodeError::Missing("version"))?,
            code: raw.code,
        }),
        "broadcast_subscribe" => Ok(AgentMessage::BroadcastSubscribe {
            broadcasts: raw.broadcasts.ok_or(DecodeError::Missing("broadcasts"))?,
        }),
        "ping" => Ok(AgentMessage::Ping),
        _ => Err(DecodeError::Type),
    }
}

impl ServiceMessage {
    /// The text to send.
    #[must_use]
    pub fn encode(&self) -> String {
        match self {
            Self::Pong => "{}".to_owned(),
            // Strings and numbers only: nothing in these types can fail to be written.
            other => serde_json::to_string(other).unwrap_or_default(),
        }
    }

    /// The answer to a good `hello`.
    #[must_use]
    pub fn hello(agent: AgentId, broadcasts: Broadcasts) -> Self {
        Self::Hello { uaid: agent.reveal(), status: 200, use_webpush: true, broadcasts }
    }

    /// The notification of a message.
    #[must_use]
    pub fn notification(message: &Message) -> Self {
        let body = &message.content.body;
        let filled = !body.is_empty();
        Self::Notification {
            channel: ChannelId::to_string(&message.channel),
            version: message.id.version(),
            data: filled.then(|| URL_SAFE_NO_PAD.encode(body)),
            headers: filled.then(|| Headers::of(message)),
        }
    }
}

impl Headers {
    fn of(message: &Message) -> Self {
        let plain =
            Self { encoding: None, encryption: None, crypto_key: None, urgency: message.urgency.as_str() };
        match &message.content.encoding {
            Encoding::Unnamed => plain,
            Encoding::Aes128gcm => Self { encoding: Some("aes128gcm"), ..plain },
            Encoding::Aesgcm { encryption, crypto_key } => Self {
                encoding: Some("aesgcm"),
                encryption: Some(encryption.clone()),
                crypto_key: Some(crypto_key.clone()),
                ..plain
            },
        }
    }
}

impl Broadcasts {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty() && self.errors.is_empty()
    }
}

#[derive(Default, PartialEq, Eq, Deserialize)]
struct Raw {
    #[serde(rename = "messageType")]
    message_type: Option<String>,
    uaid: Option<String>,
    use_webpush: Option<bool>,
    broadcasts: Option<BTreeMap<String, String>>,
    #[serde(rename = "channelID")]
    channel: Option<String>,
    key: Option<String>,
    code: Option<u16>,
    updates: Option<Vec<Update>>,
    version: Option<String>,
}

#[cfg(test)]
mod tests;
