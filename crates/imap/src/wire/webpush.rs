//! The five WEBPUSH commands (draft-gougeon-imap-webpush §5 and §9).
//!
//! Only the grammar: whether the key is a point on the curve and whether the server posts to the endpoint
//! are for the command. Keys and endpoints are capabilities, so nothing here prints them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::wire::cursor::{Cursor, Parsed, is_atom_char};

/// Longest subscription id or token; longer ones are BAD.
pub const ID_BYTES_MAX: usize = 255;
/// Longest endpoint; longer ones are BAD.
pub const ENDPOINT_BYTES_MAX: usize = 2048;
/// Characters of a public key: 65 bytes in base64url.
pub const PUBLIC_KEY_CHARACTERS: usize = 87;
/// Characters of an authentication secret: 16 bytes in base64url.
pub const AUTH_CHARACTERS: usize = 22;

/// `subscription-id`: an atom, case-sensitive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionId(String);

impl SubscriptionId {
    /// The atom.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `ackwebpush-token`: an atom out of a push. It does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct AckToken(String);

impl AckToken {
    /// The atom.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for AckToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AckToken(..)")
    }
}

/// WEBPUSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebPush {
    /// `id endpoint pubkey auth`: create or update.
    Put(PutSubscription),
    /// `id NIL`: delete.
    Delete(SubscriptionId),
}

/// What WEBPUSH creates or updates.
#[derive(Clone, PartialEq, Eq)]
pub struct PutSubscription {
    /// Unique in the account.
    pub id: SubscriptionId,
    /// `https://` and at most [`ENDPOINT_BYTES_MAX`] printable bytes; not yet known to be a URI.
    pub endpoint: String,
    /// 65 bytes; not yet known to be a point on the curve.
    pub public_key: [u8; 65],
    /// The authentication secret of RFC 8291.
    pub auth: [u8; 16],
}

impl std::fmt::Debug for PutSubscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PutSubscription").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The argument of LWEBPUSH: an id in which `*` and `%` stand for any run of characters. (Ids have no
/// hierarchy, so both wildcards mean the same.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionPattern(String);

impl SubscriptionPattern {
    /// Whether `id` is meant. Takes time proportional to the product of both lengths at worst.
    #[must_use]
    pub fn matches(&self, id: &str) -> bool {
        let (pattern, id) = (self.0.as_bytes(), id.as_bytes());
        let (mut p, mut i) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        while i < id.len() {
            match pattern.get(p) {
                Some(b'*' | b'%') => {
                    retry = Some((p + 1, i));
                    p += 1;
                }
                Some(byte) if Some(byte) == id.get(i) => {
                    p += 1;
                    i += 1;
                }
                // The last wildcard takes one more byte, and the rest is tried again.
                _ => match retry {
                    Some((after, taken)) => {
                        p = after;
                        i = taken + 1;
                        retry = Some((after, i));
                    }
                    None => return false,
                },
            }
        }
        pattern.get(p..).unwrap_or_default().iter().all(|b| matches!(b, b'*' | b'%'))
    }
}

/// The duration of SILWEBPUSH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SilenceFor {
    /// This many seconds; 0 turns pushes on again.
    Seconds(u32),
    /// `session`: as long as this connection lives.
    Session,
}

// webpush = "WEBPUSH" SP (add-webpush-opt / del-webpush-opt)
// add-webpush-opt = subscription-id SP endpoint SP pubkey SP auth
// del-webpush-opt = subscription-id SP nil
/// The arguments of WEBPUSH.
pub fn webpush(cursor: &mut Cursor<'_>) -> Parsed<WebPush> {
    let id = subscription_id(cursor)?;
    cursor.sp()?;
    if cursor.eat_word("NIL") {
        cursor.end()?;
        return Ok(WebPush::Delete(id));
    }
    let endpoint = endpoint(cursor)?;
    cursor.sp()?;
    let public_key =
        base64url::<65>(cursor, PUBLIC_KEY_CHARACTERS, "a public key of 87 base64url characters")?;
    cursor.sp()?;
    let auth = base64url::<16>(cursor, AUTH_CHARACTERS, "an auth secret of 22 base64url characters")?;
    cursor.end()?;
    Ok(WebPush::Put(PutSubscription { id, endpoint, public_key, auth }))
}

// ackwebpush = "ACKWEBPUSH" SP ackwebpush-token
/// The argument of ACKWEBPUSH.
pub fn ack(cursor: &mut Cursor<'_>) -> Parsed<AckToken> {
    let token = short_atom(cursor, "a token")?;
    cursor.end()?;
    Ok(AckToken(token))
}

// lwebpush = "LWEBPUSH" SP (list-wildcards / subscription-id)
/// The argument of LWEBPUSH; wildcards are taken anywhere in it.
pub fn list_pattern(cursor: &mut Cursor<'_>) -> Parsed<SubscriptionPattern> {
    let start = cursor.clone();
    let pattern = cursor.some(|b| is_atom_char(b) || matches!(b, b'*' | b'%'), "a subscription id or *")?;
    if pattern.len() > ID_BYTES_MAX {
        return Err(start.invalid("the subscription id is too long"));
    }
    cursor.end()?;
    Ok(SubscriptionPattern(String::from_utf8_lossy(pattern).into_owned()))
}

// silwebpush = "SILWEBPUSH" SP subscription-id SP (duration / "session")
/// The arguments of SILWEBPUSH.
pub fn silence(cursor: &mut Cursor<'_>) -> Parsed<(SubscriptionId, SilenceFor)> {
    let id = subscription_id(cursor)?;
    cursor.sp()?;
    let duration = if cursor.eat_word("session") {
        SilenceFor::Session
    } else if matches!(cursor.peek(), Some(b'0'..=b'9')) {
        SilenceFor::Seconds(cursor.number()?)
    } else {
        return Err(cursor.expected("a number of seconds or \"session\""));
    };
    cursor.end()?;
    Ok((id, duration))
}

// subscription-id = atom ; Case sensitive
fn subscription_id(cursor: &mut Cursor<'_>) -> Parsed<SubscriptionId> {
    short_atom(cursor, "a subscription id").map(SubscriptionId)
}

fn short_atom(cursor: &mut Cursor<'_>, what: &'static str) -> Parsed<String> {
    let start = cursor.clone();
    let atom = cursor.some(is_atom_char, what)?;
    if atom.len() > ID_BYTES_MAX {
        return Err(start.invalid("the atom is too long"));
    }
    Ok(String::from_utf8_lossy(atom).into_owned())
}

// endpoint = "https://" text ; Case sensitive
fn endpoint(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let start = cursor.clone();
    let endpoint = cursor.take_while(|b| matches!(b, 0x21..=0x7e));
    // Schemes are compared without case (RFC 3986 §3.1); the rest of the endpoint is kept as it came.
    let scheme = endpoint.get(..8).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case(b"https://") || endpoint.len() == scheme.len() {
        return Err(start.expected("an https:// endpoint"));
    }
    if endpoint.len() > ENDPOINT_BYTES_MAX {
        return Err(start.invalid("the endpoint is longer than 2048 bytes"));
    }
    Ok(String::from_utf8_lossy(endpoint).into_owned())
}

// pubkey = 87(base64url-char)
// auth = 22(base64url-char)
fn base64url<const N: usize>(
    cursor: &mut Cursor<'_>,
    characters: usize,
    what: &'static str,
) -> Parsed<[u8; N]> {
    let start = cursor.clone();
    let text = cursor.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if text.len() != characters {
        return Err(start.expected(what));
    }
    let decoded = URL_SAFE_NO_PAD.decode(text).map_err(|_| start.expected(what))?;
    decoded.try_into().map_err(|_| start.expected(what))
}

#[cfg(test)]
mod tests;
