//! The IMAP server (RFC 9051, RFC 3501) with the WEBPUSH extension.
//!
//! The five parts: [`wire`] (bytes to values and back), [`session`] (who is logged in, what the client knows of
//! the selected mailbox), `cmd` (one file a command), `reply` (the one place where errors become answers), `conn`
//! (the only one with a socket).
//!
//! Not here: what mail is (the store), when a push is due (the notifier), certificates and listening sockets
//! (the binary). What a push says is in [`push`].
//!
//! # Invariants
//! - APPEND, STORE, COPY, MOVE, EXPUNGE answer OK only after the commit is on disk: they await the store.
//! - A client is told only what the store holds, and EXPUNGE never while it could confuse sequence numbers.
//! - A connection that idles holds no buffer; one that is not read holds a bounded one.
//! - No lock and no database snapshot is held while a socket is written.
//! - A panic ends the connection that it happened in.

mod cmd;
mod conn;
mod limits;
pub mod push;
mod reply;
mod server;
pub mod session;
mod sessions;
pub mod wire;

pub use limits::Limits;
pub use server::{EndPoint, Listener, Options, Security, Server};
