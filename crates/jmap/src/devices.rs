//! The devices API: what a user sees of one's own push subscriptions and may do with them, over HTTP beside JMAP. One may list
//! them, name one, silence it for a time, remove it, and have a test push sent.
//!
//! Subscriptions of every kind are shown alike, whichever protocol made them: they stand in one table of the store. Who asks is
//! found out as for JMAP, so passwords, tokens, delays for guessing and the rules for pages of other origins are the same.
//! `docs/devices.openapi.json` says what there is; it is served too.
//!
//! Not here: making subscriptions, and proving that an endpoint is one's own. Their protocols do that.
//!
//! # Invariants
//! - An endpoint, a key or a token is never shown: of an endpoint only its origin is.
//! - A device of somebody else, or of another app password, is answered exactly as one that does not exist.
//! - What a push service answered to an endpoint that is not proven to be the client's own is shown in one word of four: else
//!   whoever may register could explore other people's hosts from here.
//! - Requests and test pushes, at a time and in a minute, have limits.

mod edit;
mod id;
mod pace;
mod route;
mod test_push;
mod view;

use std::sync::Arc;

use admission::places::Places;
use http::{Request, Response};
use hyper::body::Incoming;
use notifier::notifier::Handle;
use notifier::trial::Trials;
use store::PushSubscriptionId;
use tokio::sync::Semaphore;

use crate::devices::pace::Pace;
use crate::http::answer::Body;
use crate::server::{Caller, Inner, Server};

/// The devices API. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Devices {
    shared: Arc<Shared>,
}

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) server: Arc<Inner>,
    pub(crate) handle: Handle,
    pub(crate) trials: Trials,
    /// Test pushes of each account.
    pub(crate) pace: Pace,
    /// Test pushes under way to each device.
    pub(crate) under_way: Places<PushSubscriptionId>,
    /// Test pushes under way.
    pub(crate) all_under_way: Semaphore,
}

impl Devices {
    /// The API for the accounts of a server, whose subscriptions this notifier serves.
    #[must_use]
    pub fn new(server: &Server, handle: Handle, trials: Trials) -> Self {
        let shared = Shared {
            server: Arc::clone(&server.inner),
            handle,
            trials,
            pace: Pace::default(),
            under_way: Places::new(1),
            all_under_way: Semaphore::new(TEST_PUSHES_UNDER_WAY),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Whether requests for this path are for this API.
    #[must_use]
    pub fn owns(path: &str) -> bool {
        path.starts_with(PREFIX)
    }

    /// Answers one request. Never fails: what goes wrong is in the answer.
    pub async fn respond(&self, request: Request<Incoming>, caller: Caller) -> Response<Body> {
        route::respond(&self.shared, request, caller).await
    }
}

/// What all paths begin with.
const PREFIX: &str = "/api/v1/";
/// Of all accounts at a time; one more is answered 503. An answer may take as long as a push service may.
const TEST_PUSHES_UNDER_WAY: usize = 32;
