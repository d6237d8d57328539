//! Listeners and connections of the service.
//!
//! [`Server::serve`] owns every task it starts: it returns when all of them have ended, at the latest `drain_timeout`
//! after `shutdown` was cancelled.

mod connection;
mod http1;
mod http2;
pub mod patient;
mod sniff;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfigError};
use crate::measure;
use crate::peers::{OpenConnections, Place};
use crate::service::{Service, Stats};
use crate::storage::Storage;
use crate::token::TokenKey;

/// A push service that can be served on any number of listeners.
#[derive(Clone)]
pub struct Server {
    service: Arc<Service>,
    connections: Arc<Semaphore>,
    peers: Option<Arc<OpenConnections>>,
}

impl Server {
    /// A service with the machine's clock.
    pub fn new(config: Config, tokens: TokenKey, storage: Arc<dyn Storage>) -> Result<Self, ConfigError> {
        Self::with_clock(config, tokens, storage, Arc::new(SystemClock))
    }

    /// A service with another clock.
    pub fn with_clock(
        config: Config,
        tokens: TokenKey,
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let connections = config.http.connections_max.min(Semaphore::MAX_PERMITS);
        let peers = config.peers.map(|peers| Arc::new(OpenConnections::new(peers.connections_max)));
        let service = Service::new(config, tokens, storage, clock)?;
        Ok(Self { service: Arc::new(service), connections: Arc::new(Semaphore::new(connections)), peers })
    }

    /// Serves connections until `shutdown` is cancelled, then lets the open ones finish. Without `tls` both HTTP/1.1
    /// and HTTP/2 with prior knowledge are spoken in the clear; with it, what ALPN chooses.
    pub async fn serve(
        &self,
        listener: TcpListener,
        tls: Option<Arc<ServerConfig>>,
        shutdown: CancellationToken,
    ) -> io::Result<()> {
        let tls = tls.map(|config| TlsAcceptor::from(with_alpn(config)));
        let tasks = TaskTracker::new();
        let abort = CancellationToken::new();
        let sweeper = self.clone();
        let stop = shutdown.clone();
        tasks.spawn(async move { sweeper.sweep_until(stop).await });
        while let Some((stream, peer, permit)) = self.accept(&listener, &shutdown).await {
            let Ok(place) = self.place_for(peer.ip()) else { continue };
            let connection = connection::Context {
                service: Arc::clone(&self.service),
                peer: peer.ip(),
                shutdown: shutdown.clone(),
                abort: abort.clone(),
                tasks: tasks.clone(),
                place: Arc::new((permit, place)),
            };
            let tls = tls.clone();
            let abort = abort.clone();
            tasks.spawn(async move {
                abort.run_until_cancelled(connection::serve(connection, stream, tls)).await;
            });
        }
        drop(listener);
        tasks.close();
        if tokio::time::timeout(self.service.config.drain_timeout, tasks.wait()).await.is_err() {
            tracing::warn!(connections = tasks.len(), "push service: connections dropped at shutdown");
            abort.cancel();
            tasks.wait().await;
        }
        Ok(())
    }

    /// How the service is doing.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.service.stats()
    }

    /// What the sockets serve, for those who bring requests by another way.
    #[must_use]
    pub const fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// The next connection, once there is room for it; `None` at shutdown.
    async fn accept(
        &self,
        listener: &TcpListener,
        shutdown: &CancellationToken,
    ) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let permits = Arc::clone(&self.connections);
        let permit = shutdown.run_until_cancelled(permits.acquire_owned()).await?.ok()?;
        loop {
            match shutdown.run_until_cancelled(listener.accept()).await? {
                Ok((stream, peer)) => return Some((stream, peer, permit)),
                Err(error) => {
                    // Out of descriptors, or the peer has gone already: neither ends the service.
                    tracing::warn!(%error, "push service: accept");
                    shutdown.run_until_cancelled(tokio::time::sleep(ACCEPT_RETRY_AFTER)).await?;
                }
            }
        }
    }

    /// The peer's place among its own, where those are counted; without one the connection is closed.
    fn place_for(&self, peer: IpAddr) -> Result<Option<Place>, TooManyOfPeer> {
        let Some(peers) = &self.peers else { return Ok(None) };
        let place = peers.enter(peer);
        if place.is_none() {
            measure::peer_refused();
            tracing::debug!(%peer, "push service: too many connections of one peer");
        }
        place.map(Some).ok_or(TooManyOfPeer)
    }

    async fn sweep_until(&self, shutdown: CancellationToken) {
        let interval = self.service.config.sweep_interval;
        while shutdown.run_until_cancelled(tokio::time::sleep(interval)).await.is_some() {
            if let Err(error) = self.service.sweep().await {
                tracing::warn!(%error, "push service: sweep");
            }
        }
    }
}

struct TooManyOfPeer;

/// Offers both HTTP versions, unless the caller has chosen. WebSocket clients ask for HTTP/1.1 alone.
fn with_alpn(config: Arc<ServerConfig>) -> Arc<ServerConfig> {
    if !config.alpn_protocols.is_empty() {
        return config;
    }
    let mut config = ServerConfig::clone(&config);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

const ACCEPT_RETRY_AFTER: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
