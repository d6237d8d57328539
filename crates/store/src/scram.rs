//! What SCRAM-SHA-256 keeps of a password (RFC 5802 §3, RFC 7677), and the hash's salts beside it.
//!
//! Not here: the exchange itself, which is the crate `authentication`.
//!
//! All credentials of an account share salt and iterations, because the server has to name both before it can know
//! which of the passwords is meant. An unknown name gets a salt that stays the same for ever, so that asking does not
//! tell who has an account.

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{AccountId, CredentialId, Error, Result};

/// The keys of one password. With them a server checks a proof and proves itself; they don't open an account at
/// another server, nor at this one without the password. Never printed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ScramKeys {
    /// H(ClientKey).
    pub stored_key: [u8; 32],
    /// HMAC(SaltedPassword, "Server Key").
    pub server_key: [u8; 32],
}

impl fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScramKeys(..)")
    }
}

impl ScramKeys {
    /// The keys of a password that has been prepared (RFC 4013). Costs `iterations` times two SHA-256.
    ///
    /// # Errors
    /// Bug for no iterations.
    pub fn derive(password: &str, salt: &[u8], iterations: u32) -> Result<Self> {
        let iterations =
            NonZeroU32::new(iterations).ok_or_else(|| Error::Bug("SCRAM without iterations".into()))?;
        let mut salted = Zeroizing::new([0; 32]);
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, password.as_bytes(), &mut *salted);
        let salted = hmac::Key::new(hmac::HMAC_SHA256, &*salted);
        let client_key = hmac::sign(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
        let server_key = hmac::sign(&salted, b"Server Key");
        let (Ok(stored_key), Ok(server_key)) =
            (stored_key.as_ref().try_into(), server_key.as_ref().try_into())
        else {
            return Err(Error::Bug("SHA-256 of another length than 32".into()));
        };
        Ok(Self { stored_key, server_key })
    }
}

/// What a SCRAM exchange with a name needs; of an unknown name it looks the same.
#[derive(Debug)]
pub struct ScramRecord {
    /// The salt that the client is told.
    pub salt: [u8; 16],
    /// The iterations that the client is told.
    pub iterations: u32,
    /// Whose it is, and the keys of each of the credentials that have some; `None` for an unknown name.
    pub account: Option<(AccountId, Vec<(CredentialId, ScramKeys)>)>,
}

/// What an account's passwords are hashed with.
#[derive(Clone, Copy)]
pub(crate) struct Salts {
    pub(crate) argon2: [u8; 16],
    pub(crate) scram: [u8; 16],
    pub(crate) iterations: u32,
}

impl Salts {
    /// For a new account.
    pub(crate) fn new() -> Result<Self> {
        let (argon2, scram) = (crate::password::random()?, crate::password::random()?);
        Ok(Self { argon2, scram, iterations: ITERATIONS })
    }
}

/// The salt of a name that nobody has.
pub(crate) fn salt_of_nobody(key: &[u8; 32], name: &str) -> [u8; 16] {
    let hash = blake3::keyed_hash(key, name.to_ascii_lowercase().as_bytes());
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// For new accounts, and what nobody's are said to be. RFC 7677 §4 asks for 4096 at least; some clients refuse more than
/// 65,536. A phone does this in some 30 ms.
pub(crate) const ITERATIONS: u32 = 50_000;

#[cfg(test)]
mod tests;
