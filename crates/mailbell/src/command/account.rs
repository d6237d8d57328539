//! `mailbell account`: accounts, their main passwords, aliases and quotas.

use std::io::{BufRead as _, IsTerminal as _};

use anyhow::{Context as _, bail};
use store::{Account, NewAccount, Store};

use super::{password, store as opened};
use crate::cli::{AccountCommand, AliasCommand};
use crate::config::Config;

/// Runs one of the account commands.
pub(crate) async fn run(config: &Config, command: AccountCommand) -> anyhow::Result<()> {
    let store = opened::open(config).await?;
    match command {
        AccountCommand::Add { name, quota, password } => {
            if store.account_named(&name).await?.is_some() {
                bail!("{name} exists already, as an account or an alias");
            }
            let password = password::new(password, &name)?;
            let new = NewAccount { name: &name, password: &password, quota_bytes: quota };
            let account = store.create_account(new).await.with_context(|| format!("cannot make {name}"))?;
            println!("Made the account {}.", account.name);
        }
        AccountCommand::List { json } => list(&store, json).await?,
        AccountCommand::Remove { name, yes } => {
            let account = opened::account(&store, config, &name).await?;
            if !yes && !is_confirmed(&account)? {
                bail!("nothing was removed");
            }
            store.remove_account(account.id).await.with_context(|| format!("cannot remove {name}"))?;
            println!("Removed the account {} with all its mail.", account.name);
        }
        AccountCommand::Password { name, password } => {
            let account = opened::account(&store, config, &name).await?;
            let password = password::new(password, &account.name)?;
            store.set_password(account.id, &password).await.context("cannot set the password")?;
            println!("Changed the password of {}.", account.name);
        }
        AccountCommand::Alias(command) => alias(&store, config, command).await?,
        AccountCommand::Quota { name, quota } => {
            let account = opened::account(&store, config, &name).await?;
            store.set_quota(account.id, quota).await.context("cannot set the quota")?;
            println!("The quota of {} is {}.", account.name, shown(quota));
        }
    }
    store.close().await?;
    Ok(())
}

async fn alias(store: &Store, config: &Config, command: AliasCommand) -> anyhow::Result<()> {
    match command {
        AliasCommand::Add { name, alias } => {
            let account = opened::account(store, config, &name).await?;
            store.add_alias(account.id, &alias).await.with_context(|| format!("cannot add {alias}"))?;
            println!("Mail for {alias} goes to {}.", account.name);
        }
        AliasCommand::Remove { name, alias } => {
            let account = opened::account(store, config, &name).await?;
            store.remove_alias(account.id, &alias).await.with_context(|| format!("cannot remove {alias}"))?;
            println!("Mail for {alias} no longer goes to {}.", account.name);
        }
    }
    Ok(())
}

async fn list(store: &Store, json: bool) -> anyhow::Result<()> {
    for account in store.accounts().await? {
        if json {
            let line = serde_json::json!({
                "name": account.name,
                "aliases": account.aliases,
                "created_at": account.created_at.0,
                "used_bytes": account.used_bytes,
                "quota_bytes": account.quota_bytes,
            });
            println!("{line}");
        } else {
            let aliases = match account.aliases.as_slice() {
                [] => String::new(),
                aliases => format!("  also {}", aliases.join(", ")),
            };
            println!(
                "{:32} {:>10} of {}{aliases}",
                account.name,
                indicatif::BinaryBytes(account.used_bytes).to_string(),
                shown(account.quota_bytes)
            );
        }
    }
    Ok(())
}

fn is_confirmed(account: &Account) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("say --yes to remove {} without being asked", account.name);
    }
    eprint!("Remove {} with all its mail, for good? Type its name: ", account.name);
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).context("cannot read the answer")?;
    Ok(answer.trim() == account.name)
}

fn shown(quota_bytes: Option<u64>) -> String {
    quota_bytes.map_or_else(|| "unlimited".to_owned(), |bytes| indicatif::BinaryBytes(bytes).to_string())
}
