//! From the configuration to what each part of the server is configured with: one function for each.
//!
//! Nothing is decided here that an operator can't set; the defaults are the configuration's.

use std::sync::Arc;
use std::time::Duration;

use admission::guessing::{self, Guessing};
use admission::peer::Peers;
use anyhow::{Context as _, bail};
use authentication::Authenticator;
use authentication::token::claims::Expected;
use authentication::token::{Endpoint, Secret, Settings, Tokens};
use imap::push::apple::AppleComposer;
use imap::push::http_put::{HttpPutComposer, Watched};
use imap::push::registrar::{Registrar, RegistrarLimits};
use imap::push::{ImapComposer, SilentMailboxes};
use jmap::JmapComposer;
use notifier::compose::{Composer, Composers};
use push_sender::policy::Policy;
use push_sender::resolve::SystemResolver;
use push_sender::sender::PushSender;
use push_service::config::{BearerToken, DeliveryLimits, PeerLimits, PublicUrl};
use push_service::storage::sqlite::SqliteStorage;
use push_service::token::TokenKey;
use store::Store;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use url::Url;
use webpush::origin::Origin;
use webpush::vapid::token::Contact;

use super::listener::Listener;
use super::{submission, web};
use crate::config::{Config, Introspection, ListenAddress, MessageRate, OAuth, PushLimits};
use crate::data_dir;
use crate::tls::{Tls, read_authorities};

/// What happens to a message between LMTP and the mailbox.
pub(crate) fn delivery_options(config: &Config) -> delivery::Options {
    delivery::Options {
        hostname: config.hostname.clone(),
        subaddress_separator: config.delivery.subaddress_separator,
        catch_all: config.delivery.catch_all.clone(),
        spam_headers: config.delivery.spam_headers.clone(),
        sends: config.submission.is_some(),
    }
}

/// How much LMTP takes.
pub(crate) fn lmtp_limits(config: &Config) -> lmtp::Limits {
    lmtp::Limits {
        message_bytes: config.limits.message_bytes,
        recipients: config.limits.lmtp_recipients,
        connections: config.limits.lmtp_connections,
        connections_per_peer: config.limits.lmtp_connections_per_address,
        idle: config.limits.lmtp_idle,
    }
}

/// A socket for LMTP.
pub(crate) fn lmtp_listener(listener: Listener) -> lmtp::Listener {
    match listener {
        Listener::Tcp(listener) => lmtp::Listener::Tcp(listener),
        Listener::Unix(listener, _) => lmtp::Listener::Unix(listener),
    }
}

/// The origin of our own push service: what is configured, else this host's name and the port that it listens on.
/// `None` if it does not listen at all.
pub(crate) fn public_url(config: &Config, listening: &[ListenAddress]) -> anyhow::Result<Option<Url>> {
    let port = listening.iter().find_map(|address| match address {
        ListenAddress::Tcp(address) => Some(address.port()),
        ListenAddress::Unix(_) => None,
    });
    match (&config.push_service.public_url, port) {
        (_, None) => Ok(None),
        (Some(url), Some(_)) => Ok(Some(url.clone())),
        (None, Some(port)) => {
            let host = match config.hostname.contains(':') {
                true => format!("[{}]", config.hostname),
                false => config.hostname.clone(),
            };
            let url = Url::parse(&format!("https://{host}:{port}/"));
            url.map(Some).context("hostname does not make a URL; set push_service.public_url")
        }
    }
}

/// Who may log in, and how.
pub(crate) fn authenticator(config: &Config, store: &Store) -> anyhow::Result<Authenticator> {
    let options = authentication::Options {
        hostname: config.hostname.clone(),
        masters: config.authentication.masters.clone(),
        tokens: config.authentication.oauth.as_ref().map(tokens).transpose()?,
        guessing: Arc::new(Guessing::new(guessing_limits(config))),
    };
    Ok(Authenticator::new(store.clone(), options))
}

/// Whose tokens are taken.
fn tokens(oauth: &OAuth) -> anyhow::Result<Tokens> {
    let endpoint = |asked: &Introspection| {
        let file = &asked.client_secret_file;
        let secret =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let client_secret = Secret::new(secret.trim_end().to_owned());
        anyhow::Ok(Endpoint { url: asked.url.clone(), client_id: asked.client_id.clone(), client_secret })
    };
    let expected = Expected {
        issuer: oauth.issuer.clone(),
        audiences: oauth.audiences.clone(),
        scopes: oauth.scopes.clone(),
        account_claim: oauth.account_claim.clone(),
    };
    let settings = Settings {
        expected,
        keys: oauth.keys.clone(),
        introspection: oauth.introspection.as_ref().map(endpoint).transpose()?,
        discovery_url: oauth.discovery_url.clone(),
        extra_ca: read_authorities(&oauth.extra_ca)?,
        timeout: oauth.timeout,
    };
    Tokens::new(settings).context("cannot check tokens as [oauth] says")
}

/// How IMAP behaves.
pub(crate) fn imap_options(
    config: &Config,
    tls: &Tls,
    push: Arc<Registrar>,
    authenticator: Authenticator,
) -> anyhow::Result<imap::Options> {
    let shown = tls.clone();
    Ok(imap::Options {
        hostname: config.hostname.clone(),
        tls: Some(TlsAcceptor::from(tls.server_config(&[])?)),
        end_point: Arc::new(move || shown.end_point()),
        authenticator,
        allow_plaintext_login: config.imap.allow_plaintext_login,
        limits: imap::Limits {
            connections: config.limits.imap_connections,
            connections_per_peer: config.limits.imap_connections_per_address,
            connections_per_account: config.limits.imap_connections_per_account,
            message_bytes: config.limits.message_bytes,
            idle_time: config.limits.imap_idle,
            message_limit: config.imap.message_limit,
            notify_mailboxes: config.imap.notify_mailboxes,
            notify_responses: config.imap.notify_responses,
            updated_searches: config.imap.updated_searches,
            progress_time: config.imap.progress_time,
            ..imap::Limits::default()
        },
        jmap_session: jmap_session(config)?,
        peers: peers(config),
        push,
    })
}

/// The URL of JMAP's session resource (RFC 8620 §2.2), if JMAP is served and it is known under which name.
fn jmap_session(config: &Config) -> anyhow::Result<Option<String>> {
    let is_served = !config.listen.http.is_empty() || !config.listen.https.is_empty();
    let origin = config.jmap.public_url.as_ref().filter(|_| is_served);
    let url = origin.map(|origin| origin.join("/.well-known/jmap")).transpose().context("jmap.public_url")?;
    Ok(url.map(String::from))
}

/// How JMAP behaves.
pub(crate) fn jmap_options(
    config: &Config,
    authenticator: &Authenticator,
    push: Arc<jmap::Registrar>,
) -> jmap::Options {
    let settings = &config.jmap;
    jmap::Options {
        authenticator: authenticator.clone(),
        public_url: settings.public_url.as_ref().map(Url::to_string),
        hostname: config.hostname.clone(),
        limits: jmap::Limits {
            request_bytes: usize::try_from(settings.request_bytes).unwrap_or(usize::MAX),
            calls: settings.calls,
            requests: settings.requests,
            objects_in_get: settings.objects_in_get,
            objects_in_set: settings.objects_in_set,
            upload_bytes: settings.upload_bytes,
            uploads: settings.uploads,
            message_bytes: config.limits.message_bytes,
        },
        sending: config.submission.as_ref().map(submission::sending),
        push,
    }
}

/// How much PushSubscription/set gives.
pub(crate) fn jmap_registrar_limits(config: &Config) -> jmap::RegistrarLimits {
    jmap::RegistrarLimits {
        subscriptions: config.limits.webpush_subscriptions,
        creations_per_hour: config.jmap.push_creations_per_hour,
    }
}

/// How many may connect over HTTP, and how slow they may be.
pub(crate) fn web_limits(config: &Config) -> web::Limits {
    web::Limits {
        connections: config.jmap.connections,
        connections_per_peer: config.jmap.connections_per_address,
        write_timeout: config.jmap.write_timeout,
    }
}

/// Who counts as one peer.
pub(crate) fn peers(config: &Config) -> Peers {
    Peers::new(config.limits.trusted_addresses.clone())
}

fn guessing_limits(config: &Config) -> guessing::Limits {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    guessing::Limits {
        delay: config.limits.login_delay,
        peer_failures: count(config.limits.login_failures_per_address),
        account_failures: count(config.limits.login_failures_per_account),
        ban: config.limits.login_ban,
    }
}

/// How much the WEBPUSH commands give.
pub(crate) fn registrar_limits(config: &Config) -> RegistrarLimits {
    RegistrarLimits {
        commands_per_minute: config.limits.webpush_commands_per_minute,
        tokens_per_host: config.limits.webpush_tokens_per_host,
        tokens_per_account: config.limits.webpush_tokens_per_account,
        subscriptions_per_account: config.limits.webpush_subscriptions,
    }
}

/// A socket for IMAP.
pub(crate) fn imap_listener(listener: Listener) -> imap::Listener {
    match listener {
        Listener::Tcp(listener) => imap::Listener::Tcp(listener),
        Listener::Unix(listener, _) => imap::Listener::Unix(listener),
    }
}

/// What pushes say, and of which mailboxes nothing.
pub(crate) fn composers(config: &Config) -> Composers {
    let silent = SilentMailboxes::new(&config.push.silent_mailboxes);
    let watched = if config.push.http_put_any_mailbox { Watched::Any } else { Watched::Inbox };
    let mut all: Vec<Arc<dyn Composer>> = vec![
        Arc::new(ImapComposer::new(silent.clone())),
        Arc::new(HttpPutComposer::new(watched, silent)),
        Arc::new(JmapComposer),
    ];
    if let Some(apple) = &config.apple {
        all.push(Arc::new(AppleComposer::new(apple.merge)));
    }
    Composers::new(all)
}

/// What posts pushes. It trusts the system's authorities, those of `push.extra_ca`, and our own development
/// certificate where our own push service uses that.
pub(crate) fn push_sender(config: &Config, tls: &Tls, own: Option<&Url>) -> anyhow::Result<PushSender> {
    let contact = config.push.contact.as_deref().map(Contact::parse).transpose().context("push.contact")?;
    let settings = push_sender::sender::Config {
        policy: Policy {
            allow_addresses: config.push.allow_addresses.clone(),
            allow_http: config.push.allow_http,
            own_service: own.and_then(Origin::of),
            contact,
        },
        extra_ca: push_authorities(config, tls)?,
        limits: push_sender::sender::Limits::STANDARD,
    };
    PushSender::new(settings, Arc::new(SystemResolver::from_system())).context("push.extra_ca")
}

/// The certificate authorities that push services may have besides the system's, as PEM.
pub(crate) fn push_authorities(config: &Config, tls: &Tls) -> anyhow::Result<Option<String>> {
    let mut authorities = String::new();
    let development = tls.is_development().then(|| tls.certificate_file().to_owned());
    for file in config.push.extra_ca.iter().chain(&development) {
        let pem = std::fs::read_to_string(file);
        authorities.push_str(&pem.with_context(|| format!("cannot read {}", file.display()))?);
        authorities.push('\n');
    }
    Ok((!authorities.is_empty()).then_some(authorities))
}

/// Whether the push listener speaks TLS itself.
pub(crate) fn push_service_has_tls(config: &Config, public_url: &Url) -> bool {
    public_url.scheme() == "https" && !config.push_service.tls_in_front
}

/// The push service with its own storage, below the data directory.
pub(crate) fn push_service(
    config: &Config,
    public_url: &Url,
) -> anyhow::Result<push_service::server::Server> {
    let directory = config.data_dir.join(PUSH_SERVICE_DIRECTORY);
    data_dir::make(&directory)?;
    let tokens = TokenKey::load_or_create(&directory.join("token.key"))
        .with_context(|| format!("cannot use {}", directory.join("token.key").display()))?;
    let mut settings =
        push_service_settings(PublicUrl::parse(public_url.as_str())?, &config.push_service.limits);
    if config.push_service.tls_in_front {
        // All come from the proxy's address.
        settings.peers = None;
    }
    if let Some(file) = &config.push_service.broadcast_token_file {
        let token = std::fs::read_to_string(file)
            .with_context(|| format!("push_service.broadcast_token_file: cannot read {}", file.display()))?;
        let token = BearerToken::parse(token.trim())
            .with_context(|| format!("push_service.broadcast_token_file: {}", file.display()))?;
        settings.broadcast_token = Some(token);
    }
    let storage = SqliteStorage::open(&directory.join(PUSH_SERVICE_FILE), settings.retention)
        .with_context(|| format!("cannot open {}", directory.join(PUSH_SERVICE_FILE).display()))?;
    Ok(push_service::server::Server::new(settings, tokens, Arc::new(storage))?)
}

/// What the operator has set, in the push service's own types.
fn push_service_settings(public_url: PublicUrl, limits: &PushLimits) -> push_service::config::Config {
    let mut settings = push_service::config::Config::new(public_url);
    settings.body_bytes_max = limits.message_bytes;
    settings.ttl_max = limits.ttl;
    settings.subscription_rate = rate(limits.subscription_rate);
    settings.sender_rate = rate(limits.sender_rate);
    settings.http.connections_max = limits.connections;
    settings.http.write_timeout = limits.write_timeout;
    settings.delivery = DeliveryLimits {
        window_messages: limits.delivery.window,
        unsent_bytes_max: limits.delivery.unsent_bytes,
        acknowledge_timeout: limits.delivery.acknowledge,
        keep_alive_interval: limits.delivery.keep_alive,
        keep_alive_timeout: limits.delivery.keep_alive_timeout,
    };
    settings.peers = Some(PeerLimits {
        connections_max: limits.peer_connections,
        new_agents: rate(limits.peer_agents),
        subscriptions: rate(limits.peer_subscriptions),
    });
    let retention = &mut settings.retention;
    retention.subscription_messages_max = limits.subscription.messages;
    retention.subscription_bytes_max = limits.subscription.bytes;
    retention.agent_messages_max = limits.agent.messages;
    retention.agent_bytes_max = limits.agent.bytes;
    retention.agent_channels_max = limits.agent_subscriptions;
    retention.agent_idle_max = limits.agent_idle;
    retention.aggregate_members_max = limits.aggregate_members;
    // A message that waits to the end of its TTL still has its receipt.
    retention.receipts_idle_max = retention.receipts_idle_max.max(limits.ttl * 2);
    settings
}

fn rate(rate: MessageRate) -> push_service::config::Rate {
    let interval = Duration::from_secs(1) / rate.per_second.max(1);
    push_service::config::Rate { interval, burst: rate.burst }
}

/// A socket for the push service.
pub(crate) fn push_service_listener(listener: Listener) -> anyhow::Result<TcpListener> {
    match listener {
        Listener::Tcp(listener) => Ok(listener),
        Listener::Unix(_, path) => bail!("listen.push: {} is not a TCP address", path.display()),
    }
}

/// Where the push service keeps what is its own, below the data directory.
pub(crate) const PUSH_SERVICE_DIRECTORY: &str = "push-service";
/// Its storage, in there.
pub(crate) const PUSH_SERVICE_FILE: &str = "push.sqlite";

#[cfg(test)]
mod tests;
