//! The agent's subscriptions: names, channels and keys, in memory as they are in the state.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;
use webpush::key::{AuthSecret, KeyError, KeyPair, PublicKey};
use webpush::message::UserAgent;

use super::frame::Headers;
use super::session::Wish;
use crate::agent::{Auth, Ciphertext, Encryption, Form, Subscription};
use crate::state::{State, StoredSubscription};

/// One subscription with its keys.
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) application_server_key: Option<PublicKey>,
    pub(crate) endpoint: String,
    pub(crate) keys: UserAgent,
    pub(crate) form: Form,
}

/// A notification's body as its consumer gets it.
pub(crate) struct Read {
    pub(crate) cleartext: Vec<u8>,
    pub(crate) ciphertext: Option<Ciphertext>,
    /// Bytes of the encrypted body.
    pub(crate) size: usize,
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
    pub(crate) fn fresh(wish: Wish) -> Result<Self, KeyError> {
        let Wish { name, application_server_key, form } = wish;
        Ok(Self { name, application_server_key, endpoint: String::new(), keys: UserAgent::generate()?, form })
    }

    pub(crate) fn public(&self) -> Subscription {
        Subscription {
            name: self.name.clone(),
            endpoint: self.endpoint.clone(),
            public_key: *self.keys.key_pair.public_key(),
            auth_secret: Auth::new(&self.keys.auth_secret),
        }
    }

    /// A notification's body in the form that is wanted.
    pub(crate) fn read(&self, data: Option<&str>, headers: &Headers) -> Result<Read, (Undecryptable, usize)> {
        let data = data.unwrap_or_default();
        let body =
            URL_SAFE_NO_PAD.decode(data.trim_end_matches('=')).map_err(|_| (Undecryptable, data.len()))?;
        let size = body.len();
        match self.form {
            Form::Ciphertext => {
                let ciphertext = Some(Ciphertext { body, encryption: encryption(headers) });
                Ok(Read { cleartext: Vec::new(), ciphertext, size })
            }
            Form::Cleartext if body.is_empty() => Ok(Read { cleartext: Vec::new(), ciphertext: None, size }),
            Form::Cleartext => {
                let cleartext = self.decrypt(&body, headers).map_err(|error| (error, size))?;
                Ok(Read { cleartext, ciphertext: None, size })
            }
        }
    }

    fn decrypt(&self, body: &[u8], headers: &Headers) -> Result<Vec<u8>, Undecryptable> {
        // RFC 8291 §4; draft-ietf-webpush-encryption-04 `aesgcm` (not done: nobody who pushes to us uses it).
        if headers.encoding.as_deref() != Some("aes128gcm") {
            return Err(Undecryptable);
        }
        self.keys.decrypt(body).map(|cleartext| cleartext.to_vec()).map_err(|_| Undecryptable)
    }

    fn stored(&self, channel: &str) -> Result<StoredSubscription, KeyError> {
        Ok(StoredSubscription {
            channel: channel.to_owned(),
            application_server_key: self.application_server_key.map(|key| key.to_base64url()),
            endpoint: self.endpoint.clone(),
            private_key: self.keys.key_pair.private_base64url()?.to_string(),
            auth_secret: self.keys.auth_secret.to_base64url().to_string(),
            form: self.form,
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
                form: stored.form,
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

    pub(crate) fn published(&self) -> BTreeMap<String, Subscription> {
        self.by_channel.values().map(|known| (known.name.clone(), known.public())).collect()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.by_channel.values().map(|known| known.name.clone()).collect()
    }

    /// Notes in which form the pushes are wanted; returns whether that is new.
    pub(crate) fn set_form(&mut self, channel: &str, form: Form) -> bool {
        let before = self.by_channel.get_mut(channel).map(|known| std::mem::replace(&mut known.form, form));
        before.is_some_and(|before| before != form)
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

fn encryption(headers: &Headers) -> Encryption {
    Encryption {
        encoding: headers.encoding.clone(),
        salt: headers.encryption.clone(),
        key: headers.crypto_key.clone(),
    }
}
