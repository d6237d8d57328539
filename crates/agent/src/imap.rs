//! The mail server's side of the agent: registering a subscription through IMAP WEBPUSH.
//!
//! [`client`] is a small IMAP client, [`registration`] the conversation.

pub mod client;
pub mod registration;
