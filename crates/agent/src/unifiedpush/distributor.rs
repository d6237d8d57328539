//! The distributor on the session bus: `org.unifiedpush.Distributor1` and `2` at `/org/unifiedpush/Distributor`.
//!
//! Register makes a subscription at the push service, remembers it, and answers; the endpoint is then told by the
//! connector's NewEndpoint, again and again until the application has taken it, and whenever it changes. Messages are
//! handed on as they were posted: the application has the keys. The Urgency of a message is not weighed against the state
//! of the device's battery and network (a SHOULD of the specification): a desktop's are not known here.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use zbus::fdo::RequestNameFlags;
use zbus::{Connection, OwnedVariant, Str, interface};

use super::registrations::{Refusal, Registration, Registrations, RegistrationsError, Request};
use crate::agent::{AgentError, Form};
use crate::gateway::hub::{Gateway, Registered, Subscription};
use crate::gateway::registrar::{Announcement, Source};
use crate::gateway::target::Target;
use crate::gateway::target::connector::{Connector, Version};

/// A distributor; it serves until it is stopped.
pub struct Distributor {
    office: Arc<Office>,
    connection: Connection,
}

/// Why there is no distributor.
#[derive(Debug, Error)]
pub enum DistributorError {
    /// The bus.
    #[error("the session bus")]
    Bus(#[from] zbus::Error),
    /// The gateway.
    #[error(transparent)]
    Gateway(#[from] AgentError),
    /// The registrations.
    #[error(transparent)]
    Registrations(#[from] RegistrationsError),
}

/// What both versions of the interface do.
struct Office {
    gateway: Gateway,
    registrations: Mutex<Registrations>,
    /// Those that are being told that they are registered no more.
    telling: TaskTracker,
}

impl Distributor {
    /// Takes `name` on the session bus (`org.unifiedpush.Distributor.` and a word) and serves the registrations that there
    /// are and those that come. An error when another distributor has the name.
    pub async fn start(
        gateway: Gateway,
        registrations: Registrations,
        name: &str,
    ) -> Result<Self, DistributorError> {
        let connection = Connection::session().await?;
        let known: Vec<(String, Registration)> =
            registrations.iter().map(|(token, known)| (token.clone(), known.clone())).collect();
        let registrations = Mutex::new(registrations);
        let office = Arc::new(Office { gateway, registrations, telling: TaskTracker::new() });
        for (token, registration) in known {
            office.put(&connection, &token, &registration).await?;
        }
        office.gateway.forget_others().await?;
        connection.object_server().at(DISTRIBUTOR_PATH, First(Arc::clone(&office))).await?;
        connection.object_server().at(DISTRIBUTOR_PATH, Second(Arc::clone(&office))).await?;
        connection.request_name_with_flags(name, RequestNameFlags::DO_NOT_QUEUE).await?;
        Ok(Self { office, connection })
    }

    /// Resolves when the bus is gone.
    pub async fn bus_lost(&self) {
        self.connection.closed().await;
    }

    /// Serves nobody any more and gives the gateway back, so that it can be drained; `None` while a call is answered.
    pub async fn stop(self) -> Option<Gateway> {
        let server = self.connection.object_server();
        // Those that are not there need no removing.
        let _first = server.remove::<First, _>(DISTRIBUTOR_PATH).await;
        let _second = server.remove::<Second, _>(DISTRIBUTOR_PATH).await;
        self.office.telling.close();
        let told = timeout(STOP_PATIENCE, self.office.telling.wait()).await;
        if told.is_err() {
            tracing::debug!("an application takes too long");
        }
        Arc::into_inner(self.office).map(|office| office.gateway)
    }
}

impl Office {
    /// Registers, and waits until the push service has given an endpoint.
    async fn register(&self, connection: &Connection, request: &Request) -> Result<(), Refusal> {
        let (registration, is_new) = {
            let mut registrations = self.registrations.lock().await;
            let is_new = !registrations.iter().any(|(token, _)| *token == request.token);
            (registrations.put(request)?, is_new)
        };
        let put = self.put(connection, &request.token, &registration).await;
        let mut registered = put.map_err(|_| Refusal::InternalError)?;
        let registering = async { registered.wait_for(Option::is_some).await.is_ok() };
        if timeout(REGISTER_PATIENCE, registering).await == Ok(true) {
            tracing::info!(subscription = registration.subscription, "an application registered");
            return Ok(());
        }
        if is_new {
            // It has been told that it is not registered.
            self.remove(&request.token).await;
        }
        Err(Refusal::Network)
    }

    async fn unregister(&self, connection: &Connection, token: &str) {
        let Some(registration) = self.remove(token).await else { return };
        tracing::info!(subscription = registration.subscription, "an application unregistered");
        let connector = connector(connection, token, &registration);
        // Not awaited: the application may wait for the answer to its call before it takes this one.
        self.telling.spawn(async move {
            if let Err(error) = connector.unregistered().await {
                tracing::debug!(%error, "an application was not told that it is unregistered");
            }
        });
    }

    async fn remove(&self, token: &str) -> Option<Registration> {
        let removed = match self.registrations.lock().await.remove(token) {
            Ok(removed) => removed?,
            Err(error) => {
                tracing::error!(%error, "a registration can't be removed");
                return None;
            }
        };
        // A gateway that has ended holds nothing.
        let _removed = self.gateway.remove(&removed.subscription).await;
        Some(removed)
    }

    async fn put(
        &self,
        connection: &Connection,
        token: &str,
        registration: &Registration,
    ) -> Result<Registered, AgentError> {
        let connector = connector(connection, token, registration);
        let subscription = Subscription {
            name: registration.subscription.clone(),
            source: Source::Endpoint { application_server_key: registration.key(), form: Form::Ciphertext },
            target: Target::Connector(connector.clone()),
            announcement: Announcement::Connector(connector),
        };
        self.gateway.put(subscription).await
    }
}

fn connector(connection: &Connection, token: &str, registration: &Registration) -> Connector {
    Connector {
        connection: connection.clone(),
        service: registration.service.clone(),
        token: token.to_owned(),
        version: registration.version,
    }
}

/// Version 1 of the interface.
struct First(Arc<Office>);

#[interface(name = "org.unifiedpush.Distributor1")]
impl First {
    #[zbus(out_args("registrationResult", "registrationResultReason"))]
    async fn register(
        &self,
        service_name: &str,
        token: &str,
        description: &str,
        #[zbus(connection)] connection: &Connection,
    ) -> (String, String) {
        let request = Request::parse(Version::One, [service_name, token, description], None);
        let outcome = match request {
            Ok(request) => self.0.register(connection, &request).await,
            Err(refusal) => Err(refusal),
        };
        match outcome {
            Ok(()) => (SUCCEEDED.to_owned(), String::new()),
            Err(refusal) => (FAILED.to_owned(), refusal.to_string()),
        }
    }

    async fn unregister(&self, token: &str, #[zbus(connection)] connection: &Connection) {
        self.0.unregister(connection, token).await;
    }
}

/// Version 2 of the interface: all in dictionaries.
struct Second(Arc<Office>);

type Dictionary = HashMap<String, OwnedVariant>;

#[interface(name = "org.unifiedpush.Distributor2")]
impl Second {
    async fn register(&self, args: Dictionary, #[zbus(connection)] connection: &Connection) -> Dictionary {
        let field = |name: &str| text(&args, name).unwrap_or_default();
        let words = ["service", "token", "description"].map(field);
        let request = Request::parse(Version::Two, words, text(&args, "vapid"));
        let outcome = match request {
            Ok(request) => self.0.register(connection, &request).await,
            Err(refusal) => Err(refusal),
        };
        let told = match outcome {
            Ok(()) => vec![("success", SUCCEEDED.to_owned())],
            Err(refusal) => vec![("success", FAILED.to_owned()), ("reason", refusal.to_string())],
        };
        told.into_iter()
            .map(|(name, value)| (name.to_owned(), OwnedVariant::from(Str::from(value))))
            .collect()
    }

    async fn unregister(&self, args: Dictionary, #[zbus(connection)] connection: &Connection) -> Dictionary {
        if let Some(token) = text(&args, "token") {
            self.0.unregister(connection, token).await;
        }
        Dictionary::new()
    }
}

fn text<'a>(dictionary: &'a Dictionary, name: &str) -> Option<&'a str> {
    dictionary.get(name).and_then(|value| value.downcast_ref::<&str>().ok())
}

const DISTRIBUTOR_PATH: &str = "/org/unifiedpush/Distributor";
const SUCCEEDED: &str = "REGISTRATION_SUCCEEDED";
const FAILED: &str = "REGISTRATION_FAILED";
/// Below the 25 seconds that most applications wait for an answer.
const REGISTER_PATIENCE: Duration = Duration::from_secs(15);
const STOP_PATIENCE: Duration = Duration::from_secs(5);
