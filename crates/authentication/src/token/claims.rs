//! What a token has to say (RFC 7519 §4.1, RFC 9068 §4, RFC 7662 §2.2). Pure.

use serde_json::{Map, Value};
use store::UnixTime;

use super::TokenError;

/// The claims of a token, or an issuer's answer about one.
pub(crate) type Claims = Map<String, Value>;

/// What the operator expects of a token.
#[derive(Debug, Clone)]
pub struct Expected {
    /// `iss`, to the byte.
    pub issuer: String,
    /// One of these has to be in `aud`. Of a JWT always: with none of them no JWT is taken. In an answer to
    /// introspection only if there are some, since the issuer knows who asks.
    pub audiences: Vec<String>,
    /// All of these have to be in `scope` or `scp`.
    pub scopes: Vec<String>,
    /// The claim that names the account.
    pub account_claim: String,
}

/// What a token is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The account's name, as the issuer writes it.
    pub account: String,
    /// When it ends, with the leeway for different clocks; `None` if the issuer does not say.
    pub until: Option<UnixTime>,
}

impl Expected {
    /// What a JWT is good for whose signature was right.
    pub(crate) fn grant_of_jwt(&self, claims: &Claims, now: UnixTime) -> Result<Grant, TokenError> {
        // RFC 9068 §2.2: these three are there.
        if ["iss", "exp", "aud"].into_iter().any(|name| !claims.contains_key(name)) {
            return Err(TokenError::Invalid("the token lacks iss, exp or aud"));
        }
        if !self.is_for_us(claims) {
            return Err(TokenError::Invalid("the token is for somebody else"));
        }
        self.grant(claims, now)
    }

    /// What a token is good for that the issuer was asked about.
    pub(crate) fn grant_of_introspection(&self, claims: &Claims, now: UnixTime) -> Result<Grant, TokenError> {
        if claims.get("active") != Some(&Value::Bool(true)) {
            return Err(TokenError::Invalid("the issuer does not know the token"));
        }
        if !self.audiences.is_empty() && !self.is_for_us(claims) {
            return Err(TokenError::Invalid("the token is for somebody else"));
        }
        self.grant(claims, now)
    }

    fn grant(&self, claims: &Claims, now: UnixTime) -> Result<Grant, TokenError> {
        if claims.get("iss").is_some_and(|issuer| issuer != &self.issuer) {
            return Err(TokenError::Invalid("the token is of another issuer"));
        }
        let until = time(claims, "exp")?;
        if until.is_some_and(|until| now.0 >= until.0.saturating_add(LEEWAY_SECONDS)) {
            return Err(TokenError::Expired);
        }
        if time(claims, "nbf")?.is_some_and(|from| now.0 < from.0.saturating_sub(LEEWAY_SECONDS)) {
            return Err(TokenError::Invalid("the token is not good yet"));
        }
        if !self.scopes.iter().all(|scope| has_scope(claims, scope)) {
            return Err(TokenError::Scope);
        }
        let account = claims.get(&self.account_claim).and_then(Value::as_str).filter(|name| !name.is_empty());
        let account = account.ok_or(TokenError::Invalid("the token names no account"))?;
        // OpenID Connect Core §5.1: an address that anybody could have entered proves nothing.
        if self.account_claim == "email" && claims.get("email_verified") == Some(&Value::Bool(false)) {
            return Err(TokenError::Invalid("the address in the token is not verified"));
        }
        let until = until.map(|until| UnixTime(until.0.saturating_add(LEEWAY_SECONDS)));
        Ok(Grant { account: account.to_owned(), until })
    }

    fn is_for_us(&self, claims: &Claims) -> bool {
        let is_ours = |value: &Value| self.audiences.iter().any(|ours| value == ours);
        match claims.get("aud") {
            Some(Value::Array(all)) => all.iter().any(is_ours),
            Some(one) => is_ours(one),
            None => false,
        }
    }
}

/// `scope` is words in one string (RFC 8693 §4.2); some issuers write `scp`, as a string or a list.
fn has_scope(claims: &Claims, wanted: &str) -> bool {
    ["scope", "scp"].into_iter().filter_map(|name| claims.get(name)).any(|value| match value {
        Value::String(words) => words.split(' ').any(|word| word == wanted),
        Value::Array(all) => all.iter().any(|word| word == wanted),
        _ => false,
    })
}

// NumericDate: seconds since 1970, perhaps with a fraction (RFC 7519 §2).
fn time(claims: &Claims, name: &str) -> Result<Option<UnixTime>, TokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = match value.as_i64() {
        Some(seconds) => Some(seconds),
        None => value.as_f64().and_then(|fraction| format!("{:.0}", fraction.trunc()).parse().ok()),
    };
    seconds.map(|seconds| Some(UnixTime(seconds))).ok_or(TokenError::Invalid("a time in the token is none"))
}

/// How far the issuer's clock may be from ours.
const LEEWAY_SECONDS: i64 = 60;

#[cfg(test)]
mod tests;
