//! The IMAP server (RFC 9051, RFC 3501) with the WEBPUSH extension.

pub mod push;
pub mod wire;
