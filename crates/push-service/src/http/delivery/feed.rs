//! The messages of one reader, one after another (RFC 8030 §6, §6.1), whatever form they are delivered in.
//!
//! `Prefer: wait=0` reads the storage to its end and is done. Any other reader takes its place among the
//! [`connected`](crate::connected) ones, gets what waits and then what comes, with a window of messages that it has not
//! acknowledged; it ends when the user agent leaves one of them unacknowledged for too long, so that its next request
//! brings it again (RFC 8030 §6.2), when another reader of the same scope comes, and when what it reads is removed.
//!
//! Dropping a feed gives its place back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LAST_MODIFIED, LINK};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use tokio_util::sync::CancellationToken;

use super::Wait;
use super::promise::Promise;
use super::timing::{Timing, Woken};
use crate::connected::{self, ConnectedAgents, DeliveryQueue, Step};
use crate::http::reply::{self, Refusal};
use crate::http::{date, headers, link};
use crate::id::{MessageId, SubscriptionId};
use crate::measure::{self, Over};
use crate::message::{Encoding, Keeping, Message, Scope, Selection};
use crate::service::Service;

/// Gives a reader its messages.
pub struct MessageFeed {
    service: Arc<Service>,
    selection: Selection,
    source: Source,
    cursor: MessageId,
    delivered: u64,
    link: Option<(SubscriptionId, HeaderValue)>,
    timing: Timing,
}

/// What comes next.
#[expect(clippy::large_enum_variant, reason = "a box would cost an allocation for each message")]
#[derive(Debug)]
pub enum Next {
    /// This is to be delivered.
    Promise(Promise),
    /// Nothing came for `keep_alive_interval`.
    Quiet,
    /// Nothing more comes.
    End(End),
}

/// Why nothing more comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The reader did not want to wait any longer.
    Done,
    /// Another reader of the same scope has come.
    Superseded,
    /// The subscription or set was removed.
    Removed,
    /// The user agent does not acknowledge what it gets.
    NotAcknowledging,
    /// The service stops.
    GoingAway,
    /// The storage does not answer.
    Unavailable,
}

enum Source {
    Storage(VecDeque<Arc<Message>>),
    Place(Place),
}

/// A place among the connected readers.
struct Place {
    agents: Arc<ConnectedAgents>,
    queue: Arc<DeliveryQueue>,
}

impl MessageFeed {
    /// Begins to read. A reader of the same scope that is there already is ended, and waited for a little.
    pub async fn open(
        service: Arc<Service>,
        selection: Selection,
        wait: Wait,
        shutdown: CancellationToken,
    ) -> Self {
        let source = match wait {
            Wait::Not => Source::Storage(VecDeque::new()),
            Wait::For(_) | Wait::Unlimited => Source::Place(Place::take(&service, selection).await),
        };
        let timing = Timing::new(wait, service.config.delivery.keep_alive_interval, shutdown);
        Self { service, selection, source, cursor: MessageId::START, delivered: 0, link: None, timing }
    }

    /// The next message, or why there is none. Not cancel-safe: what it was about to return may be lost until the
    /// next request.
    pub async fn next(&mut self) -> Next {
        let next = match &self.source {
            Source::Storage(_) => self.next_stored().await,
            Source::Place(place) => {
                let queue = Arc::clone(&place.queue);
                self.next_of(&queue).await
            }
        };
        if matches!(next, Next::Promise(_)) {
            self.delivered += 1;
            self.timing.delivers();
        }
        next
    }

    /// How many messages it has given.
    #[must_use]
    pub const fn delivered(&self) -> u64 {
        self.delivered
    }

    async fn next_stored(&mut self) -> Next {
        loop {
            while let Source::Storage(page) = &mut self.source
                && let Some(message) = page.pop_front()
            {
                if let Some(promise) = self.promise(&message) {
                    return Next::Promise(promise);
                }
            }
            let storage = Arc::clone(&self.service.storage);
            let now = self.service.now();
            match storage.pending(self.selection, self.cursor, READ_AT_ONCE, now).await {
                Err(_) => return Next::End(End::Unavailable),
                Ok(page) if page.is_empty() => return Next::End(End::Done),
                Ok(page) => self.source = Source::Storage(page.into()),
            }
        }
    }

    async fn next_of(&mut self, queue: &DeliveryQueue) -> Next {
        let window = self.service.config.delivery.window_messages;
        loop {
            match queue.next(window) {
                Step::Deliver(message) => match self.promise(&message) {
                    Some(promise) => return Next::Promise(promise),
                    None => queue.skip(message.id),
                },
                Step::CatchUp => {
                    queue.catch_up();
                    let storage = Arc::clone(&self.service.storage);
                    let now = self.service.now();
                    match storage.pending(self.selection, self.cursor, READ_AT_ONCE, now).await {
                        Err(_) => return Next::End(End::Unavailable),
                        Ok(page) => {
                            let all = page.len() < READ_AT_ONCE;
                            queue.refill(page, all);
                        }
                    }
                }
                Step::Wait => {
                    if let Some(next) = self.wait(queue).await {
                        return next;
                    }
                }
                Step::End(connected::Ended::Superseded) => return Next::End(End::Superseded),
                Step::End(connected::Ended::Removed) => return Next::End(End::Removed),
            }
        }
    }

    /// Waits until there may be something to do; `None` when the queue is to be looked at again.
    async fn wait(&mut self, queue: &DeliveryQueue) -> Option<Next> {
        let patience = self.service.config.delivery.acknowledge_timeout;
        let due = queue.unacknowledged_since().map(|since| since + patience);
        match self.timing.wait(queue.changed(), due).await {
            Woken::Changed => None,
            Woken::GoingAway => Some(Next::End(End::GoingAway)),
            Woken::Over => Some(Next::End(End::Done)),
            Woken::Due => Some(Next::End(End::NotAcknowledging)),
            Woken::NoteUse => {
                let noted = self.service.storage.resume(self.selection.agent, self.service.now()).await;
                // Not noted now is noted later; what is no longer there is.
                matches!(noted, Ok(false)).then_some(Next::End(End::Removed))
            }
            Woken::Quiet => Some(Next::Quiet),
        }
    }

    /// What to deliver of a message; `None` when that has been done, or when it has expired.
    fn promise(&mut self, message: &Message) -> Option<Promise> {
        let now = self.service.now();
        if message.keeping == Keeping::Stored {
            if message.id <= self.cursor {
                return None;
            }
            self.cursor = message.id;
            // RFC 8030 §5.2: an expired message is not delivered; one with TTL 0 is, at once.
            if message.expires <= now {
                return None;
            }
        }
        let waited = u64::try_from(now.micros().saturating_sub(message.id.number())).unwrap_or(0);
        measure::delivered(Over::Http, Duration::from_micros(waited));
        let link = match &self.link {
            Some((id, link)) if *id == message.subscription => link.clone(),
            _ => {
                let link = push_link(&self.service, message.subscription);
                self.link = Some((message.subscription, link.clone()));
                link
            }
        };
        Some(promise(&self.service, message, link))
    }
}

impl End {
    /// How the open request is answered, after so many messages.
    #[must_use]
    pub fn response(self, delivered: u64) -> Response<Full<Bytes>> {
        let mut response = match self {
            // RFC 8030 §7.3
            Self::Removed => Refusal::Unknown.response(),
            Self::Unavailable => Refusal::Unavailable.response(),
            // RFC 8030 §6: 204 says that there was nothing.
            _ if delivered == 0 => reply::empty(StatusCode::NO_CONTENT),
            _ => reply::empty(StatusCode::OK),
        };
        reply::add_common_fields(response.headers_mut());
        response
    }

    /// A word for log and metrics.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Superseded => "superseded",
            Self::Removed => "removed",
            Self::NotAcknowledging => "not_acknowledging",
            Self::GoingAway => "going_away",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Place {
    async fn take(service: &Service, selection: Selection) -> Self {
        let agents = Arc::clone(&service.agents);
        let queue = agents.connect(selection, SUPERSEDED_PATIENCE).await;
        let place = Self { agents, queue };
        // Whoever was removed before it had a place was not told.
        match selection.scope {
            Scope::Set => {
                if let Ok(false) = service.storage.resume(selection.agent, service.now()).await {
                    place.agents.agent_removed(selection.agent);
                }
            }
            Scope::Subscription(id) => {
                if let Ok(None) = service.storage.subscription(id).await {
                    place.agents.subscription_removed(selection.agent, id);
                }
            }
        }
        place
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.agents.disconnect(&self.queue);
    }
}

/// The message as a resource of its user agent: the promised request and its answer (RFC 8030 §6).
pub(super) fn promise(service: &Service, message: &Message, link: HeaderValue) -> Promise {
    let mut request = HeaderMap::with_capacity(1);
    // RFC 8030 §6.1: the synthetic request names the push resource, so that a set's reader can tell where it is from.
    request.insert(LINK, link.clone());
    let mut response = Response::new(message.content.body.clone());
    let fields = response.headers_mut();
    fields.reserve(8);
    // RFC 8030 §6: so should the response.
    fields.insert(LINK, link);
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
    fields.insert(CONTENT_LENGTH, HeaderValue::from(message.content.body.len()));
    // The id is the time at which the message was taken.
    let taken = crate::clock::Instant::from_micros(message.id.number());
    fields.insert(LAST_MODIFIED, date::of(taken.system_time()));
    fields.insert(headers::URGENCY, HeaderValue::from_static(message.urgency.as_str()));
    let left = message.expires.micros().saturating_sub(service.now().micros()) / 1_000_000;
    fields.insert(headers::TTL, HeaderValue::from(left.max(0)));
    // It was a field when it came, so it can be one again.
    if let Some(media_type) = message.content.media_type.as_deref().map(HeaderValue::try_from)
        && let Ok(media_type) = media_type
    {
        fields.insert(CONTENT_TYPE, media_type);
    }
    match &message.content.encoding {
        Encoding::Unnamed => {}
        Encoding::Aes128gcm => {
            fields.insert(CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"));
        }
        Encoding::Aesgcm { encryption, crypto_key } => {
            fields.insert(CONTENT_ENCODING, HeaderValue::from_static("aesgcm"));
            let parameters = [(headers::ENCRYPTION, encryption), (headers::CRYPTO_KEY, crypto_key)];
            for (name, value) in parameters {
                if let Ok(value) = HeaderValue::try_from(value) {
                    fields.insert(name, value);
                }
            }
        }
    }
    let path = service.delivery_path(message.id, message.subscription);
    Promise { path, request, response }
}

/// RFC 8288: the push resource of a subscription.
pub(super) fn push_link(service: &Service, id: SubscriptionId) -> HeaderValue {
    let link = link::to(&service.push_resource(id), "urn:ietf:params:push");
    // An origin and base64url have only characters that a field may have.
    link.unwrap_or(HeaderValue::from_static(""))
}

/// Messages read from the storage in one go: at 5 KiB each, what one slow reader may hold in memory.
const READ_AT_ONCE: usize = 32;
/// How long a reader waits for the one that it supersedes.
const SUPERSEDED_PATIENCE: Duration = Duration::from_secs(3);
