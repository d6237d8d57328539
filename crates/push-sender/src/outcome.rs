//! What came of a request, in the terms of whoever has to act on it.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};
use url::Url;
use webpush::header::RetryAfter;

use crate::policy::EndpointRefused;

/// What came of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx: the push service has it.
    Accepted {
        /// 201 mostly, 202 where a receipt was asked for.
        status: u16,
        /// The push message resource (RFC 8030 §5), if there is one: what a `DELETE` takes back.
        location: Option<Location>,
    },
    /// 429 or 503 with `Retry-After`: not before this time is over.
    RetryAfter {
        /// How long, at most [`RETRY_AFTER_MAX`].
        wait: Duration,
        /// 429 or 503.
        status: u16,
    },
    /// 5xx, or 429 without `Retry-After`: later.
    Unavailable {
        /// The status.
        status: u16,
    },
    /// 404 or 410: the subscription is gone.
    Gone {
        /// The status.
        status: u16,
    },
    /// 401 or 403: the push service did not like our VAPID token.
    Unauthorized {
        /// The status.
        status: u16,
        /// Whose fault it seems to be.
        blame: Blame,
    },
    /// 413: the message is too large for this push service.
    TooLarge,
    /// Another 4xx: this subscription will never work.
    Rejected {
        /// The status.
        status: u16,
    },
    /// 3xx, which is never followed, or a status that makes no sense as an answer.
    Redirected {
        /// The status.
        status: u16,
    },
    /// Nothing was sent: the origin is to be left alone for this long, or has too much to do. Not a failure of the
    /// subscription.
    Deferred {
        /// How long.
        wait: Duration,
    },
    /// Nothing was sent: it was no longer wanted when its turn came.
    Withdrawn,
    /// There was no answer.
    Network(NetworkFailure),
}

/// Who is to blame for a 401 or 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The subscription: other pushes to this origin are being accepted, so it may be removed.
    Subscription,
    /// Not known yet: nothing else has been accepted by this origin of late. Try again later.
    Unknown,
    /// Us (clock, key or contact): many subscriptions of this origin were refused and none accepted. The origin is
    /// paused, an alert has been raised, and nothing may be removed.
    Us,
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NetworkFailure {
    /// The name has no address.
    #[error("the name could not be resolved")]
    Resolve,
    /// We may not post there.
    #[error("refused: {0}")]
    Refused(#[from] EndpointRefused),
    /// No connection.
    #[error("could not connect")]
    Connect,
    /// No TLS session: an unknown authority, a wrong name, an expired certificate, or no TLS at all.
    #[error("TLS failed")]
    Tls,
    /// Not within the time limit.
    #[error("timed out")]
    Timeout,
    /// The answer is not HTTP, is too large, or ended early.
    #[error("HTTP failed")]
    Protocol,
    /// The request could not be made: VAPID signing failed.
    #[error("the request could not be signed")]
    Signing,
}

/// The URL of a push message resource. A capability, hence not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Location(Url);

impl Location {
    /// The URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Location([redacted])")
    }
}

impl Outcome {
    /// Reads the head of an answer to a request to `endpoint`. For a 401 or 403 the blame is still unknown.
    pub(crate) fn of_response(
        endpoint: &Url,
        status: StatusCode,
        headers: &HeaderMap,
        now: SystemTime,
    ) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let code = status.as_u16();
        match code {
            200..=299 => {
                let location = text(header::LOCATION)
                    .filter(|location| location.len() <= LOCATION_BYTES_MAX)
                    .and_then(|location| endpoint.join(location).ok());
                Self::Accepted { status: code, location: location.map(Location) }
            }
            // RFC 8030 §8.4 for 429, RFC 9110 §15.6.4 for 503.
            429 | 503 => {
                match text(header::RETRY_AFTER).and_then(|value| RetryAfter::parse(value, now).ok()) {
                    Some(RetryAfter(wait)) => {
                        Self::RetryAfter { wait: wait.min(RETRY_AFTER_MAX), status: code }
                    }
                    None => Self::Unavailable { status: code },
                }
            }
            500..=599 => Self::Unavailable { status: code },
            // RFC 8030 §7.3.
            404 | 410 => Self::Gone { status: code },
            // RFC 8292 §4.2.
            401 | 403 => Self::Unauthorized { status: code, blame: Blame::Unknown },
            413 => Self::TooLarge,
            400..=499 => Self::Rejected { status: code },
            _ => Self::Redirected { status: code },
        }
    }

    /// The class, as it stands in logs and metrics.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::RetryAfter { .. } => "retry-after",
            Self::Unavailable { .. } => "unavailable",
            Self::Gone { .. } => "gone",
            Self::Unauthorized { .. } => "unauthorized",
            Self::TooLarge => "too-large",
            Self::Rejected { .. } => "rejected",
            Self::Redirected { .. } => "redirected",
            Self::Deferred { .. } => "deferred",
            Self::Withdrawn => "withdrawn",
            Self::Network(NetworkFailure::Resolve) => "resolve",
            Self::Network(NetworkFailure::Refused(_)) => "refused",
            Self::Network(NetworkFailure::Connect) => "connect",
            Self::Network(NetworkFailure::Tls) => "tls",
            Self::Network(NetworkFailure::Timeout) => "timeout",
            Self::Network(NetworkFailure::Protocol) => "protocol",
            Self::Network(NetworkFailure::Signing) => "signing",
        }
    }

    /// The status of the answer, or `None` when there was none.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Accepted { status, .. }
            | Self::RetryAfter { status, .. }
            | Self::Unavailable { status }
            | Self::Gone { status }
            | Self::Unauthorized { status, .. }
            | Self::Rejected { status }
            | Self::Redirected { status } => Some(*status),
            Self::TooLarge => Some(413),
            Self::Deferred { .. } | Self::Withdrawn | Self::Network(_) => None,
        }
    }
}

/// A longer `Retry-After` counts as this: a push service that wants to be left alone for longer will say so again.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// A longer `Location` counts as none.
const LOCATION_BYTES_MAX: usize = 2048;
