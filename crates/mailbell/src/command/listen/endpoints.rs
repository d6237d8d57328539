//! `mailbell listen --gateway FILE --endpoints`: what application servers need to know, as one JSON object by the names of
//! the subscriptions.
//!
//! Subscriptions that the state knows are printed from there, whether the gateway runs or not. For the others this command
//! subscribes itself, if no gateway runs; a running one has to read its file first (SIGHUP). A mail account's subscription
//! is made with its server and needs no handing out; it is printed once it is there.

use std::collections::BTreeMap;
use std::path::Path;

use agent::agent::{Agent, Form, Subscription};
use agent::gateway::spool::{Spool, SpoolError};
use agent::state::StateStore;
use anyhow::{Context as _, bail};

use super::gateway::{options, places};
use crate::config::gateway;
use crate::config::gateway::{Fixed, GatewayFile, PushedBy};

/// Prints them.
pub(crate) async fn run(file: &Path) -> anyhow::Result<()> {
    let loaded = GatewayFile::load(file)?;
    let mut known = published(&loaded.fixed)?;
    let is_missing = |wanted: &&gateway::Subscription| {
        matches!(wanted.source, PushedBy::Anybody { .. }) && !known.contains_key(&wanted.name)
    };
    let missing: Vec<&gateway::Subscription> = loaded.subscriptions.iter().filter(is_missing).collect();
    if !missing.is_empty() {
        subscribe(&loaded.fixed, &missing).await?;
        known = published(&loaded.fixed)?;
    }
    let mut told = serde_json::Map::new();
    for wanted in &loaded.subscriptions {
        let Some(subscription) = known.get(&wanted.name) else { continue };
        let mut json = subscription.to_json();
        if let (PushedBy::Anybody { is_raw: true, .. }, Some(object)) = (&wanted.source, json.as_object_mut())
        {
            // Whoever is handed the messages has keys of its own.
            object.remove("keys");
        }
        told.insert(wanted.name.clone(), json);
    }
    println!("{}", serde_json::to_string_pretty(&told)?);
    Ok(())
}

fn published(fixed: &Fixed) -> anyhow::Result<BTreeMap<String, Subscription>> {
    let (state, _) = places(fixed)?;
    let service = options(fixed, state.clone())?.url.to_string();
    let state = StateStore::file(state).load()?.for_service(&service);
    state.published().context("the keys in the state")
}

/// Subscribes while no gateway does.
async fn subscribe(fixed: &Fixed, missing: &[&gateway::Subscription]) -> anyhow::Result<()> {
    let (state, spool) = places(fixed)?;
    let names: Vec<&str> = missing.iter().map(|wanted| wanted.name.as_str()).collect();
    let _only_one = match Spool::open(&spool, fixed.limits) {
        Ok(spool) => spool,
        Err(SpoolError::InUse(_)) => {
            bail!("the gateway runs and does not know {} yet: send it SIGHUP, or wait", names.join(", "))
        }
        Err(error) => return Err(error.into()),
    };
    let (agent, events) =
        Agent::connect(options(fixed, state)?).await.with_context(|| fixed.service.clone())?;
    for wanted in missing {
        if let PushedBy::Anybody { vapid, is_raw } = &wanted.source {
            let form = if *is_raw { Form::Ciphertext } else { Form::Cleartext };
            agent.subscribe_for(form, &wanted.name, *vapid).await.with_context(|| wanted.name.clone())?;
        }
    }
    events.close(agent).await;
    Ok(())
}
