//! Posts push messages to push services: one request, one [`outcome::Outcome`].
//!
//! [`sender::PushSender::send`] is all that the rest of the server needs. It signs the request (VAPID), finds or opens
//! a connection, posts, and says what that means for the subscription. It retries nothing by itself, except what
//! provably never reached the push service; when to try again is the notifier's business.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`address`] | which addresses are global, by RFC |
//! | [`policy`] | where may be posted to; also what IMAP WEBPUSH and JMAP ask when an endpoint is registered |
//! | [`resolve`] | names to addresses; the seam for tests |
//! | [`request`] | what is posted |
//! | [`outcome`] | what came of it |
//! | [`standing`] | what is known of an origin: Retry-After, refusals |
//! | [`tls`] | which certificate authorities are trusted |
//! | [`sender`] | all of it together |
//!
//! Safety (RFC 8030 §8, and requests that a stranger chose the target of):
//! - The address that is connected to is the address that was checked, so a name that changes its address between two
//!   look-ups gains nothing. No redirect is followed and no proxy is used, whatever the environment says.
//! - Sockets, requests in flight and requests that wait are bounded for each origin and sockets in all, so an origin
//!   that hangs holds up nobody else. Every step has a time limit and every answer a size limit.
//! - Endpoints, bodies and tokens are never logged; an origin may be. Bodies of answers are thrown away.

pub mod address;
pub mod outcome;
pub mod policy;
pub mod request;
pub mod resolve;
pub mod sender;
pub mod standing;
pub mod tls;

mod connect;
mod metric;
mod pool;
