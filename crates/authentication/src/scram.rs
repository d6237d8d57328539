//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, the server's half (RFC 5802, RFC 7677).
//!
//! Pure: nonce, salt and keys are arguments. [`ClientFirst`] is answered to become [`AwaitsProof`], which checks the
//! client's proof against the keys of every credential of the account, since any of its passwords may be meant.
//!
//! Not here: the keys, which the store makes; `server-error` messages (RFC 5802 §7), because the protocols above have
//! answers of their own.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use store::ScramKeys;

use crate::{Bindings, MESSAGE_BYTES_MAX, Mechanism, Refusal};

/// What a client says of channel binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindingFlag {
    /// `n`: it can't.
    Unable,
    /// `y`: it could, and thinks that the server can't.
    ThinksServerUnable,
    /// `p`: it does, with this type.
    Uses(String),
}

/// The first message of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFirst {
    /// Channel binding.
    pub flag: BindingFlag,
    /// Whom to act as; empty for oneself.
    pub authzid: String,
    /// Whose password is meant; never empty.
    pub username: String,
    nonce: String,
    gs2_header: String,
    bare: String,
}

/// What the server answers with.
#[derive(Debug, Clone, Copy)]
pub struct Parameters<'p> {
    /// The account's salt.
    pub salt: &'p [u8],
    /// The account's iterations.
    pub iterations: u32,
    /// The server's part of the nonce: printable ASCII without a comma, never used before.
    pub nonce: &'p str,
}

/// An exchange after the server's first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwaitsProof {
    /// What `c=` has to be.
    binding: String,
    nonce: String,
    /// The client's first message without its header, a comma, the server's first one.
    both_first: String,
}

/// A proof that was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Which of the keys it belongs to.
    pub index: usize,
    /// The server's last message, by which it proves that it knows the password's keys.
    pub server_final: String,
}

impl ClientFirst {
    // client-first-message = gs2-header client-first-message-bare
    // gs2-header = gs2-cbind-flag "," [ authzid ] ","
    // client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions]
    /// Takes a message apart.
    ///
    /// # Errors
    /// Malformed, also for the mandatory extensions (`m=`) that are yet to be defined.
    pub fn parse(message: &[u8]) -> Result<Self, Refusal> {
        let text = text(message)?;
        let mut parts = text.splitn(3, ',');
        let (Some(flag), Some(authzid), Some(bare)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(BROKEN);
        };
        let gs2_header = text.strip_suffix(bare).unwrap_or_default().to_owned();
        let flag = match flag {
            "n" => BindingFlag::Unable,
            "y" => BindingFlag::ThinksServerUnable,
            uses => BindingFlag::Uses(
                uses.strip_prefix("p=").filter(|name| is_cb_name(name)).ok_or(BROKEN)?.into(),
            ),
        };
        let authzid = match authzid {
            "" => String::new(),
            named => saslname(named.strip_prefix("a=").ok_or(BROKEN)?)?,
        };
        let mut attributes = bare.split(',');
        let username = attributes.next().and_then(|first| first.strip_prefix("n=")).ok_or(BROKEN)?;
        let nonce = attributes.next().and_then(|second| second.strip_prefix("r=")).ok_or(BROKEN)?;
        if !is_printable(nonce) || !attributes.all(is_extension) {
            return Err(BROKEN);
        }
        let (username, nonce, bare) = (saslname(username)?, nonce.to_owned(), bare.to_owned());
        Ok(Self { flag, authzid, username, nonce, gs2_header, bare })
    }

    /// Answers it: the server's first message, and what comes next.
    ///
    /// # Errors
    /// Malformed if flag and mechanism don't go together, WrongCredentials for a type of binding that there is not, and
    /// for a client that was made to believe that the server can't bind.
    pub fn answer(
        self,
        mechanism: Mechanism,
        bindings: &Bindings,
        parameters: Parameters<'_>,
    ) -> Result<(String, AwaitsProof), Refusal> {
        let mut binding = self.gs2_header.into_bytes();
        match (&self.flag, mechanism) {
            (BindingFlag::Uses(name), Mechanism::ScramSha256Plus) => {
                binding.extend_from_slice(bindings.data(name).ok_or(Refusal::WrongCredentials)?);
            }
            (BindingFlag::Unable, Mechanism::ScramSha256) => {}
            // RFC 5802 §6: the server can bind and said so, thus somebody took -PLUS out of its list on the way.
            (BindingFlag::ThinksServerUnable, Mechanism::ScramSha256) if !bindings.is_empty() => {
                return Err(Refusal::WrongCredentials);
            }
            (BindingFlag::ThinksServerUnable, Mechanism::ScramSha256) => {}
            _ => return Err(Refusal::Malformed("the channel binding does not go with the mechanism")),
        }
        // server-first-message = [reserved-mext ","] nonce "," salt "," iteration-count ["," extensions]
        let nonce = format!("{}{}", self.nonce, parameters.nonce);
        let salt = STANDARD.encode(parameters.salt);
        let message = format!("r={nonce},s={salt},i={}", parameters.iterations);
        let both_first = format!("{},{message}", self.bare);
        Ok((message, AwaitsProof { binding: STANDARD.encode(binding), nonce, both_first }))
    }
}

impl AwaitsProof {
    // client-final-message = channel-binding "," nonce ["," extensions] "," proof
    /// Checks the client's last message against all of the keys; how long that takes does not tell which was right.
    ///
    /// # Errors
    /// Malformed, WrongCredentials.
    pub fn verify<'k>(
        &self,
        message: &[u8],
        keys: impl IntoIterator<Item = &'k ScramKeys>,
    ) -> Result<Verified, Refusal> {
        let text = text(message)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(BROKEN)?;
        let mut attributes = without_proof.split(',');
        let binding = attributes.next().and_then(|first| first.strip_prefix("c=")).ok_or(BROKEN)?;
        let nonce = attributes.next().and_then(|second| second.strip_prefix("r=")).ok_or(BROKEN)?;
        let proof = STANDARD.decode(proof).ok().and_then(|proof| <[u8; 32]>::try_from(proof).ok());
        let (Some(proof), true) = (proof, attributes.all(is_extension)) else { return Err(BROKEN) };
        let auth_message = format!("{},{without_proof}", self.both_first);
        let is_bound = verify_slices_are_equal(binding.as_bytes(), self.binding.as_bytes()).is_ok();
        let right = keys.into_iter().enumerate().fold(None, |right, (index, keys)| {
            if is_proven(&proof, keys, &auth_message) { Some((index, keys)) } else { right }
        });
        let (Some((index, keys)), true, true) = (right, is_bound, nonce == self.nonce) else {
            return Err(Refusal::WrongCredentials);
        };
        let signature = sign(&keys.server_key, &auth_message);
        Ok(Verified { index, server_final: format!("v={}", STANDARD.encode(signature)) })
    }
}

// RFC 5802 §3: ClientKey = ClientProof XOR ClientSignature; H(ClientKey) = StoredKey.
fn is_proven(proof: &[u8; 32], keys: &ScramKeys, auth_message: &str) -> bool {
    let signature = sign(&keys.stored_key, auth_message);
    let mut client_key = *proof;
    for (byte, mask) in client_key.iter_mut().zip(signature.as_ref()) {
        *byte ^= mask;
    }
    let hash = digest::digest(&digest::SHA256, &client_key);
    verify_slices_are_equal(hash.as_ref(), &keys.stored_key).is_ok()
}

fn sign(key: &[u8; 32], message: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes())
}

fn text(message: &[u8]) -> Result<&str, Refusal> {
    let text = std::str::from_utf8(message).ok().filter(|text| text.len() <= MESSAGE_BYTES_MAX);
    text.filter(|text| !text.contains('\0')).ok_or(BROKEN)
}

// saslname = 1*(value-safe-char / "=2C" / "=3D")
fn saslname(written: &str) -> Result<String, Refusal> {
    let mut pieces = written.split('=');
    let mut name = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (character, rest) = match (piece.strip_prefix("2C"), piece.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return Err(BROKEN),
        };
        name.push(character);
        name.push_str(rest);
    }
    if name.is_empty() { Err(BROKEN) } else { Ok(name) }
}

// attr-val = ALPHA "=" value
fn is_extension(attribute: &str) -> bool {
    let mut characters = attribute.chars();
    let letter = characters.next().is_some_and(|letter| letter.is_ascii_alphabetic() && letter != 'm');
    letter && characters.next() == Some('=') && characters.next().is_some()
}

// cb-name = 1*(ALPHA / DIGIT / "." / "-")
fn is_cb_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

// printable = %x21-2B / %x2D-7E
fn is_printable(nonce: &str) -> bool {
    !nonce.is_empty() && nonce.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

const BROKEN: Refusal = Refusal::Malformed("the response is not SCRAM's");

#[cfg(test)]
mod tests;
