//! The VAPID keys in the data directory: the one in use, and the one before it while devices still learn of the new.
//!
//! Files: `vapid.pem` and `vapid-previous.pem`, PKCS #8, mode 0600. RFC 8292 §2.
//!
//! Invariant: the key in use is on disk before anybody is told of it, so that no crash makes a device wait for
//! pushes under a key that is gone.

use std::path::Path;

use anyhow::Context as _;
use webpush::vapid::key::SigningKey;

use crate::data_dir;

#[cfg(test)]
mod tests;

/// The keys that the server signs with.
pub(crate) struct VapidKeys {
    /// The one that devices are told about.
    pub(crate) current: SigningKey,
    /// The one before, until it is dropped.
    pub(crate) previous: Option<SigningKey>,
    /// Whether `current` was made by this call.
    pub(crate) is_new: bool,
}

impl VapidKeys {
    /// Reads the keys; makes the first one if there is none.
    pub(crate) fn load_or_make(data_dir: &Path) -> anyhow::Result<Self> {
        let previous = read(&data_dir.join(PREVIOUS_FILE))?;
        let found = read(&data_dir.join(CURRENT_FILE))?;
        let is_new = found.is_none();
        let current = match found {
            Some(key) => key,
            None => {
                data_dir::make(data_dir)?;
                make(data_dir)?
            }
        };
        Ok(Self { current, previous, is_new })
    }

    /// Puts a new key in place and keeps the old one as the previous; one before that is dropped.
    pub(crate) fn rotate(data_dir: &Path) -> anyhow::Result<Self> {
        let old = Self::load_or_make(data_dir)?.current;
        let pem = old.to_pem().context("cannot export the VAPID key")?;
        data_dir::write_secret(&data_dir.join(PREVIOUS_FILE), pem.as_bytes())?;
        let current = make(data_dir)?;
        Ok(Self { current, previous: Some(old), is_new: true })
    }

    /// Removes the previous key, if there is one, and returns it.
    pub(crate) fn drop_previous(data_dir: &Path) -> anyhow::Result<Option<SigningKey>> {
        let path = data_dir.join(PREVIOUS_FILE);
        let Some(key) = read(&path)? else { return Ok(None) };
        std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        Ok(Some(key))
    }
}

/// The public key as devices know it: 87 characters of base64url, RFC 8292 §3.2.
pub(crate) fn public(key: &SigningKey) -> String {
    key.public_key().to_base64url()
}

fn make(data_dir: &Path) -> anyhow::Result<SigningKey> {
    let key = SigningKey::generate().context("cannot make a VAPID key")?;
    let pem = key.to_pem().context("cannot export the VAPID key")?;
    data_dir::write_secret(&data_dir.join(CURRENT_FILE), pem.as_bytes())?;
    Ok(key)
}

fn read(path: &Path) -> anyhow::Result<Option<SigningKey>> {
    let Some(pem) = data_dir::read_secret(path)? else { return Ok(None) };
    SigningKey::from_pem(&pem).map(Some).with_context(|| format!("{} holds no VAPID key", path.display()))
}

const CURRENT_FILE: &str = "vapid.pem";
const PREVIOUS_FILE: &str = "vapid-previous.pem";
