//! The cryptography and the header types of Web Push, for application servers, push services and user agents alike.
//!
//! | module | standard | what it does |
//! | --- | --- | --- |
//! | [`content_coding`] | RFC 8188 | the `aes128gcm` content coding, any record size and number |
//! | [`message`] | RFC 8291 | push messages: encrypted for a user agent, decrypted by it |
//! | [`padding`] | RFC 8291 §4 | how far a cleartext is padded |
//! | [`vapid`] | RFC 8292 | application servers identify themselves: sign, cache, verify |
//! | [`provider`] | RFC 7519 | the token by which Apple's push service knows who pushes |
//! | [`header`] | RFC 8030 §5, RFC 9110 §10.2.3 | TTL, Topic, Urgency, Retry-After |
//! | [`key`], [`origin`] | RFC 8291 §3, RFC 6454 | the values that the others share |
//!
//! No I/O, no clock and no runtime: time is an argument everywhere. Key generation, salts and ECDSA nonces come from
//! aws-lc's generator; where a fixed value is needed (known answers, tests) it can be passed in instead.
//!
//! Invariants: private keys, authentication secrets and tokens never show in `Debug` output; a [`key::PublicKey`] is a
//! point on P-256; nothing here panics on input, whatever it holds.
//!
//! ```
//! use webpush::message::{Sender, UserAgent, encrypt};
//! use webpush::padding::Padding;
//!
//! let user_agent = UserAgent::generate()?;
//! let body = encrypt(Sender::generate()?, &user_agent.recipient(), b"* SYNC\r\n", Padding::TO_128)?;
//! assert_eq!(user_agent.decrypt(&body)?.as_slice(), b"* SYNC\r\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod content_coding;
pub mod header;
pub mod key;
pub mod message;
pub mod origin;
pub mod padding;
pub mod provider;
pub mod vapid;

mod base64url;
