//! Client halves and the running server for the tests: the real `mailbell` binary on loopback, spoken to with small
//! blocking clients that check nothing but the framing.
//!
//! Not here: anything that a shipped crate needs. Every wait has a limit; a test that hangs fails.

pub mod gateway;
pub mod imap;
pub mod listening;
pub mod lmtp;
pub mod programs;
pub mod server;
pub mod wait;
