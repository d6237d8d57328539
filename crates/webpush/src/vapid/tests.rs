//! Known answers of RFC 8292, both directions against an independent implementation, and hostile input.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use web_push_native::jwt_simple::prelude::*;
use web_push_native::vapid::VapidSignature;

use super::cache::{RENEW_BELOW, TOKEN_LIFETIME, TokenCache};
use super::credentials::{AUTHORIZATION_BYTES_MAX, Credentials, Unreadable};
use super::key::SigningKey;
use super::token::{Authorization, Claims, Contact, signing_input};
use super::verify::{Verifier, VerifyError, Wrong};
use crate::base64url;
use crate::key::{KeyError, PublicKey};
use crate::origin::Origin;

/// RFC 8292 §2.4: the token.
const T: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA";
/// RFC 8292 §2.4, and §4.1 as the key that a subscription is restricted to.
const K: &str = "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs";
/// RFC 8292 §2.4: the token's expiry.
const EXP: u64 = 1_453_523_768;
/// A key that did not sign the token (RFC 8291 §5).
const OTHER_KEY: &str =
    "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
/// The private key of RFC 8291 §5, which is as good as any for signing.
const PRIVATE: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn origin(text: &str) -> Origin {
    Origin::parse(text).expect("an origin")
}

fn push_service() -> Origin {
    origin("https://push.example.net")
}

fn contact() -> Contact {
    Contact::parse("mailto:push@example.com").expect("a contact")
}

/// A signed `vapid` header value whose JOSE header and body are whatever the test wants.
fn signed(header: &str, body: &str) -> String {
    let key = SigningKey::from_private_base64url(PRIVATE).expect("a private key");
    let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(body.as_bytes()));
    let signature = base64url::encode(&key.sign(input.as_bytes()).expect("a signature"));
    format!("vapid t={input}.{signature}, k={}", key.public_key())
}

fn verify(authorization: &str, now: SystemTime) -> Result<PublicKey, VerifyError> {
    Credentials::parse(Some(authorization), None)?.verify(&push_service(), now).map(|verified| verified.key)
}

#[test]
fn the_signing_input_of_rfc_8292_2_4_is_ours_byte_for_byte() {
    let claims = Claims { audience: push_service(), expires: at(EXP), contact: Some(contact()) };
    let (expected, _) = T.rsplit_once('.').expect("a signature");
    assert_eq!(signing_input(&claims).expect("serializable"), expected);
}

#[test]
fn the_request_of_rfc_8292_2_4_verifies_until_its_expiry() {
    let header = format!("vapid t={T}, k={K}");
    let key = PublicKey::from_base64url(K).expect("the key");
    let cases = [
        (EXP - 1, Ok(key)),
        (EXP - 86_400, Ok(key)),
        (EXP - 86_401, Err(Wrong::TooLong.into())),
        (EXP, Err(Wrong::Expired.into())),
        (EXP + 1, Err(Wrong::Expired.into())),
    ];
    for (now, expected) in cases {
        assert_eq!(verify(&header, at(now)), expected, "at {now}");
    }
    let credentials = Credentials::parse(Some(&header), None).expect("readable");
    let verified = credentials.verify(&push_service(), at(EXP - 1)).expect("the RFC's signature");
    assert_eq!(verified.contact.as_deref(), Some("mailto:push@example.com"));
}

#[test]
fn the_key_that_rfc_8292_4_1_restricts_a_subscription_to_is_that_of_its_token() {
    // RFC 8292 §4.1 shows the document that a user agent subscribes with.
    let document = format!(r#"{{ "vapid": "{K}" }}"#);
    let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
    let key = PublicKey::from_base64url(document["vapid"].as_str().expect("a string")).expect("a key");
    let verified = Credentials::parse(Some(&format!("vapid t={T}, k={K}")), None)
        .expect("readable")
        .verify(&push_service(), at(EXP - 1))
        .expect("good");
    assert_eq!(verified.key, key);
    assert_ne!(verified.key, PublicKey::from_base64url(OTHER_KEY).expect("a key"));
    // RFC 8292 §4.2
    assert_eq!(VerifyError::from(Wrong::Audience).status(), 403);
}

#[test]
fn every_form_of_the_credentials_that_is_in_use_is_read() {
    let cases = [
        (format!("vapid t={T}, k={K}"), None),
        (format!("vapid t={T},k={K}"), None),
        (format!("VAPID k={K}, t={T}"), None),
        (format!("  vapid   t = \"{T}\" ,, k = \"{K}=\" , later=on\t"), None),
        (format!("WebPush {T}"), Some(format!("p256ecdsa={K}"))),
        (format!("Bearer {T}"), Some(format!("p256ecdsa={K}"))),
        (format!("bearer {T}"), Some(format!("keyid=p256dh;dh={OTHER_KEY}, P256ECDSA=\"{K}=\""))),
        (format!("WebPush {T}"), Some(format!("dh={OTHER_KEY};p256ecdsa={K}"))),
    ];
    for (authorization, crypto_key) in cases {
        let credentials = Credentials::parse(Some(&authorization), crypto_key.as_deref());
        let credentials =
            credentials.unwrap_or_else(|error| panic!("{authorization} {crypto_key:?}: {error}"));
        assert_eq!(credentials.key.to_base64url(), K);
        assert!(credentials.verify(&push_service(), at(EXP - 1)).is_ok(), "{authorization}");
    }
}

#[test]
fn unreadable_credentials_are_told_from_one_another_and_answered_401() {
    let off_curve = base64url::encode(&[4; 65]);
    let long = "a".repeat(AUTHORIZATION_BYTES_MAX);
    let cases = [
        (None, None, Unreadable::Missing),
        (Some(String::new()), None, Unreadable::Scheme),
        (Some("vapid".to_owned()), None, Unreadable::Scheme),
        (Some("Basic YTpi".to_owned()), None, Unreadable::Scheme),
        (Some(format!("vapid t={long}, k={K}")), None, Unreadable::TooLong),
        (Some(format!("vapid k={K}")), None, Unreadable::NoToken),
        (Some(format!("vapid t=, k={K}")), None, Unreadable::NoToken),
        (Some(format!("vapid t={T}")), None, Unreadable::NoKey),
        (Some(format!("vapid {T}")), None, Unreadable::Parameters),
        (Some(format!("vapid t={T}, t={T}, k={K}")), None, Unreadable::Parameters),
        (Some(format!("vapid t=\"{T}, k={K}")), None, Unreadable::Parameters),
        (Some(format!("vapid t={T}, k={}", &K[1..])), None, Unreadable::Key),
        (Some(format!("vapid t={T}, k={off_curve}")), None, Unreadable::Key),
        (Some(format!("WebPush {T}")), None, Unreadable::NoKey),
        (Some(format!("WebPush {T}")), Some(format!("dh={K}")), Unreadable::NoKey),
        (Some(format!("WebPush {T}")), Some("p256ecdsa=x".to_owned()), Unreadable::Key),
        (Some(format!("WebPush {T}")), Some(long.clone() + "a"), Unreadable::TooLong),
    ];
    for (authorization, crypto_key, expected) in cases {
        let parsed = Credentials::parse(authorization.as_deref(), crypto_key.as_deref());
        assert_eq!(parsed, Err(expected), "{authorization:?} {crypto_key:?}");
        assert_eq!(VerifyError::from(expected).status(), 401);
    }
}

#[test]
fn tokens_are_judged_by_their_claims_and_their_signature() {
    const NOW: u64 = 1_800_000_000;
    let es256 = r#"{"typ":"JWT","alg":"ES256"}"#;
    let body = |aud: &str, exp: &str| format!(r#"{{"aud":{aud},"exp":{exp},"sub":"mailto:a@b"}}"#);
    let good = body(r#""https://push.example.net""#, "1800000060");
    let unreadable = |why: Unreadable| Err(VerifyError::from(why));
    let wrong = |why: Wrong| Err(VerifyError::from(why));
    let cases = [
        (signed(es256, &good), Ok(())),
        (signed(r#"{"alg":"ES256"}"#, &good), Ok(())),
        (signed(es256, &body(r#""https://PUSH.example.net:443/""#, "1800000060.5")), Ok(())),
        (signed(es256, &body(r#"["https://a.example","https://push.example.net"]"#, "1800000060")), Ok(())),
        (signed(r#"{"alg":"none"}"#, &good), unreadable(Unreadable::Algorithm)),
        (signed(r#"{"alg":"HS256"}"#, &good), unreadable(Unreadable::Algorithm)),
        (signed(r#"{"alg":"ES256","crit":["b64"]}"#, &good), unreadable(Unreadable::Algorithm)),
        (signed(r#"{"typ":"JWT"}"#, &good), unreadable(Unreadable::Token)),
        (signed(es256, "{}"), unreadable(Unreadable::Token)),
        (signed(es256, r#"{"aud":"https://push.example.net"}"#), unreadable(Unreadable::Token)),
        (signed(es256, "no JSON"), unreadable(Unreadable::Token)),
        (signed(es256, &body("7", "1800000060")), unreadable(Unreadable::Token)),
        (signed(es256, &body(r#""https://push.example.org""#, "1800000060")), wrong(Wrong::Audience)),
        (signed(es256, &body(r#""http://push.example.net""#, "1800000060")), wrong(Wrong::Audience)),
        (signed(es256, &body(r#""https://push.example.net:8443""#, "1800000060")), wrong(Wrong::Audience)),
        (signed(es256, &body("[]", "1800000060")), wrong(Wrong::Audience)),
        (signed(es256, &body(r#""https://push.example.net""#, "1800000000")), wrong(Wrong::Expired)),
        (signed(es256, &body(r#""https://push.example.net""#, "-1")), wrong(Wrong::Expired)),
        (signed(es256, &body(r#""https://push.example.net""#, "1e300")), wrong(Wrong::TooLong)),
        (format!("vapid t={}, k={K}", T.replace("i3CYb", "i3CYc")), wrong(Wrong::Expired)),
        ("vapid t=a.b.c, k=".to_owned() + K, unreadable(Unreadable::Token)),
        ("vapid t=a.b, k=".to_owned() + K, unreadable(Unreadable::Token)),
        ("vapid t=a.b.c.d, k=".to_owned() + K, unreadable(Unreadable::Token)),
    ];
    for (authorization, expected) in cases {
        assert_eq!(verify(&authorization, at(NOW)).map(|_| ()), expected, "{authorization}");
    }
}

#[test]
fn a_signature_of_another_key_or_over_other_bytes_is_wrong() {
    let now = at(EXP - 60);
    let bent = T.replace("i3CYb", "i3CYc");
    let cut = &T[..T.len() - 2];
    let cases = [
        format!("vapid t={T}, k={OTHER_KEY}"),
        format!("vapid t={bent}, k={K}"),
        format!("vapid t={cut}, k={K}"),
    ];
    for authorization in cases {
        assert_eq!(verify(&authorization, now), Err(Wrong::Signature.into()), "{authorization}");
    }
}

#[test]
fn keys_survive_pem_and_base64url() {
    let key = SigningKey::generate().expect("a key");
    let pem = key.to_pem().expect("a PEM file");
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n") && pem.ends_with("-----END PRIVATE KEY-----\n"));
    assert!(pem.lines().all(|line| line.len() <= 64));
    let crlf = pem.replace('\n', "\r\n");
    let private = key.private_base64url().expect("a private key");
    for again in [
        SigningKey::from_pem(&pem),
        SigningKey::from_pem(&format!("a comment\n{crlf}")),
        SigningKey::from_private_base64url(&private),
    ] {
        assert_eq!(again.expect("the key").public_key(), key.public_key());
    }
    let known = SigningKey::from_private_base64url(PRIVATE).expect("a key");
    assert_eq!(known.public_key().to_base64url(), OTHER_KEY);
    assert_eq!(known.private_base64url().expect("a private key").as_str(), PRIVATE);
}

#[test]
fn what_is_no_p256_key_is_refused() {
    // `openssl ecparam -name secp384r1 -genkey`: well-formed, but another curve.
    let p384 = "-----BEGIN EC PRIVATE KEY-----
MIGkAgEBBDDcP386VLi+fle13DPg9dyF398IyH8/Z+8vFlZdKvhJzUVhk6QvyHx8
LbYD0AqHoUKgBwYFK4EEACKhZANiAARjL1+FTjV+tjNK4O/jNkzHC+AzVKPj4/yi
jTFxv5vF0g1LqZMvxdiRhI0azMLNtqidO7H7jNtnCkRe5hufvzjJwyz9fd/mvavl
rbKuRt9BzkQELN4e9ZjCy+GrM3UMN5w=
-----END EC PRIVATE KEY-----
";
    let huge = " ".repeat(super::key::PEM_BYTES_MAX) + "-----BEGIN PRIVATE KEY-----";
    let pems = [
        ("", KeyError::Pem),
        ("-----BEGIN PRIVATE KEY-----\nMIGk", KeyError::Pem),
        ("-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----", KeyError::Pem),
        ("-----BEGIN PRIVATE KEY-----\nMIGk\n-----END PRIVATE KEY-----", KeyError::NotAPrivateKey),
        (p384, KeyError::NotAPrivateKey),
        (huge.as_str(), KeyError::Pem),
    ];
    for (pem, expected) in pems {
        assert_eq!(SigningKey::from_pem(pem).map(|_| ()), Err(expected), "{pem:.60}");
    }
    let (zero, order) = (base64url::encode(&[0; 32]), base64url::encode(&[255; 32]));
    let raw = [
        ("", KeyError::Encoding),
        (&PRIVATE[1..], KeyError::Encoding),
        (zero.as_str(), KeyError::NotAPrivateKey),
        (order.as_str(), KeyError::NotAPrivateKey),
    ];
    for (text, expected) in raw {
        assert_eq!(SigningKey::from_private_base64url(text).map(|_| ()), Err(expected), "{text}");
    }
}

#[test]
fn a_contact_is_a_mail_address_or_a_page() {
    let good = ["mailto:push@example.com", "https://example.com/contact"];
    let long = format!("https://example.com/{}", "a".repeat(300));
    let bad = [
        "",
        "push@example.com",
        "mailto:",
        "mailto:@",
        "http://example.com",
        "https://",
        "mailto:a @b",
        &long,
    ];
    for text in good {
        assert_eq!(Contact::parse(text).as_ref().map(Contact::as_str), Ok(text));
    }
    for text in bad {
        assert!(Contact::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_token_is_signed_once_for_an_origin_and_key_and_renewed_at_half_life() {
    let cache = TokenCache::new(Some(contact()), 2);
    let (key, other) = (SigningKey::generate().expect("a key"), SigningKey::generate().expect("a key"));
    let (a, b) = (push_service(), origin("https://b.example"));
    let start = at(1_800_000_000);
    let token =
        |key: &SigningKey, origin: &Origin, now| cache.authorization(key, origin, now).expect("signed");

    let first = token(&key, &a, start);
    assert_eq!(token(&key, &a, start + TOKEN_LIFETIME - RENEW_BELOW), first, "reused to its half life");
    assert_ne!(token(&key, &b, start), first, "another origin");
    let late = start + TOKEN_LIFETIME - RENEW_BELOW + Duration::from_secs(1);
    let renewed = token(&key, &a, late);
    assert_ne!(renewed, first, "renewed after it");
    assert_ne!(token(&key, &a, start - Duration::from_secs(60)), renewed, "the clock was set back");
    assert_ne!(token(&other, &a, late), renewed, "another key");

    for (authorization, now) in [(&first, start), (&renewed, late)] {
        let verified = verify(authorization.as_str(), now).expect("good");
        assert_eq!(&verified, key.public_key());
    }
}

#[test]
fn the_token_cache_is_bounded_and_forgets_a_rotated_key() {
    let key = SigningKey::generate().expect("a key");
    let now = at(1_800_000_000);
    let sign = |cache: &TokenCache, name: u32, now| {
        cache.authorization(&key, &origin(&format!("https://{name}.example")), now).expect("signed")
    };
    let cache = TokenCache::new(None, 2);
    let first = sign(&cache, 1, now);
    let second = sign(&cache, 2, now + Duration::from_secs(1));
    sign(&cache, 3, now + Duration::from_secs(2));
    assert_eq!(sign(&cache, 2, now + Duration::from_secs(3)), second, "still there");
    assert_ne!(sign(&cache, 1, now + Duration::from_secs(3)), first, "made room");
    cache.forget(key.public_key());
    assert_ne!(sign(&cache, 2, now + Duration::from_secs(4)), second, "forgotten");

    let none = TokenCache::new(None, 0);
    assert_ne!(sign(&none, 1, now), sign(&none, 1, now), "nothing kept, everything still works");
}

#[test]
fn a_verifier_remembers_a_token_by_its_bytes_until_it_expires() {
    let verifier = Verifier::new(push_service(), 2);
    let header = format!("vapid t={T}, k={K}");
    let verify = |header: &str, now| verifier.verify(Some(header), None, at(now)).map(|_| ());
    assert_eq!(verify(&header, EXP - 10), Ok(()));
    assert_eq!(verify(&header, EXP - 1), Ok(()));
    assert_eq!(verifier.remembered(), 1);
    // A changed byte of a remembered field is not the remembered field.
    assert_eq!(verify(&format!("vapid t={T}A, k={K}"), EXP - 1), Err(Wrong::Signature.into()));
    assert_eq!(verify(&format!("vapid t={T}"), EXP - 1), Err(Unreadable::NoKey.into()));
    assert_eq!(verify(&header, EXP), Err(Wrong::Expired.into()));
    assert_eq!(verify(&header, EXP - 90_000), Err(Wrong::TooLong.into()));
    // The same token under another key is another entry, and none is made for what fails.
    assert_eq!(verify(&format!("vapid t={T}, k={OTHER_KEY}"), EXP - 10), Err(Wrong::Signature.into()));
    assert_eq!(verifier.remembered(), 1);
    for number in 0..5_u64 {
        let body = format!(r#"{{"aud":"https://push.example.net","exp":{}}}"#, EXP + number);
        assert_eq!(verify(&signed(r#"{"alg":"ES256"}"#, &body), EXP - 10), Ok(()));
        assert!(verifier.remembered() <= 2);
    }
}

#[test]
fn web_push_native_signs_what_we_verify() {
    let theirs = ES256KeyPair::generate();
    let endpoint = "https://push.example.net/p/1".parse().expect("a URI");
    let signature = VapidSignature::sign(&endpoint, Duration::from_secs(3600), "mailto:a@b.example", &theirs);
    let header = signature.expect("signed").to_string();
    let verified = verify(&header, SystemTime::now()).expect("good");
    assert_eq!(verified.as_bytes().as_slice(), theirs.public_key().public_key().to_bytes_uncompressed());
}

#[test]
fn jwt_simple_verifies_what_we_sign() {
    let key = SigningKey::generate().expect("a key");
    let expires = SystemTime::now() + Duration::from_secs(3600);
    let claims = Claims { audience: push_service(), expires, contact: Some(contact()) };
    let header = Authorization::sign(&key, &claims).expect("signed");
    let (token, _) =
        header.as_str().strip_prefix("vapid t=").and_then(|rest| rest.split_once(',')).expect("t");
    let theirs = ES256PublicKey::from_bytes(key.public_key().as_bytes()).expect("their key");
    let read = theirs.verify_token::<NoCustomClaims>(token, None).expect("their verdict");
    assert_eq!(read.subject.as_deref(), Some("mailto:push@example.com"));
    assert!(read.audiences.is_some_and(|audiences| {
        audiences.contains(&std::collections::HashSet::from(["https://push.example.net".to_owned()]))
    }));
}

#[test]
fn secrets_do_not_print() {
    let key = SigningKey::from_private_base64url(PRIVATE).expect("a key");
    let claims = Claims { audience: push_service(), expires: at(EXP), contact: None };
    let authorization = Authorization::sign(&key, &claims).expect("signed");
    let credentials = Credentials::parse(Some(authorization.as_str()), None).expect("readable");
    let cache = TokenCache::new(None, 1);
    cache.authorization(&key, &push_service(), at(EXP)).expect("signed");
    let printed = format!("{key:?} {authorization:?} {credentials:?} {cache:?}");
    assert!(!printed.contains(PRIVATE) && !printed.contains("eyJ"), "{printed}");
}

proptest! {
    #[test]
    fn hostile_credentials_never_panic(authorization in "(?i:vapid|bearer)? ?[tk=,\\. \"\\PC]{0,64}", key in "\\PC{0,64}") {
        let verifier = Verifier::new(push_service(), 1);
        let _ = verifier.verify(Some(&authorization), Some(&key), at(EXP));
    }

    #[test]
    fn hostile_tokens_never_panic(header in "\\PC{0,32}", body in "\\PC{0,64}", signature in prop::collection::vec(any::<u8>(), 0..80)) {
        let token = [header.as_bytes(), body.as_bytes(), &signature].map(base64url::encode).join(".");
        let verdict = verify(&format!("vapid t={token}, k={K}"), at(EXP));
        prop_assert!(verdict.is_err());
    }
}
