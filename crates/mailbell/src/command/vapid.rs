//! `mailbell vapid`: the key that pushes are signed with. A running server is told by SIGHUP.

use anyhow::{Context as _, bail};

use super::store as opened;
use crate::cli::VapidCommand;
use crate::config::Config;
use crate::data_dir;
use crate::vapid_keys::{VapidKeys, public};

/// Runs one of the vapid commands.
pub(crate) async fn run(config: &Config, command: VapidCommand) -> anyhow::Result<()> {
    match command {
        VapidCommand::Show => {
            let keys = VapidKeys::load_or_make(&config.data_dir)?;
            println!("{}", public(&keys.current));
            if let Some(previous) = &keys.previous {
                eprintln!("The key before still serves the devices that know it: {}", public(previous));
            }
            Ok(())
        }
        VapidCommand::Rotate => rotate(config).await,
        VapidCommand::Drop => drop_previous(config).await,
    }
}

async fn rotate(config: &Config) -> anyhow::Result<()> {
    let before = VapidKeys::load_or_make(&config.data_dir)?;
    if before.previous.is_some() {
        bail!("the key before this one is still in use; drop it first: mailbell vapid drop");
    }
    let store = opened::open(config).await?;
    let keys = VapidKeys::rotate(&config.data_dir)?;
    // A running server tells the store once more when it reads the keys: what it did meanwhile was under the old key.
    let told = store.rotate_vapid(&public(&before.current), &public(&keys.current)).await.context(
        "the new key is in place, but the store could not be told; run a SIGHUP or restart the server",
    )?;
    store.close().await?;
    tell_server(config)?;
    println!("{}", public(&keys.current));
    eprintln!("{told} devices will be told. Drop the old key when they have had time: mailbell vapid drop");
    Ok(())
}

async fn drop_previous(config: &Config) -> anyhow::Result<()> {
    let store = opened::open(config).await?;
    let Some(previous) = VapidKeys::drop_previous(&config.data_dir)? else {
        bail!("there is no old key");
    };
    tell_server(config)?;
    let deactivated = store.drop_vapid(&public(&previous)).await.context("the store could not be told")?;
    store.close().await?;
    println!("Dropped the old key; {deactivated} devices have to register again.");
    Ok(())
}

fn tell_server(config: &Config) -> anyhow::Result<()> {
    let Some(server) = data_dir::holder(&config.data_dir)? else { return Ok(()) };
    rustix::process::kill_process(server, rustix::process::Signal::HUP)
        .with_context(|| format!("cannot tell the server (process {server}) to read its keys again"))
}
