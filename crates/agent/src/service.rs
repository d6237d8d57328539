//! The push service's side of the agent: its WebSocket protocol and the task that speaks it.

pub mod frame;
pub(crate) mod session;
pub(crate) mod socket;
pub(crate) mod subscriptions;
