//! Has every push subscription told what changed.
//!
//! Level-triggered: nothing is queued for a change. Each subscription has a *cursor*, the MODSEQ that its device has been
//! told about. A subscription is due while its account's change log has grown past the cursor and its time has come; one
//! push then says everything that fits, and the cursor moves when the push service has taken it. Hence a crash loses no
//! push, a dead endpoint costs one row, a burst of a thousand messages costs few pushes, and a device is told at least once.
//!
//! | module | what it is | does it do I/O? |
//! | --- | --- | --- |
//! | [`clock`] | ticks (monotonic) and Unix time | no |
//! | [`agenda`] | what one subscription needs now: token, changes, summary, key notice, nothing | no |
//! | [`backoff`] | what a push service's answer means for what comes next | no |
//! | [`schedule`] | when each subscription may be attempted; limits for the process and for each origin | no |
//! | [`silence`] | SILWEBPUSH `session`: what a living connection has been shown already | no |
//! | [`vapid`] | the keys that pushes are signed with, current and old | no |
//! | [`verification`] | who waits for the answer to a verification | no |
//! | [`compose`] | the seam where a protocol turns changes into a push | - |
//! | [`post`] | the seam to the network | - |
//! | [`apple`] | requests to Apple's push service | yes |
//! | [`sender`] | what stands behind that seam: encryption, and `push-sender` | yes |
//! | [`trial`] | a push that a user asks for, to see whether one gets through | yes |
//! | [`notifier`] | the loop: wakes, sweeps, attempts, lazily stored cursors, shutdown | yes |
//!
//! What it does not do: it knows no protocol (composers live with theirs), no HTTP (`push-sender` does) and no key files.
//!
//! # Invariants
//! - One push in flight for a subscription, and beside it at most a trial that its user has asked for; pushes to it leave in order.
//! - Only the token is ever posted to an endpoint that has not been acknowledged.
//! - A cursor moves only over what a push service has taken, what the device is known to know, or what needs no telling.
//! - Losing a wake, a lazily stored cursor or the whole process means a late push or one too many, never one too few.
//! - Tasks, queues and memory have limits ([`schedule::Limits`]); what does not fit waits in the store for the next sweep.
//! - Endpoints, keys and tokens never appear in a log line.

pub mod agenda;
pub mod apple;
pub mod backoff;
pub mod clock;
pub mod compose;
pub mod notifier;
pub mod post;
pub mod schedule;
pub mod sender;
pub mod silence;
pub mod trial;
pub mod vapid;
pub mod verification;

mod attempt;
mod progress;
mod requests;
mod settle;
#[cfg(test)]
mod simulation;
