//! The data directory: made with mode 0700, held by one server at a time, and the files in it that are secret.
//!
//! Invariants:
//! - While a [`Lock`] lives, no other process holds one on the same directory. The kernel drops it with the process,
//!   so that no crash leaves one behind.
//! - A secret file has mode 0600 from its first byte on, is complete or absent, and is on disk when
//!   [`write_secret`] returns.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use rustix::process::Pid;

#[cfg(test)]
mod tests;

/// The right to serve a data directory.
#[derive(Debug)]
pub(crate) struct Lock {
    /// Held for its lock, which ends when it is closed.
    _file: File,
}

impl Lock {
    /// Makes the directory if need be and takes the lock, without waiting for it.
    pub(crate) fn take(data_dir: &Path) -> anyhow::Result<Self> {
        make(data_dir)?;
        let path = data_dir.join(LOCK_FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let holder = match file.read_to_string(&mut holder) {
                    Ok(_) if !holder.trim().is_empty() => format!(" (process {})", holder.trim()),
                    _ => String::new(),
                };
                bail!("another mailbell{holder} holds {}; stop it first", data_dir.display());
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { _file: file })
    }
}

/// The process that serves this data directory now, if there is one.
pub(crate) fn holder(data_dir: &Path) -> anyhow::Result<Option<Pid>> {
    let path = data_dir.join(LOCK_FILE);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    match file.try_lock_shared() {
        Ok(()) => return Ok(None),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    let mut number = String::new();
    file.read_to_string(&mut number).with_context(|| format!("cannot read {}", path.display()))?;
    let pid = number.trim().parse().ok().and_then(Pid::from_raw);
    pid.map(Some).with_context(|| format!("{} does not say which process holds it", path.display()))
}

/// Makes a directory that only we can read, with its parents, if it is not there.
pub(crate) fn make(directory: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .with_context(|| format!("cannot make the directory {}", directory.display()))
}

/// Writes a file that only we can read, in one step: it replaces the one of that name, if there is one.
pub(crate) fn write_secret(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let directory = path.parent().context("a secret file lies in a directory")?;
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix(".secret-")
            .permissions(std::fs::Permissions::from_mode(0o600))
            .tempfile_in(directory)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(directory)?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Reads a secret file, or `None` if there is none. Refused if others can read it too.
pub(crate) fn read_secret(path: &Path) -> anyhow::Result<Option<zeroize::Zeroizing<String>>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let mode =
        file.metadata().with_context(|| format!("cannot look at {}", path.display()))?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!(
            "{path} can be read by others (mode {:04o}): chmod 600 {path}",
            mode & 0o7777,
            path = path.display()
        );
    }
    let mut content = zeroize::Zeroizing::new(String::new());
    file.read_to_string(&mut content).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Some(content))
}

const LOCK_FILE: &str = "lock";
