//! The store as commands open it, beside a server that may be running: SQLite lets a second process write, and the
//! server sees what was written at its next read.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use store::{Account, Options, Store};

use crate::config::Config;

/// Opens the store, making it if there is none.
pub(crate) async fn open(config: &Config) -> anyhow::Result<Store> {
    let options = Options { data_dir: config.data_dir.clone(), readers: 1 };
    Ok(Store::open(options, bus::Bus::new()).await?)
}

/// The account of that name: as typed, or with our hostname behind it.
pub(crate) async fn account(store: &Store, config: &Config, name: &str) -> anyhow::Result<Account> {
    let full = format!("{name}@{}", config.hostname);
    for candidate in [name, &full] {
        if let Some(account) = store.account_named(candidate).await? {
            return Ok(account);
        }
    }
    bail!("there is no account {name}");
}

/// `mailbell store check`.
pub(crate) async fn check(config: &Config) -> anyhow::Result<ExitCode> {
    let store = open(config).await?;
    let report = store.check().await.context("the check could not be finished")?;
    for problem in &report.problems {
        println!("{problem}");
    }
    println!(
        "{} accounts and {} messages checked, {} problems found.",
        report.accounts,
        report.messages,
        report.problems.len()
    );
    store.close().await?;
    Ok(if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
