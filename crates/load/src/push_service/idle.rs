//! What opening a connection costs, what it holds while it idles, and what is left when it has gone.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use tokio::task::JoinSet;

use super::pushes::micros_each;
use super::server::{PushServer, Security, Transport};
use crate::client::websocket::UserAgent;

/// What came of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Idle {
    /// How they were connected.
    pub security: Security,
    /// Agents that idled at once, each with one subscription.
    pub connections: usize,
    /// Processor time of the service to open one: TCP, TLS if any, WebSocket, hello and one durable registration, in
    /// microseconds.
    pub open_cpu_us: f64,
    /// Memory of the service (proportional set size) for each beyond what it had before, in KiB; the kernel's sockets
    /// are not counted.
    pub kib_each: f64,
    /// Memory of the service before them, in MiB.
    pub before_mib: f64,
    /// Memory of the service with them, in MiB.
    pub with_mib: f64,
    /// Memory of the service after they have gone, in MiB.
    pub after_mib: f64,
}

/// Opens `connections` connections, lets them idle, and closes them.
///
/// # Errors
/// If one is refused.
pub async fn run(server: &Arc<PushServer>, security: Security, connections: usize) -> Result<Idle> {
    // The first connections pay for what all share: thread stacks, lazily loaded code, the database's cache.
    drop(open(server, WARM_UP).await?);
    settle().await;
    let before = server.tree().memory()?;
    let cpu_before = server.tree().cpu()?;
    let agents = open(server, connections).await?;
    let cpu = server.tree().cpu()?.saturating_sub(cpu_before);
    settle().await;
    let with = server.tree().memory()?;
    drop(agents);
    settle().await;
    let after = server.tree().memory()?;
    Ok(Idle {
        security,
        connections,
        open_cpu_us: micros_each(cpu, connections),
        kib_each: with.saturating_sub(before) as f64 / 1024.0 / connections.max(1) as f64,
        before_mib: mib(before),
        with_mib: mib(with),
        after_mib: mib(after),
    })
}

type Agent = UserAgent<Box<dyn Transport>>;

async fn open(server: &Arc<PushServer>, count: usize) -> Result<Vec<Agent>> {
    let mut agents = Vec::with_capacity(count);
    let mut under_way = JoinSet::new();
    for number in 0..count {
        if under_way.len() >= OPENING
            && let Some(done) = under_way.join_next().await
        {
            agents.push(done??);
        }
        under_way.spawn(one(Arc::clone(server), number));
    }
    while let Some(done) = under_way.join_next().await {
        agents.push(done??);
    }
    Ok(agents)
}

async fn one(server: Arc<PushServer>, number: usize) -> Result<Agent> {
    let mut agent = server.connect().await?;
    agent.hello(None).await?;
    agent.ask_for_subscription(&format!("{number:08x}-0000-4000-8000-000000000000"), None).await?;
    agent.push_resource().await?;
    agent.shrink();
    Ok(agent)
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}

/// Longer than the ten seconds after which an allocator gives unused pages back.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(15)).await;
}

const WARM_UP: usize = 64;
/// Connections that are opened at the same time.
const OPENING: usize = 32;
