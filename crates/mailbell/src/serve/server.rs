//! A whole mail server in this process: every part, wired to the others and to its sockets.
//!
//! `serve` runs it until a signal comes, `demo` beside a user agent. Each part is a task that is owned here; it ends
//! when `stop` is cancelled, and a part that ends before is an error that ends the server.
//!
//! Invariants:
//! - Nothing is read from a socket before the store is open and every socket is bound.
//! - The store is closed after everything that writes to it has ended.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::submission::sender::Sender;
use anyhow::{Context as _, anyhow};
use bus::Bus;
use delivery::Deliverer;
use imap::Security;
use imap::push::registrar::Registrar;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use notifier::clock::Clock;
use notifier::notifier::{Handle, Notifier};
use notifier::sender::SenderPost;
use notifier::trial::Trials;
use parking_lot::Mutex;
use store::{Options, Store};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::listener::Listener;
use super::signing_keys::SigningKeys;
use super::sockets::Sockets;
use super::status::Status;
use super::web::{ForUsers, Web};
use super::{apple, parts, submission};
use crate::config::{Config, Listen, ListenAddress};
use crate::data_dir::Lock;
use crate::tls::{CertificateOrigin, Tls};
use crate::vapid_keys::{self, VapidKeys};

/// A running server.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) addresses: Listen,
    tls: Tls,
    /// `None` in a push service that runs alone.
    store: Option<Store>,
    status: Status,
    /// `None` in a push service that runs alone.
    keys: Option<SigningKeys>,
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
        announce_certificate(&tls);
        announce_keys(config, &keys);
        let sockets = Sockets::open(&config.listen).await?;
        let options = Options { data_dir: config.data_dir.clone(), readers: READERS };
        let bus = Bus::new();
        let store = Store::open(options, bus.clone()).await?;

        let mut server = Self::new(lock, tls, sockets.addresses()?, Some(store.clone()))?;
        let keys = SigningKeys::new(keys);
        let (push, jmap_push, trials) = server.start_notifier(config, &store, bus.clone(), keys.shared())?;
        server.keys = Some(keys);
        let authenticator = parts::authenticator(config, &store)?;
        let options = parts::jmap_options(config, &authenticator, jmap_push);
        let jmap = jmap::Server::new(store.clone(), bus.clone(), options);
        let devices = jmap::Devices::new(&jmap, push.handle.clone(), trials);
        let options = parts::imap_options(config, &server.tls, push, authenticator)?;
        let imap = imap::Server::new(store.clone(), bus, options);
        server.start_imap(&imap, Security::StartTls, sockets.imap);
        server.start_imap(&imap, Security::ImplicitTls, sockets.imaps);
        server.start_lmtp(config, &store, sockets.lmtp)?;
        server.start_push_service(config, sockets.push)?;
        server.start_jmap(&jmap);
        server.start_submission(config, &store)?;
        server.start_web(config, Some(ForUsers { jmap, devices }), (sockets.http, sockets.https))?;
        server.announce_ready();
        Ok(server)
    }

    /// Starts the push service alone: `[listen]` push, http and https.
    pub(crate) async fn start_push_service_alone(config: &Config) -> anyhow::Result<Self> {
        let lock = Lock::take(&config.data_dir)?;
        let tls = Tls::load(config)?;
        announce_certificate(&tls);
        let listen =
            Listen { lmtp: Vec::new(), imap: Vec::new(), imaps: Vec::new(), ..config.listen.clone() };
        let sockets = Sockets::open(&listen).await?;

        let mut server = Self::new(lock, tls, sockets.addresses()?, None)?;
        server.start_push_service(config, sockets.push)?;
        server.start_web(config, None, (sockets.http, sockets.https))?;
        server.announce_ready();
        Ok(server)
    }

    fn new(lock: Lock, tls: Tls, addresses: Listen, store: Option<Store>) -> anyhow::Result<Self> {
        Ok(Self {
            addresses,
            tls,
            status: Status::new(store.clone(), recorder()?),
            store,
            keys: None,
            parts: JoinSet::new(),
            stop: CancellationToken::new(),
            _lock: lock,
        })
    }

    /// The store, for whoever runs the server within its own process.
    pub(crate) fn store(&self) -> anyhow::Result<&Store> {
        self.store.as_ref().context("a push service has no store")
    }

    /// The PEM file with the server's certificate.
    pub(crate) fn certificate_file(&self) -> &Path {
        self.tls.certificate_file()
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
    pub(crate) async fn reload(&self, config: &Config) -> anyhow::Result<()> {
        // A certificate that can't be read must not keep a rotated VAPID key from being used, so its error waits.
        let certificates = self.tls.reload();
        if let (Some(keys), Some(store)) = (&self.keys, &self.store) {
            keys.reload(&config.data_dir, store).await?;
        }
        certificates
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
        if let Some(store) = &self.store
            && let Err(error) = store.close().await
        {
            tracing::error!(%error, "the store could not be closed in order");
        }
        let Listen { lmtp, imap, imaps, http, https, push } = &self.addresses;
        for address in [lmtp, imap, imaps, http, https, push].into_iter().flatten() {
            if let ListenAddress::Unix(path) = address {
                // What can't be removed is replaced at the next start.
                let _ = std::fs::remove_file(path);
            }
        }
    }

    fn start_web(
        &mut self,
        config: &Config,
        users: Option<ForUsers>,
        (http, https): (Vec<Listener>, Vec<Listener>),
    ) -> anyhow::Result<()> {
        self.spawn("the upkeep of metrics", keep_metrics(recorder()?, self.stop.clone()));
        let web = Web::new(self.status.clone(), users, parts::peers(config), parts::web_limits(config));
        for listener in http {
            self.spawn("the http listener", web.clone().serve(listener, None, self.stop.clone()));
        }
        if !https.is_empty() {
            let acceptor = TlsAcceptor::from(self.tls.server_config(&[b"http/1.1"])?);
            for listener in https {
                let serve = web.clone().serve(listener, Some(acceptor.clone()), self.stop.clone());
                self.spawn("the https listener", serve);
            }
        }
        Ok(())
    }

    fn start_jmap(&mut self, server: &jmap::Server) {
        let (server, stop) = (server.clone(), self.stop.clone());
        self.spawn("the JMAP server", async move {
            stop.run_until_cancelled(server.follow_revocations()).await;
            server.stop().await;
        });
    }

    fn start_submission(&mut self, config: &Config, store: &Store) -> anyhow::Result<()> {
        let Some(settings) = &config.submission else { return Ok(()) };
        let smarthost = submission::smarthost(config, settings)?;
        tracing::info!(host = settings.host, port = settings.port, tls = ?settings.tls, "mail is sent through a smarthost");
        let sender = Sender::new(store.clone(), smarthost, submission::limits(settings));
        let stop = self.stop.clone();
        self.spawn("the sender of mail", sender.run(stop));
        Ok(())
    }

    fn start_notifier(
        &mut self,
        config: &Config,
        store: &Store,
        bus: Bus,
        keys: notifier::vapid::VapidKeys,
    ) -> anyhow::Result<(Arc<Registrar>, Arc<jmap::Registrar>, Trials)> {
        let own = parts::public_url(config, &self.addresses.push)?;
        let sender = Arc::new(parts::push_sender(config, &self.tls, own.as_ref())?);
        let handle = Handle::new();
        let policy = sender.policy().clone();
        let limits = parts::jmap_registrar_limits(config);
        let jmap = jmap::Registrar::new(handle.clone(), keys.clone(), policy.clone(), limits);
        let registrar = Registrar::new(handle.clone(), keys.clone(), policy, parts::registrar_limits(config))
            .with_apple(config.apple.as_ref().map(apple::offer));
        let authorities = || parts::push_authorities(config, &self.tls);
        let apple = config.apple.as_ref().map(|apple| apple::service(apple, authorities()?)).transpose()?;
        let notifier = Notifier::new(
            notifier::notifier::Parts {
                store: store.clone(),
                bus,
                composers: parts::composers(config),
                post: Arc::new(SenderPost::new(sender).with_apple(apple)),
                keys,
                handle,
                clock: Clock::system(),
            },
            notifier::notifier::Options::new(config.push.min_interval),
        );
        let (stop, trials) = (self.stop.clone(), notifier.trials());
        self.spawn("the notifier", notifier.run(stop));
        Ok((Arc::new(registrar), Arc::new(jmap), trials))
    }

    fn start_lmtp(&mut self, config: &Config, store: &Store, listeners: Vec<Listener>) -> anyhow::Result<()> {
        let deliverer = Deliverer::new(store.clone(), parts::delivery_options(config));
        let server = lmtp::Server::new(
            deliverer,
            lmtp::Options {
                hostname: config.hostname.clone(),
                limits: parts::lmtp_limits(config),
                peers: parts::peers(config),
                tls: Some(TlsAcceptor::from(self.tls.server_config(&[])?)),
            },
        );
        for listener in listeners {
            let (server, stop) = (server.clone(), self.stop.clone());
            let listener = parts::lmtp_listener(listener);
            self.spawn("the LMTP server", async move { server.serve(listener, stop).await });
        }
        Ok(())
    }

    fn start_imap(&mut self, server: &imap::Server, security: Security, listeners: Vec<Listener>) {
        for listener in listeners {
            let (server, stop) = (server.clone(), self.stop.clone());
            let listener = parts::imap_listener(listener);
            self.spawn("the IMAP server", async move { server.serve(listener, security, stop).await });
        }
    }

    fn start_push_service(&mut self, config: &Config, listeners: Vec<Listener>) -> anyhow::Result<()> {
        let Some(public_url) = parts::public_url(config, &self.addresses.push)? else { return Ok(()) };
        let service = parts::push_service(config, &public_url)?;
        self.status.has_push_service(service.clone());
        let has_tls = parts::push_service_has_tls(config, &public_url);
        let tls = has_tls.then(|| self.tls.server_config(&[])).transpose()?;
        for listener in listeners {
            let listener = parts::push_service_listener(listener)?;
            let (service, tls, stop) = (service.clone(), tls.clone(), self.stop.clone());
            self.spawn("the push service", async move {
                if let Err(error) = service.serve(listener, tls, stop).await {
                    tracing::error!(%error, "the push service failed");
                }
            });
        }
        Ok(())
    }

    fn spawn(&mut self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        self.parts.spawn(async move {
            part.await;
            name
        });
    }

    fn announce_ready(&self) {
        self.status.set_ready();
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

fn announce_keys(config: &Config, keys: &VapidKeys) {
    if keys.is_new {
        let key = vapid_keys::public(&keys.current);
        tracing::info!(key, data_dir = %config.data_dir.display(), "made a VAPID key; devices will be told this one");
    }
    if config.push.contact.is_none() {
        tracing::warn!("push.contact is not set: nothing will be posted to a public push service");
    }
}

fn announce_certificate(tls: &Tls) {
    let file = tls.certificate_file().display();
    match tls.origin() {
        CertificateOrigin::Configured => {}
        CertificateOrigin::Development => tracing::warn!(%file, "using the development certificate"),
        CertificateOrigin::DevelopmentNew => {
            tracing::warn!(%file, "made a development certificate; set [tls] for one that others trust");
        }
    }
}

/// The one recorder of this process.
fn recorder() -> anyhow::Result<PrometheusHandle> {
    static RECORDER: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    let mut recorder = RECORDER.lock();
    if let Some(handle) = recorder.as_ref() {
        return Ok(handle.clone());
    }
    let builder =
        PrometheusBuilder::new().set_buckets(&BUCKETS_SECONDS).context("cannot set up the metrics")?;
    let handle = builder.install_recorder().context("cannot set up the metrics")?;
    metrics::gauge!("mailbell_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(recorder.insert(handle).clone())
}

fn shown(addresses: &[ListenAddress]) -> String {
    if addresses.is_empty() {
        return "off".to_owned();
    }
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Gathers what was recorded into buckets, which keeps the memory for metrics bounded when nobody asks for them.
async fn keep_metrics(metrics: PrometheusHandle, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(METRICS_UPKEEP)).await.is_some() {
        metrics.run_upkeep();
    }
}

/// Upper bounds of the buckets of every histogram; all of them are durations.
const BUCKETS_SECONDS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// Connections that read the store at the same time.
const READERS: usize = 8;

/// What connections under way get to finish when the server stops.
const DRAIN_PATIENCE: Duration = Duration::from_secs(20);
