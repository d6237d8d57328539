//! The server: what all connections share, and the loop that accepts them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use admission::peer::Peers;
use admission::places::Places;
use authentication::Authenticator;
use bus::Bus;
use store::Store;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::conn::{self, Origin, Peer, Socket};
use crate::limits::Limits;
use crate::push::registrar::Registrar;
use crate::sessions::Sessions;

/// How the server behaves.
#[derive(Clone)]
pub struct Options {
    /// The name in the greeting; `user@hostname` logs in as the account `user` too.
    pub hostname: String,
    /// For STARTTLS and [`Security::ImplicitTls`]; without it neither works.
    pub tls: Option<TlsAcceptor>,
    /// Whether a password may be sent without TLS from elsewhere than this machine.
    pub allow_plaintext_login: bool,
    /// RFC 5929 §4: the `tls-server-end-point` of the certificate that `tls` shows now; asked at every handshake.
    pub end_point: EndPoint,
    /// Who may log in, and how.
    pub authenticator: Authenticator,
    /// RFC 9698: the URL of JMAP's session resource, where who may log in here may, too; `None` if there is none.
    pub jmap_session: Option<String>,
    /// The limits.
    pub limits: Limits,
    /// Tells peers apart, and which are trusted: limits for a peer don't concern these.
    pub peers: Peers,
    /// What the WEBPUSH commands work with.
    pub push: Arc<Registrar>,
}

/// Tells what SCRAM-SHA-256-PLUS can bind to of the certificate; `None` without one.
pub type EndPoint = Arc<dyn Fn() -> Option<Arc<[u8]>> + Send + Sync>;

/// A bound socket.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix socket; its peers count as this machine.
    Unix(UnixListener),
}

/// What a connection begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Plain text, with STARTTLS where there is a certificate.
    StartTls,
    /// TLS from the first byte (RFC 8314 §3.2).
    ImplicitTls,
}

/// The IMAP server. Cheap to clone; all clones are one server with one set of limits.
#[derive(Clone)]
pub struct Server {
    pub(crate) inner: Arc<Inner>,
}

/// What all connections share.
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) options: Options,
    pub(crate) sessions: Sessions,
    connections: Arc<Semaphore>,
    places: Places<admission::peer::Peer>,
}

impl Server {
    /// A server over a store, whose commits wake `bus`.
    #[must_use]
    pub fn new(store: Store, bus: Bus, options: Options) -> Self {
        let connections = Arc::new(Semaphore::new(options.limits.connections));
        let sessions = Sessions::new(options.limits.connections_per_account);
        let places = Places::new(options.limits.connections_per_peer);
        Self { inner: Arc::new(Inner { store, bus, options, sessions, connections, places }) }
    }

    /// Accepts connections until `stop` is cancelled, and returns when the last of them has ended. Each gets `BYE`
    /// as soon as it is between two commands; a caller that can't wait for the others drops the future.
    pub async fn serve(&self, listener: Listener, security: Security, stop: CancellationToken) {
        tokio::select! {
            () = self.accept_all(listener, security, stop) => {}
            () = self.inner.sessions.follow(&self.inner.store) => {}
        }
    }

    async fn accept_all(&self, listener: Listener, security: Security, stop: CancellationToken) {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.accept(&listener) => accepted,
                Some(ended) = connections.join_next() => {
                    report_panic(ended);
                    continue;
                }
            };
            match accepted {
                Ok((socket, origin)) => match self.admit(&origin) {
                    Ok(places) => {
                        let (server, stop) = (self.clone(), stop.clone());
                        connections.spawn(async move {
                            conn::run(server, socket, origin, security, stop).await;
                            drop(places);
                        });
                    }
                    Err(refusal) => {
                        tracing::debug!(
                            peer = origin.counted.map(tracing::field::display),
                            refusal,
                            "imap.refused"
                        );
                        conn::refuse(&socket, security, refusal);
                    }
                },
                Err(error) => {
                    // Out of descriptors, mostly: those that are open go on, and some will close.
                    tracing::warn!(%error, "can't accept a connection");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
        drop(listener);
        while let Some(ended) = connections.join_next().await {
            report_panic(ended);
        }
    }
}

impl Server {
    /// The places of a new connection, or what its client is told instead.
    fn admit(&self, origin: &Origin) -> Result<impl Send + 'static, &'static str> {
        let Inner { options, connections, places, .. } = &*self.inner;
        if options.authenticator.guessing().may_connect(origin.counted, Instant::now()).is_err() {
            return Err("[LIMIT] too many wrong passwords from your address, try again later");
        }
        let permit = Arc::clone(connections).try_acquire_owned();
        let permit = permit.map_err(|_| "[UNAVAILABLE] too many connections")?;
        let place = match origin.counted {
            Some(peer) => Some(places.take(peer).ok_or("[LIMIT] too many connections from your address")?),
            None => None,
        };
        Ok((permit, place))
    }

    async fn accept(&self, listener: &Listener) -> std::io::Result<(Socket, Origin)> {
        match listener {
            Listener::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // Answers are written whole: waiting for more of them gains nothing.
                stream.set_nodelay(true)?;
                let peer = if is_loopback(address.ip()) { Peer::ThisMachine } else { Peer::Elsewhere };
                let counted = self.inner.options.peers.of(address.ip());
                Ok((Socket::Tcp(stream), Origin { peer, counted }))
            }
            Listener::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Socket::Unix(stream), Origin { peer: Peer::ThisMachine, counted: None }))
            }
        }
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn report_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection ended in a panic");
        metrics::counter!("mailbell_imap_panics_total").increment(1);
    }
}

const ACCEPT_RETRY: Duration = Duration::from_millis(100);
