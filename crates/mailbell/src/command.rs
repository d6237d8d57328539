//! One file for each command of the command line.

mod check_config;

use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::config::Config;

/// Runs what was typed.
pub(crate) fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    let loaded = Config::load(cli.config.as_deref())?;
    match &cli.command {
        Command::CheckConfig { keys } => check_config::run(&loaded, *keys),
    }
}
