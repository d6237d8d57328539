//! PLAIN (RFC 4616): one message with everything in it.

use crate::{MESSAGE_BYTES_MAX, Refusal};

/// The message. Its parts hold the password, so it does not print.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Plain<'m> {
    /// Whom to act as; empty for oneself.
    pub authzid: &'m str,
    /// Whose password it is; never empty.
    pub authcid: &'m str,
    /// The password; never empty.
    pub password: &'m str,
}

impl<'m> Plain<'m> {
    // message = [authzid] UTF8NUL authcid UTF8NUL passwd
    /// Takes a message apart.
    ///
    /// # Errors
    /// Malformed.
    pub fn parse(message: &'m [u8]) -> Result<Self, Refusal> {
        let broken = Refusal::Malformed("the response is not PLAIN's");
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(broken);
        }
        let Ok(text) = std::str::from_utf8(message) else { return Err(broken) };
        let mut fields = text.split('\0');
        let (Some(authzid), Some(authcid), Some(password), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(broken);
        };
        if authcid.is_empty() || password.is_empty() {
            return Err(broken);
        }
        Ok(Self { authzid, authcid, password })
    }
}

#[cfg(test)]
mod tests;
