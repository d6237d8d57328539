//! The sender against real servers on loopback: TLS by a test authority, HTTP/2 and HTTP/1.1, and every kind of trouble.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test")]

mod answers;
mod connections;
mod faults;
mod frames;
mod guard;
mod secrecy;
mod server;
mod world;
