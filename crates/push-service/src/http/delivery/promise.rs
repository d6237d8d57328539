//! A response that nobody has asked for yet, and how it gets into an HTTP/2 connection (RFC 9113 §8.4, RFC 8030 §6).
//!
//! What is to be delivered, a message to a user agent or a receipt to an application server, is a [`Promise`]. A
//! [`PromiseSender`] turns promises into PUSH_PROMISE frames on the request that stays open, each followed by its
//! response on the promised stream. It never waits for the peer's stream or flow control limits, which h2 keeps, but
//! for its own: what has been handed to h2 and has not gone into the socket is bounded for the whole connection by
//! [`Unsent`], so a peer that does not read costs a known amount of memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Buf, Bytes};
use h2::server::SendResponse;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, Method, Request, Response, Uri, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::date;

/// What is pushed: a request that the peer might have made, and the answer to it.
#[derive(Debug, Clone)]
pub struct Promise {
    /// The path of the resource. A secret: never into a log.
    pub path: String,
    /// The fields of the request that is synthesized.
    pub request: HeaderMap,
    /// The answer.
    pub response: Response<Bytes>,
}

/// Why a promise was not taken.
#[derive(Debug)]
pub enum PushError {
    /// The peer does not allow server push; nothing was sent.
    Disabled(Box<Promise>),
    /// The request or the connection is over.
    Closed,
}

/// The bytes that one connection may hold for a peer that does not read.
#[derive(Debug, Clone)]
pub struct Unsent {
    room: Arc<Semaphore>,
    bytes_max: u32,
    taken: Arc<AtomicU64>,
}

/// Bytes on their way into the socket. Their place among the [`Unsent`] is free when h2 drops them: written, or given up
/// with their stream.
#[derive(Debug)]
pub struct Chunk {
    bytes: Bytes,
    place: Option<Place>,
}

/// A place among the [`Unsent`].
#[derive(Debug)]
struct Place {
    taken: Arc<AtomicU64>,
    _room: OwnedSemaphorePermit,
}

/// Pushes promises on one open request.
pub struct PromiseSender {
    respond: SendResponse<Chunk>,
    scheme: Scheme,
    authority: Authority,
    unsent: Unsent,
}

impl Unsent {
    /// Room for so many bytes.
    #[must_use]
    pub fn new(bytes_max: u32) -> Self {
        let permits = usize::try_from(bytes_max).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self {
            room: Arc::new(Semaphore::new(permits)),
            bytes_max: u32::try_from(permits).unwrap_or(u32::MAX),
            taken: Arc::new(AtomicU64::new(0)),
        }
    }

    /// A number that changes whenever the peer takes something.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Whether something waits for the peer to read.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.room.available_permits() < usize::try_from(self.bytes_max).unwrap_or(usize::MAX)
    }

    /// Waits for room for `bytes` and `overhead` more. What is larger than everything goes alone. Cancel-safe.
    pub async fn hold(&self, bytes: Bytes, overhead: u32) -> Chunk {
        let wanted = u32::try_from(bytes.len()).unwrap_or(u32::MAX).saturating_add(overhead);
        let place = Arc::clone(&self.room).acquire_many_owned(wanted.min(self.bytes_max)).await;
        // The semaphore is never closed.
        let place = place.ok().map(|room| Place { taken: Arc::clone(&self.taken), _room: room });
        Chunk { bytes, place }
    }
}

impl Chunk {
    /// Bytes that need no place, because there are few and a limit of their own bounds them.
    #[must_use]
    pub const fn free(bytes: Bytes) -> Self {
        Self { bytes, place: None }
    }
}

impl Buf for Chunk {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if let Some(place) = &self.place {
            place.taken.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }
}

impl PromiseSender {
    /// Promises resources of the origin that the open request was made to.
    #[must_use]
    pub const fn new(
        respond: SendResponse<Chunk>,
        scheme: Scheme,
        authority: Authority,
        unsent: Unsent,
    ) -> Self {
        Self { respond, scheme, authority, unsent }
    }

    /// Pushes one promise, once there is room for it.
    pub async fn push(&mut self, promise: Promise) -> Result<(), PushError> {
        let unsent = self.unsent.clone();
        let chunk = tokio::select! {
            biased;
            () = self.abandoned() => return Err(PushError::Closed),
            chunk = unsent.hold(promise.response.body().clone(), PROMISE_OVERHEAD_BYTES) => chunk,
        };
        let Some(request) = self.request(&promise) else { return Err(PushError::Closed) };
        let mut pushed = match self.respond.push_request(request) {
            Ok(pushed) => pushed,
            // Nothing went wrong on the wire, so it is our request that h2 refuses: RFC 9113 §6.5.2, ENABLE_PUSH is 0.
            Err(error) if !error.is_io() && error.reason().is_none() => {
                return Err(PushError::Disabled(Box::new(promise)));
            }
            Err(_) => return Err(PushError::Closed),
        };
        let (mut head, _) = promise.response.into_parts();
        head.headers.insert(http::header::DATE, date::now());
        let response = Response::from_parts(head, ());
        // An empty body is sent as such too, because its chunk holds the place of the fields.
        let mut body = pushed.send_response(response, false).map_err(|_| PushError::Closed)?;
        // A stream that the peer has reset meanwhile takes no data; that is no fault of the others.
        let _refused = body.send_data(chunk, true);
        Ok(())
    }

    /// Returns when the peer has given up the open request or the connection. Cancel-safe.
    pub async fn abandoned(&mut self) {
        let _why = std::future::poll_fn(|context| self.respond.poll_reset(context)).await;
    }

    /// Ends pushing: the open request can be answered.
    #[must_use]
    pub fn into_response(self) -> SendResponse<Chunk> {
        self.respond
    }

    fn request(&self, promise: &Promise) -> Option<Request<()>> {
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(promise.path.as_str())
            .build()
            .ok()?;
        let mut request = Request::new(());
        *request.method_mut() = Method::GET;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = uri;
        request.headers_mut().clone_from(&promise.request);
        Some(request)
    }
}

/// What a promise costs beside its body: two sets of fields and h2's stream.
const PROMISE_OVERHEAD_BYTES: u32 = 1024;
