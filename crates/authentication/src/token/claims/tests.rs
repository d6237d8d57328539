use proptest::prelude::*;
use serde_json::{Value, json};
use store::UnixTime;

use super::{Claims, Expected, Grant};
use crate::token::TokenError;

const NOW: UnixTime = UnixTime(1_800_000_000);

fn expected() -> Expected {
    Expected {
        issuer: "https://id.example/".to_owned(),
        audiences: vec!["mail".to_owned()],
        scopes: vec!["imap".to_owned()],
        account_claim: "email".to_owned(),
    }
}

fn claims(changes: Value) -> Claims {
    let mut claims = json!({
        "active": true, "iss": "https://id.example/", "aud": "mail", "scope": "openid imap",
        "email": "alice@example.org", "exp": NOW.0 + 10,
    });
    for (name, value) in changes.as_object().unwrap() {
        let claims = claims.as_object_mut().unwrap();
        if value.is_null() {
            claims.remove(name)
        } else {
            claims.insert(name.clone(), value.clone())
        };
    }
    claims.as_object().unwrap().clone()
}

fn outcome(result: Result<Grant, TokenError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(TokenError::Expired) => "expired",
        Err(TokenError::Scope) => "scope",
        Err(TokenError::Invalid(_)) => "invalid",
        Err(TokenError::Unavailable(_)) => "unavailable",
    }
}

#[test]
fn claims_are_held_against_what_is_expected() {
    // (what is different, of a JWT, of an answer to introspection)
    let cases = [
        (json!({}), "ok", "ok"),
        (json!({"iss": "https://id.example"}), "invalid", "invalid"),
        (json!({"iss": null}), "invalid", "ok"),
        (json!({"aud": ["other", "mail"]}), "ok", "ok"),
        (json!({"aud": ["other"]}), "invalid", "invalid"),
        (json!({"aud": null}), "invalid", "invalid"),
        (json!({"aud": 7}), "invalid", "invalid"),
        (json!({"exp": NOW.0 - 59}), "ok", "ok"),
        (json!({"exp": NOW.0 - 60}), "expired", "expired"),
        (json!({"exp": 1_800_000_000.5}), "ok", "ok"),
        (json!({"exp": "tomorrow"}), "invalid", "invalid"),
        (json!({"exp": null}), "invalid", "ok"),
        (json!({"nbf": NOW.0 + 60}), "ok", "ok"),
        (json!({"nbf": NOW.0 + 61}), "invalid", "invalid"),
        (json!({"scope": "imaps openid"}), "scope", "scope"),
        (json!({"scope": null}), "scope", "scope"),
        (json!({"scope": null, "scp": ["imap"]}), "ok", "ok"),
        (json!({"scope": null, "scp": "imap"}), "ok", "ok"),
        (json!({"email": null}), "invalid", "invalid"),
        (json!({"email": ["alice@example.org"]}), "invalid", "invalid"),
        (json!({"email": ""}), "invalid", "invalid"),
        (json!({"email_verified": false}), "invalid", "invalid"),
        (json!({"email_verified": true}), "ok", "ok"),
        (json!({"active": false}), "ok", "invalid"),
        (json!({"active": "true"}), "ok", "invalid"),
    ];
    for (changes, of_jwt, of_introspection) in cases {
        let claims = claims(changes.clone());
        assert_eq!(outcome(expected().grant_of_jwt(&claims, NOW)), of_jwt, "{changes}");
        assert_eq!(outcome(expected().grant_of_introspection(&claims, NOW)), of_introspection, "{changes}");
    }
}

#[test]
fn a_grant_names_the_account_and_its_end() {
    let grant = expected().grant_of_jwt(&claims(json!({})), NOW);
    let until = Some(UnixTime(NOW.0 + 10 + 60));
    assert_eq!(grant, Ok(Grant { account: "alice@example.org".to_owned(), until }));
}

#[test]
fn without_audiences_no_jwt_is_taken_but_the_issuers_word_is() {
    let expected = Expected { audiences: Vec::new(), ..expected() };
    assert_eq!(outcome(expected.grant_of_jwt(&claims(json!({})), NOW)), "invalid");
    assert_eq!(outcome(expected.grant_of_introspection(&claims(json!({"aud": null})), NOW)), "ok");
}

proptest! {
    #[test]
    fn no_time_breaks_the_comparison(exp in any::<i64>(), nbf in any::<f64>()) {
        let claims = claims(json!({"exp": exp, "nbf": nbf}));
        let _ = expected().grant_of_jwt(&claims, NOW);
    }
}
