//! `mailbell listen --unifiedpush`: the UnifiedPush distributor of a desktop.
//!
//! Applications register over D-Bus and get endpoints at the push service; their messages go through the spool to them.
//! State, registrations and spool lie beside each other and survive restarts.

use std::sync::Arc;
use std::time::Duration;

use agent::agent::Options;
use agent::gateway::hub::Gateway;
use agent::gateway::spool::{Limits, Spool};
use agent::state::StateStore;
use agent::unifiedpush::distributor::Distributor;
use agent::unifiedpush::registrations::Registrations;
use anyhow::{Context as _, bail};

use super::{service, state_file, system_and};
use crate::cli::ListenArguments;
use crate::config::Config;
use crate::logging::Logging;
use crate::serve::signal::{Request, Signals};

/// Runs the distributor until SIGINT or SIGTERM, or until the bus is gone.
pub(crate) async fn run(config: &Config, arguments: &ListenArguments) -> anyhow::Result<()> {
    let state = match &arguments.state {
        Some(file) => file.clone(),
        None => state_file("unifiedpush.json")?,
    };
    let service = service(config, arguments)?;
    let trust = system_and(arguments.ca.as_deref())?;
    let _logging = Logging::start(&config.log)?;
    let mut signals = Signals::new()?;
    let registrations = Registrations::load(&state.with_extension("registrations"))?;
    let spool = Arc::new(Spool::open(&state.with_extension("spool"), Limits::default())?);
    let options = Options::new(&service, trust, StateStore::file(state)).with_context(|| service.clone())?;
    let gateway = Gateway::start(options, spool)?;
    let distributor = Distributor::start(gateway, registrations, BUS_NAME).await?;
    tracing::info!(name = BUS_NAME, "serving applications on the session bus");
    let is_bus_lost = loop {
        tokio::select! {
            request = signals.next() => if request == Request::Stop { break false },
            () = distributor.bus_lost() => break true,
        }
    };
    if is_bus_lost {
        bail!("the session bus is gone");
    }
    if let Some(gateway) = distributor.stop().await {
        tokio::select! {
            () = gateway.drain(DRAIN_PATIENCE) => {}
            () = signals.next_stop() => {}
        }
    }
    Ok(())
}

const BUS_NAME: &str = "org.unifiedpush.Distributor.mailbell";
/// For handing on what is in the spool at the end.
const DRAIN_PATIENCE: Duration = Duration::from_secs(10);
