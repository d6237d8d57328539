//! The way from the notifier to the push sender: a push becomes the request that its kind has, is posted, and what came of it
//! is put in the notifier's words. Web Pushes are encrypted for their subscription; an HTTP PUT leaves as its client wrote
//! it.
//!
//! RFC 8291 for the encryption; cleartexts are padded to steps of 128 bytes, so that their length says little.

use std::sync::Arc;
use std::time::Duration;

use push_sender::outcome::{Blame, Outcome};
use push_sender::request::{Correlation, PushHeaders, Request};
use push_sender::sender::PushSender;
use store::{PushKind, PushSubscription};
use url::Url;
use webpush::key::{AuthSecret, PublicKey};
use webpush::message::{Recipient, Sender, encrypt};
use webpush::padding::Padding;

use crate::apple::AppleService;
use crate::backoff::Answer;
use crate::post::{Delivery, Post, Posted, Posting};

#[cfg(test)]
mod tests;

/// Posts by a [`PushSender`].
pub struct SenderPost {
    sender: Arc<PushSender>,
    apple: Option<AppleService>,
}

impl SenderPost {
    /// Posts by this sender.
    #[must_use]
    pub fn new(sender: Arc<PushSender>) -> Self {
        Self { sender, apple: None }
    }

    /// The same with a way to Apple's push service. Without one no push of that kind leaves.
    #[must_use]
    pub fn with_apple(self, apple: Option<AppleService>) -> Self {
        Self { apple, ..self }
    }

    async fn outcome(&self, delivery: &Delivery) -> Result<Outcome, &'static str> {
        match (delivery.subscription.kind, &self.apple) {
            (PushKind::Apple, Some(apple)) => apple.post(delivery).await,
            // It was configured when the device registered. Once it is again, what is due leaves.
            (PushKind::Apple, None) => Ok(Outcome::Deferred { wait: UNCONFIGURED_WAIT }),
            (PushKind::ImapWebPush | PushKind::HttpPut | PushKind::Jmap, _) => {
                Ok(self.sender.send(&request(delivery)?).await)
            }
        }
    }
}

impl Post for SenderPost {
    fn post(&self, delivery: Delivery) -> Posting<'_> {
        Box::pin(async move {
            match self.outcome(&delivery).await {
                Ok(outcome) => posted(&outcome, delivery.subscription.kind),
                Err(problem) => {
                    // The keys were checked when the subscription was made, so a stored row is broken.
                    tracing::error!(
                        problem,
                        subscription = delivery.subscription.id.0,
                        "a push can't be made"
                    );
                    Posted { answer: Answer::Unreachable, said: "can't be made".to_owned() }
                }
            }
        })
    }
}

fn request(delivery: &Delivery) -> Result<Request, &'static str> {
    let subscription = &delivery.subscription;
    let request = if subscription.kind == PushKind::HttpPut {
        let body = delivery.push.cleartext.clone();
        Request::put_form(endpoint(subscription)?, body, correlation(delivery))
    } else if subscription.kind == PushKind::Jmap && subscription.public_key.is_empty() {
        // RFC 8620 §7.2: without keys it is JSON as it stands.
        let (body, key) = (delivery.push.cleartext.clone(), Arc::clone(&delivery.key));
        Request::push_json(endpoint(subscription)?, &headers(delivery), body, key, correlation(delivery))
    } else {
        web_push(delivery)?
    };
    Ok(Request { wanted: Some(delivery.wanted.clone()), ..request })
}

fn headers(delivery: &Delivery) -> PushHeaders {
    let push = &delivery.push;
    PushHeaders { ttl: push.ttl, urgency: push.urgency, topic: push.topic.clone() }
}

fn web_push(delivery: &Delivery) -> Result<Request, &'static str> {
    let subscription = &delivery.subscription;
    let recipient = recipient(subscription)?;
    let sender = Sender::generate().map_err(|_| "no random numbers")?;
    let body = encrypt(sender, &recipient, &delivery.push.cleartext, Padding::TO_128)
        .map_err(|_| "the push can't be encrypted")?;
    let (endpoint, key) = (endpoint(subscription)?, Arc::clone(&delivery.key));
    Ok(Request::push(endpoint, &headers(delivery), body.into(), key, correlation(delivery)))
}

fn endpoint(subscription: &PushSubscription) -> Result<Url, &'static str> {
    Url::parse(&subscription.endpoint).map_err(|_| "the endpoint is not a URL")
}

fn correlation(delivery: &Delivery) -> Correlation {
    Correlation { account: delivery.subscription.account.0, modseq: delivery.modseq.0 }
}

fn recipient(subscription: &PushSubscription) -> Result<Recipient, &'static str> {
    let auth = <[u8; AuthSecret::BYTES]>::try_from(subscription.auth.as_slice());
    Ok(Recipient {
        public_key: PublicKey::from_bytes(&subscription.public_key)
            .map_err(|_| "the public key is not a point")?,
        auth_secret: AuthSecret::from_bytes(auth.map_err(|_| "the auth secret has not 16 bytes")?),
    })
}

fn posted(outcome: &Outcome, kind: PushKind) -> Posted {
    let answer = match outcome {
        // Nothing of ours stands in such a request that could be wrong.
        Outcome::Unauthorized { .. } if kind == PushKind::HttpPut => Answer::Refused,
        // No push service stands there, whose failures are its operator's to mend.
        Outcome::RetryAfter { status: 500.., wait } if kind == PushKind::HttpPut => {
            Answer::Broken { retry_after: Some(*wait) }
        }
        Outcome::Unavailable { status: 500.. } if kind == PushKind::HttpPut => {
            Answer::Broken { retry_after: None }
        }
        // Only 410 is about the device. The others are about our topic, certificate or token.
        Outcome::Gone { status: 410 } if kind == PushKind::Apple => Answer::Refused,
        Outcome::Gone { .. }
        | Outcome::Rejected { .. }
        | Outcome::Unauthorized { .. }
        | Outcome::TooLarge
            if kind == PushKind::Apple =>
        {
            Answer::Unauthorized
        }
        Outcome::Accepted { .. } => Answer::Taken,
        Outcome::RetryAfter { status: 429, wait } => Answer::TooMany { retry_after: Some(*wait) },
        Outcome::RetryAfter { wait, .. } => Answer::Failing { retry_after: Some(*wait) },
        Outcome::Unavailable { status: 429 } => Answer::TooMany { retry_after: None },
        Outcome::Unavailable { .. } => Answer::Failing { retry_after: None },
        Outcome::TooLarge => Answer::TooLarge,
        Outcome::Gone { .. } | Outcome::Rejected { .. } => Answer::Refused,
        // Others of this origin are accepted, so it is this subscription that the key does not fit.
        Outcome::Unauthorized { blame: Blame::Subscription, .. } => Answer::Refused,
        Outcome::Unauthorized { blame: Blame::Unknown, .. } => Answer::Unauthorized,
        // The origin is paused and the alert raised: no subscription is to suffer for it.
        Outcome::Unauthorized { blame: Blame::Us, .. } => Answer::Failing { retry_after: None },
        Outcome::Redirected { .. } | Outcome::Network(_) => Answer::Unreachable,
        Outcome::Deferred { wait } => Answer::Withheld { wait: *wait },
        // The subscription was removed or altered: the attempt's end finds out which.
        Outcome::Withdrawn => Answer::Withheld { wait: Duration::ZERO },
    };
    let said = outcome.status().map_or_else(|| outcome.class().to_owned(), |status| status.to_string());
    Posted { answer, said }
}

/// Until it is asked again whether there is a way to Apple's push service.
const UNCONFIGURED_WAIT: Duration = Duration::from_secs(3600);
