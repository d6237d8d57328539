//! A whole mail server in this process: every part, wired to the others and to its sockets.
//!
//! `serve` runs it until a signal comes, `demo` beside a user agent. Each part is a task that is owned here; it ends
//! when `stop` is cancelled, and a part that ends before is an error that ends the server.
//!
//! Invariants:
//! - Nothing is read from a socket before the store is open and every socket is bound.
//! - The store is closed after everything that writes to it has ended.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::sockets::Sockets;
use super::status::{self, Status};
use crate::config::{Config, Listen, ListenAddress};
use crate::data_dir::Lock;
use crate::tls::{CertificateOrigin, Tls};
use crate::vapid_keys::{self, VapidKeys};

/// A running server.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) addresses: Listen,
    tls: Tls,
    store: store::Store,
    status: Status,
    parts: JoinSet<&'static str>,
    stop: CancellationToken,
    _lock: Lock,
}

impl Server {
    /// Starts everything that the configuration asks for.
    pub(crate) async fn start(config: &Config) -> anyhow::Result<Self> {
        let lock = Lock::take(&config.data_dir)?;
        let tls = Tls::load(config)?;
        let keys = VapidKeys::load_or_make(&config.data_dir)?;
        announce_made(config, &tls, &keys);
        let sockets = Sockets::open(&config.listen).await?;
        let addresses = sockets.addresses()?;
        let options = store::Options { data_dir: config.data_dir.clone(), readers: READERS };
        let store = store::Store::open(options, bus::Bus::new()).await?;

        let status = Status::new(store.clone(), recorder()?);
        let mut server = Self {
            addresses,
            tls,
            store,
            status,
            parts: JoinSet::new(),
            stop: CancellationToken::new(),
            _lock: lock,
        };
        server.start_parts(sockets)?;
        server.status.set_ready();
        server.announce_listening();
        Ok(server)
    }

    /// Waits for a part that ends although nobody asked it to. Cancel-safe.
    pub(crate) async fn part_ended(&mut self) -> anyhow::Error {
        match self.parts.join_next().await {
            Some(Ok(name)) => anyhow!("{name} ended by itself"),
            Some(Err(error)) => anyhow!("a part of the server failed: {error}"),
            None => anyhow!("there is nothing to serve: every listener is switched off"),
        }
    }

    /// Reads certificates and keys again.
    pub(crate) fn reload(&self) -> anyhow::Result<()> {
        self.tls.reload()
    }

    /// Ends in order: no new connections, what is under way gets [`DRAIN_PATIENCE`], then the store is closed.
    pub(crate) async fn stop(&mut self) {
        self.status.set_draining();
        self.stop.cancel();
        let drained = async { while self.parts.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_PATIENCE, drained).await.is_err() {
            tracing::warn!(parts = self.parts.len(), "some parts did not end in time and are given up");
            self.parts.shutdown().await;
        }
        if let Err(error) = self.store.close().await {
            tracing::error!(%error, "the store could not be closed in order");
        }
    }

    fn start_parts(&mut self, sockets: Sockets) -> anyhow::Result<()> {
        for listener in sockets.http {
            self.spawn(
                "the http listener",
                status::serve(listener, None, self.status.clone(), self.stop.clone()),
            );
        }
        if !sockets.https.is_empty() {
            let acceptor = TlsAcceptor::from(self.tls.server_config(&[b"http/1.1"])?);
            for listener in sockets.https {
                let serve =
                    status::serve(listener, Some(acceptor.clone()), self.status.clone(), self.stop.clone());
                self.spawn("the https listener", serve);
            }
        }
        Ok(())
    }

    fn spawn(&mut self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        self.parts.spawn(async move {
            part.await;
            name
        });
    }

    fn announce_listening(&self) {
        let Listen { lmtp, imap, imaps, http, https, push } = &self.addresses;
        tracing::info!(
            lmtp = shown(lmtp),
            imap = shown(imap),
            imaps = shown(imaps),
            http = shown(http),
            https = shown(https),
            push = shown(push),
            "listening"
        );
    }
}

/// Says what did not exist before and was made.
fn announce_made(config: &Config, tls: &Tls, keys: &VapidKeys) {
    if keys.is_new {
        let key = vapid_keys::public(&keys.current);
        tracing::info!(key, data_dir = %config.data_dir.display(), "made a VAPID key; devices will be told this one");
    }
    let file = tls.certificate_file().display();
    match tls.origin() {
        CertificateOrigin::Configured => {}
        CertificateOrigin::Development => tracing::warn!(%file, "using the development certificate"),
        CertificateOrigin::DevelopmentNew => {
            tracing::warn!(%file, "made a development certificate; set [tls] for one that others trust");
        }
    }
    if config.push.contact.is_none() {
        tracing::warn!("push.contact is not set: nothing will be posted to a public push service");
    }
}

/// The one recorder of this process.
fn recorder() -> anyhow::Result<PrometheusHandle> {
    static RECORDER: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    let mut recorder = RECORDER.lock();
    if let Some(handle) = recorder.as_ref() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new().install_recorder().context("cannot set up the metrics")?;
    Ok(recorder.insert(handle).clone())
}

fn shown(addresses: &[ListenAddress]) -> String {
    if addresses.is_empty() {
        return "off".to_owned();
    }
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Connections that read the store at the same time.
const READERS: usize = 8;

/// What connections under way get to finish when the server stops.
const DRAIN_PATIENCE: Duration = Duration::from_secs(20);
