//! Tokens in URLs: what makes an endpoint or a message resource unguessable and unforgeable (RFC 8030 §8.3).
//!
//! A token is an id followed by a 16-byte tag (BLAKE3 keyed with a key of this service, one derived key for each
//! purpose), in base64url. A forged one fails the tag and costs no look-up; a good one whose subscription is no
//! longer stored must have been removed, so 404 and 410 are told apart without keeping tombstones.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use aws_lc_rs::rand::SecureRandom;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

use crate::id::{AgentId, AggregateId, MessageId, ReceiptSubscriptionId, SenderId, SubscriptionId};

/// The secret that makes tokens. Losing it makes every endpoint unknown; leaking it allows forging none that is
/// stored, because ids are random too.
#[derive(Clone)]
pub struct TokenKey {
    endpoint: [u8; 32],
    message: [u8; 32],
    receipt: [u8; 32],
    aggregate: [u8; 32],
    sender: [u8; 32],
    subscription: [u8; 32],
    set: [u8; 32],
    delivery: [u8; 32],
}

/// Why a key file can't be used.
#[derive(Debug, Error)]
pub enum TokenKeyError {
    /// Reading or creating it failed.
    #[error("token key file")]
    File(#[source] io::Error),
    /// It holds something else.
    #[error("token key file does not hold {KEY_BYTES} bytes")]
    Length,
    /// Others may read it.
    #[error("token key file may be read by others; its mode must be 0600")]
    Mode,
    /// No random bytes for a new key.
    #[error("no random bytes from the system")]
    Entropy,
}

impl TokenKey {
    /// The key with these secret bytes.
    #[must_use]
    pub fn from_bytes(secret: &[u8; KEY_BYTES]) -> Self {
        let derive = |purpose: &str| blake3::derive_key(purpose, secret);
        Self {
            endpoint: derive("mailbell push-service 1 endpoint"),
            message: derive("mailbell push-service 1 message"),
            receipt: derive("mailbell push-service 1 receipt"),
            aggregate: derive("mailbell push-service 1 aggregate"),
            sender: derive("mailbell push-service 1 sender"),
            subscription: derive("mailbell push-service 1 subscription"),
            set: derive("mailbell push-service 1 set"),
            delivery: derive("mailbell push-service 1 delivery"),
        }
    }

    /// Reads the key file, or makes one with mode 0600 and syncs it before the first token is given out.
    pub fn load_or_create(path: &Path) -> Result<Self, TokenKeyError> {
        match File::open(path) {
            Ok(file) => Self::load(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(path),
            Err(error) => Err(TokenKeyError::File(error)),
        }
    }

    /// The token of a subscription's endpoint: 43 characters.
    #[must_use]
    pub fn seal_endpoint(&self, id: SubscriptionId) -> String {
        seal(&self.endpoint, id.bytes())
    }

    /// The subscription that an endpoint token names; `None` when the token was not made with this key.
    #[must_use]
    pub fn open_endpoint(&self, token: &str) -> Option<SubscriptionId> {
        open(&self.endpoint, token).map(SubscriptionId::from_bytes)
    }

    /// The token of a message resource: 32 characters.
    #[must_use]
    pub fn seal_message(&self, id: MessageId) -> String {
        seal(&self.message, &id.number().to_be_bytes())
    }

    /// The message that a token names; `None` when the token was not made with this key.
    #[must_use]
    pub fn open_message(&self, token: &str) -> Option<MessageId> {
        open(&self.message, token).map(|bytes| MessageId::from_number(i64::from_be_bytes(bytes)))
    }

    /// The token of a receipt subscription (RFC 8030 §5.1): 43 characters.
    #[must_use]
    pub fn seal_receipt(&self, id: ReceiptSubscriptionId) -> String {
        seal(&self.receipt, id.bytes())
    }

    /// The receipt subscription that a token names; `None` when the token was not made with this key.
    #[must_use]
    pub fn open_receipt(&self, token: &str) -> Option<ReceiptSubscriptionId> {
        open(&self.receipt, token).map(ReceiptSubscriptionId::from_bytes)
    }

    /// The token of an aggregate: 43 characters.
    #[must_use]
    pub fn seal_aggregate(&self, id: AggregateId) -> String {
        seal(&self.aggregate, id.bytes())
    }

    /// The aggregate that a token names; `None` when the token was not made with this key.
    #[must_use]
    pub fn open_aggregate(&self, token: &str) -> Option<AggregateId> {
        open(&self.aggregate, token).map(AggregateId::from_bytes)
    }

    /// What stands for a sender in the storage, so that addresses need not be kept.
    #[must_use]
    pub fn sender(&self, name: &[u8]) -> SenderId {
        SenderId::from_bytes(tag(&self.sender, name))
    }

    /// The token of a subscription resource, which is the user agent's (RFC 8030 §6): 43 characters.
    #[must_use]
    pub fn seal_subscription(&self, id: SubscriptionId) -> String {
        seal(&self.subscription, id.bytes())
    }

    /// The subscription that a token of its resource names; `None` when the token was not made with this key.
    #[must_use]
    pub fn open_subscription(&self, token: &str) -> Option<SubscriptionId> {
        open(&self.subscription, token).map(SubscriptionId::from_bytes)
    }

    /// The token of a subscription set (RFC 8030 §6.1): 43 characters.
    #[must_use]
    pub fn seal_set(&self, agent: AgentId) -> String {
        seal(&self.set, agent.bytes())
    }

    /// The agent whose set a token names; `None` when the token was not made with this key.
    #[must_use]
    pub fn open_set(&self, token: &str) -> Option<AgentId> {
        open(&self.set, token).map(AgentId::from_bytes)
    }

    /// The token of a message as its user agent knows it (RFC 8030 §6.2): 54 characters. It names the subscription, not
    /// the agent, because who reads one subscription must not learn the name of the whole set.
    #[must_use]
    pub fn seal_delivery(&self, id: MessageId, subscription: SubscriptionId) -> String {
        let mut bytes = [0; 24];
        let (number, rest) = bytes.split_at_mut(8);
        number.copy_from_slice(&id.number().to_be_bytes());
        rest.copy_from_slice(subscription.bytes());
        seal(&self.delivery, &bytes)
    }

    /// The message and its subscription; `None` when the token was not made with this key.
    #[must_use]
    pub fn open_delivery(&self, token: &str) -> Option<(MessageId, SubscriptionId)> {
        let bytes: [u8; 24] = open(&self.delivery, token)?;
        let (number, subscription) = bytes.split_first_chunk::<8>()?;
        let subscription = <[u8; 16]>::try_from(subscription).ok()?;
        let id = MessageId::from_number(i64::from_be_bytes(*number));
        Some((id, SubscriptionId::from_bytes(subscription)))
    }

    fn load(file: File) -> Result<Self, TokenKeyError> {
        let mode = file.metadata().map_err(TokenKeyError::File)?.mode();
        if mode & 0o077 != 0 {
            return Err(TokenKeyError::Mode);
        }
        let mut bytes = Vec::with_capacity(KEY_BYTES + 1);
        let limit = u64::try_from(KEY_BYTES + 1).unwrap_or(u64::MAX);
        file.take(limit).read_to_end(&mut bytes).map_err(TokenKeyError::File)?;
        let secret = <[u8; KEY_BYTES]>::try_from(bytes.as_slice()).map_err(|_| TokenKeyError::Length)?;
        Ok(Self::from_bytes(&secret))
    }

    fn create(path: &Path) -> Result<Self, TokenKeyError> {
        let mut secret = [0; KEY_BYTES];
        aws_lc_rs::rand::SystemRandom::new().fill(&mut secret).map_err(|_| TokenKeyError::Entropy)?;
        // A file that is there but empty after a crash would be refused for ever, so the name appears last.
        let fresh = path.with_extension("new");
        let write = || -> io::Result<()> {
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
            file.write_all(&secret)?;
            file.sync_all()?;
            std::fs::rename(&fresh, path)?;
            match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
                _ => File::open(".")?.sync_all(),
            }
        };
        write().map_err(TokenKeyError::File)?;
        Ok(Self::from_bytes(&secret))
    }
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey(..)")
    }
}

fn seal(key: &[u8; 32], id: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(id.len() + TAG_BYTES);
    bytes.extend_from_slice(id);
    bytes.extend_from_slice(&tag(key, id));
    URL_SAFE_NO_PAD.encode(bytes)
}

fn open<const ID_BYTES: usize>(key: &[u8; 32], token: &str) -> Option<[u8; ID_BYTES]> {
    if token.len() > TOKEN_CHARACTERS_MAX {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (id, given) = bytes.split_at_checked(ID_BYTES)?;
    let given = <[u8; TAG_BYTES]>::try_from(given).ok()?;
    aws_lc_rs::constant_time::verify_slices_are_equal(&tag(key, id), &given).ok()?;
    id.try_into().ok()
}

fn tag(key: &[u8; 32], id: &[u8]) -> [u8; TAG_BYTES] {
    let mut tag = [0; TAG_BYTES];
    blake3::Hasher::new_keyed(key).update(id).finalize_xof().fill(&mut tag);
    tag
}

/// Bytes of the secret in the key file.
pub const KEY_BYTES: usize = 32;

const TAG_BYTES: usize = 16;
const TOKEN_CHARACTERS_MAX: usize = 54;

#[cfg(test)]
mod tests;
