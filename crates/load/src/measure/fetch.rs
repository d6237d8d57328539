//! FETCH of ENVELOPE and FLAGS for whole mailboxes, over a number of connections.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::client::imap::Imap;
use crate::server::{PASSWORD, Server, account};

/// What came of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Fetched {
    /// Connections, each with a mailbox of its own.
    pub connections: usize,
    /// Messages in each mailbox.
    pub mailbox_messages: u64,
    /// Envelopes a second.
    pub per_second: f64,
    /// Processor time of the server for an envelope, in microseconds.
    pub cpu_us: f64,
}

/// Fetches for `duration` from mailboxes that hold `mailbox_messages` messages each.
///
/// # Errors
/// If an answer lacks messages.
pub async fn run(
    server: &Server,
    connections: usize,
    mailbox_messages: u64,
    duration: Duration,
) -> Result<Fetched> {
    let mut clients = Vec::new();
    for number in 0..connections {
        let mut client = Imap::login(server.imap, &account(number), PASSWORD).await?;
        client.command("SELECT INBOX").await?;
        // Once unmeasured: what a server caches at the first look is not what a client waits for every day.
        let found = client.fetch_envelopes().await? as u64;
        ensure!(
            found >= mailbox_messages,
            "{} returned {found} of {mailbox_messages} envelopes",
            server.name
        );
        clients.push(client);
    }
    let before = server.tree().cpu()?;
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for mut client in clients {
        tasks.spawn(async move {
            let mut fetched = 0_u64;
            while started.elapsed() < duration {
                fetched += client.fetch_envelopes().await? as u64;
            }
            anyhow::Ok(fetched)
        });
    }
    let mut total = 0_u64;
    while let Some(done) = tasks.join_next().await {
        total += done??;
    }
    let elapsed = started.elapsed();
    let cpu = server.tree().cpu()?.saturating_sub(before);
    Ok(Fetched {
        connections,
        mailbox_messages,
        per_second: total as f64 / elapsed.as_secs_f64(),
        cpu_us: cpu.as_secs_f64() * 1e6 / total.max(1) as f64,
    })
}
