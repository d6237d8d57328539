//! `mailbell app-password`: passwords for one device or program, which can be revoked by themselves.

use anyhow::{Context as _, bail};
use store::CredentialKind;
use zeroize::Zeroizing;

use super::{password, store as opened};
use crate::cli::AppPasswordCommand;
use crate::config::Config;

/// Runs one of the app-password commands.
pub(crate) async fn run(config: &Config, command: AppPasswordCommand) -> anyhow::Result<()> {
    let store = opened::open(config).await?;
    match command {
        AppPasswordCommand::Add { name, label, password_stdin } => {
            let account = opened::account(&store, config, &name).await?;
            let password = if password_stdin { password::from_stdin()? } else { made_up() };
            store
                .add_app_password(account.id, &label, &password)
                .await
                .with_context(|| format!("cannot add the password {label}"))?;
            if password_stdin {
                println!("Added the password {label} to {}.", account.name);
            } else {
                println!("{}", *password);
                eprintln!("Added the password {label} to {}; it is not shown again.", account.name);
            }
        }
        AppPasswordCommand::List { name } => {
            let account = opened::account(&store, config, &name).await?;
            for credential in store.credentials(account.id).await? {
                let used = credential.last_used_at.map_or_else(|| "never".to_owned(), super::shown_time);
                println!(
                    "{:24} made {}  last used {used}",
                    credential.name,
                    super::shown_time(credential.created_at)
                );
            }
        }
        AppPasswordCommand::Revoke { name, label } => {
            let account = opened::account(&store, config, &name).await?;
            let credentials = store.credentials(account.id).await?;
            let Some(credential) = credentials.iter().find(|credential| credential.name == label) else {
                bail!("{} has no password {label}", account.name);
            };
            if credential.kind == CredentialKind::Main {
                bail!("{label} is the main password; change it with: mailbell account password {name}");
            }
            store.revoke_credential(account.id, credential.id).await.context("cannot revoke it")?;
            println!("Revoked the password {label} of {}, with its push subscriptions.", account.name);
        }
    }
    store.close().await?;
    Ok(())
}

/// 122 random bits in groups of four that can be typed on a phone.
fn made_up() -> Zeroizing<String> {
    let digits = Zeroizing::new(uuid::Uuid::new_v4().simple().to_string());
    let mut grouped = Zeroizing::new(String::with_capacity(40));
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && index % 4 == 0 {
            grouped.push('-');
        }
        grouped.push(digit);
    }
    grouped
}
