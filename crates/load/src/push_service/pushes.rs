//! Pushes to agents that are connected, to agents that are not, and what waits for those when they come.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use tokio::task::JoinSet;

use super::population::Member;
use super::senders::{Senders, sender_of};
use super::server::PushServer;
use crate::client::metrics;
use crate::client::poster::{Poster, Protocol};
use crate::measure::Latencies;

/// Pushes of one kind.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Pushed {
    /// How they were posted.
    pub protocol: Protocol,
    /// How many.
    pub messages: usize,
    /// Messages a second, from the first post to the last 201 or, to connected agents, acknowledgement.
    pub per_second: f64,
    /// Processor time of the service for each, in microseconds.
    pub cpu_us: f64,
    /// From a post to its 201.
    pub p50_ms: f64,
    /// The same.
    pub p99_ms: f64,
}

/// Messages that waited and were fetched.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Drained {
    /// Agents that connected, all at once.
    pub agents: usize,
    /// Messages that waited for them.
    pub messages: usize,
    /// Messages a second, from the first connection to the last acknowledgement.
    pub per_second: f64,
    /// Processor time of the service for each, in microseconds.
    pub cpu_us: f64,
}

/// What to post: `messages` messages, in turn or at random over the resources.
#[derive(Clone, Copy, Debug)]
pub struct Load<'a> {
    /// Where to. Which sender may post to one is said by its index, counted from `first`.
    pub resources: &'a [Box<str>],
    /// The index of the first of the resources among all subscriptions.
    pub first: usize,
    /// How many.
    pub messages: usize,
    /// How.
    pub protocol: Protocol,
}

/// Agents that take and acknowledge what comes, until they are dropped.
pub struct Listening {
    tasks: JoinSet<Result<()>>,
}

impl Listening {
    /// Connects these agents.
    ///
    /// # Errors
    /// If one is not welcome.
    pub async fn start(server: &PushServer, agents: &[Member]) -> Result<Self> {
        let mut tasks = JoinSet::new();
        for member in agents {
            let mut agent = server.connect().await?;
            if agent.hello(Some(&member.uaid)).await? != member.uaid {
                bail!("the push service does not know its agent any more");
            }
            tasks.spawn(async move {
                loop {
                    let notification = agent.notification().await?;
                    agent.acknowledge(&notification).await?;
                }
            });
        }
        Ok(Self { tasks })
    }

    fn check(&mut self) -> Result<()> {
        match self.tasks.try_join_next() {
            Some(ended) => ended?.context("an agent lost its connection"),
            None => Ok(()),
        }
    }
}

/// Pushes to agents that are connected, each message counted when its acknowledgement is durable.
///
/// # Errors
/// If a push is refused, or does not arrive.
pub async fn to_connected(
    server: &PushServer,
    senders: &Senders,
    listening: &mut Listening,
    load: Load<'_>,
) -> Result<Pushed> {
    let acknowledged = metrics::counter(server.http, ACKNOWLEDGED).await?;
    let (before, started) = (server.tree().cpu()?, Instant::now());
    let latencies = post(senders, load).await?;
    await_acknowledged(server, listening, acknowledged, load.messages).await?;
    let cpu = server.tree().cpu()?.saturating_sub(before);
    Ok(figures(load, started.elapsed(), cpu, latencies))
}

/// Pushes to agents that are not connected.
///
/// # Errors
/// If a push is refused.
pub async fn to_absent(server: &PushServer, senders: &Senders, load: Load<'_>) -> Result<Pushed> {
    let (before, started) = (server.tree().cpu()?, Instant::now());
    let latencies = post(senders, load).await?;
    let elapsed = started.elapsed();
    let cpu = server.tree().cpu()?.saturating_sub(before);
    Ok(figures(load, elapsed, cpu, latencies))
}

/// Connects agents for whom `messages` messages wait in all.
///
/// # Errors
/// If one is not welcome, or messages are missing.
pub async fn drain(server: &PushServer, agents: &[Member], messages: usize) -> Result<Drained> {
    let acknowledged = metrics::counter(server.http, ACKNOWLEDGED).await?;
    let (before, started) = (server.tree().cpu()?, Instant::now());
    let mut listening = Listening::start(server, agents).await?;
    await_acknowledged(server, &mut listening, acknowledged, messages).await?;
    let elapsed = started.elapsed();
    let cpu = server.tree().cpu()?.saturating_sub(before);
    Ok(Drained {
        agents: agents.len(),
        messages,
        per_second: messages as f64 / elapsed.as_secs_f64(),
        cpu_us: micros_each(cpu, messages),
    })
}

/// Processor time for each of `count`, in microseconds.
#[must_use]
pub fn micros_each(cpu: Duration, count: usize) -> f64 {
    cpu.as_secs_f64() * 1e6 / count.max(1) as f64
}

fn figures(load: Load<'_>, elapsed: Duration, cpu: Duration, latencies: Latencies) -> Pushed {
    Pushed {
        protocol: load.protocol,
        messages: load.messages,
        per_second: load.messages as f64 / elapsed.as_secs_f64(),
        cpu_us: micros_each(cpu, load.messages),
        p50_ms: latencies.percentile_ms(50),
        p99_ms: latencies.percentile_ms(99),
    }
}

/// Posts over [`POSTERS`] posters, each of which has one request under way.
async fn post(senders: &Senders, load: Load<'_>) -> Result<Latencies> {
    let sheet = Arc::new(senders.sheet.clone());
    let resources: Arc<[Box<str>]> = load.resources.into();
    let next = Arc::new(AtomicUsize::new(0));
    let (mut tasks, mut drivers) = (JoinSet::new(), JoinSet::new());
    for mut poster in Poster::open(load.protocol, sheet.address, POSTERS, &mut drivers).await? {
        let (sheet, resources, next) = (Arc::clone(&sheet), Arc::clone(&resources), Arc::clone(&next));
        let (first, messages) = (load.first, load.messages);
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= messages {
                    return anyhow::Ok(latencies);
                }
                let index = scattered(number, resources.len());
                let path = resources.get(index).context("nobody to push to")?;
                let started = Instant::now();
                poster.post(&sheet, path, sender_of(first.saturating_add(index))).await?;
                latencies.push(started.elapsed());
            }
        });
    }
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done??);
    }
    Ok(Latencies::new(latencies))
}

/// Visits every index as often as any other, far from the one before, so that no cache of neighbours helps.
fn scattered(number: usize, count: usize) -> usize {
    // A prime that is larger than any number of subscriptions shares no factor with it.
    let product = (number as u128).wrapping_mul(STRIDE);
    usize::try_from(product % (count.max(1) as u128)).unwrap_or(0)
}

/// Waits until as many more acknowledgements are durable as there were messages.
async fn await_acknowledged(
    server: &PushServer,
    listening: &mut Listening,
    before: f64,
    messages: usize,
) -> Result<()> {
    let since = Instant::now();
    while metrics::counter(server.http, ACKNOWLEDGED).await? - before < messages as f64 {
        listening.check()?;
        if since.elapsed() > PATIENCE {
            bail!("not every message was acknowledged within {} seconds", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

const ACKNOWLEDGED: &str = "push_service_acknowledged_total";
/// Requests under way at any time.
const POSTERS: usize = 64;
const STRIDE: u128 = 2_147_483_647;
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::scattered;

    #[test]
    fn every_index_is_visited_equally_often_and_neighbours_are_apart() {
        let mut visits = vec![0; 1000];
        for number in 0..5000 {
            visits[scattered(number, 1000)] += 1;
        }
        assert!(visits.iter().all(|count| *count == 5));
        assert!(scattered(1, 1000).abs_diff(scattered(2, 1000)) > 10);
    }
}
