//! The sender against an SMTP server on loopback that does what each test wants.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests, which clippy takes for something else outside of #[test]"
)]

mod fates;
mod greeting;
mod home;
mod server;
