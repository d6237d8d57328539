//! The WebSocket protocol that Firefox and other agents speak to Mozilla's push service.
//!
//! [`frame`] turns text into values and back (pure, fuzzed), [`session`] is the state machine without sockets,
//! [`conn`] is the only file that reads and writes, [`upgrade`] turns an HTTP request into a connection (RFC 6455 §4.2).

pub mod conn;
pub mod frame;
pub mod listening;
pub mod session;
pub mod upgrade;
