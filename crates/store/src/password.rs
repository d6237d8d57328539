//! Passwords: Argon2id, off the asynchronous threads and a few at a time, and a short memory of what was right.
//!
//! An account has one salt for all its credentials, so that a try costs one Argon2id, however many app passwords there
//! are; an unknown name costs the same. A phone that reconnects every minute must not burn one each time: what was
//! right is remembered for [`REMEMBERED`] under a BLAKE3 of name and password whose key lives in this process only.
//! The memory proves nothing by itself: the credential's row is read each time, and what was remembered counts only
//! while the row has the same hash. So a changed password or a revocation, also by another process, ends it at once.
//!
//! What is hashed is the password as RFC 4013 (SASLprep) prepares it, so that it is the same however a keyboard composes
//! its letters, and so that SCRAM, whose clients prepare it too, derives the same keys. Passwords are never logged and
//! are zeroized after use.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::scram::Salts;
use crate::{CredentialId, CredentialKind, Error, Result, ScramKeys, UnixTime};

/// A credential of the account in question.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) id: CredentialId,
    pub(crate) kind: CredentialKind,
    pub(crate) hash: [u8; 32],
    pub(crate) last_used_at: Option<UnixTime>,
    pub(crate) has_scram: bool,
}

/// What is kept of a password.
pub(crate) struct Proof {
    pub(crate) hash: [u8; 32],
    pub(crate) scram: ScramKeys,
}

/// The hasher and its memory.
pub(crate) struct Passwords {
    permits: Arc<Semaphore>,
    memory: Mutex<HashMap<[u8; 32], Remembered>>,
    /// Keys the memory, and salts the tries for unknown names.
    key: [u8; 32],
}

struct Remembered {
    credential: CredentialId,
    hash: [u8; 32],
    at: Instant,
}

impl Passwords {
    pub(crate) fn new() -> Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let permits = Arc::new(Semaphore::new(cores));
        Ok(Self { permits, memory: Mutex::default(), key: random()? })
    }

    /// The hash of a password under a salt.
    pub(crate) async fn hash(&self, password: Zeroizing<String>, salt: [u8; 16]) -> Result<[u8; 32]> {
        self.compute(move || argon2id(&password, &salt)).await
    }

    /// The SCRAM keys of a prepared password.
    pub(crate) async fn scram(&self, password: Zeroizing<String>, salts: Salts) -> Result<ScramKeys> {
        self.compute(move || ScramKeys::derive(&password, &salts.scram, salts.iterations)).await
    }

    /// All that is kept of a prepared password.
    pub(crate) async fn prove(&self, password: Zeroizing<String>, salts: Salts) -> Result<Proof> {
        self.compute(move || {
            let hash = argon2id(&password, &salts.argon2)?;
            Ok(Proof { hash, scram: ScramKeys::derive(&password, &salts.scram, salts.iterations)? })
        })
        .await
    }

    /// Computes off the asynchronous threads, on as many cores as there are.
    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permits = Arc::clone(&self.permits);
        let permit =
            permits.acquire_owned().await.map_err(|_| Error::Unavailable("the store is closed".into()))?;
        let task = tokio::task::spawn_blocking(move || {
            // Held to the end of the computation, also when nobody waits for it any more.
            let _permit = permit;
            work()
        });
        task.await.map_err(|error| Error::Bug(format!("hashing ended early: {error}")))?
    }

    /// Which of the credentials has this password. `account` is `None` for an unknown name.
    pub(crate) async fn verify(
        &self,
        name: &str,
        password: Zeroizing<String>,
        account: Option<([u8; 16], Vec<Known>)>,
    ) -> Result<Option<Known>> {
        let (salt, known) = account.unwrap_or_else(|| (self.dummy_salt(), Vec::new()));
        let key = self.memory_key(name, &password);
        if let Some(remembered) = self.recall(&key, &known) {
            return Ok(Some(remembered));
        }
        let hash = self.hash(password, salt).await?;
        let mut right = None;
        // No early end: the time must not tell which of them it was.
        for credential in known {
            if verify_slices_are_equal(&credential.hash, &hash).is_ok() {
                right = Some(credential);
            }
        }
        if let Some(right) = &right {
            self.remember(key, right);
        }
        Ok(right)
    }

    fn recall(&self, key: &[u8; 32], known: &[Known]) -> Option<Known> {
        let mut memory = self.memory.lock();
        let found = memory.get(key)?;
        let still = known
            .iter()
            .find(|credential| credential.id == found.credential && credential.hash == found.hash);
        match still {
            Some(credential) if found.at.elapsed() < REMEMBERED => Some(credential.clone()),
            _ => {
                memory.remove(key);
                None
            }
        }
    }

    fn remember(&self, key: [u8; 32], credential: &Known) {
        let mut memory = self.memory.lock();
        if memory.len() >= REMEMBERED_MAX {
            memory.retain(|_, remembered| remembered.at.elapsed() < REMEMBERED);
        }
        // Still full: forget everything rather than grow. It costs one hash each.
        if memory.len() >= REMEMBERED_MAX {
            memory.clear();
        }
        memory
            .insert(key, Remembered { credential: credential.id, hash: credential.hash, at: Instant::now() });
    }

    fn memory_key(&self, name: &str, password: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(name.to_ascii_lowercase().as_bytes()).update(&[0]).update(password.as_bytes());
        *hasher.finalize().as_bytes()
    }

    fn dummy_salt(&self) -> [u8; 16] {
        self.key.first_chunk().copied().unwrap_or_default()
    }
}

/// A password as it is hashed (RFC 4013); one that can't be prepared, as it is.
pub(crate) fn prepared(password: &str) -> Zeroizing<String> {
    Zeroizing::new(stringprep::saslprep(password).map_or_else(|_| password.to_owned(), String::from))
}

fn argon2id(password: &str, salt: &[u8; 16]) -> Result<[u8; 32]> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(32)).map_err(failed)?;
    let mut hash = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut hash)
        .map_err(failed)?;
    Ok(hash)
}

/// Random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::Unavailable("no randomness".into()))?;
    Ok(bytes)
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Bug(format!("argon2: {error}"))
}

/// The parameters below, as the database names them. A change of them is a new number.
pub(crate) const SCHEME: u8 = 1;
/// OWASP's first choice for Argon2id: 19 MiB, two passes.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const REMEMBERED: Duration = Duration::from_secs(600);
const REMEMBERED_MAX: usize = 20_000;
/// The longest password, in bytes.
pub(crate) const PASSWORD_BYTES_MAX: usize = 1000;
