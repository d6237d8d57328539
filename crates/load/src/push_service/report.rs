//! One run of all measurements of the push service, and the table that shows it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use serde::Serialize;

use super::bare::{self, Bare};
use super::idle::{self, Idle};
use super::population::Population;
use super::pushes::{self, Drained, Listening, Load, Pushed};
use super::senders::Senders;
use super::server::{PushServer, Security};
use super::{BODY_BYTES, population};
use crate::client::poster::Protocol;

/// How large a run is.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program whose `push-service` is measured.
    pub program: PathBuf,
    /// Where it keeps its data meanwhile; the disk there is the one that is measured.
    pub directory: Option<PathBuf>,
    /// Connections that idle, in the clear and then over TLS.
    pub idle_connections: usize,
    /// Where the curve ends: it has a point for 1,000 subscriptions, 10,000, and so on.
    pub subscriptions: usize,
    /// Messages for each figure.
    pub messages: usize,
}

/// What the push service did.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Pushes to connected agents, at 1,000 subscriptions.
    pub connected: Vec<Pushed>,
    /// Pushes for absent agents, at 1,000 subscriptions.
    pub stored: Vec<Pushed>,
    /// What waited for absent agents.
    pub drained: Drained,
    /// Idle connections.
    pub idle: Vec<Idle>,
    /// The same pushes with more and more subscriptions.
    pub curve: Vec<Point>,
    /// What no push service can avoid.
    pub bare: Bare,
}

/// Pushes over HTTP/2 at a number of subscriptions.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Point {
    /// How many there were.
    pub subscriptions: usize,
    /// To agents that were connected.
    pub connected: Pushed,
    /// For absent agents, scattered over all their subscriptions.
    pub stored: Pushed,
    /// Memory of the service, in MiB.
    pub memory_mib: f64,
    /// Subscriptions a second while they were registered.
    pub registered_per_second: f64,
}

/// Measures. `tell` is called with what is being done.
///
/// # Errors
/// If the service can't be started or refuses the load.
pub async fn run(plan: &Plan, tell: &mut impl FnMut(&str)) -> Result<Measured> {
    let under: Option<&Path> = plan.directory.as_deref();
    let mut idle = Vec::new();
    for security in [Security::Plain, Security::Tls] {
        tell(&format!("push service: {} idle connections, {security:?}", plan.idle_connections));
        let server = Arc::new(PushServer::start(&plan.program, security, under).await?);
        idle.push(idle::run(&server, security, plan.idle_connections).await?);
    }
    let server = Arc::new(PushServer::start(&plan.program, Security::Plain, under).await?);
    tell("push service: the machine's own limits");
    let directory = server.directory();
    let bare = tokio::task::spawn_blocking(move || bare::run(&directory)).await??;
    let pushes = pushes(plan, &server, tell).await?;
    let Pushes { connected, stored, drained, curve } = pushes;
    Ok(Measured { connected, stored, drained, idle, curve, bare })
}

struct Pushes {
    connected: Vec<Pushed>,
    stored: Vec<Pushed>,
    drained: Drained,
    curve: Vec<Point>,
}

async fn pushes(plan: &Plan, server: &Arc<PushServer>, tell: &mut impl FnMut(&str)) -> Result<Pushes> {
    let senders = Senders::new(server)?;
    let mut population = Population::default();
    let registering = Instant::now();
    population.grow(server, &senders, FIRST_POINT).await?;
    let registered_per_second = FIRST_POINT as f64 / registering.elapsed().as_secs_f64();
    let mut listening = Listening::start(server, population.connected().0).await?;
    let (mut connected, mut stored) = (Vec::new(), Vec::new());
    for protocol in [Protocol::Http2, Protocol::Http1] {
        tell(&format!("push service: to connected agents, {protocol:?}"));
        let load = to_connected(&population, plan.messages, protocol);
        // Once unmeasured and short: the connections, tokens and pages that every later push finds ready.
        pushes::to_connected(server, &senders, &mut listening, Load { messages: WARM_UP, ..load }).await?;
        connected.push(pushes::to_connected(server, &senders, &mut listening, load).await?);
        tell(&format!("push service: for absent agents, {protocol:?}"));
        let load = to_absent(&population, plan.messages / 2, protocol);
        stored.push(pushes::to_absent(server, &senders, load).await?);
    }
    tell("push service: absent agents come back");
    let waiting = stored.iter().map(|pushed| pushed.messages).sum();
    let drained = pushes::drain(server, population.absent().0, waiting).await?;

    let mut curve = Vec::new();
    if let (Some(connected), Some(stored)) = (connected.first(), stored.first()) {
        let memory_mib = mib(server)?;
        let (connected, stored) = (*connected, *stored);
        curve.push(Point {
            subscriptions: FIRST_POINT,
            connected,
            stored,
            memory_mib,
            registered_per_second,
        });
    }
    let mut subscriptions = FIRST_POINT.saturating_mul(10);
    while subscriptions <= plan.subscriptions {
        tell(&format!("push service: registering up to {subscriptions} subscriptions"));
        let (before, registering) = (population.subscriptions(), Instant::now());
        population.grow(server, &senders, subscriptions).await?;
        let registered = subscriptions.saturating_sub(before) as f64;
        let registered_per_second = registered / registering.elapsed().as_secs_f64();
        tell(&format!("push service: pushes with {subscriptions} subscriptions"));
        let load = to_connected(&population, plan.messages, Protocol::Http2);
        let connected = pushes::to_connected(server, &senders, &mut listening, load).await?;
        let load = to_absent(&population, plan.messages / 2, Protocol::Http2);
        let stored = pushes::to_absent(server, &senders, load).await?;
        let memory_mib = mib(server)?;
        curve.push(Point { subscriptions, connected, stored, memory_mib, registered_per_second });
        subscriptions = subscriptions.saturating_mul(10);
    }
    Ok(Pushes { connected, stored, drained, curve })
}

fn to_connected(population: &Population, messages: usize, protocol: Protocol) -> Load<'_> {
    Load { resources: population.connected().1, first: 0, messages, protocol }
}

fn to_absent(population: &Population, messages: usize, protocol: Protocol) -> Load<'_> {
    let (_, resources, first) = population.absent();
    Load { resources, first, messages, protocol }
}

fn mib(server: &PushServer) -> Result<f64> {
    Ok(server.tree().memory()? as f64 / 1024.0 / 1024.0)
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "push service ({BODY_BYTES} bytes, VAPID, {} connected agents)",
            population::CONNECTED_AGENTS
        )?;
        for (what, all) in [("to connected agents", &self.connected), ("for absent agents", &self.stored)] {
            for p in all {
                writeln!(
                    f,
                    "  {what:<19} {:?}     {:>9.0} messages/s  {:.1} us CPU each  p50 {:.2} ms  p99 {:.2} ms",
                    p.protocol, p.per_second, p.cpu_us, p.p50_ms, p.p99_ms
                )?;
            }
        }
        let d = &self.drained;
        writeln!(
            f,
            "  {} agents come back          {:>9.0} messages/s  {:.1} us CPU each",
            d.agents, d.per_second, d.cpu_us
        )?;
        for i in &self.idle {
            writeln!(
                f,
                "  {} idle, {:<5}            {:>9.1} KiB each  {:.0} us CPU to open  {:.1} -> {:.1} -> {:.1} MiB",
                i.connections,
                format!("{:?}", i.security),
                i.kib_each,
                i.open_cpu_us,
                i.before_mib,
                i.with_mib,
                i.after_mib
            )?;
        }
        for p in &self.curve {
            writeln!(
                f,
                "  {:>9} subscriptions       {:.1} us connected, {:.1} us stored, {:.0} MiB, {:.0} registered/s",
                p.subscriptions, p.connected.cpu_us, p.stored.cpu_us, p.memory_mib, p.registered_per_second
            )?;
        }
        let b = &self.bare;
        writeln!(
            f,
            "  this machine: {:.0} write+fdatasync/s ({:.1} us CPU), VAPID {:.1} us once, {:.2} us known, token {:.2} us, \
             socket {:.1} us",
            b.synced_writes_per_second,
            b.synced_write_cpu_us,
            b.verify_us,
            b.recognise_us,
            b.token_us,
            b.socket_us
        )
    }
}

const FIRST_POINT: usize = 1000;
const WARM_UP: usize = 1000;
