//! The client half of SMTP (RFC 5321), as far as a smarthost needs it.

pub mod command;
pub mod connection;
pub mod reply;
