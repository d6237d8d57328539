//! OAUTHBEARER (RFC 7628) and XOAUTH2: one message with a token, and the server's word on why it was not taken.
//!
//! XOAUTH2 is what Google and Microsoft had before the RFC; mail clients know it better than its successor.

use serde::Serialize;

use crate::{MESSAGE_BYTES_MAX, Mechanism, Refusal};

/// The message. It holds the token, so it does not print.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Bearer<'m> {
    /// Whom to act as; empty for whom the token names.
    pub user: &'m str,
    /// The token; empty in a message that only asks where to get one (RFC 7628 §3.2.2).
    pub token: &'m str,
}

impl<'m> Bearer<'m> {
    // client-resp = (gs2-header kvsep *kvpair kvsep) / kvsep
    // kvpair = key "=" value kvsep
    /// Takes a message of OAUTHBEARER apart. Host and port are not looked at: the token's audience says more.
    ///
    /// # Errors
    /// Malformed, also with channel binding, which this mechanism has not.
    pub fn parse(message: &'m [u8]) -> Result<Self, Refusal> {
        let text = text(message)?;
        if text == KVSEP {
            return Ok(Self { user: "", token: "" });
        }
        let (header, pairs) = text.split_once(KVSEP).ok_or(BROKEN)?;
        let mut fields = header.split(',');
        let (Some("n" | "y"), Some(authzid), Some(""), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(BROKEN);
        };
        let user = match authzid {
            "" => "",
            // Names of accounts hold neither of the two characters that are escaped.
            named => named.strip_prefix("a=").filter(|name| !name.contains('=')).ok_or(BROKEN)?,
        };
        Ok(Self { user, token: token(pairs)? })
    }

    // "user=" {User} "^Aauth=Bearer " {Access Token} "^A^A"
    /// Takes a message of XOAUTH2 apart.
    ///
    /// # Errors
    /// Malformed.
    pub fn parse_xoauth2(message: &'m [u8]) -> Result<Self, Refusal> {
        let (user, pairs) = text(message)?.split_once(KVSEP).ok_or(BROKEN)?;
        let user = user.strip_prefix("user=").ok_or(BROKEN)?;
        Ok(Self { user, token: token(pairs)? })
    }
}

/// What a client is told about a token that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice<'a> {
    /// Of RFC 6750 §3.1: `invalid_token` or `insufficient_scope`.
    pub status: &'a str,
    /// What the token should be good for; empty if that is not said.
    pub scope: &'a str,
    /// Where the authorisation server describes itself; empty if that is not said.
    pub openid_configuration: &'a str,
}

impl Advice<'_> {
    /// The challenge that says so, to which the client answers anything before the exchange fails (RFC 7628 §3.2.3).
    #[must_use]
    pub fn challenge(&self, mechanism: Mechanism) -> Vec<u8> {
        let json = match mechanism {
            // HTTP's status, as XOAUTH2's inventors have it.
            Mechanism::XOAuth2 => serde_json::to_vec(&XOAuth2Error {
                status: if self.status == INSUFFICIENT_SCOPE { "403" } else { "401" },
                schemes: "bearer",
                scope: self.scope,
            }),
            _ => serde_json::to_vec(&BearerError {
                status: self.status,
                scope: self.scope,
                openid_configuration: self.openid_configuration,
            }),
        };
        // Strings always can be written.
        json.unwrap_or_default()
    }
}

#[derive(Serialize)]
struct BearerError<'a> {
    status: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
    #[serde(rename = "openid-configuration", skip_serializing_if = "str::is_empty")]
    openid_configuration: &'a str,
}

#[derive(Serialize)]
struct XOAuth2Error<'a> {
    status: &'a str,
    schemes: &'a str,
    scope: &'a str,
}

fn text(message: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(message).ok().filter(|text| text.len() <= MESSAGE_BYTES_MAX).ok_or(BROKEN)
}

/// The token in `key=value^A`, any number of them, with `^A` behind.
fn token(pairs: &str) -> Result<&str, Refusal> {
    let pairs = pairs.strip_suffix(KVSEP).ok_or(BROKEN)?;
    let mut found = None;
    for pair in pairs.split_terminator(KVSEP) {
        let (key, value) = pair.split_once('=').ok_or(BROKEN)?;
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err(BROKEN);
        }
        if key == "auth" && found.replace(value).is_some() {
            return Err(BROKEN);
        }
    }
    let Some(value) = found.filter(|value| !value.is_empty()) else { return Ok("") };
    let (scheme, token) = value.split_once(' ').ok_or(BROKEN)?;
    let token = token.trim_matches(' ');
    // b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" (RFC 6750 §2.1)
    let is_token = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte))
        && !token.is_empty();
    if scheme.eq_ignore_ascii_case("bearer") && is_token { Ok(token) } else { Err(BROKEN) }
}

/// The status for a token that lacks a scope.
pub(crate) const INSUFFICIENT_SCOPE: &str = "insufficient_scope";
const KVSEP: &str = "\x01";
const BROKEN: Refusal = Refusal::Malformed("the response is not one with a bearer token");

#[cfg(test)]
mod tests;
