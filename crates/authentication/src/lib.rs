//! Who is it, and may they: SASL mechanisms (RFC 4422) over the store's credentials.
//!
//! The mechanisms are state machines, bytes in and bytes out, without sockets, clock or store: [`plain`], [`scram`],
//! [`bearer`]. A bearer token is judged by [`token`]. An [`Exchange`] drives one of them against an [`Authenticator`], which looks names up, compares, and
//! answers with the store's [`store::Access`]. HTTP's Basic and Bearer, which are no exchanges, ask the
//! [`Authenticator`] itself.
//!
//! Every attempt is counted by the crate `admission`, whoever asks; how long its answer waits is in the [`Rejection`], and
//! for the protocol to keep.
//!
//! Not here: base64 and the lines of a protocol, which are the protocol's.
//!
//! # Invariants
//! - Nothing in an answer, and no difference in work that can be measured, tells whether a name has an account.
//! - Secrets are compared in constant time, zeroized after use, and never logged.
//! - What a client sends is bounded by [`MESSAGE_BYTES_MAX`]; one exchange takes three messages at most.

mod attempt;
mod authenticator;
pub mod bearer;
mod channel;
mod exchange;
mod mechanism;
pub mod plain;
mod refusal;
pub mod scram;
pub mod token;

pub use attempt::Rejection;
pub use authenticator::{Authenticated, Authenticator, Options};
pub use channel::{Bindings, server_end_point};
pub use exchange::{Exchange, Progress};
pub use mechanism::{Channel, Mechanism};
pub use refusal::Refusal;

/// The longest message of a client in bytes, decoded; longer ones are [`Refusal::Malformed`].
pub const MESSAGE_BYTES_MAX: usize = 12 << 10;
