//! `mailbell serve` and `mailbell push-service`: starts the [`server::Server`], obeys signals, and ends it in order.
//!
//! SIGTERM or SIGINT: no new connection, what is under way may finish, exit code 0; a second one ends at once.
//! SIGHUP: certificates, VAPID keys and the log level are read again; connections stay.

mod apple;
pub(crate) mod listener;
pub(crate) mod parts;
pub(crate) mod server;
pub(crate) mod signal;
mod signing_keys;
mod sockets;
mod status;
pub(crate) mod submission;
mod web;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use sd_notify::NotifyState;

use crate::config::{Config, Loaded};
use crate::logging::Logging;
use server::Server;
use signal::{Request, Signals};

/// What a process serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Mail, and the push service beside it if it listens.
    MailServer,
    /// The push service alone.
    PushService,
}

/// Serves until it is told to stop. `file` is the configuration file that SIGHUP reads again.
pub(crate) async fn run(role: Role, file: Option<&Path>, loaded: Loaded) -> anyhow::Result<ExitCode> {
    let logging = Logging::start(&loaded.config.log)?;
    for name in &loaded.unknown_variables {
        tracing::warn!(name, "a variable that begins like ours names no configuration key");
    }
    let mut signals = Signals::new()?;
    raise_descriptor_limit();
    let mut server = match role {
        Role::MailServer => Server::start(&loaded.config).await?,
        Role::PushService => Server::start_push_service_alone(&loaded.config).await?,
    };
    tell(&[NotifyState::Ready]);

    let ended = loop {
        tokio::select! {
            request = signals.next() => match request {
                Request::Stop => break Ok(()),
                Request::Reload => reload(file, &logging, &server).await,
            },
            ended = server.part_ended() => break Err(ended),
        }
    };

    tell(&[NotifyState::Stopping]);
    tracing::info!("stopping: no new connections, a second signal ends at once");
    tokio::select! {
        () = server.stop() => {}
        () = signals.next_stop() => {
            tracing::warn!("stopped at once by a second signal");
            return Ok(ExitCode::FAILURE);
        }
    }
    tracing::info!("stopped");
    ended.map(|()| ExitCode::SUCCESS)
}

/// Whatever can't be read again stays as it was.
async fn reload(file: Option<&Path>, logging: &Logging, server: &Server) {
    let read = async {
        let config = Config::load(file)?.config;
        logging.set_level(&config.log)?;
        server.reload(&config).await
    };
    match read.await {
        Ok(()) => tracing::info!("certificates, VAPID keys and log level were read again"),
        Err(error) => tracing::error!(error = format!("{error:#}"), "cannot reload; what was in force stays"),
    }
}

/// Tells systemd, if it started us.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "cannot tell the service manager");
    }
}

/// Every connection is a descriptor; the soft limit of 1,024 is for programs that use `select(2)`.
pub(crate) fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised).context("setrlimit") {
        tracing::warn!(%error, current = limit.current, "cannot raise the limit of open files");
    }
}
