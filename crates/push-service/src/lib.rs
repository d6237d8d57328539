//! A Web Push service (RFC 8030): application servers post messages, user agents receive them over WebSocket.
//!
//! The way of a message: [`http`] takes the request, checks token, headers, VAPID (RFC 8292), rates and body;
//! [`storage`] makes it durable in a group commit and hands it to the [`connected`] agent in the order of the ids;
//! the agent's task in [`websocket`] sends it when its window has room and has it removed once acknowledged.
//!
//! It never sees cleartext (RFC 8291 is between the application server and the user agent), and shares nothing
//! but the `webpush` crate with the rest of Mailbell, so it runs alone as well as inside the mail server.
//!
//! Invariants:
//! - A message with a TTL above 0 is on disk before its 201, connected agent or not.
//! - A message stays until it is acknowledged, replaced by its topic, revoked, expired or evicted by a limit, and
//!   is delivered again, in order, at each reconnection until then. Once acknowledged it never comes again.
//! - Endpoint URLs, agent ids, message URLs and bodies are never logged.
//! - Everything a peer sends has a limit; [`config::Config`] names them all with their effect.

pub mod aggregate;
pub mod broadcast;
pub mod clock;
pub mod config;
pub mod connected;
pub mod http;
pub mod id;
pub mod measure;
pub mod message;
pub mod peers;
pub mod rate;
pub mod receipt;
pub mod server;
pub mod service;
pub mod storage;
pub mod token;
pub mod websocket;

#[cfg(test)]
mod testing;
