//! From LMTP's 250 to `EXISTS` on an idling connection, one message at a time to quiet accounts.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::Latencies;
use crate::client::imap::Imap;
use crate::client::lmtp::Lmtp;
use crate::messages::message;
use crate::server::{PASSWORD, Server, account};

/// What came of it. An `EXISTS` that was read before the 250 counts as no delay.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Exists {
    /// Messages.
    pub messages: usize,
    /// Median.
    pub p50_ms: f64,
    /// The 99th of 100.
    pub p99_ms: f64,
}

/// Delivers `messages` messages, one each `pause`, to `accounts` accounts in turn.
///
/// # Errors
/// If a message is refused, or no `EXISTS` comes within ten seconds.
pub async fn run(server: &Server, accounts: usize, messages: usize, pause: Duration) -> Result<Exists> {
    let mut idling = Vec::new();
    for number in 0..accounts {
        let mut client = Imap::login(server.imap, &account(number), PASSWORD).await?;
        client.idle().await?;
        idling.push(client);
    }
    let mut sender = Lmtp::connect(server.lmtp).await?;
    let mut latencies = Vec::new();
    for number in 0..messages {
        tokio::time::sleep(pause).await;
        let at = number % accounts.max(1);
        let client = idling.get_mut(at).context("no account")?;
        let recipient = account(at);
        let message = message(number as u64, 4096);
        let both = async { tokio::join!(sender.deliver(&recipient, &message), client.exists()) };
        let (answered, seen) =
            tokio::time::timeout(Duration::from_secs(10), both).await.context("no EXISTS")?;
        latencies.push(seen?.saturating_duration_since(answered?));
    }
    let latencies = Latencies::new(latencies);
    Ok(Exists { messages, p50_ms: latencies.percentile_ms(50), p99_ms: latencies.percentile_ms(99) })
}
