//! `mailbell push-service stats`: how the push service is doing, whether it runs alone, inside the mail server, or not.
//!
//! What is kept is read from its file, read-only, so it can be seen at any time. What has happened since the start is
//! asked of the running server's `/metrics` on the first of `listen.http`; without that listener, or when the server
//! is stopped, there is nothing to show, and that is said.

mod exposition;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use push_service::measure;
use push_service::storage::sqlite::{Survey, survey};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use self::exposition::Exposition;
use crate::config::{Config, ListenAddress};
use crate::data_dir;
use crate::serve::parts::{PUSH_SERVICE_DIRECTORY, PUSH_SERVICE_FILE};

/// Prints how the push service is doing.
pub(crate) async fn run(config: &Config, json: bool) -> anyhow::Result<()> {
    let file = config.data_dir.join(PUSH_SERVICE_DIRECTORY).join(PUSH_SERVICE_FILE);
    ensure!(file.exists(), "there is no push service in {}", config.data_dir.display());
    let process = data_dir::holder(&config.data_dir)?.map(|pid| pid.as_raw_nonzero().get());
    let reading = file.clone();
    let kept = tokio::task::spawn_blocking(move || survey(&reading)).await?;
    let kept = kept.with_context(|| format!("cannot read {}", file.display()))?;
    let (since_start, why_not) = match process {
        None => (None, Some("the server is stopped".to_owned())),
        Some(_) => match metrics(config).await {
            Ok(text) => (Some(SinceStart::from(&Exposition::parse(&text))), None),
            Err(error) => (None, Some(format!("{error:#}"))),
        },
    };
    let stats = Stats { process, kept: Kept::from(kept), since_start, why_not };
    if json {
        println!("{}", serde_json::to_string(&stats)?);
    } else {
        print!("{stats}");
    }
    Ok(())
}

/// The members of `--json`, which are documented in `docs/metrics.md` and stay.
#[derive(Debug, Serialize)]
struct Stats {
    /// The process that serves the data directory.
    process: Option<i32>,
    kept: Kept,
    since_start: Option<SinceStart>,
    /// Why `since_start` is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<String>,
}

#[derive(Debug, Serialize)]
struct Kept {
    agents: u64,
    subscriptions: u64,
    waiting_messages: u64,
    waiting_bytes: u64,
}

#[derive(Debug, Serialize)]
struct SinceStart {
    connected_agents: f64,
    received: f64,
    accepted: BTreeMap<String, f64>,
    refused: BTreeMap<String, f64>,
    delivered: BTreeMap<String, f64>,
    acknowledged: BTreeMap<String, f64>,
    nacks: BTreeMap<String, f64>,
    dropped: BTreeMap<String, f64>,
    receipts: BTreeMap<String, f64>,
    connections: BTreeMap<String, f64>,
    /// Seconds from acceptance to delivery that so many of a hundred messages did not exceed.
    delivery_seconds: BTreeMap<&'static str, f64>,
    /// Seconds from a request to its answer.
    push_seconds: BTreeMap<&'static str, f64>,
}

impl From<Survey> for Kept {
    fn from(survey: Survey) -> Self {
        Self {
            agents: survey.totals.agents,
            subscriptions: survey.totals.subscriptions,
            waiting_messages: survey.totals.messages,
            waiting_bytes: survey.bytes,
        }
    }
}

impl From<&Exposition> for SinceStart {
    fn from(metrics: &Exposition) -> Self {
        let quantiles = |name| {
            let all = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];
            all.iter().filter_map(|(word, part)| Some((*word, metrics.quantile(name, *part)?))).collect()
        };
        Self {
            connected_agents: metrics.sum(measure::CONNECTED),
            received: metrics.sum(measure::RECEIVED),
            accepted: metrics.by_label(measure::ACCEPTED, "how"),
            refused: metrics.by_label(measure::REFUSED, "reason"),
            delivered: metrics.by_label(measure::DELIVERED, "over"),
            acknowledged: metrics.by_label(measure::ACKNOWLEDGED, "code"),
            nacks: metrics.by_label(measure::NACKS, "code"),
            dropped: metrics.by_label(measure::DROPPED, "why"),
            receipts: metrics.by_label(measure::RECEIPTS, "outcome"),
            connections: metrics.by_label(measure::CONNECTIONS, "protocol"),
            delivery_seconds: quantiles(measure::DELIVERY_SECONDS),
            push_seconds: quantiles(measure::PUSH_SECONDS),
        }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.process {
            Some(process) => writeln!(f, "running, process {process}")?,
            None => writeln!(f, "stopped")?,
        }
        let Kept { agents, subscriptions, waiting_messages, waiting_bytes } = &self.kept;
        writeln!(f, "kept")?;
        writeln!(f, "  agents         {agents}")?;
        writeln!(f, "  subscriptions  {subscriptions}")?;
        writeln!(f, "  waiting        {waiting_messages} messages, {waiting_bytes} bytes")?;
        match (&self.since_start, &self.why_not) {
            (Some(since), _) => since.fmt(f),
            (None, Some(why)) => writeln!(f, "nothing is known of what happened since the start: {why}"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Display for SinceStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "now\n  connected      {} agents\nsince the start", self.connected_agents)?;
        writeln!(f, "  received       {}", self.received)?;
        let counts = [
            ("accepted", &self.accepted),
            ("refused", &self.refused),
            ("delivered", &self.delivered),
            ("acknowledged", &self.acknowledged),
            ("nacks", &self.nacks),
            ("dropped", &self.dropped),
            ("receipts", &self.receipts),
            ("connections", &self.connections),
        ];
        for (name, by) in counts {
            write!(f, "  {name:<13}  {}", by.values().sum::<f64>())?;
            for (number, (label, count)) in by.iter().enumerate() {
                write!(f, "{}{label} {count}", if number == 0 { ": " } else { ", " })?;
            }
            writeln!(f)?;
        }
        for (name, quantiles) in [("delivery", &self.delivery_seconds), ("answer", &self.push_seconds)] {
            if !quantiles.is_empty() {
                let shown =
                    quantiles.iter().map(|(word, seconds)| format!("{word} {:.1} ms", seconds * 1000.0));
                writeln!(f, "  {name:<13}  {}", shown.collect::<Vec<_>>().join(", "))?;
            }
        }
        Ok(())
    }
}

/// The metrics of the running server.
async fn metrics(config: &Config) -> anyhow::Result<String> {
    let address = config.listen.http.first().context("listen.http is off")?;
    let fetched = tokio::time::timeout(PATIENCE, async {
        match address {
            ListenAddress::Tcp(address) => fetch(TcpStream::connect(address).await?).await,
            ListenAddress::Unix(path) => fetch(UnixStream::connect(path).await?).await,
        }
    });
    fetched
        .await
        .context("no answer in time")
        .flatten()
        .with_context(|| format!("asking listen.http ({address})"))
}

async fn fetch(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> anyhow::Result<String> {
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.take(METRICS_BYTES_MAX).read_to_string(&mut answer).await?;
    if !answer.starts_with("HTTP/1.1 200 ") {
        bail!("not the metrics: {}", answer.lines().next().unwrap_or_default());
    }
    Ok(answer)
}

const PATIENCE: Duration = Duration::from_secs(5);
/// What is longer is cut: our own metrics have some 100 KiB at most.
const METRICS_BYTES_MAX: u64 = 4 << 20;
