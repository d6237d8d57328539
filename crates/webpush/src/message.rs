//! Push messages, encrypted for a user agent (RFC 8291).
//!
//! The application server encrypts with [`encrypt`]; the user agent decrypts with [`UserAgent::decrypt`].
//! The body is one record of the content coding `aes128gcm`, at most [`BODY_BYTES_MAX`] long, whose key id is the
//! sender's public key. The older coding `aesgcm` (RFC 8291's drafts) is not done: no user agent needs it any more.
//!
//! Invariant: a [`Sender`] is used for one message, since [`encrypt`] takes it by value.

#[cfg(test)]
mod tests;

use std::fmt;

use aws_lc_rs::hkdf::{HKDF_SHA256, Salt as HkdfSalt};
use aws_lc_rs::rand;
use zeroize::Zeroizing;

use crate::content_coding::{self, DecodeError, EncodeError, Header, Record, SALT_BYTES};
use crate::key::{AuthSecret, KeyError, KeyPair, PublicKey};
use crate::padding::{CLEARTEXT_BYTES_MAX, Padding};

/// Why a message could not be encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncryptError {
    /// The cleartext is longer than [`CLEARTEXT_BYTES_MAX`].
    #[error("cleartext longer than {CLEARTEXT_BYTES_MAX} bytes")]
    TooLong,
    /// The key agreement failed.
    #[error("key agreement: {0}")]
    Agreement(#[source] KeyError),
    /// The content coding failed.
    #[error("content coding: {0}")]
    Coding(#[source] EncodeError),
}

/// Why a message could not be decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecryptError {
    /// The key id in the header is not a public key on P-256.
    #[error("sender's key: {0}")]
    SenderKey(#[source] KeyError),
    /// The key agreement failed.
    #[error("key agreement: {0}")]
    Agreement(#[source] KeyError),
    /// The content coding is malformed, or not encrypted for this user agent.
    #[error("content coding: {0}")]
    Coding(#[source] DecodeError),
}

/// Whom a message is encrypted for: the `p256dh` and `auth` of a push subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The user agent's public key.
    pub public_key: PublicKey,
    /// The secret that authenticates the application server to it.
    pub auth_secret: AuthSecret,
}

/// What the sender contributes to one message. Never reuse it: two messages under the same key, salt and recipient
/// give away both.
pub struct Sender {
    /// The key pair of this message (RFC 8291 §3.1).
    pub key_pair: KeyPair,
    /// The salt of this message (RFC 8188 §2.1).
    pub salt: [u8; SALT_BYTES],
}

impl Sender {
    /// A fresh key pair and salt.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the random number generator fails.
    pub fn generate() -> Result<Self, KeyError> {
        let mut salt = [0; SALT_BYTES];
        rand::fill(&mut salt).map_err(|_| KeyError::Library)?;
        Ok(Self { key_pair: KeyPair::generate()?, salt })
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sender").field("key_pair", &self.key_pair).finish_non_exhaustive()
    }
}

/// Encrypts `cleartext`, padded as `padding` says, into the body of a push with `Content-Encoding: aes128gcm`.
///
/// # Errors
/// [`EncryptError::TooLong`] above [`CLEARTEXT_BYTES_MAX`] bytes; the others when the cryptographic library fails.
#[expect(clippy::needless_pass_by_value, reason = "a sender must not be used twice")]
pub fn encrypt(
    sender: Sender,
    recipient: &Recipient,
    cleartext: &[u8],
    padding: Padding,
) -> Result<Vec<u8>, EncryptError> {
    // RFC 8291 §4: a push service need not take more than 4096 bytes.
    if cleartext.len() > CLEARTEXT_BYTES_MAX {
        return Err(EncryptError::TooLong);
    }
    let public_key = sender.key_pair.public_key();
    let keys = PublicKeys { user_agent: &recipient.public_key, application_server: public_key };
    let keying_material = sender
        .key_pair
        .agree(&recipient.public_key, |secret| keying_material(secret, &recipient.auth_secret, &keys))
        .map_err(EncryptError::Agreement)?
        .ok_or(EncryptError::Agreement(KeyError::Library))?;
    let record =
        Record { data: cleartext, padding: padding.padded_length(cleartext.len()) - cleartext.len() };
    // RFC 8291 §4: one record, the record size above its length; §3.1: the key id is the sender's public key.
    let header = Header { salt: sender.salt, record_size: RECORD_SIZE, key_id: public_key.as_bytes() };
    content_coding::encrypt(keying_material.as_slice(), &header, &[record]).map_err(EncryptError::Coding)
}

/// The user agent's side of a push subscription.
#[derive(Debug)]
pub struct UserAgent {
    /// Its key pair.
    pub key_pair: KeyPair,
    /// Its authentication secret.
    pub auth_secret: AuthSecret,
}

impl UserAgent {
    /// A fresh key pair and secret.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the random number generator fails.
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self { key_pair: KeyPair::generate()?, auth_secret: AuthSecret::generate()? })
    }

    /// What application servers need to know.
    #[must_use]
    pub fn recipient(&self) -> Recipient {
        Recipient { public_key: *self.key_pair.public_key(), auth_secret: self.auth_secret.clone() }
    }

    /// Decrypts the body of a push with `Content-Encoding: aes128gcm`; its padding is removed. Any size and number of
    /// records is taken, although RFC 8291 §4 lets application servers send only one.
    ///
    /// # Errors
    /// [`DecryptError`].
    pub fn decrypt(&self, body: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
        let (header, records) = Header::parse(body).map_err(DecryptError::Coding)?;
        let sender = PublicKey::from_bytes(header.key_id).map_err(DecryptError::SenderKey)?;
        let keys = PublicKeys { user_agent: self.key_pair.public_key(), application_server: &sender };
        let keying_material = self
            .key_pair
            .agree(&sender, |secret| keying_material(secret, &self.auth_secret, &keys))
            .map_err(DecryptError::Agreement)?
            .ok_or(DecryptError::Agreement(KeyError::Library))?;
        content_coding::decrypt(keying_material.as_slice(), &header, records).map_err(DecryptError::Coding)
    }
}

/// The two public keys that go into the key derivation, in its order.
struct PublicKeys<'a> {
    user_agent: &'a PublicKey,
    application_server: &'a PublicKey,
}

/// RFC 8291 §3.3, §3.4: the agreed secret and the authentication secret become the input of the content coding.
fn keying_material(
    secret: &[u8],
    auth_secret: &AuthSecret,
    keys: &PublicKeys<'_>,
) -> Option<Zeroizing<[u8; 32]>> {
    let combined = HkdfSalt::new(HKDF_SHA256, auth_secret.expose()).extract(secret);
    let info: [&[u8]; 3] =
        [b"WebPush: info\0", keys.user_agent.as_bytes(), keys.application_server.as_bytes()];
    content_coding::expand(&combined, &info)
}

/// The longest body that [`encrypt`] makes, and that every push service takes (RFC 8030 §7.2).
pub const BODY_BYTES_MAX: usize = 4096;

/// As in the example of RFC 8291 §5; the record itself is at most 4010 bytes long.
const RECORD_SIZE: u32 = 4096;
