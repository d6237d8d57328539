//! The JMAP server: core (RFC 8620) and mail (RFC 8621).
//!
//! The parts: [`wire`] (bytes to values and back: I-JSON, requests, result references, ids, states, dates), `session` (what
//! the session resource says), `push` (what is pushed to subscriptions), `method` (one file a method), `reply` (the one place
//! where errors become answers), `http` (the only one with requests and bodies of HTTP). Beside JMAP, over the same HTTP:
//! `devices`, where users see what is pushed to.
//!
//! Not here: what mail is (the store), what a message consists of (`message`), who may log in (`authentication`), and the
//! listening sockets with their TLS (the binary, which hands each request over).
//!
//! # Invariants
//! - A method answers that something was made or changed only after the commit is on disk: it awaits the store.
//! - Ids are those of IMAP's OBJECTID; states come from the account's MODSEQ. What one protocol shows, the other does.
//! - An account, blob or object of somebody else is answered exactly as one that does not exist.
//! - What a client can make the server hold, at one time and in one answer, has a limit: [`Limits`].

mod devices;
mod http;
mod limits;
mod method;
mod push;
mod reply;
mod server;
mod session;
pub mod wire;

pub use devices::Devices;
pub use http::answer::Body;
pub use limits::Limits;
pub use push::composer::JmapComposer;
pub use push::registrar::{Registrar, RegistrarLimits};
pub use server::{Caller, Options, Sending, Server};
