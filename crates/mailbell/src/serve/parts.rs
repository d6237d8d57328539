//! From the configuration to what each part of the server is configured with: one function for each.
//!
//! Nothing is decided here that an operator can't set; the defaults are the configuration's.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use push_service::config::PublicUrl;
use push_service::storage::sqlite::SqliteStorage;
use push_service::token::TokenKey;
use tokio::net::TcpListener;
use url::Url;

use super::listener::Listener;
use crate::config::{Config, ListenAddress};
use crate::data_dir;

/// What happens to a message between LMTP and the mailbox.
pub(crate) fn delivery_options(config: &Config) -> delivery::Options {
    delivery::Options {
        hostname: config.hostname.clone(),
        subaddress_separator: config.delivery.subaddress_separator,
        catch_all: config.delivery.catch_all.clone(),
        spam_headers: config.delivery.spam_headers.clone(),
    }
}

/// How much LMTP takes.
pub(crate) fn lmtp_limits(config: &Config) -> lmtp::Limits {
    lmtp::Limits {
        message_bytes: config.limits.message_bytes,
        recipients: config.limits.lmtp_recipients,
        connections: config.limits.lmtp_connections,
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
    let settings = push_service::config::Config::new(PublicUrl::parse(public_url.as_str())?);
    let storage = SqliteStorage::open(&directory.join("push.sqlite"), settings.retention)
        .with_context(|| format!("cannot open {}", directory.join("push.sqlite").display()))?;
    Ok(push_service::server::Server::new(settings, tokens, Arc::new(storage))?)
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
