//! `mailbell listen --gateway FILE`: the field gateway, as its file says.
//!
//! SIGHUP reads the file again: subscriptions that are new, changed or gone are made, replaced or ended, the others are
//! not touched; a file with an error changes nothing. SIGTERM takes nothing more from the push service, hands on what is in
//! the spool for a while and ends; a second one ends at once. Either way nothing is lost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use agent::agent::{Form, Options};
use agent::gateway::hub::{self, Counts, Gateway};
use agent::gateway::registrar::{Announcement, Source};
use agent::gateway::spool::Spool;
use agent::gateway::target::Target;
use agent::gateway::target::mqtt::{Broker, BrokerOptions, Login, Topic};
use agent::gateway::target::post::Post;
use agent::imap::registration::Account;
use agent::state::StateStore;
use agent::trust::Trust;
use anyhow::Context as _;

use super::{state_file, system_and};
use crate::config::Config;
use crate::config::gateway::{Fixed, GatewayFile, HandedTo, Mqtt, PushedBy, Subscription};
use crate::logging::Logging;
use crate::serve::signal::{Request, Signals};

/// Runs the gateway until SIGINT or SIGTERM.
pub(crate) async fn run(config: &Config, file: &Path) -> anyhow::Result<()> {
    let loaded = GatewayFile::load(file)?;
    let _logging = Logging::start(&config.log)?;
    let mut signals = Signals::new()?;
    let mut running = Running::start(&loaded)?;
    let plan = running.plan(&loaded)?;
    running.carry_out(plan).await?;
    running.gateway.forget_others().await?;
    while signals.next().await == Request::Reload {
        let planned = GatewayFile::load(file).and_then(|loaded| Ok((running.plan(&loaded)?, loaded.fixed)));
        match planned {
            Ok((plan, fixed)) => {
                if fixed != running.fixed {
                    tracing::warn!("another service, ca, state or [spool] takes effect at the next start");
                }
                running.carry_out(plan).await?;
                tracing::info!(subscriptions = running.held.len(), "read the gateway file again");
            }
            Err(error) => tracing::error!("the gateway file has errors and is not used:\n{error:#}"),
        }
    }
    running.drain(&mut signals).await;
    Ok(())
}

/// Where a gateway keeps its state, and where its spool.
pub(super) fn places(fixed: &Fixed) -> anyhow::Result<(PathBuf, PathBuf)> {
    let state = match &fixed.state {
        Some(state) => state.clone(),
        None => state_file("gateway.json")?,
    };
    let spool = fixed.spool.clone().unwrap_or_else(|| state.with_extension("spool"));
    Ok((state, spool))
}

/// How a gateway connects.
pub(super) fn options(fixed: &Fixed, state: PathBuf) -> anyhow::Result<Options> {
    let trust = system_and(fixed.ca.as_deref())?;
    Options::new(&fixed.service, trust, StateStore::file(state)).with_context(|| fixed.service.clone())
}

struct Running {
    fixed: Fixed,
    trust: Trust,
    client_id: String,
    spool: Arc<Spool>,
    gateway: Gateway,
    broker: Option<(Mqtt, Arc<Broker>)>,
    on_endpoint: Option<String>,
    held: BTreeMap<String, Subscription>,
}

impl Running {
    fn start(loaded: &GatewayFile) -> anyhow::Result<Self> {
        let (state, spool) = places(&loaded.fixed)?;
        let options = options(&loaded.fixed, state)?;
        let spool = Arc::new(Spool::open(&spool, loaded.fixed.limits)?);
        let waiting = spool.waiting();
        tracing::info!(messages = waiting.messages, bytes = waiting.bytes, "opened the spool");
        let gateway = Gateway::start(options, Arc::clone(&spool))?;
        Ok(Self {
            fixed: loaded.fixed.clone(),
            trust: system_and(loaded.fixed.ca.as_deref())?,
            client_id: format!("mailbell-{}", gateway.instance()),
            spool,
            gateway,
            broker: None,
            on_endpoint: None,
            held: BTreeMap::new(),
        })
    }

    /// What has to be done for the gateway to be as the file says. Nothing is changed yet, so that a file that can't be
    /// followed changes nothing.
    fn plan(&self, loaded: &GatewayFile) -> anyhow::Result<Plan> {
        let is_other_broker = self.broker.as_ref().map(|(mqtt, _)| mqtt) != loaded.mqtt.as_ref();
        let broker = match is_other_broker {
            true => loaded.mqtt.as_ref().map(|mqtt| (mqtt.clone(), Broker::new(self.broker_options(mqtt)))),
            false => self.broker.clone(),
        };
        let maker = Maker {
            trust: &self.trust,
            broker: broker.as_ref().map(|(_, broker)| broker),
            on_endpoint: loaded.on_endpoint.as_deref(),
        };
        let wanted: BTreeMap<String, Subscription> =
            loaded.subscriptions.iter().map(|wanted| (wanted.name.clone(), wanted.clone())).collect();
        let is_told_otherwise = self.on_endpoint != loaded.on_endpoint;
        let mut put = Vec::new();
        for (name, wanted) in &wanted {
            let needs_broker = matches!(wanted.target, HandedTo::Mqtt { .. });
            let is_same = self.held.get(name) == Some(wanted);
            if !is_same || is_told_otherwise || (needs_broker && is_other_broker) {
                put.push(maker.subscription(wanted).with_context(|| format!("subscription {name}"))?);
            }
        }
        let remove = self.held.keys().filter(|name| !wanted.contains_key(*name)).cloned().collect();
        Ok(Plan { broker, on_endpoint: loaded.on_endpoint.clone(), remove, put, held: wanted })
    }

    /// Fails only when the gateway has ended.
    async fn carry_out(&mut self, plan: Plan) -> anyhow::Result<()> {
        let Plan { broker, on_endpoint, remove, put, held } = plan;
        for name in remove {
            self.gateway.remove(&name).await?;
        }
        for subscription in put {
            self.gateway.put(subscription).await?;
        }
        (self.broker, self.on_endpoint, self.held) = (broker, on_endpoint, held);
        Ok(())
    }

    fn broker_options(&self, mqtt: &Mqtt) -> BrokerOptions {
        let login = |(name, password): &(String, crate::config::gateway::Secret)| Login {
            name: name.clone(),
            password: password.reveal().to_owned(),
        };
        BrokerOptions {
            address: mqtt.address.clone(),
            tls: mqtt.is_tls.then(|| self.trust.clone()),
            client_id: mqtt.client_id.clone().unwrap_or_else(|| self.client_id.clone()),
            login: mqtt.login.as_ref().map(login),
            message_bytes_max: mqtt.message_bytes,
            patience: BROKER_PATIENCE,
        }
    }

    async fn drain(self, signals: &mut Signals) {
        tracing::info!(waiting = self.spool.waiting().messages, "ending");
        let counts = Arc::clone(self.gateway.counts());
        tokio::select! {
            () = self.gateway.drain(DRAIN_PATIENCE) => {}
            () = signals.next_stop() => tracing::warn!("ending at once"),
        }
        let Counts { spooled, handed_on, expired, dropped, undecryptable } = &*counts;
        let [spooled, handed_on, expired, dropped, undecryptable] =
            [spooled, handed_on, expired, dropped, undecryptable].map(|count| count.load(Ordering::Relaxed));
        let waiting = self.spool.waiting().messages;
        tracing::info!(spooled, handed_on, expired, dropped, undecryptable, waiting, "ended");
    }
}

/// What is to be changed.
struct Plan {
    broker: Option<(Mqtt, Arc<Broker>)>,
    on_endpoint: Option<String>,
    remove: Vec<String>,
    put: Vec<hub::Subscription>,
    held: BTreeMap<String, Subscription>,
}

/// Makes subscriptions of what the file says.
struct Maker<'a> {
    trust: &'a Trust,
    broker: Option<&'a Arc<Broker>>,
    on_endpoint: Option<&'a str>,
}

impl Maker<'_> {
    fn subscription(&self, wanted: &Subscription) -> anyhow::Result<hub::Subscription> {
        let source = match &wanted.source {
            PushedBy::Anybody { vapid, is_raw } => Source::Endpoint {
                application_server_key: *vapid,
                form: if *is_raw { Form::Ciphertext } else { Form::Cleartext },
            },
            PushedBy::Account { url, password } => {
                Source::Account(Box::new(Account::parse(url, password.reveal(), self.trust.clone())?))
            }
        };
        let announcement = match self.on_endpoint {
            Some(line) if matches!(source, Source::Endpoint { .. }) => Announcement::Command(line.to_owned()),
            _ => Announcement::Nobody,
        };
        let target = self.target(wanted)?;
        Ok(hub::Subscription { name: wanted.name.clone(), source, target, announcement })
    }

    fn target(&self, wanted: &Subscription) -> anyhow::Result<Target> {
        Ok(match &wanted.target {
            HandedTo::Exec(line) => Target::Exec { line: line.clone(), time_max: wanted.time_max },
            HandedTo::Post { url, authorization } => {
                let post = Post::new(url, self.trust.clone(), wanted.time_max)?;
                Target::Post(match authorization {
                    Some(authorization) => post.with_authorization(authorization.reveal())?,
                    None => post,
                })
            }
            HandedTo::Mqtt { topic, is_retained } => {
                let broker = self.broker.context("mqtt.url is missing")?;
                let topic = Topic::new(Arc::clone(broker), topic)?;
                Target::Mqtt(if *is_retained { topic.retained() } else { topic })
            }
        })
    }
}

/// How long a broker may take to answer.
const BROKER_PATIENCE: Duration = Duration::from_secs(15);
/// For handing on what is in the spool at the end.
const DRAIN_PATIENCE: Duration = Duration::from_secs(30);
