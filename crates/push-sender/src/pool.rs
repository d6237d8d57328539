//! Connections by origin: shared while they are open, closed when idle, bounded for each origin and in all.
//!
//! An HTTP/2 connection carries many requests at once, an HTTP/1.1 connection one after the other. Connections of one
//! origin are opened one at a time: whoever waits for a connection that can't be had gets its failure, instead of
//! running into the same wall once more.
//!
//! Invariants: no lock is held across `.await`; a [`Lease`] gives back what it holds when dropped, at whatever point its
//! request was cancelled; a connection's socket permits live exactly as long as its driver.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use url::Url;
use webpush::origin::Origin;

use crate::connect::{Body, Connected, Connector, Link};
use crate::metric;
use crate::outcome::NetworkFailure;
use crate::sender::Limits;

/// All connections.
pub(crate) struct Pool {
    connector: Connector,
    limits: Limits,
    sockets: Arc<Semaphore>,
    origins: Mutex<HashMap<Origin, Arc<OriginPool>>>,
    /// The drivers of the connections; dropping the pool ends them.
    drivers: Mutex<JoinSet<()>>,
}

/// The connections of one origin.
pub(crate) struct OriginPool {
    requests: Arc<Semaphore>,
    slots: Arc<Semaphore>,
    /// Whoever opens a connection, or waits for one to become free, holds this.
    turn: Semaphore,
    freed: Notify,
    open: Mutex<Vec<Open>>,
    failure: Mutex<Option<(Instant, NetworkFailure)>>,
}

/// A connection that can take a request.
struct Open {
    link: Shared,
    used: Instant,
    alive: Alive,
}

enum Shared {
    /// There while nobody uses it.
    Http1(http1::SendRequest<Body>),
    /// There all the time; a permit for each request.
    Http2(http2::SendRequest<Body>, Arc<Semaphore>),
}

/// When the last of these is dropped, the driver finishes what is left and ends.
#[derive(Clone)]
struct Alive(#[expect(dead_code, reason = "held for its drop")] Arc<oneshot::Sender<()>>);

/// The use of a connection for one request.
pub(crate) struct Lease {
    link: Leased,
    origin: Arc<OriginPool>,
    alive: Alive,
}

enum Leased {
    Http1(Option<http1::SendRequest<Body>>),
    Http2(http2::SendRequest<Body>, Option<OwnedSemaphorePermit>),
}

/// Why a request got no answer.
pub(crate) enum SendFailure {
    /// It never reached the peer, or the peer has said that it did nothing with it: sending it again is safe.
    NotProcessed,
    /// Nobody knows.
    Lost,
}

impl Pool {
    pub(crate) fn new(connector: Connector, limits: Limits) -> Self {
        let sockets = Arc::new(Semaphore::new(limits.sockets));
        Self { connector, limits, sockets, origins: Mutex::default(), drivers: Mutex::default() }
    }

    /// The pool of an origin, and the permit for one more request to it, or `None` when it has too many already, or
    /// when there are [`ORIGINS_MAX`] other origins with connections or requests.
    pub(crate) fn admit(&self, origin: &Origin) -> Option<(Arc<OriginPool>, OwnedSemaphorePermit)> {
        let mut origins = self.origins.lock();
        if origins.len() >= ORIGINS_MAX && !origins.contains_key(origin) {
            return None;
        }
        let pool = origins.entry(origin.clone()).or_insert_with(|| Arc::new(OriginPool::new(&self.limits)));
        let permit = Arc::clone(&pool.requests).try_acquire_owned().ok()?;
        Some((Arc::clone(pool), permit))
    }

    /// A connection to the origin of `endpoint`: an open one, or a new one when all are taken and there may be more.
    pub(crate) async fn lease(
        &self,
        pool: &Arc<OriginPool>,
        endpoint: &Url,
        origin: &Origin,
    ) -> Result<Lease, NetworkFailure> {
        let arrived = Instant::now();
        if let Some(lease) = pool.take() {
            return Ok(lease);
        }
        let _turn = pool.turn.acquire().await.map_err(|_| NetworkFailure::Connect)?;
        loop {
            if let Some(lease) = pool.take() {
                return Ok(lease);
            }
            if let Some((at, failure)) = *pool.failure.lock()
                && at >= arrived
            {
                return Err(failure);
            }
            match Arc::clone(&pool.slots).try_acquire_owned() {
                Ok(slot) => {
                    let opened = self.open(pool, endpoint, origin, slot).await;
                    *pool.failure.lock() = opened.as_ref().err().map(|failure| (Instant::now(), *failure));
                    opened?;
                }
                Err(_) => pool.freed.notified().await,
            }
        }
    }

    /// Closes what has been idle for too long, and forgets origins that have nothing left.
    pub(crate) fn close_idle(&self) {
        let idle = self.limits.idle_timeout;
        let mut origins = self.origins.lock();
        origins.retain(|_, pool| {
            let mut open = pool.open.lock();
            open.retain(|open| open.is_usable() && !(open.is_idle() && open.used.elapsed() >= idle));
            // Whoever has got the pool from `admit` holds a second reference.
            !open.is_empty() || Arc::strong_count(pool) > 1
        });
        drop(origins);
        let mut drivers = self.drivers.lock();
        while drivers.try_join_next().is_some() {}
    }

    /// How many sockets are open.
    pub(crate) fn sockets_open(&self) -> usize {
        self.limits.sockets.saturating_sub(self.sockets.available_permits())
    }

    async fn open(
        &self,
        pool: &Arc<OriginPool>,
        endpoint: &Url,
        origin: &Origin,
        slot: OwnedSemaphorePermit,
    ) -> Result<(), NetworkFailure> {
        if self.sockets.available_permits() == 0 {
            self.close_longest_idle();
        }
        let socket = Arc::clone(&self.sockets).acquire_owned().await.map_err(|_| NetworkFailure::Connect)?;
        let Connected { link, driver } = self.connector.connect(endpoint, origin).await?;
        let (alive, ended) = oneshot::channel::<()>();
        let freed = Arc::downgrade(pool);
        let counted = metric::connection_opened();
        let drive = async move {
            tokio::select! {
                () = driver => {}
                // A peer that does not read can't keep a connection open that nobody wants any more.
                () = async { let _ = ended.await; sleep(CLOSE_TIMEOUT).await } => {}
            }
            drop((slot, socket, counted));
            if let Some(pool) = freed.upgrade() {
                pool.freed.notify_one();
            }
        };
        {
            let mut drivers = self.drivers.lock();
            while drivers.try_join_next().is_some() {}
            drivers.spawn(drive);
        }
        let link = match link {
            Link::Http1(sender) => Shared::Http1(sender),
            Link::Http2(sender) => {
                Shared::Http2(sender, Arc::new(Semaphore::new(self.limits.streams_per_connection)))
            }
        };
        pool.open.lock().push(Open { link, used: Instant::now(), alive: Alive(Arc::new(alive)) });
        Ok(())
    }

    /// All sockets are in use: an idle one is worth less than one that is asked for.
    fn close_longest_idle(&self) {
        let origins = self.origins.lock();
        let longest = origins
            .values()
            .filter_map(|pool| {
                let open = pool.open.lock();
                let used = open.iter().filter(|open| open.is_idle()).map(|open| open.used).min()?;
                Some((used, Arc::clone(pool)))
            })
            .min_by_key(|(used, _)| *used);
        drop(origins);
        if let Some((used, pool)) = longest {
            pool.open.lock().retain(|open| !(open.is_idle() && open.used == used));
        }
    }
}

impl OriginPool {
    fn new(limits: &Limits) -> Self {
        Self {
            requests: Arc::new(Semaphore::new(limits.requests_per_origin)),
            slots: Arc::new(Semaphore::new(limits.connections_per_origin)),
            turn: Semaphore::new(1),
            freed: Notify::new(),
            open: Mutex::default(),
            failure: Mutex::default(),
        }
    }

    /// An open connection with room for a request.
    fn take(self: &Arc<Self>) -> Option<Lease> {
        let mut open = self.open.lock();
        open.retain(Open::is_usable);
        let (index, permit) = open.iter().enumerate().find_map(|(index, open)| match &open.link {
            Shared::Http1(_) => Some((index, None)),
            Shared::Http2(_, streams) => {
                Arc::clone(streams).try_acquire_owned().ok().map(|permit| (index, Some(permit)))
            }
        })?;
        let (link, alive) = match permit {
            None => {
                let open = open.swap_remove(index);
                let Shared::Http1(sender) = open.link else { return None };
                (Leased::Http1(Some(sender)), open.alive)
            }
            Some(permit) => {
                let open = open.get_mut(index)?;
                open.used = Instant::now();
                let Shared::Http2(sender, _) = &open.link else { return None };
                (Leased::Http2(sender.clone(), Some(permit)), open.alive.clone())
            }
        };
        drop(open);
        Some(Lease { link, origin: Arc::clone(self), alive })
    }
}

impl Open {
    fn is_usable(&self) -> bool {
        match &self.link {
            Shared::Http1(sender) => !sender.is_closed(),
            Shared::Http2(sender, _) => !sender.is_closed(),
        }
    }

    fn is_idle(&self) -> bool {
        match &self.link {
            Shared::Http1(_) => true,
            // Nobody but the pool holds the permits.
            Shared::Http2(_, streams) => Arc::strong_count(streams) == 1,
        }
    }
}

impl Lease {
    /// Whether requests name their target in full (HTTP/2) or by path and `Host` (HTTP/1.1).
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self.link, Leased::Http2(..))
    }

    /// Sends a request and waits for the head of the answer.
    pub(crate) async fn send(&mut self, request: Request<Body>) -> Result<Response<Incoming>, SendFailure> {
        let sent = match &mut self.link {
            Leased::Http1(Some(sender)) => {
                // A new connection is not ready before its driver has run; one that has ended never is again.
                sender.ready().await.map_err(|_| SendFailure::NotProcessed)?;
                sender.try_send_request(request).await
            }
            Leased::Http1(None) => return Err(SendFailure::NotProcessed),
            Leased::Http2(sender, _) => sender.try_send_request(request).await,
        };
        sent.map_err(|mut error| {
            let unsent = error.take_message().is_some();
            if unsent || was_not_processed(&error.into_error()) {
                SendFailure::NotProcessed
            } else {
                SendFailure::Lost
            }
        })
    }

    /// Gives the connection back for the next request, once the answer has been read to its end.
    pub(crate) async fn give_back(mut self) {
        let Leased::Http1(sender) = &mut self.link else { return };
        let Some(mut sender) = sender.take() else { return };
        // The driver has yet to notice that the answer is complete. If it closes the connection instead, so be it.
        if sender.ready().await.is_ok() {
            let open = Open { link: Shared::Http1(sender), used: Instant::now(), alive: self.alive.clone() };
            self.origin.open.lock().push(open);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // First the place, then the call: whoever is woken must find it.
        if let Leased::Http2(_, permit) = &mut self.link {
            drop(permit.take());
        }
        self.origin.freed.notify_one();
    }
}

/// Whether the peer has said that it did nothing with the request.
fn was_not_processed(error: &hyper::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            // RFC 9113 §6.8: streams above the last one of a GOAWAY. With another reason than NO_ERROR the library
            // reports processed streams alike. RFC 9113 §8.7: REFUSED_STREAM.
            return error.is_remote()
                && (error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR)
                    || error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM));
        }
        source = error.source();
    }
    false
}

/// More origins than this at once are put off.
const ORIGINS_MAX: usize = 65_536;

/// So long may a connection that is being closed take to say good-bye.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
