//! OAUTHBEARER and XOAUTH2 from the first message to the last.

use authentication::{Channel, Mechanism, Progress, Refusal};
use serde_json::json;
use store::UnixTime;

use crate::issuer::{Issuer, SigningKey, claims};
use crate::support::{Home, refusal};

/// 2100-01-01.
const FAR: i64 = 4_102_444_800;

fn message(mechanism: Mechanism, user: &str, token: &str) -> String {
    match (mechanism, user) {
        (Mechanism::XOAuth2, _) => format!("user={user}\x01auth=Bearer {token}\x01\x01"),
        (_, "") => format!("n,,\x01auth=Bearer {token}\x01\x01"),
        _ => format!("n,a={user},\x01host=mail.example.org\x01port=143\x01auth=Bearer {token}\x01\x01"),
    }
}

#[tokio::test]
async fn a_token_opens_the_account_that_it_names_and_no_other() {
    let issuer = Issuer::start().await;
    let key = SigningKey::p256();
    issuer.publish(&[key.public("1")]);
    let home = Home::with_tokens(&["alice", "bob", "root"], issuer.by_keys()).await;
    let named = |name: &str| key.token("1", name, FAR);
    for mechanism in [Mechanism::OAuthBearer, Mechanism::XOAuth2] {
        for (user, token, expected) in [
            ("", named("alice@mail.example.org"), Ok("alice")),
            ("alice", named("alice@mail.example.org"), Ok("alice")),
            ("ALICE@mail.example.org", named("alice"), Ok("alice")),
            ("bob", named("alice"), Err("forbidden")),
            ("nobody", named("alice"), Err("forbidden")),
            ("", named("nobody"), Err("forbidden")),
            // A master needs its password.
            ("alice", named("root"), Err("forbidden")),
        ] {
            let mut exchange = home.begin(mechanism);
            assert!(
                matches!(exchange.step(None).await.map_err(refusal), Ok(Progress::Challenge(empty)) if empty.is_empty())
            );
            let result =
                exchange.step(Some(message(mechanism, user, &token).as_bytes())).await.map_err(refusal);
            match (result, expected) {
                (Ok(Progress::Authenticated(opened)), Ok(account)) => {
                    assert_eq!(opened.access.owner(), home.id(account).await);
                    assert_eq!(opened.until, Some(UnixTime(FAR + 60)));
                    assert!(opened.access.is_main() && opened.master.is_none());
                }
                (Err(Refusal::NotAuthorized), Err("forbidden")) => {}
                (other, _) => panic!("{mechanism:?} {user:?}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_explained_and_then_refused() {
    let issuer = Issuer::start().await;
    let key = SigningKey::p256();
    issuer.publish(&[key.public("1")]);
    let home = Home::with_tokens(&["alice"], issuer.by_keys()).await;
    let without_scope = {
        let mut claims = claims("alice", FAR);
        claims["scope"] = json!("openid");
        key.sign(&json!({"alg": "ES256", "kid": "1"}), &claims)
    };
    let advice = |status: &str| {
        let url = "https://id.example/.well-known/openid-configuration";
        format!(r#"{{"status":"{status}","scope":"imap","openid-configuration":"{url}"}}"#)
    };
    let of_xoauth2 = |status: u16| format!(r#"{{"status":"{status}","schemes":"bearer","scope":"imap"}}"#);
    for (token, status, http, expected) in [
        ("opaque".to_owned(), "invalid_token", 401, "wrong"),
        (key.token("1", "alice", 1_000_000_000), "invalid_token", 401, "expired"),
        (without_scope, "insufficient_scope", 403, "scope"),
    ] {
        for mechanism in [Mechanism::OAuthBearer, Mechanism::XOAuth2] {
            let begin = async || {
                let mut exchange = home.begin(mechanism);
                let message = message(mechanism, "alice", &token);
                let Progress::Challenge(told) = exchange.step(Some(message.as_bytes())).await.unwrap() else {
                    panic!("{token} was taken");
                };
                let is_xoauth2 = mechanism == Mechanism::XOAuth2;
                let wanted = if is_xoauth2 { of_xoauth2(http) } else { advice(status) };
                assert_eq!(String::from_utf8(told).unwrap(), wanted);
                exchange
            };
            let refusals = [
                begin().await.step(Some(b"\x01")).await.err().map(refusal),
                begin().await.step(Some(b"")).await.err().map(refusal),
                begin().await.give_up().map(refusal),
            ];
            for refusal in refusals {
                let outcome = match refusal {
                    Some(Refusal::InvalidToken) => "wrong",
                    Some(Refusal::Expired) => "expired",
                    Some(Refusal::InsufficientScope) => "scope",
                    other => panic!("{mechanism:?}: {other:?}"),
                };
                assert_eq!(outcome, expected, "{mechanism:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_client_may_ask_where_to_get_a_token_and_an_absent_issuer_is_said_to_be() {
    let issuer = Issuer::start().await;
    let home = Home::with_tokens(&["alice"], issuer.by_keys()).await;
    let mut asking = home.begin(Mechanism::OAuthBearer);
    assert!(matches!(
        asking.step(Some(b"n,,\x01auth=\x01\x01")).await.map_err(refusal),
        Ok(Progress::Challenge(_))
    ));
    assert!(issuer.requests().is_empty(), "nobody is asked about no token");
    let token = SigningKey::p256().token("1", "alice", FAR);
    let mut exchange = home.begin(Mechanism::OAuthBearer);
    let result =
        exchange.step(Some(message(Mechanism::OAuthBearer, "", &token).as_bytes())).await.map_err(refusal);
    assert!(matches!(result, Err(Refusal::Unavailable(_))), "{result:?}");
    let private = Channel { is_private: true, is_bindable: false };
    let offered: Vec<_> = home.authenticator.mechanisms(private).map(Mechanism::name).collect();
    assert_eq!(offered, ["SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2", "PLAIN"]);
}
