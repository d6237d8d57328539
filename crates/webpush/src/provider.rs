//! The token by which Apple's push service knows who pushes: a JWT (RFC 7519), signed with ES256, that names a key and a team.
//!
//! Apple takes a token for an hour and refuses senders that make new ones all the time, so callers keep one for a while.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::base64url;
use crate::key::KeyError;
use crate::vapid::key::SigningKey;

/// What signs tokens, and for whom.
#[derive(Debug)]
pub struct Provider {
    /// The key that Apple has made for the team.
    pub key: SigningKey,
    /// Its ten characters.
    pub key_id: String,
    /// The team's ten characters.
    pub team_id: String,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: u64,
}

impl Provider {
    /// A token that is made now. It is a bearer credential.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the cryptographic library fails.
    pub fn token(&self, now: SystemTime) -> Result<String, KeyError> {
        let header = Header { alg: "ES256", kid: &self.key_id };
        let iat = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let claims = Claims { iss: &self.team_id, iat };
        let header = serde_json::to_vec(&header).map_err(|_| KeyError::Library)?;
        let claims = serde_json::to_vec(&claims).map_err(|_| KeyError::Library)?;
        let input = format!("{}.{}", base64url::encode(&header), base64url::encode(&claims));
        let signature = base64url::encode(&self.key.sign(input.as_bytes())?);
        Ok(format!("{input}.{signature}"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_token_names_key_team_and_time_and_is_signed() {
        let key = SigningKey::generate().expect("a key");
        let public = key.public_key().as_bytes().to_vec();
        let provider = Provider { key, key_id: "ABC123DEFG".into(), team_id: "DEF123GHIJ".into() };
        let token = provider.token(UNIX_EPOCH + Duration::from_secs(1_437_179_036)).expect("a token");
        let (input, signature) = token.rsplit_once('.').expect("three parts");
        let parts: Vec<_> =
            input.split('.').map(|part| base64url::decode(part).expect("base64url")).collect();
        assert_eq!(parts[0], br#"{"alg":"ES256","kid":"ABC123DEFG"}"#);
        assert_eq!(parts[1], br#"{"iss":"DEF123GHIJ","iat":1437179036}"#);
        let verifier = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public);
        let signature = base64url::decode(signature).expect("base64url");
        verifier.verify(input.as_bytes(), &signature).expect("signed");
        assert!(!format!("{provider:?}").contains("PRIVATE"));
    }
}
