//! One run of all measurements over all servers, and the table that shows it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::measure::{deliver, exists, fetch, idle, jmap, mailbox, push};
use crate::push_service;
use crate::server::{Server, account};

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The mail server.
    Mail,
    /// JMAP, alone.
    Jmap,
    /// The mail server, with one large mailbox.
    Mailbox,
    /// The push service, alone.
    PushService,
}

/// How large a run is.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is measured.
    pub parts: Vec<Part>,
    /// The program whose `serve` is measured.
    pub program: PathBuf,
    /// Where the servers keep their data while they run; the disk there is the one that is measured.
    pub directory: Option<PathBuf>,
    /// How long each measurement of a rate lasts.
    pub duration: Duration,
    /// Connections that idle.
    pub idle_connections: usize,
    /// Messages in the large mailbox.
    pub mailbox_messages: u64,
    /// Whether Dovecot, if it is installed, is measured too.
    pub with_peer: bool,
    /// Messages of the large mailbox that JMAP reads a page of.
    pub jmap_messages: u64,
    /// How the push service is measured.
    pub push_service: push_service::report::Plan,
}

/// What one server did.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Which.
    pub server: String,
    /// Deliveries, by number of connections.
    pub deliveries: Vec<deliver::Delivered>,
    /// New mail on idling connections.
    pub exists: exists::Exists,
    /// Envelopes.
    pub fetched: fetch::Fetched,
    /// Idle connections.
    pub idle: idle::Idle,
    /// New mail on devices without a connection to the mail server; ours only.
    pub pushed: Option<push::Pushed>,
}

/// What all of them did, in the order in which they were measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// One for each server of mail.
    pub measured: Vec<Measured>,
    /// JMAP.
    pub jmap: Option<jmap::Measured>,
    /// A large mailbox, by server.
    pub mailboxes: Vec<(String, mailbox::Mailbox)>,
    /// The push service.
    pub push_service: Option<push_service::report::Measured>,
}

/// Measures what the plan says. `tell` is called with what is being done.
///
/// # Errors
/// If a server can't be started or refuses the load.
pub async fn run(plan: &Plan, mut tell: impl FnMut(&str)) -> Result<Report> {
    let measured = match plan.parts.contains(&Part::Mail) {
        true => mail(plan, &mut tell).await?,
        false => Vec::new(),
    };
    let jmap = match plan.parts.contains(&Part::Jmap) {
        true => {
            let own = jmap::Plan { large: plan.jmap_messages, duration: plan.duration };
            Some(jmap::run(&plan.program, plan.directory.as_deref(), own, &mut tell).await?)
        }
        false => None,
    };
    let mailboxes = match plan.parts.contains(&Part::Mailbox) {
        true => large_mailbox(plan, &mut tell).await?,
        false => Vec::new(),
    };
    let push_service = match plan.parts.contains(&Part::PushService) {
        true => Some(push_service::report::run(&plan.push_service, &mut tell).await?),
        false => None,
    };
    Ok(Report { measured, jmap, mailboxes, push_service })
}

/// Measures ours, then the peer.
async fn mail(plan: &Plan, tell: &mut impl FnMut(&str)) -> Result<Vec<Measured>> {
    let under: Option<&Path> = plan.directory.as_deref();
    let mut measured = Vec::new();
    measured.push(measure(Server::mailbell(&plan.program, ACCOUNTS, under).await?, plan, tell).await?);
    if plan.with_peer {
        match Server::dovecot(under).await? {
            Some(server) => match measure(server, plan, tell).await {
                Ok(peer) => measured.push(peer),
                // What was measured of ours is worth showing all the same.
                Err(error) => tell(&format!("dovecot failed under this load: {error:#}")),
            },
            None => {
                tell("dovecot is not installed: measured alone (apt-get install dovecot-imapd dovecot-lmtpd)")
            }
        }
    }
    Ok(measured)
}

/// Measures ours, then the peer, each with one large mailbox.
async fn large_mailbox(plan: &Plan, tell: &mut impl FnMut(&str)) -> Result<Vec<(String, mailbox::Mailbox)>> {
    let under: Option<&Path> = plan.directory.as_deref();
    let mut servers = vec![Server::mailbell(&plan.program, 2, under).await?];
    let mut measured = Vec::new();
    while let Some(server) = servers.pop() {
        let is_ours = server.ours.is_some();
        measured.push((server.name.clone(), mailbox::run(&server, plan.mailbox_messages, &mut *tell).await?));
        drop(server);
        if is_ours && plan.with_peer {
            servers.extend(Server::dovecot(under).await?);
        }
    }
    Ok(measured)
}

async fn measure(server: Server, plan: &Plan, tell: &mut impl FnMut(&str)) -> Result<Measured> {
    let name = server.name.clone();
    // First, while the server is fresh: memory that other work has left behind would hide what connections need.
    tell(&format!("{name}: {} idle connections", plan.idle_connections));
    let idle = idle::run(&server, ACCOUNTS, plan.idle_connections).await?;
    tell(&format!("{name}: filling mailboxes"));
    for number in 0..FETCH_CONNECTIONS {
        deliver::fill(&server, &account(number), FETCH_MESSAGES).await?;
    }
    tell(&format!("{name}: FETCH ENVELOPE FLAGS"));
    let fetched = fetch::run(&server, FETCH_CONNECTIONS, FETCH_MESSAGES, plan.duration).await?;
    tell(&format!("{name}: new mail to EXISTS"));
    let exists = exists::run(&server, EXISTS_ACCOUNTS, EXISTS_MESSAGES, EXISTS_PAUSE).await?;
    let mut deliveries = Vec::new();
    for connections in DELIVERY_CONNECTIONS {
        tell(&format!("{name}: deliveries over {connections} connections"));
        let plan = deliver::Plan {
            connections,
            accounts: ACCOUNTS,
            message_bytes: MESSAGE_BYTES,
            duration: plan.duration,
        };
        deliveries.push(deliver::run(&server, plan).await?);
    }
    // Last, since its devices stay registered, and pushes about deliveries are not what a delivery costs.
    let pushed = match &server.ours {
        Some(ours) => {
            tell(&format!("{name}: new mail to the cleartext at the device"));
            Some(push::run(&server, ours, PUSH_ACCOUNTS, PUSH_ROUNDS).await?)
        }
        None => None,
    };
    Ok(Measured { server: name, deliveries, exists, fetched, idle, pushed })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.measured.iter().try_for_each(|measured| measured.fmt(f))?;
        for (server, measured) in &self.mailboxes {
            write!(f, "{server}{measured}")?;
        }
        if let Some(measured) = &self.jmap {
            measured.fmt(f)?;
        }
        self.push_service.as_ref().map_or(Ok(()), |measured| measured.fmt(f))
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.server)?;
        for d in &self.deliveries {
            writeln!(
                f,
                "  LMTP, {} KiB, {:>2} connections   {:>9.0} messages/s  {:.3} ms CPU each  p50 {:.2} ms  p99 {:.2} ms",
                MESSAGE_BYTES / 1024,
                d.connections,
                d.per_second,
                d.cpu_ms,
                d.p50_ms,
                d.p99_ms
            )?;
        }
        let (e, g, i) = (&self.exists, &self.fetched, &self.idle);
        writeln!(f, "  250 to EXISTS                 p50 {:.2} ms  p99 {:.2} ms", e.p50_ms, e.p99_ms)?;
        if let Some(p) = &self.pushed {
            writeln!(f, "  250 to the push at the device p50 {:.2} ms  p99 {:.2} ms", p.p50_ms, p.p99_ms)?;
        }
        writeln!(
            f,
            "  FETCH (ENVELOPE FLAGS)        {:>9.0} messages/s  {:.2} us CPU each",
            g.per_second, g.cpu_us
        )?;
        writeln!(
            f,
            "  {} idle connections         {:>9.1} KiB each, {:.0} ms CPU in 10 s",
            i.connections, i.kib_each, i.cpu_ms_in_10_s
        )?;
        Ok(())
    }
}

const ACCOUNTS: usize = 64;
const MESSAGE_BYTES: usize = 4096;
const DELIVERY_CONNECTIONS: [usize; 3] = [1, 8, 64];
const FETCH_CONNECTIONS: usize = 4;
const FETCH_MESSAGES: u64 = 1000;
const EXISTS_ACCOUNTS: usize = 8;
const EXISTS_MESSAGES: usize = 200;
const PUSH_ACCOUNTS: usize = 40;
const PUSH_ROUNDS: usize = 5;
const EXISTS_PAUSE: Duration = Duration::from_millis(20);
