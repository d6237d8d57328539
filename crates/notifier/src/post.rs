//! The seam to the network: one push to one endpoint, and how that went. Implemented by [`crate::sender`].

use std::pin::Pin;
use std::sync::Arc;

use push_sender::request::Wanted;
use store::{ModSeq, PushSubscription};
use webpush::vapid::key::SigningKey;

use crate::backoff::Answer;
use crate::compose::Push;

/// A push that is to leave.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Where to, and for whom it is encrypted.
    pub subscription: Arc<PushSubscription>,
    /// What it says.
    pub push: Push,
    /// Up to which MODSEQ of the account it tells: what connects it in the log with the delivery that it speaks of.
    pub modseq: ModSeq,
    /// What it is signed with.
    pub key: Arc<SigningKey>,
    /// Whether it may still leave: to be asked just before, each time.
    pub wanted: Wanted,
}

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// What it means for what comes next.
    pub answer: Answer,
    /// In a word, for the log and for the user: `201`, `429`, `timeout`.
    pub said: String,
}

/// A push on its way.
pub type Posting<'a> = Pin<Box<dyn Future<Output = Posted> + Send + 'a>>;

/// Posts pushes: encrypts, signs, connects. Ends in bounded time.
pub trait Post: Send + Sync + 'static {
    /// Posts one push. Dropping the future gives it up.
    fn post(&self, delivery: Delivery) -> Posting<'_>;
}
