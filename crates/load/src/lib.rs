//! Load on a mail server and what it costs: the measurements of `mailbell bench`.
//!
//! Servers are started fresh on loopback, ours and Debian's Dovecot, and measured in turn in the same run, so that
//! the machine's mood falls on both alike. Counted are messages, latencies as a client sees them, and processor time
//! and memory of the server's processes as the kernel counts them.
//!
//! Not here: what a figure should be. `bench/README.md` says that, with how to repeat each.

pub mod client;
pub mod measure;
pub mod messages;
pub mod process;
pub mod push_service;
pub mod report;
pub mod server;
