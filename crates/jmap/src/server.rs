//! The server: what all requests share.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use admission::peer::Peer;
use admission::places::Places;
use authentication::Authenticator;
use bus::Bus;
use hyper::body::Incoming;
use hyper::{Request, Response};
use parking_lot::Mutex;
use store::{AccountId, MailboxCounts, MailboxId, ModSeq, Store};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Limits;
use crate::http::answer::Body;
use crate::http::clients::Clients;
use crate::http::route;
use crate::method::answers::Answers;
use crate::push::registrar::Registrar;

/// How to serve.
#[derive(Clone)]
pub struct Options {
    /// Who may log in.
    pub authenticator: Authenticator,
    /// The origin that URLs in the session resource begin with, such as `https://mail.example.org`; `None` takes the one that the
    /// request was made to.
    pub public_url: Option<String>,
    /// The server's name, for requests that name no host.
    pub hostname: String,
    /// How much of everything.
    pub limits: Limits,
    /// What subscriptions for pushes stand on.
    pub push: Arc<Registrar>,
    /// How mail is sent; `None` if it is not: then there are neither submissions nor replies while away.
    pub sending: Option<Sending>,
}

/// What may be sent.
#[derive(Clone, Copy, Debug)]
pub struct Sending {
    /// Recipients of one submission; above it the SetError `tooManyRecipients`.
    pub recipients: usize,
    /// Octets of a message; above it the SetError `tooLarge`.
    pub message_bytes: u64,
    /// How long a message may be held (`maxDelayedSend`).
    pub delay_max: Duration,
    /// Submissions of an account that wait; with one more the SetError `overQuota`.
    pub waiting: usize,
    /// Whether the smarthost knows RFC 3461, so that clients may ask for reports.
    pub dsn: bool,
}

/// Whom a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Which peer; `None` for one that is not counted: this machine, a trusted network.
    pub peer: Option<Peer>,
    /// Whether nobody in between can read along.
    pub is_encrypted: bool,
}

/// The JMAP server. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Server {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
    pub(crate) options: Options,
    pub(crate) clients: Clients,
    pub(crate) requests: Places<AccountId>,
    pub(crate) uploads: Places<AccountId>,
    pub(crate) events: Places<AccountId>,
    /// What was counted in mailboxes, and at which MODSEQ.
    pub(crate) counts: Mutex<HashMap<(AccountId, MailboxId), (ModSeq, MailboxCounts)>>,
    /// What was answered lately.
    pub(crate) answers: Answers,
    /// WebSockets, which outlive the request that opened them.
    pub(crate) sockets: TaskTracker,
    /// Cancelled when the server ends: what stays open has to end.
    pub(crate) stop: CancellationToken,
}

impl Server {
    /// One over a store, whose commits wake `bus`.
    #[must_use]
    pub fn new(store: Store, bus: Bus, options: Options) -> Self {
        let inner = Inner {
            clients: Clients::new(),
            requests: Places::new(options.limits.requests),
            uploads: Places::new(options.limits.uploads),
            events: Places::new(EVENT_SOURCES),
            counts: Mutex::default(),
            answers: Answers::default(),
            sockets: TaskTracker::new(),
            stop: CancellationToken::new(),
            store,
            bus,
            options,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Whether requests for this path are for this server.
    #[must_use]
    pub fn owns(path: &str) -> bool {
        path == route::WELL_KNOWN || path.starts_with(route::PREFIX)
    }

    /// Answers one request. Never fails: what goes wrong is in the answer.
    pub async fn respond(&self, request: Request<Incoming>, caller: Caller) -> Response<Body> {
        route::respond(&self.inner, request, caller).await
    }

    /// Ends what stands on credentials that are revoked, for ever. To be run beside the server, once.
    pub async fn follow_revocations(&self) {
        self.inner.clients.follow(&self.inner.store).await;
    }

    /// Ends answers that would go on for ever, and waits for WebSockets to be closed.
    pub async fn stop(&self) {
        self.inner.stop.cancel();
        self.inner.sockets.close();
        self.inner.sockets.wait().await;
    }
}

/// Event sources and WebSockets of one account at a time; one more is answered 429.
const EVENT_SOURCES: usize = 50;
