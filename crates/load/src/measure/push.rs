//! From LMTP's 250 to the cleartext at the device, one message at a time to quiet accounts: through the notifier, the
//! encryption, HTTPS to the push service, its WebSocket and the decryption in the agent.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use agent::agent::{Agent, Event, Events, Options};
use agent::imap::registration::{Account, register};
use agent::state::StateStore;
use agent::trust::Trust;
use anyhow::{Context as _, Result};
use serde::Serialize;

use super::Latencies;
use crate::client::lmtp::Lmtp;
use crate::messages::message;
use crate::server::{Ours, PASSWORD, Server, account};

/// What came of it. A push that arrived before the 250 was read counts as no delay.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Pushed {
    /// Messages.
    pub messages: usize,
    /// Median.
    pub p50_ms: f64,
    /// The 99th of 100.
    pub p99_ms: f64,
}

/// Delivers one message to each of `accounts` accounts, `rounds` times over, waiting for each push.
///
/// # Errors
/// If a device can't register, or a push does not come within ten seconds.
pub async fn run(server: &Server, ours: &Ours, accounts: usize, rounds: usize) -> Result<Pushed> {
    let mut devices = BTreeMap::new();
    for number in 0..accounts {
        devices.insert(number, device(ours, &account(number)).await?);
    }
    let mut sender = Lmtp::connect(server.lmtp).await?;
    let mut latencies = Vec::new();
    for round in 0..rounds {
        for (number, (_, events)) in &mut devices {
            let sequence = round * accounts + number;
            let message = message(sequence as u64, 4096);
            let recipient = account(*number);
            let subject = format!("Message number {sequence} of ");
            let both =
                async { tokio::join!(sender.deliver(&recipient, &message), push_about(events, &subject)) };
            let (answered, pushed) =
                tokio::time::timeout(Duration::from_secs(10), both).await.context("no push")?;
            latencies.push(pushed?.saturating_duration_since(answered?));
        }
        // Longer than the notifier's shortest interval: the accounts are to be quiet again.
        tokio::time::sleep(QUIET).await;
    }
    let latencies = Latencies::new(latencies);
    Ok(Pushed {
        messages: accounts * rounds,
        p50_ms: latencies.percentile_ms(50),
        p99_ms: latencies.percentile_ms(99),
    })
}

async fn device(ours: &Ours, user: &str) -> Result<(Agent, Events)> {
    let trust = Trust::system_and_file(&ours.certificate)?;
    let url = format!("wss://localhost:{}/", ours.push.port());
    let (agent, events) = Agent::connect(Options::new(&url, trust.clone(), StateStore::Memory)?).await?;
    let account =
        Account::parse(&format!("imaps://{user}@localhost:{}/", ours.imaps.port()), PASSWORD, trust)?;
    register(&account, &agent).await?;
    Ok((agent, events))
}

/// When the push that tells of this subject arrives; others, such as the one with the token, are passed over.
async fn push_about(events: &mut Events, subject: &str) -> Result<Instant> {
    while let Some(event) = events.next().await {
        let Event::Push(delivery) = event else { continue };
        let arrived = Instant::now();
        let is_it = memchr::memmem::find(&delivery.push().cleartext, subject.as_bytes()).is_some();
        delivery.acknowledge();
        if is_it {
            return Ok(arrived);
        }
    }
    anyhow::bail!("the device has ended")
}

const QUIET: Duration = Duration::from_secs(6);
