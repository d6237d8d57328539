//! The applications that have registered, in a JSON file that is replaced as a whole. The tokens in it are secret.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;
use webpush::key::PublicKey;
use zbus::names::WellKnownName;

use crate::durable_file;
use crate::gateway::target::connector::Version;

/// All registrations, by token.
pub struct Registrations {
    path: PathBuf,
    by_token: BTreeMap<String, Registration>,
}

/// A registration.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The application's name on the bus.
    pub service: String,
    /// What the application says it is for.
    pub description: String,
    /// The key that its application server signs with, base64url.
    pub vapid: Option<String>,
    /// The version of the interface that it registered through.
    pub version: Version,
    /// The gateway's name for its subscription: the application's with a random word, fit for logs.
    pub subscription: String,
}

/// What an application asks for.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The application's name on the bus.
    pub service: String,
    /// Its name for the registration.
    pub token: String,
    /// What it is for.
    pub description: String,
    /// The key that its application server signs with.
    pub vapid: Option<PublicKey>,
    /// The version of the interface.
    pub version: Version,
}

/// Why a request is refused; in the words of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The request breaks the specification, or something is wrong here.
    #[error("INTERNAL_ERROR")]
    InternalError,
    /// The push service is not there.
    #[error("NETWORK")]
    Network,
    /// There are too many registrations.
    #[error("ACTION_REQUIRED")]
    ActionRequired,
    /// The token is another application's.
    #[error("UNAUTHORIZED")]
    Unauthorized,
}

/// Why registrations can't be kept.
#[derive(Debug, Error)]
#[error("registrations in {path}")]
pub struct RegistrationsError {
    path: String,
    #[source]
    source: io::Error,
}

impl Request {
    /// Takes the words of an application.
    pub fn parse(
        version: Version,
        [service, token, description]: [&str; 3],
        vapid: Option<&str>,
    ) -> Result<Self, Refusal> {
        let is_token = (1..=TOKEN_BYTES_MAX).contains(&token.len());
        // The specification names 100 bytes; a description is shown to nobody, so a longer one is cut, not refused.
        let description = description.chars().take(DESCRIPTION_CHARACTERS_MAX).collect();
        if !is_token || WellKnownName::try_from(service).is_err() {
            return Err(Refusal::InternalError);
        }
        let vapid = vapid.filter(|key| !key.is_empty()).map(PublicKey::from_base64url_maybe_padded);
        Ok(Self {
            service: service.to_owned(),
            token: token.to_owned(),
            description,
            vapid: vapid.transpose().map_err(|_| Refusal::InternalError)?,
            version,
        })
    }
}

impl Registrations {
    /// Reads a file; one that is not there has no registrations.
    pub fn load(path: &Path) -> Result<Self, RegistrationsError> {
        let failed = |source| RegistrationsError { path: path.display().to_string(), source };
        let by_token = match std::fs::read(path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| failed(error.into()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(failed(error)),
        };
        Ok(Self { path: path.to_owned(), by_token })
    }

    /// All of them with their tokens.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Registration)> {
        self.by_token.iter()
    }

    /// Notes a request; the same token of the same application keeps its subscription.
    pub fn put(&mut self, request: &Request) -> Result<Registration, Refusal> {
        let known = self.by_token.get(&request.token);
        let subscription = match known {
            Some(known) if known.service != request.service => return Err(Refusal::Unauthorized),
            Some(known) => known.subscription.clone(),
            None if self.by_token.len() >= REGISTRATIONS_MAX => return Err(Refusal::ActionRequired),
            None => format!("{}-{:08x}", request.service, Uuid::new_v4().as_fields().0),
        };
        let registration = Registration {
            service: request.service.clone(),
            description: request.description.clone(),
            vapid: request.vapid.map(|key| key.to_base64url()),
            version: request.version,
            subscription,
        };
        if known != Some(&registration) {
            let mut next = self.by_token.clone();
            next.insert(request.token.clone(), registration.clone());
            self.change_to(next).map_err(|error| {
                tracing::error!(%error, "a registration can't be kept");
                Refusal::InternalError
            })?;
        }
        Ok(registration)
    }

    /// Forgets a registration.
    pub fn remove(&mut self, token: &str) -> Result<Option<Registration>, RegistrationsError> {
        let mut next = self.by_token.clone();
        let removed = next.remove(token);
        if removed.is_some() {
            self.change_to(next)?;
        }
        Ok(removed)
    }

    /// Memory follows the file, so that what could not be kept is not taken for known. Small and rare: written by
    /// whoever asks.
    fn change_to(&mut self, next: BTreeMap<String, Registration>) -> Result<(), RegistrationsError> {
        let failed = |source| RegistrationsError { path: self.path.display().to_string(), source };
        let text = serde_json::to_vec_pretty(&next).map_err(|error| failed(error.into()))?;
        durable_file::replace(&self.path, &text).map_err(failed)?;
        self.by_token = next;
        Ok(())
    }
}

impl Registration {
    /// The key, as it was given.
    pub(super) fn key(&self) -> Option<PublicKey> {
        self.vapid.as_deref().and_then(|key| PublicKey::from_base64url(key).ok())
    }
}

const TOKEN_BYTES_MAX: usize = 100;
const DESCRIPTION_CHARACTERS_MAX: usize = 100;
/// Far more than a desktop has.
const REGISTRATIONS_MAX: usize = 1000;

#[cfg(test)]
mod tests;
