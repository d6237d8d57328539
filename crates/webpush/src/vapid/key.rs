//! The key pair that an application server signs with (RFC 8292 §2: ECDSA on P-256).

use std::fmt;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::base64url;
use crate::key::{KeyError, PublicKey};

/// A VAPID key pair. Its public half is the key's identity: `* VAPID` in IMAP, `applicationServerKey` in browsers.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// Generates a key pair.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the random number generator fails.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| KeyError::Library)?;
        Self::from_pair(pair)
    }

    /// Reads a PEM file: `PRIVATE KEY` (PKCS #8) or `EC PRIVATE KEY` (RFC 5915, as `openssl ecparam -genkey` writes it,
    /// its `EC PARAMETERS` block skipped). At most [`PEM_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// [`KeyError::Pem`] when there is no such block, [`KeyError::NotAPrivateKey`] for another algorithm or curve.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let der = ["PRIVATE KEY", "EC PRIVATE KEY"]
            .iter()
            .find_map(|label| pem_block(pem, label))
            .ok_or(KeyError::Pem)?;
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &der)
            .map_err(|_| KeyError::NotAPrivateKey)?;
        Self::from_pair(pair)
    }

    /// The key pair as a PEM file (PKCS #8), wiped when dropped. Whoever stores it restricts who may read it.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the library can't export it.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let der = self.pair.to_pkcs8v1().map_err(|_| KeyError::Library)?;
        let encoded = Zeroizing::new(STANDARD.encode(der.as_ref()));
        let mut pem = Zeroizing::new(String::with_capacity(PEM_BYTES_MAX));
        pem.push_str("-----BEGIN PRIVATE KEY-----\n");
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            // RFC 7468 §2: lines of 64 characters.
            let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
            pem.push_str(line);
            pem.push('\n');
            rest = after;
        }
        pem.push_str("-----END PRIVATE KEY-----\n");
        Ok(pem)
    }

    /// Takes the private key as base64url without padding (43 characters), the form in which web-push tools print it.
    ///
    /// # Errors
    /// [`KeyError::Encoding`], [`KeyError::NotAPrivateKey`].
    pub fn from_private_base64url(text: &str) -> Result<Self, KeyError> {
        let private = base64url::decode_exact::<32>(text).ok_or(KeyError::Encoding)?;
        // The signing interface wants both halves; the agreement interface computes the public one.
        let public = PrivateKey::from_private_key(&ECDH_P256, private.as_slice())
            .map_err(|_| KeyError::NotAPrivateKey)?
            .compute_public_key()
            .map_err(|_| KeyError::Library)?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            private.as_slice(),
            public.as_ref(),
        )
        .map_err(|_| KeyError::NotAPrivateKey)?;
        Self::from_pair(pair)
    }

    /// The private key as base64url, 43 characters, wiped when dropped.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the library can't export it.
    pub fn private_base64url(&self) -> Result<Zeroizing<String>, KeyError> {
        let bytes = self.pair.private_key().as_be_bytes().map_err(|_| KeyError::Library)?;
        Ok(Zeroizing::new(base64url::encode(bytes.as_ref())))
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The ES256 signature of `message`: r and s, 32 bytes each (RFC 7518 §3.4).
    pub(crate) fn sign(&self, message: &[u8]) -> Result<[u8; SIGNATURE_BYTES], KeyError> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Library)?;
        <[u8; SIGNATURE_BYTES]>::try_from(signature.as_ref()).map_err(|_| KeyError::Library)
    }

    fn from_pair(pair: EcdsaKeyPair) -> Result<Self, KeyError> {
        let public = PublicKey::from_bytes(pair.public_key().as_ref()).map_err(|_| KeyError::Library)?;
        Ok(Self { pair, public })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({}, [redacted])", self.public)
    }
}

/// The decoded content of the first block with this label, if its frame is whole.
fn pem_block(pem: &str, label: &str) -> Option<Zeroizing<Vec<u8>>> {
    if pem.len() > PEM_BYTES_MAX {
        return None;
    }
    let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: Zeroizing<String> =
        Zeroizing::new(body.chars().filter(|character| !character.is_ascii_whitespace()).collect());
    STANDARD.decode(body.as_bytes()).ok().map(Zeroizing::new)
}

/// Length of an ES256 signature.
pub(crate) const SIGNATURE_BYTES: usize = 64;

/// A PEM file above this size is refused unread; a P-256 key needs 250 bytes.
pub const PEM_BYTES_MAX: usize = 16 * 1024;
