//! One file for each command of the command line.

mod account;
mod app_password;
mod backup;
mod bench;
mod check_config;
mod import;
mod listen;
mod password;
mod push_send;
mod stats;
mod store;
mod subscription;
mod vapid;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::{Cli, Command, PushCommand, PushServiceCommand, StoreCommand};
use crate::config::{Config, Loaded};
use crate::demo;
use crate::serve::{self, Role};

/// Runs what was typed.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let loaded = Config::load(cli.config.as_deref())?;
    let file = cli.config;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(dispatch(cli.command, file.as_deref(), loaded))
}

async fn dispatch(command: Command, file: Option<&Path>, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let config = &loaded.config;
    match command {
        Command::Serve => return serve::run(Role::MailServer, file, loaded).await,
        Command::PushService { command: None } => return serve::run(Role::PushService, file, loaded).await,
        Command::PushService { command: Some(PushServiceCommand::Stats { json }) } => {
            stats::run(config, json).await?;
        }
        Command::Push(PushCommand::Send(arguments)) => return push_send::run(config, arguments).await,
        Command::Demo { once } => return demo::run(once).await,
        Command::Listen(arguments) => listen::run(config, arguments).await?,
        Command::Vapid(command) => vapid::run(config, command).await?,
        Command::Account(command) => account::run(config, command).await?,
        Command::AppPassword(command) => app_password::run(config, command).await?,
        Command::Subscription(command) => subscription::run(config, command).await?,
        Command::Store(StoreCommand::Check) => return store::check(config).await,
        Command::Import(arguments) => import::run(config, arguments).await?,
        Command::Backup { directory } => backup::backup(config, &directory).await?,
        Command::Restore { directory } => backup::restore(config, &directory).await?,
        Command::Bench(options) => bench::run(options).await?,
        Command::CheckConfig { keys } => return check_config::run(&loaded, keys),
    }
    Ok(ExitCode::SUCCESS)
}

/// A time for people, in UTC.
fn shown_time(time: ::store::UnixTime) -> String {
    let seconds = u64::try_from(time.0).unwrap_or_default();
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds))
}
