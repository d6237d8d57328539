//! What an agent remembers from run to run: its id at the push service and the keys of its subscriptions.
//!
//! The file is JSON with mode 0600, replaced as a whole (write, sync, rename), so that a crash leaves the old or the
//! new one. Everything in it is secret.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;
use webpush::key::KeyError;

use crate::agent::{Form, Subscription};
use crate::durable_file;
use crate::service::subscriptions::Subscriptions;

/// Where the state is kept.
#[derive(Debug, Clone)]
pub enum StateStore {
    /// Nowhere: the agent is a new one at each start.
    Memory,
    /// In a file.
    File(PathBuf),
}

/// The state.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// A random word that tells this agent from its user's other ones.
    #[serde(default)]
    pub instance: String,
    /// The push service that the rest is valid for.
    pub service: String,
    /// The agent's id there, once it has been given one.
    pub uaid: Option<String>,
    /// By the name that the agent's user gave.
    pub subscriptions: BTreeMap<String, StoredSubscription>,
}

/// One subscription.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSubscription {
    /// Its name at the push service, a UUID.
    pub channel: String,
    /// The application server key that it is restricted to, base64url.
    pub application_server_key: Option<String>,
    /// Where application servers post.
    pub endpoint: String,
    /// The private key for RFC 8291, base64url.
    pub private_key: String,
    /// The authentication secret for RFC 8291, base64url.
    pub auth_secret: String,
    /// In which form its pushes are wanted.
    #[serde(default)]
    pub form: Form,
}

/// Why a state could not be read or written.
#[derive(Debug, Error)]
pub enum StateError {
    /// Reading or writing failed.
    #[error("agent state file {path}")]
    File {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The content is not a state.
    #[error("agent state file {path} is damaged")]
    Damaged {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl State {
    /// The state for this push service: what belongs to another one means nothing there and is left behind.
    #[must_use]
    pub fn for_service(self, service: &str) -> Self {
        let mut instance = self.instance;
        if instance.is_empty() {
            instance = format!("{:08x}", Uuid::new_v4().as_fields().0);
        }
        if self.service == service {
            return Self {
                instance,
                service: self.service,
                uaid: self.uaid,
                subscriptions: self.subscriptions,
            };
        }
        Self { instance, service: service.to_owned(), uaid: None, subscriptions: BTreeMap::new() }
    }
}

impl State {
    /// What application servers need to know of each subscription, by its name.
    pub fn published(&self) -> Result<BTreeMap<String, Subscription>, KeyError> {
        Ok(Subscriptions::restore(self)?.published())
    }
}

impl StateStore {
    /// A file; it is made when there is something to remember.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::File(path.into())
    }

    /// Reads the state; a file that is not there is an empty one.
    pub fn load(&self) -> Result<State, StateError> {
        let Self::File(path) = self else { return Ok(State::default()) };
        let text = match read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::default()),
            Err(source) => return Err(StateError::File { path: path.display().to_string(), source }),
        };
        serde_json::from_str(&text)
            .map_err(|source| StateError::Damaged { path: path.display().to_string(), source })
    }

    /// Replaces the state.
    pub fn save(&self, state: &State) -> Result<(), StateError> {
        let Self::File(path) = self else { return Ok(()) };
        let name = || path.display().to_string();
        let text = serde_json::to_string_pretty(state)
            .map_err(|source| StateError::Damaged { path: name(), source })?;
        durable_file::replace(path, text.as_bytes())
            .map_err(|source| StateError::File { path: name(), source })
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("subscriptions", &self.subscriptions.len()).finish_non_exhaustive()
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(STATE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > STATE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "too large"));
    }
    Ok(text)
}

/// Room for tens of thousands of subscriptions.
const STATE_BYTES_MAX: u64 = 16 << 20;

#[cfg(test)]
mod tests;
