//! Keeps one subscription registered: at the push service, at the mail server if it is an account's, and with whoever is
//! to be told its endpoint. Level-triggered: all of it is done at each start and whenever something may have changed,
//! until it succeeds; where nothing has changed it has no effect.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;
use webpush::key::PublicKey;

use super::target::connector::{Connector, ConnectorError};
use super::worker::chain;
use crate::agent::{Agent, AgentError, Form, Subscription};
use crate::backoff::Backoff;
use crate::exec::{self, RunError};
use crate::imap::registration::{Account, RegisterError, register};

/// Who pushes to a subscription.
#[derive(Clone)]
pub enum Source {
    /// Whoever is told the endpoint; with a key, only those who sign with it (RFC 8292 §4).
    Endpoint {
        /// The key.
        application_server_key: Option<PublicKey>,
        /// In which form its pushes are handed on.
        form: Form,
    },
    /// A mail server, for an account (IMAP WEBPUSH).
    Account(Box<Account>),
}

/// Who is told the endpoint of a subscription.
#[derive(Clone)]
pub enum Announcement {
    /// Nobody.
    Nobody,
    /// A shell command, with the subscription as JSON on its standard input, at each start and after each change.
    Command(String),
    /// An application on the desktop's bus.
    Connector(Connector),
}

pub(super) struct Registration {
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) announcement: Announcement,
    pub(super) agent: Agent,
    pub(super) retry: Backoff,
}

/// A registrar at work; ends when dropped.
pub(super) struct Registrar {
    again: Arc<Notify>,
    registered: watch::Receiver<Option<Subscription>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Error)]
enum RegistrarError {
    #[error(transparent)]
    Agent(#[from] AgentError),
    #[error(transparent)]
    Account(#[from] RegisterError),
    #[error("the command that is to be told the endpoint")]
    Command(#[from] RunError),
    #[error(transparent)]
    Connector(#[from] ConnectorError),
}

impl Registrar {
    pub(super) fn start(registration: Registration) -> Self {
        let again = Arc::new(Notify::new());
        let (told, registered) = watch::channel(None);
        let task = tokio::spawn(registration.keep(Arc::clone(&again), told));
        Self { again, registered, task }
    }

    /// Something may have changed.
    pub(super) fn again(&self) {
        self.again.notify_one();
    }

    /// The subscription, once it is registered at the push service.
    pub(super) fn registered(&self) -> watch::Receiver<Option<Subscription>> {
        self.registered.clone()
    }
}

impl Drop for Registrar {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Registration {
    async fn keep(mut self, again: Arc<Notify>, told: watch::Sender<Option<Subscription>>) {
        loop {
            match self.register(&told).await {
                Ok(()) => {
                    self.retry.succeeded();
                    again.notified().await;
                }
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(subscription = self.name, error, "not registered, trying again");
                    let wait = self.retry.next_wait(Uuid::new_v4().as_fields().0);
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = again.notified() => {}
                    }
                }
            }
        }
    }

    async fn register(&self, told: &watch::Sender<Option<Subscription>>) -> Result<(), RegistrarError> {
        let subscription = match &self.source {
            Source::Endpoint { application_server_key, form } => {
                self.agent.subscribe_for(*form, &self.name, *application_server_key).await?
            }
            Source::Account(account) => {
                let registered = register(account, &self.agent).await?;
                tracing::info!(
                    subscription = self.name,
                    host = account.address.host,
                    renewed = registered.renewed,
                    "registered with the mail server"
                );
                registered.endpoint
            }
        };
        told.send_replace(Some(subscription.clone()));
        match &self.announcement {
            Announcement::Nobody => {}
            Announcement::Command(line) => {
                let environment = [("MAILBELL_SUBSCRIPTION", self.name.clone())];
                let input = subscription.to_json().to_string();
                exec::run_once(line, &environment, input.as_bytes(), ANNOUNCEMENT_TIME_MAX).await?;
            }
            Announcement::Connector(connector) => connector.new_endpoint(&subscription.endpoint).await?,
        }
        tracing::info!(subscription = self.name, "registered");
        Ok(())
    }
}

const ANNOUNCEMENT_TIME_MAX: Duration = Duration::from_secs(60);
