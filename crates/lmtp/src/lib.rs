//! The LMTP server (RFC 2033): from an MTA's connection to delivery, and the answer back.
//!
//! The five parts: [`wire`] (octets to values), [`session`] (what the commands so far mean), `cmd` (one file a
//! command), [`reply`] (the one place where errors become answers), `conn` (the only one with a socket). The first
//! four are pure: time, randomness and octets are given to them.
//!
//! Not here: a queue, relaying, authentication (whoever may connect may deliver), DSN (RFC 3461: the MTA in front
//! sends the reports).
//!
//! RFC 2033; RFC 5321 as far as RFC 2033 keeps it; RFC 1870 SIZE, RFC 2034 ENHANCEDSTATUSCODES, RFC 2920 PIPELINING,
//! RFC 3030 CHUNKING and BINARYMIME, RFC 3207 STARTTLS, RFC 6152 8BITMIME, RFC 6531 SMTPUTF8.
//!
//! # Invariants
//! - `250` for a recipient after content means that its commit is on disk.
//! - After content there is one reply for each recipient that was accepted, in their order.
//! - Whatever is refused, the stream stays in step: content that is not wanted is read to its end, and where its end
//!   can't be known (`BDAT` with a broken size) the connection is closed.
//! - Nothing that was sent before TLS is obeyed within it.
//! - A connection holds at most one message, of at most the size that is announced; all connections together at most
//!   eight of that size. What a command line or a reply takes is bounded by constants.

mod cmd;
mod conn;
mod content;
mod record;
pub mod reply;
mod server;
pub mod session;
pub mod wire;

pub use content::Budget;
pub use server::{Limits, Listener, Options, Server};
