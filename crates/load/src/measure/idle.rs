//! What an idling connection costs the server in memory.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::client::imap::Imap;
use crate::server::{PASSWORD, Server, account};

/// What came of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Idle {
    /// Connections that idled at once.
    pub connections: usize,
    /// Memory of the server (proportional set size) for each, in KiB, kernel sockets not counted.
    pub kib_each: f64,
    /// Processor time of the server during ten idle seconds, in milliseconds.
    pub cpu_ms_in_10_s: f64,
}

/// Opens `connections` connections, spread over `accounts` accounts, and lets them idle.
///
/// # Errors
/// If one is refused.
pub async fn run(server: &Server, accounts: usize, connections: usize) -> Result<Idle> {
    // The first connections pay for what all share: caches, thread stacks, lazily loaded code, memory for hashing.
    let mut idling = Vec::new();
    for number in 0..accounts {
        idling.push(open(server, number, accounts).await?);
    }
    settle().await;
    let before = server.tree().memory()?;
    for number in 0..connections {
        idling.push(open(server, number, accounts).await?);
    }
    settle().await;
    let used = server.tree().memory()?.saturating_sub(before);
    let cpu_before = server.tree().cpu()?;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let cpu = server.tree().cpu()?.saturating_sub(cpu_before);
    drop(idling);
    Ok(Idle {
        connections,
        kib_each: used as f64 / 1024.0 / connections.max(1) as f64,
        cpu_ms_in_10_s: cpu.as_secs_f64() * 1000.0,
    })
}

async fn open(server: &Server, number: usize, accounts: usize) -> Result<Imap> {
    let mut client = Imap::login(server.imap, &account(number % accounts.max(1)), PASSWORD).await?;
    client.idle().await?;
    Ok(client)
}

/// Longer than the ten seconds after which an allocator gives unused pages back.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(12)).await;
}
