//! IMAP WEBPUSH from end to end: a real IMAP server, store, notifier and sender, and a push service over TLS on loopback
//! that decrypts what arrives, as the user agent would.

mod commands;
mod contents;
mod services;
mod silence;
mod sink;
mod world;
