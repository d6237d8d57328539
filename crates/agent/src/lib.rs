//! A user agent for desktops, gateways and tests: what `mailbell listen`, `mailbell demo` and the scenario tests use.
//!
//! - [`agent::Agent`] holds one WebSocket connection to a push service for any number of subscriptions, keeps its id and
//!   keys in a [`state::StateStore`], reconnects, decrypts (RFC 8291) and hands each push to its consumer. A push is
//!   acknowledged when the consumer says so, so a crash in between brings it again: at least once.
//! - [`imap::registration::register`] makes a mail server push to a subscription (IMAP WEBPUSH).
//! - [`pushed::parse`] reads the IMAP responses that such a push holds.
//! - [`exec::Runner`] runs a command for pushes, one at a time.
//! - [`gateway::hub::Gateway`] holds many subscriptions, spools their messages and hands them on.
//! - [`unifiedpush::distributor::Distributor`] gives such subscriptions to the applications of a desktop.
//!
//! ```no_run
//! # async fn listen() -> Result<(), Box<dyn std::error::Error>> {
//! use agent::agent::{Agent, Event, Options};
//! use agent::imap::registration::{Account, needs_registration, register};
//! use agent::state::StateStore;
//! use agent::trust::Trust;
//!
//! let trust = Trust::system()?;
//! let options = Options::new("wss://push.example/", trust.clone(), StateStore::file("agent.json"))?;
//! let (agent, mut events) = Agent::connect(options).await?;
//! let account = Account::parse("imaps://alice@mail.example/", "secret", trust)?;
//! register(&account, &agent).await?;
//! while let Some(event) = events.next().await {
//!     if needs_registration(&event) {
//!         register(&account, &agent).await?;
//!     }
//!     if let Event::Push(delivery) = event {
//!         println!("{:?}", agent::pushed::parse(&delivery.push().cleartext));
//!         delivery.acknowledge();
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! Not here: a command line, and anything that a push service does. Secrets (agent id, endpoints, keys, passwords) do
//! not print and are not logged.

pub mod agent;
pub mod backoff;
mod durable_file;
pub mod exec;
pub mod gateway;
pub mod imap;
pub mod pushed;
pub mod service;
pub mod state;
pub mod transport;
pub mod trust;
pub mod unifiedpush;

#[cfg(test)]
mod testing;
