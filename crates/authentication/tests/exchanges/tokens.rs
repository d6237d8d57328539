//! Which tokens are taken, whom the issuer is asked, and how often.

use authentication::token::claims::Grant;
use authentication::token::{KeySource, TokenError, Tokens};
use serde_json::json;
use store::UnixTime;

use crate::issuer::{Issuer, SigningKey, claims, settings};

const NOW: UnixTime = UnixTime(1_800_000_000);
const ALICE: &str = "alice@mail.example.org";

fn later(seconds: i64) -> UnixTime {
    UnixTime(NOW.0 + seconds)
}

/// What a token is good for that says so; the clocks may differ by a minute.
fn granted(until: i64) -> Result<Grant, TokenError> {
    Ok(Grant { account: ALICE.to_owned(), until: Some(later(until + 60)) })
}

fn is_invalid(result: &Result<Grant, TokenError>) -> bool {
    matches!(result, Err(TokenError::Invalid(_)))
}

#[tokio::test]
async fn signatures_of_the_issuer_are_taken_and_no_others() {
    let issuer = Issuer::start().await;
    let (ours, edwards, foreign) = (SigningKey::p256(), SigningKey::ed25519(), SigningKey::p256());
    let unknown = json!({"kty": "EC", "crv": "secp256k1", "kid": "new", "x": "AA", "y": "AA"});
    let for_encryption = {
        let mut key = foreign.public("enc");
        key["use"] = json!("enc");
        key
    };
    issuer.publish(&[unknown, for_encryption, ours.public("p"), edwards.public("e")]);
    let tokens = issuer.by_keys();
    let good = claims(ALICE, NOW.0 + 100);
    let without_id = edwards.sign(&json!({"alg": "EdDSA"}), &good);
    for token in [ours.token("p", ALICE, NOW.0 + 100), edwards.token("e", ALICE, NOW.0 + 100), without_id] {
        assert_eq!(tokens.check(&token, NOW).await, granted(100), "{token}");
    }
    let signed = ours.token("p", ALICE, NOW.0 + 100);
    let (message, _) = signed.rsplit_once('.').unwrap();
    let other_claims = ours.token("p", "bob@mail.example.org", NOW.0 + 100);
    let mixed =
        format!("{}.{}", other_claims.rsplit_once('.').unwrap().0, signed.rsplit_once('.').unwrap().1);
    for refused in [
        foreign.token("p", ALICE, NOW.0 + 100),
        foreign.token("enc", ALICE, NOW.0 + 100),
        edwards.token("p", ALICE, NOW.0 + 100),
        ours.sign(&json!({"alg": "ES256", "kid": "p", "crit": ["b64"], "b64": false}), &good),
        ours.sign(&json!({"alg": "none", "kid": "p"}), &good),
        ours.sign(&json!({"alg": "HS256", "kid": "p"}), &good),
        ours.sign(&json!({"alg": "RS256", "kid": "p"}), &good),
        format!("{message}."),
        message.to_owned(),
        mixed,
        "opaque".to_owned(),
        String::new(),
    ] {
        let result = tokens.check(&refused, NOW).await;
        assert!(is_invalid(&result), "{refused}: {result:?}");
    }
    let old = tokens.check(&ours.token("p", ALICE, NOW.0 - 100), NOW).await;
    assert_eq!(old, Err(TokenError::Expired));
    assert_eq!(issuer.requests().len(), 1);
}

#[tokio::test]
async fn tokens_that_come_while_the_keys_are_read_wait_for_them() {
    let issuer = Issuer::start().await;
    let key = SigningKey::p256();
    issuer.publish(&[key.public("1")]);
    let tokens = issuer.by_keys();
    let token = key.token("1", ALICE, NOW.0 + 100);
    let both = tokio::join!(tokens.check(&token, NOW), tokens.check(&token, NOW));
    assert_eq!(both, (granted(100), granted(100)));
    assert_eq!(issuer.requests().len(), 1);
}

#[tokio::test]
async fn a_new_key_is_fetched_and_the_issuer_is_not_asked_too_often() {
    let issuer = Issuer::start().await;
    let (first, second) = (SigningKey::p256(), SigningKey::p256());
    issuer.publish(&[first.public("1")]);
    let tokens = issuer.by_keys();
    let (old, new) = (first.token("1", ALICE, NOW.0 + 9000), second.token("2", ALICE, NOW.0 + 9000));
    assert_eq!(tokens.check(&old, NOW).await, granted(9000));
    issuer.publish(&[second.public("2")]);
    // Whoever makes ids up does not make the issuer work.
    assert!(is_invalid(&tokens.check(&new, later(29)).await));
    assert_eq!(issuer.requests().len(), 1);
    assert_eq!(tokens.check(&new, later(30)).await, granted(9000));
    assert!(is_invalid(&tokens.check(&old, later(31)).await), "a key that was withdrawn");
    assert_eq!(tokens.check(&new, later(3629)).await, granted(9000));
    assert_eq!(issuer.requests().len(), 1);

    // Read again after an hour; an issuer that is down keeps nobody out for a day.
    issuer.answer("/keys", 500, "");
    assert_eq!(tokens.check(&new, later(3630)).await, granted(9000));
    assert_eq!(tokens.check(&new, later(3631)).await, granted(9000));
    assert_eq!(issuer.requests().len(), 1);
    let long = second.token("2", ALICE, NOW.0 + 200_000);
    assert_eq!(tokens.check(&long, later(30 + 24 * 3600 - 1)).await, granted(200_000));
    let late = tokens.check(&long, later(30 + 24 * 3600)).await;
    assert!(matches!(late, Err(TokenError::Unavailable(_))), "{late:?}");
}

#[tokio::test]
async fn an_issuer_without_a_sensible_answer_is_unavailable() {
    let token = SigningKey::p256().token("1", ALICE, NOW.0 + 9000);
    let endless = "x".repeat(600 << 10);
    for (status, body) in
        [(404, "{}"), (302, ""), (200, "no JSON"), (200, r#"{"keys": []}"#), (200, &endless)]
    {
        let issuer = Issuer::start().await;
        issuer.answer("/keys", status, body);
        issuer.answer("/introspect", status, if status == 200 { body } else { "" });
        let by_keys = issuer.by_keys().check(&token, NOW).await;
        assert!(matches!(by_keys, Err(TokenError::Unavailable(_))), "{status}: {by_keys:?}");
        assert_eq!(issuer.requests().len(), 1, "a redirect is not followed");
        let asked = issuer.by_introspection().check(&token, NOW).await;
        let is_refused = matches!(asked, Err(TokenError::Unavailable(_))) || body.contains("keys");
        assert!(is_refused, "{status}: {asked:?}");
    }
}

#[tokio::test]
async fn keys_may_be_in_a_file_which_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys.json");
    assert!(Tokens::new(settings(Some(KeySource::File(file.clone())))).is_err());
    std::fs::write(&file, r#"{"keys": [{"kty": "oct", "k": "AA"}]}"#).unwrap();
    assert!(Tokens::new(settings(Some(KeySource::File(file.clone())))).is_err());
    let (first, second) = (SigningKey::ed25519(), SigningKey::ed25519());
    std::fs::write(&file, json!({"keys": [first.public("1")]}).to_string()).unwrap();
    let tokens = Tokens::new(settings(Some(KeySource::File(file.clone())))).unwrap();
    assert_eq!(tokens.check(&first.token("1", ALICE, NOW.0 + 9), NOW).await, granted(9));
    std::fs::write(&file, json!({"keys": [second.public("2")]}).to_string()).unwrap();
    assert_eq!(tokens.check(&second.token("2", ALICE, NOW.0 + 99), later(30)).await, granted(99));
}

#[tokio::test]
async fn the_issuer_is_asked_about_a_token_and_its_answer_remembered() {
    let issuer = Issuer::start().await;
    let mut answer = claims(ALICE, NOW.0 + 9000);
    answer["active"] = json!(true);
    issuer.answer("/introspect", 200, &answer.to_string());
    let tokens = issuer.by_introspection();
    assert_eq!(tokens.check("abc+/=", NOW).await, granted(9000));
    let requests = issuer.requests();
    assert!(requests[0].starts_with("POST /introspect HTTP/1.1\r\n"), "{requests:?}");
    // RFC 6749 §2.3.1: "mail+bell:s%3Acret".
    assert!(requests[0].contains("authorization: Basic bWFpbCtiZWxsOnMlM0FjcmV0\r\n"), "{requests:?}");
    assert!(requests[0].ends_with("\r\n\r\ntoken=abc%2B%2F%3D&token_type_hint=access_token"), "{requests:?}");

    issuer.answer("/introspect", 200, r#"{"active": false}"#);
    assert_eq!(tokens.check("abc+/=", later(59)).await, granted(9000));
    assert!(is_invalid(&tokens.check("other", later(59)).await));
    assert_eq!(issuer.requests().len(), 1);
    assert!(is_invalid(&tokens.check("abc+/=", later(60)).await));
}

#[tokio::test]
async fn with_keys_and_an_endpoint_only_other_tokens_are_asked_about() {
    let issuer = Issuer::start().await;
    let key = SigningKey::ed25519();
    issuer.publish(&[key.public("1")]);
    issuer.answer("/introspect", 200, r#"{"active": false}"#);
    let tokens = issuer.asked_beside(Some(KeySource::Url(issuer.at("keys"))));
    assert_eq!(tokens.check(&key.token("1", ALICE, NOW.0 + 9), NOW).await, granted(9));
    assert!(is_invalid(&tokens.check("opaque", NOW).await));
    let asked: Vec<String> = issuer.requests().iter().map(|request| request[..9].to_owned()).collect();
    assert_eq!(asked, ["GET /keys", "POST /int"]);
}
