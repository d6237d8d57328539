//! Handing on to an application on the desktop's session bus: the connector of UnifiedPush (D-Bus specification 0.4).
//!
//! An application registers through version 1 of the interface or through version 2 and is answered in the same.
//! Version 2's methods are answered, so a message is taken when its answer has come; version 1's are not, so one is taken
//! when the bus knows the application, started for it if need be. A distributor does not block on an answer: each
//! application waits only for itself.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::time::timeout;
use zbus::message::Flags;
use zbus::{Connection, DynamicType, Variant};

use crate::gateway::message::Message;

/// An application's registration.
#[derive(Clone)]
pub struct Connector {
    /// The session bus.
    pub connection: Connection,
    /// The application's name on the bus.
    pub service: String,
    /// The application's name for the registration, a secret of the two sides.
    pub token: String,
    /// How it registered.
    pub version: Version,
}

/// A version of the interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// `org.unifiedpush.Connector1`.
    One,
    /// `org.unifiedpush.Connector2`.
    Two,
}

/// Why an application was not reached.
#[derive(Debug, Error)]
pub enum ConnectorError {
    /// The bus, or the application by way of it.
    #[error("the application on the bus")]
    Bus(#[source] Box<zbus::Error>),
    /// It does not answer.
    #[error("the application does not answer")]
    Timeout,
}

impl From<zbus::Error> for ConnectorError {
    fn from(error: zbus::Error) -> Self {
        Self::Bus(Box::new(error))
    }
}

impl Connector {
    pub(super) async fn message(&self, message: &Message) -> Result<(), ConnectorError> {
        match self.version {
            Version::One => self.tell("Message", &(&self.token, message.body.as_slice(), &message.id)).await,
            Version::Two => {
                let body = Variant::from(message.body.clone());
                let fields = [("message", body), ("id", Variant::from(message.id.as_str()))];
                self.ask("Message", fields).await
            }
        }
    }

    /// Tells the application its endpoint.
    pub async fn new_endpoint(&self, endpoint: &str) -> Result<(), ConnectorError> {
        match self.version {
            Version::One => self.tell("NewEndpoint", &(&self.token, endpoint)).await,
            Version::Two => self.ask("NewEndpoint", [("endpoint", Variant::from(endpoint))]).await,
        }
    }

    /// Tells the application that it is registered no more.
    pub async fn unregistered(&self) -> Result<(), ConnectorError> {
        match self.version {
            Version::One => self.tell("Unregistered", &(&self.token,)).await,
            Version::Two => self.ask("Unregistered", []).await,
        }
    }

    /// Version 1: has the bus start the application if it does not run, then calls it without an answer.
    async fn tell<B: Serialize + DynamicType>(&self, method: &str, body: &B) -> Result<(), ConnectorError> {
        // The bus starts only what has a service file, and says of the others that they are unknown, also if they run.
        let answer = self.ask_bus("NameHasOwner", &(self.service.as_str(),)).await?;
        if !answer.body().deserialize::<bool>()? {
            self.ask_bus("StartServiceByName", &(self.service.as_str(), 0u32)).await?;
        }
        let call = zbus::Message::method_call(CONNECTOR_PATH, method)
            .with_flags(Flags::NO_REPLY_EXPECTED)
            .destination(self.service.as_str())
            .interface("org.unifiedpush.Connector1")
            .build(body)?;
        Ok(self.connection.send(&call).await?)
    }

    async fn ask_bus<B: Serialize + DynamicType>(
        &self,
        method: &str,
        body: &B,
    ) -> Result<zbus::Message, ConnectorError> {
        let bus = "org.freedesktop.DBus";
        let call = self.connection.call_method(Some(bus), "/org/freedesktop/DBus", Some(bus), method, body);
        Ok(timeout(ANSWER_TIMEOUT, call).await.map_err(|_| ConnectorError::Timeout)??)
    }

    /// Version 2: calls the application, which the bus starts if it does not run, and waits for the answer.
    async fn ask<const N: usize>(
        &self,
        method: &str,
        fields: [(&str, Variant<'_>); N],
    ) -> Result<(), ConnectorError> {
        let mut arguments = HashMap::from([("token", Variant::from(self.token.as_str()))]);
        arguments.extend(fields);
        let body = (arguments,);
        let call = self.connection.call_method(
            Some(self.service.as_str()),
            CONNECTOR_PATH,
            Some("org.unifiedpush.Connector2"),
            method,
            &body,
        );
        timeout(ANSWER_TIMEOUT, call).await.map_err(|_| ConnectorError::Timeout)??;
        Ok(())
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("service", &self.service).finish_non_exhaustive()
    }
}

const CONNECTOR_PATH: &str = "/org/unifiedpush/Connector";
/// An application may have to be started first.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
