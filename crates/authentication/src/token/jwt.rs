//! The signature of a JWT (RFC 7515, RFC 7519). What it says is for [`super::claims`].

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use store::UnixTime;

use super::TokenError;
use super::claims::Claims;
use super::keys::{Keys, Kind};

/// Whether a token has the form of a JWT, good or not.
pub(crate) fn is_one(token: &str) -> bool {
    decode_header(token).is_ok()
}

/// The claims of a token that was signed with one of the issuer's keys.
pub(crate) async fn claims(token: &str, keys: &Keys, now: UnixTime) -> Result<Claims, TokenError> {
    let header = decode_header(token).map_err(|_| TokenError::Invalid("the token is not a JWT"))?;
    // RFC 7515 §4.1.11: what must be understood, and is not.
    if header.crit.is_some() {
        return Err(TokenError::Invalid("the token has critical extensions"));
    }
    let kind = match header.alg {
        Algorithm::RS256 => Kind::Rsa,
        Algorithm::ES256 => Kind::P256,
        Algorithm::EdDSA => Kind::Ed25519,
        _ => return Err(TokenError::Invalid("the token's algorithm is not taken")),
    };
    let mut validation = Validation::new(header.alg);
    // The claims are looked at elsewhere, with our own clock.
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    for key in keys.find(header.kid.as_deref(), kind, now).await? {
        if let Ok(decoded) = decode::<Claims>(token, &key, &validation) {
            return Ok(decoded.claims);
        }
    }
    Err(TokenError::Invalid("the token's signature is not the issuer's"))
}
