//! Voluntary Application Server Identification (RFC 8292).
//!
//! An application server holds a [`key::SigningKey`], names a [`token::Contact`] and asks a [`cache::TokenCache`] for the
//! `Authorization` value of each push: one signature serves an origin for hours.
//! A push service reads that value with [`credentials::Credentials`] and judges it with a [`verify::Verifier`].

pub mod cache;
pub mod credentials;
pub mod key;
pub mod token;
pub mod verify;

#[cfg(test)]
mod tests;
