//! The keys of a push subscription (RFC 8291 §2.1, §3): P-256 public keys, key pairs and authentication secrets.
//!
//! Invariants: a [`PublicKey`] is an uncompressed point that lies on the curve; secrets are wiped when dropped and
//! print as `[redacted]`.

#[cfg(test)]
mod tests;

use std::fmt;

use aws_lc_rs::agreement::{self, ECDH_P256, ParsedPublicKey, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::encoding::{AsBigEndian, EcPrivateKeyBin};
use aws_lc_rs::{constant_time, rand};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::base64url;

/// Why a key or secret was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not canonical base64url, or does not hold the right number of bytes.
    #[error("not the base64url form of a key of this kind")]
    Encoding,
    /// The bytes are not an uncompressed point on P-256.
    #[error("not an uncompressed point on the curve P-256")]
    NotOnCurve,
    /// The bytes are not a private key of P-256 (zero, too large, or of another algorithm).
    #[error("not a private key of the curve P-256")]
    NotAPrivateKey,
    /// The PEM frame is missing, broken, or of another kind.
    #[error("not a PEM file with an unencrypted private key")]
    Pem,
    /// The random number generator or an operation of the cryptographic library failed.
    #[error("the cryptographic library failed")]
    Library,
}

/// A P-256 public key as an uncompressed point (X9.62): the byte 4, then x and y, 65 bytes in all.
///
/// This is the `p256dh` of a push subscription and the `k` of VAPID.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; PublicKey::BYTES]);

impl PublicKey {
    /// Length of the binary form.
    pub const BYTES: usize = 65;
    /// Length of the base64url form.
    pub const CHARS: usize = 87;

    /// Takes the binary form.
    ///
    /// # Errors
    /// [`KeyError::Encoding`] for another length, [`KeyError::NotOnCurve`] for what is not a point of the curve.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes = <[u8; Self::BYTES]>::try_from(bytes).map_err(|_| KeyError::Encoding)?;
        // The length leaves only the uncompressed (4) and the hybrid forms (6, 7); the standard wants the first.
        if bytes.first() != Some(&4) {
            return Err(KeyError::NotOnCurve);
        }
        let key = Self(bytes);
        // RFC 8291 §7: a point that is not on the curve would leak the private key in the agreement.
        ParsedPublicKey::try_from(key.unparsed()).map_err(|_| KeyError::NotOnCurve)?;
        Ok(key)
    }

    /// Takes the base64url form without padding, exactly [`PublicKey::CHARS`] characters.
    ///
    /// # Errors
    /// As [`PublicKey::from_bytes`].
    pub fn from_base64url(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(&*base64url::decode_exact::<{ Self::BYTES }>(text).ok_or(KeyError::Encoding)?)
    }

    /// As [`PublicKey::from_base64url`], and also takes the padding (`=`) that some libraries write.
    ///
    /// # Errors
    /// As [`PublicKey::from_bytes`].
    pub fn from_base64url_maybe_padded(text: &str) -> Result<Self, KeyError> {
        Self::from_base64url(text.strip_suffix('=').unwrap_or(text))
    }

    /// The binary form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The base64url form without padding, [`PublicKey::CHARS`] characters.
    #[must_use]
    pub fn to_base64url(&self) -> String {
        base64url::encode(&self.0)
    }

    pub(crate) fn unparsed(&self) -> UnparsedPublicKey<&[u8]> {
        UnparsedPublicKey::new(&ECDH_P256, self.0.as_slice())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({})", self.to_base64url())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_base64url())
    }
}

/// A P-256 key pair for the agreement of RFC 8291: the user agent's, or the sender's for one message.
pub struct KeyPair {
    private: PrivateKey,
    public: PublicKey,
}

impl KeyPair {
    /// Generates a key pair.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the random number generator fails.
    pub fn generate() -> Result<Self, KeyError> {
        let private = PrivateKey::generate(&ECDH_P256).map_err(|_| KeyError::Library)?;
        Self::from_private(private)
    }

    /// Takes a private key: the big-endian number, 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::NotAPrivateKey`] for another length, for zero and for what is not below the order of the curve.
    pub fn from_private_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let private =
            PrivateKey::from_private_key(&ECDH_P256, bytes).map_err(|_| KeyError::NotAPrivateKey)?;
        Self::from_private(private)
    }

    /// As [`KeyPair::from_private_bytes`], from base64url without padding (43 characters).
    ///
    /// # Errors
    /// [`KeyError::Encoding`], [`KeyError::NotAPrivateKey`].
    pub fn from_private_base64url(text: &str) -> Result<Self, KeyError> {
        Self::from_private_bytes(&*base64url::decode_exact::<32>(text).ok_or(KeyError::Encoding)?)
    }

    /// The private key as base64url, 43 characters, wiped when dropped.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the library can't export it.
    pub fn private_base64url(&self) -> Result<Zeroizing<String>, KeyError> {
        let bytes: EcPrivateKeyBin<'static> = self.private.as_be_bytes().map_err(|_| KeyError::Library)?;
        Ok(Zeroizing::new(base64url::encode(bytes.as_ref())))
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Agrees with `peer` and hands the shared secret to `derive`.
    pub(crate) fn agree<T>(&self, peer: &PublicKey, derive: impl FnOnce(&[u8]) -> T) -> Result<T, KeyError> {
        agreement::agree(&self.private, peer.unparsed(), KeyError::Library, |secret| Ok(derive(secret)))
    }

    fn from_private(private: PrivateKey) -> Result<Self, KeyError> {
        let public = private.compute_public_key().map_err(|_| KeyError::Library)?;
        let public = <[u8; PublicKey::BYTES]>::try_from(public.as_ref()).map_err(|_| KeyError::Library)?;
        // Computed from a private key, so it is on the curve.
        Ok(Self { private, public: PublicKey(public) })
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyPair({}, [redacted])", self.public)
    }
}

/// The authentication secret of a push subscription (RFC 8291 §3.2): 16 bytes that only the user agent and the
/// application server know. Compared in constant time, wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct AuthSecret([u8; AuthSecret::BYTES]);

impl AuthSecret {
    /// Length of the binary form.
    pub const BYTES: usize = 16;
    /// Length of the base64url form.
    pub const CHARS: usize = 22;

    /// Generates a secret.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the random number generator fails.
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = [0; Self::BYTES];
        rand::fill(&mut bytes).map_err(|_| KeyError::Library)?;
        Ok(Self(bytes))
    }

    /// Takes the binary form.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Takes the base64url form without padding, exactly [`AuthSecret::CHARS`] characters.
    ///
    /// # Errors
    /// [`KeyError::Encoding`].
    pub fn from_base64url(text: &str) -> Result<Self, KeyError> {
        base64url::decode_exact(text).map(|bytes| Self(*bytes)).ok_or(KeyError::Encoding)
    }

    /// As [`AuthSecret::from_base64url`], and also takes the padding (`==`) that some libraries write.
    ///
    /// # Errors
    /// [`KeyError::Encoding`].
    pub fn from_base64url_maybe_padded(text: &str) -> Result<Self, KeyError> {
        Self::from_base64url(text.strip_suffix("==").unwrap_or(text))
    }

    /// The binary form.
    #[must_use]
    pub fn expose(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The base64url form without padding, wiped when dropped.
    #[must_use]
    pub fn to_base64url(&self) -> Zeroizing<String> {
        Zeroizing::new(base64url::encode(&self.0))
    }
}

impl PartialEq for AuthSecret {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for AuthSecret {}

impl fmt::Debug for AuthSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AuthSecret([redacted])")
    }
}
