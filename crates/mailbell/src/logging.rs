//! Log lines on standard error, as text or JSON, with a level that can be changed while we run.
//!
//! Invariant: whatever the level, libraries that carry what peers send say nothing below a warning. At trace they print
//! whole frames, and those hold endpoints and messages.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing::Level;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use crate::config::{Log, LogFormat};

/// The way to change the level later.
#[derive(Debug)]
pub(crate) struct Logging {
    filter: reload::Handle<EnvFilter, Registry>,
}

impl Logging {
    /// Begins to log. Once in a process.
    pub(crate) fn start(log: &Log) -> anyhow::Result<Self> {
        let (filter, handle) = reload::Layer::new(parse(&log.level)?);
        let lines = fmt::layer().with_writer(std::io::stderr);
        let lines = match log.format {
            LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
            LogFormat::Json => lines.json().flatten_event(true).boxed(),
        };
        let lines = lines.with_filter(filter_fn(|line| is_discreet(line.target(), line.level())));
        tracing_subscriber::registry().with(filter).with(lines).try_init().context("cannot start logging")?;
        Ok(Self { filter: handle })
    }

    /// Changes the level; lines from now on obey it. The format stays as it was at the start.
    pub(crate) fn set_level(&self, log: &Log) -> anyhow::Result<()> {
        self.filter.reload(parse(&log.level)?).context("cannot change the log level")
    }
}

fn is_discreet(target: &str, level: &Level) -> bool {
    let library = target.split("::").next().unwrap_or_default();
    *level <= Level::WARN || !CARRIERS.contains(&library)
}

fn parse(level: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(level).with_context(|| format!("{level:?} is not a log level"))
}

/// Libraries through whose hands requests, frames and messages go.
const CARRIERS: [&str; 9] = [
    "h2",
    "hyper",
    "hyper_util",
    "rumqttc",
    "rustls",
    "tokio_rustls",
    "tokio_tungstenite",
    "tungstenite",
    "zbus",
];
