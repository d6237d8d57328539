//! The wire layer: bytes to commands, responses to bytes (RFC 9051 §9, RFC 3501 §9).
//!
//! [`framer`] cuts the byte stream into whole commands, literals included; [`parse`](parse::parse) turns one
//! of them into a typed [`Request`](command::Request); [`encode`] writes responses. Nothing here touches a
//! socket, a clock or the store, and nothing here knows whether a command is allowed: that is the session's.
//!
//! Invariants: no input panics; where the stream is cut into reads makes no difference; everything that a
//! client can make longer has a limit, named `.._MAX` beside the parser that enforces it.

pub mod acl;
pub mod append;
pub mod apple;
pub mod command;
pub mod cursor;
pub mod date;
pub mod encode;
pub mod esearch;
pub mod fetch;
pub mod flag;
pub mod framer;
pub mod list;
pub mod mailbox;
pub mod metadata;
pub mod multisearch;
pub mod notify;
pub mod parse;
pub mod partial;
pub mod push_notify;
pub mod quota;
pub mod response;
pub mod search;
pub mod select;
pub mod set;
pub mod sort;
pub mod status;
pub mod thread;
pub mod url;
pub mod webpush;
