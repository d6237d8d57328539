//! The server: listening sockets, and how many connections there may be.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use admission::peer::Peers;
use admission::places::Places;
use delivery::{Deliverer, Peer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::conn::{self, Context};
use crate::content::Budget;
use crate::record::{self, ConnectionRecord};
use crate::reply::Reply;
use crate::session::{Session, Settings, Tls};

/// How a [`Server`] works.
pub struct Options {
    /// How it calls itself.
    pub hostname: String,
    /// How much of everything.
    pub limits: Limits,
    /// Tells peers apart, and which are trusted: the limit for a peer does not concern these.
    pub peers: Peers,
    /// What STARTTLS is done with; `None` does not offer it. Certificates are renewed behind its resolver.
    pub tls: Option<TlsAcceptor>,
}

/// How much of everything.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Octets of a message: 552 5.3.4 above it. All connections together hold at most eight of that size: 452 4.3.1.
    pub message_bytes: u64,
    /// Recipients of a transaction: 452 4.5.3 above it.
    pub recipients: usize,
    /// Connections at a time, over all listeners of this server: 421 4.3.2 above it.
    pub connections: usize,
    /// Connections of one peer over TCP at a time: 421 4.7.0 above it.
    pub connections_per_peer: usize,
    /// How long a client may be silent: then 421 4.4.2.
    pub idle: Duration,
}

/// A socket that listens.
#[derive(Debug)]
pub enum Listener {
    /// On an address.
    Tcp(TcpListener),
    /// At a path.
    Unix(UnixListener),
}

/// The LMTP server. Cheap to clone; all clones share limits.
#[derive(Clone)]
pub struct Server {
    deliverer: Deliverer,
    settings: Settings,
    idle: Duration,
    tls: Option<TlsAcceptor>,
    connections: Arc<Semaphore>,
    peers: Arc<Peers>,
    places: Places<admission::peer::Peer>,
    /// Makes the ids of connections unique over restarts.
    started_at: u128,
    accepted: Arc<AtomicU64>,
}

impl Server {
    /// A server that delivers by `deliverer`.
    #[must_use]
    pub fn new(deliverer: Deliverer, options: Options) -> Self {
        let Limits { message_bytes, recipients, connections, connections_per_peer, idle } = options.limits;
        let settings = Settings {
            hostname: options.hostname.into(),
            message_bytes_max: message_bytes,
            recipients_max: recipients,
            budget: Budget::new(message_bytes.saturating_mul(MESSAGES_HELD_MAX)),
        };
        let started_at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        Self {
            deliverer,
            settings,
            idle,
            tls: options.tls,
            connections: Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS))),
            peers: Arc::new(options.peers),
            places: Places::new(connections_per_peer),
            started_at,
            accepted: Arc::default(),
        }
    }

    /// Accepts and serves connections until `shutdown` is cancelled; returns when the last of them has ended, which
    /// takes no longer than a client may take to end a transaction then (20 seconds), the store to commit it, and the
    /// client to take its answers (20 seconds).
    ///
    /// Dropping the future ends the connections at once, whatever they are in.
    pub async fn serve(&self, listener: Listener, shutdown: CancellationToken) {
        let mut connections = JoinSet::new();
        loop {
            // Both are cancel-safe: a connection is accepted or not, an ended task is taken or not.
            let accepted = tokio::select! {
                () = shutdown.cancelled() => break,
                accepted = listener.accept() => accepted,
                Some(ended) = connections.join_next() => {
                    report(ended);
                    continue;
                }
            };
            match accepted {
                Ok((socket, peer)) => self.start(socket, peer, &shutdown, &mut connections).await,
                Err(error) => {
                    tracing::warn!(%error, "lmtp.accept");
                    // Out of file descriptors, mostly: they come back as connections end.
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
        drop(listener);
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    }

    async fn start(
        &self,
        mut socket: Socket,
        peer: Peer,
        shutdown: &CancellationToken,
        connections: &mut JoinSet<()>,
    ) {
        let places = match self.admit(&peer) {
            Ok(places) => places,
            Err(refusal) => {
                record::connection_refused();
                let mut output = Vec::new();
                refusal.write(&mut output);
                // A new socket takes this at once; if it does not, the client loses nothing but the reason.
                let _ = timeout(ACCEPT_RETRY, socket.write_all(&output)).await;
                return;
            }
        };
        let tls = if self.tls.is_some() { Tls::Offered } else { Tls::Unavailable };
        let number = self.accepted.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:x}.{number:x}", self.started_at);
        let session = Session::new(self.settings.clone(), tls, peer, id.clone());
        let context = Context {
            deliverer: self.deliverer.clone(),
            idle: self.idle,
            tls: self.tls.clone(),
            shutdown: shutdown.clone(),
        };
        connections.spawn(async move {
            let _places = places;
            let _record = ConnectionRecord::new();
            if let Err(error) = conn::serve(socket, session, &context).await {
                tracing::debug!(connection = id, %error, "lmtp.connection");
            }
        });
    }
}

impl Server {
    /// The places of a new connection, or what its client is told instead.
    fn admit(&self, peer: &Peer) -> Result<impl Send + 'static, Reply> {
        let permit = Arc::clone(&self.connections).try_acquire_owned();
        let permit = permit.map_err(|_| Reply::too_many_connections())?;
        let counted = match peer {
            Peer::Tcp(address) => self.peers.of(*address),
            Peer::Unix => None,
        };
        let place = match counted {
            Some(peer) => Some(self.places.take(peer).ok_or_else(Reply::too_many_connections_of_peer)?),
            None => None,
        };
        Ok((permit, place))
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}
type Socket = Box<dyn Stream>;

impl Listener {
    async fn accept(&self) -> io::Result<(Socket, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (socket, address) = listener.accept().await?;
                // Answers are written whole; waiting for more to send with them only adds a delay.
                socket.set_nodelay(true)?;
                Ok((Box::new(socket), Peer::Tcp(address.ip().to_canonical())))
            }
            Self::Unix(listener) => {
                let (socket, _) = listener.accept().await?;
                Ok((Box::new(socket), Peer::Unix))
            }
        }
    }
}

/// A panic in a connection ends that connection only, and is told.
fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "lmtp.panic");
    }
}

/// Messages of full size that all connections together may hold.
const MESSAGES_HELD_MAX: u64 = 8;
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
