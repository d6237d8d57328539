//! Where messages are handed on to. A target has taken a message when it says so: a command that ends with 0, an HTTP
//! answer of 2xx, the broker's PUBACK, the connector's reply.

pub mod connector;
pub mod mqtt;
pub mod post;

use std::time::Duration;

use thiserror::Error;

use self::connector::{Connector, ConnectorError};
use self::mqtt::{MqttError, Topic};
use self::post::{Post, PostError};
use super::message::Message;
use crate::exec::{self, RunError};

/// A target.
#[derive(Clone)]
pub enum Target {
    /// A shell command; the body is its standard input, the rest stands in its environment.
    Exec {
        /// What `/bin/sh` reads.
        line: String,
        /// After which a run is killed.
        time_max: Duration,
    },
    /// An HTTP server.
    Post(Post),
    /// A topic of an MQTT broker.
    Mqtt(Topic),
    /// An application on the desktop's bus.
    Connector(Connector),
}

/// Why a target has not taken a message.
#[derive(Debug, Error)]
pub enum HandOnError {
    /// A command.
    #[error(transparent)]
    Exec(#[from] RunError),
    /// An HTTP server.
    #[error(transparent)]
    Post(#[from] PostError),
    /// An MQTT broker.
    #[error(transparent)]
    Mqtt(#[from] MqttError),
    /// An application.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
}

impl HandOnError {
    /// Whether the target can never take this message, so that trying again is in vain.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Mqtt(MqttError::TooLarge { .. }))
    }
}

impl Target {
    /// Hands a message on; returns when the target has taken it. Dropping the future gives the attempt up.
    pub async fn hand_on(&self, message: &Message) -> Result<(), HandOnError> {
        match self {
            Self::Exec { line, time_max } => {
                Ok(exec::run_once(line, &environment(message), &message.body, *time_max).await?)
            }
            Self::Post(post) => Ok(post.hand_on(message).await?),
            Self::Mqtt(topic) => Ok(topic.publish(message).await?),
            Self::Connector(connector) => Ok(connector.message(message).await?),
        }
    }
}

/// What a command is told beside the body.
fn environment(message: &Message) -> Vec<(&'static str, String)> {
    let mut environment = vec![
        ("MAILBELL_SUBSCRIPTION", message.subscription.clone()),
        ("MAILBELL_URGENCY", message.urgency().to_owned()),
        ("MAILBELL_TIME", message.received_seconds().to_string()),
        ("MAILBELL_MESSAGE", message.id.clone()),
    ];
    if let Some(encryption) = &message.encryption {
        let fields = [
            ("MAILBELL_CONTENT_ENCODING", &encryption.encoding),
            ("MAILBELL_ENCRYPTION", &encryption.salt),
            ("MAILBELL_CRYPTO_KEY", &encryption.key),
        ];
        environment.extend(fields.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    }
    // A process can't be started with a NUL in its environment, and nothing that we pass on has a right to one.
    environment.retain(|(_, value)| !value.contains('\0'));
    environment
}
