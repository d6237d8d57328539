//! `mailbell listen`: a user agent on the command line. It holds a connection to a push service, has a mail server push to
//! it through IMAP WEBPUSH, and prints each push, or runs a command for it (`--exec 'mbsync -a'`).
//!
//! A push is acknowledged when it has been printed and its command has ended well, so that nothing is lost when this
//! program or its command fails: it comes again.
//!
//! [`gateway`] and [`unifiedpush`] are two other ways to listen: for many subscriptions, and for the desktop.

mod endpoints;
mod gateway;
mod unifiedpush;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use agent::agent::{Agent, Delivery, Event, Options, Push, Subscription};
use agent::exec::Runner;
use agent::imap::registration::{Account, needs_registration, register};
use agent::pushed;
use agent::state::StateStore;
use agent::trust::Trust;
use anyhow::{Context as _, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use super::password;
use crate::cli::ListenArguments;
use crate::config::Config;
use crate::serve::parts;

/// Listens until SIGINT or SIGTERM.
pub(crate) async fn run(config: &Config, arguments: ListenArguments) -> anyhow::Result<()> {
    match &arguments.gateway {
        Some(file) if arguments.endpoints => endpoints::run(file).await,
        Some(file) => gateway::run(config, file).await,
        None if arguments.unifiedpush => unifiedpush::run(config, &arguments).await,
        None => listen(config, arguments).await,
    }
}

/// For one subscription, which is printed or a command's.
async fn listen(config: &Config, arguments: ListenArguments) -> anyhow::Result<()> {
    let trust = system_and(arguments.ca.as_deref())?;
    let account = account(&arguments, trust.clone())?;
    let state = match &arguments.state {
        Some(file) => file.clone(),
        None => state_file("agent.json")?,
    };
    let service = service(config, &arguments)?;
    let options = Options::new(&service, trust, StateStore::file(state)).with_context(|| service.clone())?;
    let (agent, mut events) = Agent::connect(options).await.with_context(|| service.clone())?;
    match &account {
        Some(account) => enrol(account, &agent).await?,
        None => announce(&agent.subscribe(SUBSCRIPTION, None).await?, arguments.json),
    }

    let runner = arguments.exec.as_deref().map(|line| Runner::shell(line, COMMAND_PATIENCE));
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut waiting = JoinSet::new();
    let runner = runner.map(std::sync::Arc::new);
    loop {
        let event = tokio::select! {
            event = events.next() => event.context("the user agent ended")?,
            Some(_) = waiting.join_next() => continue,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        };
        if let Some(account) = account.as_ref().filter(|_| needs_registration(&event)) {
            enrol(account, &agent).await?;
        }
        match event {
            Event::Push(delivery) => {
                if !pushed::is_token(&delivery.push().cleartext) {
                    print(delivery.push(), arguments.json)?;
                }
                match runner.clone().filter(|_| !pushed::is_token(&delivery.push().cleartext)) {
                    Some(runner) => drop(waiting.spawn(execute(runner, delivery))),
                    None => delivery.acknowledge(),
                }
            }
            Event::SubscriptionChanged(subscription) if account.is_none() => {
                announce(&subscription, arguments.json);
            }
            Event::Disconnected { reason, retry_in } => {
                eprintln!("Disconnected ({reason}), next try in {} s.", retry_in.as_secs());
            }
            Event::Connected => eprintln!("Connected."),
            Event::Undecryptable { size, .. } => eprintln!("A push of {size} bytes could not be decrypted."),
            Event::SubscriptionChanged(_) => {}
        }
    }
    waiting.shutdown().await;
    events.close(agent).await;
    Ok(())
}

fn account(arguments: &ListenArguments, trust: Trust) -> anyhow::Result<Option<Account>> {
    let Some(url) = &arguments.account else { return Ok(None) };
    let password = password::known(arguments.password, url)?;
    let account = Account::parse(url, &password, trust).with_context(|| url.clone())?;
    Ok(Some(account))
}

fn service(config: &Config, arguments: &ListenArguments) -> anyhow::Result<String> {
    if let Some(service) = &arguments.service {
        return Ok(service.clone());
    }
    let Some(own) = parts::public_url(config, &config.listen.push)? else {
        bail!("say which push service: --service wss://...");
    };
    Ok(match own.as_str().split_once("://") {
        Some(("http", rest)) => format!("ws://{rest}"),
        Some((_, rest)) => format!("wss://{rest}"),
        None => bail!("push_service.public_url is not a URL"),
    })
}

/// Has the mail server push to this agent; changes nothing if it does already.
async fn enrol(account: &Account, agent: &Agent) -> anyhow::Result<()> {
    let host = &account.address.host;
    let registered =
        register(account, agent).await.with_context(|| format!("cannot register with {host}"))?;
    let how = if registered.renewed { "Registered" } else { "Still registered" };
    eprintln!("{how} with {host} as {}.", registered.id);
    Ok(())
}

/// Tells what an application server needs, in the form that browsers have for it.
fn announce(subscription: &Subscription, json: bool) {
    let told = subscription.to_json();
    if json {
        println!("{}", serde_json::json!({ "subscription": told }));
    } else {
        println!("Push to this subscription (mailbell push send --subscription FILE):\n{told}");
    }
}

fn print(push: &Push, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        let received_at = push.received_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = serde_json::json!({
            "subscription": push.subscription,
            "received_at": received_at.as_secs_f64(),
            "urgency": push.urgency,
            "bytes": push.cleartext.len(),
            "responses": pushed::parse(&push.cleartext),
        });
        writeln!(out, "{line}")?;
    } else {
        out.write_all(&push.cleartext)?;
        if !push.cleartext.ends_with(b"\n") {
            out.write_all(b"\n")?;
        }
    }
    out.flush().context("cannot write to standard output")
}

async fn execute(runner: std::sync::Arc<Runner>, delivery: Delivery) {
    match runner.run(delivery.push().cleartext.clone()).await {
        Ok(()) => delivery.acknowledge(),
        // Dropped without an acknowledgement: the push comes again after the next connection.
        Err(error) => eprintln!("{error}"),
    }
}

/// The system's authorities, and those of a PEM file.
fn system_and(ca: Option<&Path>) -> anyhow::Result<Trust> {
    let trust = ca.map_or_else(Trust::system, Trust::system_and_file);
    trust.context("cannot set up the authorities to trust")
}

/// XDG Base Directory Specification: state is kept below `$XDG_STATE_HOME`, else `~/.local/state`.
fn state_file(name: &str) -> anyhow::Result<PathBuf> {
    let base = match (std::env::var_os("XDG_STATE_HOME"), std::env::var_os("HOME")) {
        (Some(state), _) if !state.is_empty() => PathBuf::from(state),
        (_, Some(home)) => PathBuf::from(home).join(".local/state"),
        _ => bail!("say where to remember the subscription: --state FILE"),
    };
    let directory = base.join("mailbell");
    crate::data_dir::make(&directory)?;
    Ok(directory.join(name))
}

/// The agent's name for the subscription that is not a mail account's.
const SUBSCRIPTION: &str = "listen";

/// A command that runs for longer is killed.
const COMMAND_PATIENCE: Duration = Duration::from_secs(600);
