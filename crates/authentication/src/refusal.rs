//! Why nobody was let in.

use std::time::Duration;

use thiserror::Error;

use crate::token::TokenError;

/// Why an attempt did not succeed. None of these tells whether the name has an account.
#[derive(Debug, Clone, Error)]
pub enum Refusal {
    /// Syntax: the message breaks the mechanism's grammar.
    #[error("{0}")]
    Malformed(&'static str),
    /// Refused: name and password, proof or token are not those of anybody.
    #[error("wrong name or password")]
    WrongCredentials,
    /// Refused: proven, but not allowed to act as whom they want to.
    #[error("not allowed to act as that account")]
    NotAuthorized,
    /// Refused: not a token of the issuer, or not one for us.
    #[error("the token is not valid")]
    InvalidToken,
    /// Refused: a good token, but not for mail.
    #[error("the token is not good for mail")]
    InsufficientScope,
    /// Refused: not looked at, after too many that were wrong, for this time.
    #[error("too many wrong passwords, try again in {} seconds", .0.as_secs().saturating_add(1))]
    Banned(Duration),
    /// Refused: it was right once.
    #[error("the token has expired")]
    Expired,
    /// Unavailable: whoever has to be asked does not answer.
    #[error("{0}")]
    Unavailable(String),
    /// Bug: an invariant broke.
    #[error("{0}")]
    Bug(String),
}

impl Refusal {
    /// Its name in logs and metrics.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::WrongCredentials => "wrong",
            Self::NotAuthorized => "forbidden",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "scope",
            Self::Banned(_) => "banned",
            Self::Expired => "expired",
            Self::Unavailable(_) => "unavailable",
            Self::Bug(_) => "bug",
        }
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid(why) => {
                tracing::debug!(why, "a token was not taken");
                Self::InvalidToken
            }
            TokenError::Expired => Self::Expired,
            TokenError::Scope => Self::InsufficientScope,
            TokenError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        match error {
            // Revoked or removed between two steps.
            store::Error::NotFound(_) => Self::WrongCredentials,
            store::Error::Unavailable(why) => Self::Unavailable(why),
            other => Self::Bug(other.to_string()),
        }
    }
}
