//! The command line: what can be typed, and its help texts. What a command does is in [`crate::command`].

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::config::CONFIG_VARIABLE;

/// A mail server whose first job is to tell devices what changed.
#[derive(Debug, Parser)]
#[command(name = "mailbell", version, propagate_version = true, max_term_width = 110)]
pub(crate) struct Cli {
    /// The configuration file [default: mailbell.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE", env = CONFIG_VARIABLE)]
    pub(crate) config: Option<PathBuf>,

    /// What to do
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read the configuration and tell what is wrong with it, by line
    #[command(after_help = "Example:\n  mailbell check-config --config /etc/mailbell/mailbell.toml")]
    CheckConfig {
        /// Print the name of every key and of its environment variable
        #[arg(long)]
        keys: bool,
    },
}
