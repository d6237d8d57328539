//! Mailbell, a mail server whose first job is to tell devices what changed.
//!
//! The binary: reads the command line and the configuration, wires the parts to each other and to sockets, and
//! holds no rule of any protocol. Each command is a file in [`command`].

mod cli;
mod command;
mod config;
mod data_dir;
mod demo;
mod import;
mod logging;
mod serve;
mod tls;
mod vapid_keys;

use std::process::ExitCode;

use clap::Parser as _;

use cli::Cli;

// Its background threads give back the pages of connections that have closed even when nothing else happens.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match command::run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("mailbell: {error:#}");
            ExitCode::FAILURE
        }
    }
}
