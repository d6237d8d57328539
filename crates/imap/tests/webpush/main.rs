//! IMAP WEBPUSH from end to end: a real IMAP server, store, notifier and sender, and a push service over TLS on loopback
//! that decrypts what arrives, as the user agent would.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail the test"
)]

mod apple;
mod commands;
mod contents;
mod http_put;
mod services;
mod shared;
mod silence;
mod sink;
mod transcript;
mod trials;
mod world;
