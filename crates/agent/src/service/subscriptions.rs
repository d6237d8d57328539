//! The agent's subscriptions: names, channels and keys, in memory as they are in the state.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;
use webpush::key::{AuthSecret, KeyError, KeyPair, PublicKey};
use webpush::message::UserAgent;

use super::frame::Headers;
use crate::agent::{Auth, Subscription};
use crate::state::{State, StoredSubscription};

/// One subscription with its keys.
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) application_server_key: Option<PublicKey>,
    pub(crate) endpoint: String,
    pub(crate) keys: UserAgent,
}

/// All of them, by channel.
#[derive(Default)]
pub(crate) struct Subscriptions {
    by_channel: BTreeMap<String, Known>,
}

/// A body that can't be read.
#[derive(Debug)]
pub(crate) struct Undecryptable;

impl Known {
    /// A subscription that has no endpoint yet.
    pub(crate) fn fresh(name: String, application_server_key: Option<PublicKey>) -> Result<Self, KeyError> {
        Ok(Self { name, application_server_key, endpoint: String::new(), keys: UserAgent::generate()? })
    }

    pub(crate) fn public(&self) -> Subscription {
        Subscription {
            name: self.name.clone(),
            endpoint: self.endpoint.clone(),
            public_key: *self.keys.key_pair.public_key(),
            auth_secret: Auth::new(&self.keys.auth_secret),
        }
    }

    /// Cleartext and length of a notification's body.
    pub(crate) fn read(
        &self,
        data: Option<&str>,
        headers: &Headers,
    ) -> Result<(Vec<u8>, usize), (Undecryptable, usize)> {
        let Some(data) = data.filter(|data| !data.is_empty()) else { return Ok((Vec::new(), 0)) };
        let body =
            URL_SAFE_NO_PAD.decode(data.trim_end_matches('=')).map_err(|_| (Undecryptable, data.len()))?;
        // RFC 8291 §4; draft-ietf-webpush-encryption-04 `aesgcm` (not done: nobody who pushes to us uses it).
        if headers.encoding.as_deref() != Some("aes128gcm") {
            return Err((Undecryptable, body.len()));
        }
        match self.keys.decrypt(&body) {
            Ok(cleartext) => Ok((cleartext.to_vec(), body.len())),
            Err(_) => Err((Undecryptable, body.len())),
        }
    }

    fn stored(&self, channel: &str) -> Result<StoredSubscription, KeyError> {
        Ok(StoredSubscription {
            channel: channel.to_owned(),
            application_server_key: self.application_server_key.map(|key| key.to_base64url()),
            endpoint: self.endpoint.clone(),
            private_key: self.keys.key_pair.private_base64url()?.to_string(),
            auth_secret: self.keys.auth_secret.to_base64url().to_string(),
        })
    }
}

impl Subscriptions {
    pub(crate) fn restore(state: &State) -> Result<Self, KeyError> {
        let mut by_channel = BTreeMap::new();
        for (name, stored) in &state.subscriptions {
            let key = stored.application_server_key.as_deref();
            let known = Known {
                name: name.clone(),
                application_server_key: key.map(PublicKey::from_base64url).transpose()?,
                endpoint: stored.endpoint.clone(),
                keys: UserAgent {
                    key_pair: KeyPair::from_private_base64url(&stored.private_key)?,
                    auth_secret: AuthSecret::from_base64url(&stored.auth_secret)?,
                },
            };
            by_channel.insert(stored.channel.clone(), known);
        }
        Ok(Self { by_channel })
    }

    /// Writes all that have an endpoint into the state.
    pub(crate) fn store(&self, state: &mut State) -> Result<(), KeyError> {
        state.subscriptions.clear();
        for (channel, known) in self.by_channel.iter().filter(|(_, known)| !known.endpoint.is_empty()) {
            state.subscriptions.insert(known.name.clone(), known.stored(channel)?);
        }
        Ok(())
    }

    pub(crate) fn find(&self, channel: &str) -> Option<&Known> {
        self.by_channel.get(channel)
    }

    pub(crate) fn channel_of(&self, name: &str) -> Option<String> {
        let found = self.by_channel.iter().find(|(_, known)| known.name == name);
        found.map(|(channel, _)| channel.clone())
    }

    pub(crate) fn channels(&self) -> Vec<String> {
        self.by_channel.keys().cloned().collect()
    }

    /// Adds a subscription under a new channel, which it returns.
    pub(crate) fn add(&mut self, known: Known) -> String {
        let channel = Uuid::new_v4().hyphenated().to_string();
        self.by_channel.insert(channel.clone(), known);
        channel
    }

    pub(crate) fn remove(&mut self, channel: &str) -> Option<Known> {
        self.by_channel.remove(channel)
    }

    /// Notes the endpoint that the service gave; returns what was known before.
    pub(crate) fn set_endpoint(&mut self, channel: &str, endpoint: String) -> Option<(Subscription, String)> {
        let known = self.by_channel.get_mut(channel)?;
        let before = std::mem::replace(&mut known.endpoint, endpoint);
        Some((known.public(), before))
    }
}
