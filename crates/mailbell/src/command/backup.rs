//! `mailbell backup` and `mailbell restore`: the store, the VAPID keys, the development certificate and the push service's
//! storage, in one directory.
//!
//! Invariants:
//! - A backup is made beside a running server; each database in it is one snapshot.
//! - A restore never writes over data, and is not done while a server runs. Clients are told that their caches are void:
//!   the store raises its epoch and every UIDVALIDITY.

use std::path::Path;

use anyhow::{Context as _, bail};
use push_service::storage::sqlite;

use super::store as opened;
use crate::config::Config;
use crate::data_dir;
use crate::serve::parts::PUSH_SERVICE_DIRECTORY;

/// Copies everything that a restore needs to `directory`.
pub(crate) async fn backup(config: &Config, directory: &Path) -> anyhow::Result<()> {
    if !is_empty(directory)? {
        bail!("{} is not empty; a backup needs a directory of its own", directory.display());
    }
    data_dir::make(directory)?;
    let store = opened::open(config).await?;
    store.backup(directory.to_owned()).await.context("the backup could not be finished")?;
    store.close().await?;
    copy_beside(&config.data_dir, directory)?;
    println!("Copied {} to {}.", config.data_dir.display(), directory.display());
    Ok(())
}

/// Makes the data directory from a backup.
pub(crate) async fn restore(config: &Config, directory: &Path) -> anyhow::Result<()> {
    let data_dir = &config.data_dir;
    if let Some(process) = data_dir::holder(data_dir)? {
        bail!("another mailbell (process {process}) holds {}; stop it first", data_dir.display());
    }
    if !is_empty(data_dir)? {
        bail!("there is data in {}; move it away first", data_dir.display());
    }
    data_dir::make(data_dir)?;
    store::restore(directory.to_owned(), data_dir.clone())
        .await
        .with_context(|| format!("cannot restore from {}", directory.display()))?;
    copy_beside(directory, data_dir)?;
    println!("Restored {} from {}.", data_dir.display(), directory.display());
    println!("Clients will read their mailboxes anew: UIDVALIDITY was raised.");
    Ok(())
}

/// What lies beside the store: keys, which stay secret, and the push service's storage.
fn copy_beside(from: &Path, to: &Path) -> anyhow::Result<()> {
    for directory in ["tls", PUSH_SERVICE_DIRECTORY] {
        if from.join(directory).is_dir() {
            data_dir::make(&to.join(directory))?;
        }
    }
    let token_key = format!("{PUSH_SERVICE_DIRECTORY}/token.key");
    let secrets =
        ["vapid.pem", "vapid-previous.pem", "tls/development.pem", "tls/development.key", &token_key];
    for file in secrets.map(Path::new) {
        let source = from.join(file);
        match std::fs::read(&source) {
            Ok(content) => data_dir::write_secret(&to.join(file), &content)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", source.display())),
        }
    }
    let storage = Path::new(PUSH_SERVICE_DIRECTORY).join("push.sqlite");
    if from.join(&storage).exists() {
        sqlite::copy(&from.join(&storage), &to.join(&storage))
            .context("cannot copy the push service's storage")?;
    }
    Ok(())
}

fn is_empty(directory: &Path) -> anyhow::Result<bool> {
    match std::fs::read_dir(directory) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error).with_context(|| format!("cannot look into {}", directory.display())),
    }
}
