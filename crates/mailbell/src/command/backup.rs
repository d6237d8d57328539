//! `mailbell backup`: the store, the VAPID keys and the development certificate, in one directory that `restore`
//! takes. The push service's own storage is in it too when it lies in the data directory.

use std::path::Path;

use anyhow::{Context as _, bail};

use super::store as opened;
use crate::config::Config;
use crate::data_dir;

/// Copies everything that a restore needs to `directory`.
pub(crate) async fn run(config: &Config, directory: &Path) -> anyhow::Result<()> {
    let is_empty = match std::fs::read_dir(directory) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(error).with_context(|| format!("cannot look into {}", directory.display())),
    };
    if !is_empty {
        bail!("{} is not empty; a backup needs a directory of its own", directory.display());
    }
    data_dir::make(directory)?;
    let store = opened::open(config).await?;
    store.backup(directory.to_owned()).await.context("the backup could not be finished")?;
    store.close().await?;
    println!("Copied {} to {}.", config.data_dir.display(), directory.display());
    Ok(())
}
