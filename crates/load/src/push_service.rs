//! The push service under load: a fresh `mailbell push-service` on loopback, and what it costs.
//!
//! Messages are counted where they end: one pushed to a connected agent when its acknowledgement is durable, one
//! for an absent agent when it was answered with 201 (its TTL is above 0, so it is on disk). Processor time and memory
//! are the service's alone, the load is in the process that measures.
//!
//! Beside them, in the same run, stands what no push service can avoid: see [`bare`].

pub mod bare;
pub mod idle;
pub mod population;
pub mod pushes;
pub mod report;
pub mod senders;
pub mod server;

/// The bytes of every push: what RFC 8291 makes of a short notification.
pub const BODY_BYTES: usize = 303;
