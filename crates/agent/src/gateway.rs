//! The field gateway: one connection to a push service holds many subscriptions, and each message is handed on to the
//! target of its subscription.
//!
//! The way of a message: the push service sends it; [`spool::Spool`] makes it durable; only then is it acknowledged; the
//! subscription's worker hands it to the [`target::Target`], again and again until it is taken; then it leaves the spool.
//!
//! Invariants:
//! - Nothing is acknowledged that is not durable, and nothing leaves the spool that no target has taken, except what is
//!   older than the spool's age and what no target can take. So a crash at any point loses nothing; it may repeat.
//! - The messages of one subscription are handed on in their order, one at a time. Subscriptions don't wait for each other.
//! - A full spool acknowledges nothing more, so that the push service keeps what comes.
//!
//! Not here: configuration files, signals and the command line.

pub mod hub;
pub mod message;
pub mod registrar;
pub mod spool;
mod spooler;
pub mod target;
mod worker;

#[cfg(test)]
mod tests;
