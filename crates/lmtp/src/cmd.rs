//! The commands, one file each: the state that a command needs, what it does to it, and the answer.
//!
//! Those that have neither state nor effect (NOOP, QUIT, HELP, VRFY, EXPN, HELO, EHLO) are answered where commands
//! are told apart, in `session`.

pub(crate) mod bdat;
pub(crate) mod data;
pub(crate) mod lhlo;
pub(crate) mod mail;
pub(crate) mod rcpt;
pub(crate) mod rset;
pub(crate) mod starttls;
