//! Deliveries: durable messages a second over a number of LMTP connections, and what each costs the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use super::Latencies;
use crate::client::lmtp::Lmtp;
use crate::messages::message;
use crate::server::{Server, account};

/// What to deliver.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Connections, each with one message under way.
    pub connections: usize,
    /// Accounts that the messages are spread over.
    pub accounts: usize,
    /// The size of each message in bytes.
    pub message_bytes: usize,
    /// How long.
    pub duration: Duration,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Delivered {
    /// Connections.
    pub connections: usize,
    /// Messages that were answered with 250.
    pub messages: u64,
    /// Messages a second.
    pub per_second: f64,
    /// Processor time of the server for a message, in milliseconds.
    pub cpu_ms: f64,
    /// From the first byte of MAIL to the 250.
    pub p50_ms: f64,
    /// The same.
    pub p99_ms: f64,
}

/// Delivers for as long as the plan says.
///
/// # Errors
/// If a message is refused.
pub async fn run(server: &Server, plan: Plan) -> Result<Delivered> {
    let numbers = Arc::new(AtomicU64::new(0));
    let before = server.tree().cpu()?;
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for connection in 0..plan.connections {
        tasks.spawn(deliver(
            server.lmtp,
            plan,
            account(connection % plan.accounts.max(1)),
            Arc::clone(&numbers),
        ));
    }
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done??);
    }
    let elapsed = started.elapsed();
    let cpu = server.tree().cpu()?.saturating_sub(before);
    let messages = latencies.len() as u64;
    let latencies = Latencies::new(latencies);
    Ok(Delivered {
        connections: plan.connections,
        messages,
        per_second: messages as f64 / elapsed.as_secs_f64(),
        cpu_ms: cpu.as_secs_f64() * 1000.0 / messages.max(1) as f64,
        p50_ms: latencies.percentile_ms(50),
        p99_ms: latencies.percentile_ms(99),
    })
}

async fn deliver(
    address: std::net::SocketAddr,
    plan: Plan,
    recipient: String,
    numbers: Arc<AtomicU64>,
) -> Result<Vec<Duration>> {
    let mut client = Lmtp::connect(address).await?;
    let mut latencies = Vec::new();
    let until = Instant::now() + plan.duration;
    while Instant::now() < until {
        let message = message(numbers.fetch_add(1, Ordering::Relaxed), plan.message_bytes);
        let started = Instant::now();
        latencies.push(client.deliver(&recipient, &message).await?.duration_since(started));
    }
    Ok(latencies)
}

/// Delivers `count` messages to one account: what another measurement reads.
///
/// # Errors
/// If a message is refused.
pub async fn fill(server: &Server, recipient: &str, count: u64) -> Result<()> {
    let mut client = Lmtp::connect(server.lmtp).await?;
    for number in 0..count {
        client.deliver(recipient, &message(number, 4096)).await?;
    }
    Ok(())
}
