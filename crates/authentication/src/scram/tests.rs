use std::sync::Arc;

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use store::ScramKeys;

use super::{AwaitsProof, ClientFirst, Parameters};
use crate::{Bindings, Mechanism, Refusal};

const NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const CLIENT_NONCE: &str = "rOprNGfwEbeRWgbNEkqO";

fn salt() -> Vec<u8> {
    STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap()
}

fn keys(password: &str) -> ScramKeys {
    ScramKeys::derive(password, &salt(), 4096).unwrap()
}

fn bindings() -> Bindings {
    Bindings { tls_exporter: Some([7; 32]), tls_server_end_point: Some(Arc::from([8_u8; 48].as_slice())) }
}

fn answer(mechanism: Mechanism, bindings: &Bindings, first: &str) -> Result<(String, AwaitsProof), Refusal> {
    let parameters = Parameters { salt: &salt(), iterations: 4096, nonce: NONCE };
    ClientFirst::parse(first.as_bytes())?.answer(mechanism, bindings, parameters)
}

/// A client's last message, computed as RFC 5802 §3 says and by no code of the server.
fn client_final(password: &str, first_bare: &str, server_first: &str, binding: &[u8]) -> String {
    let mut salted = [0; 32];
    let iterations = 4096.try_into().unwrap();
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt(), password.as_bytes(), &mut salted);
    let sign = |key: &[u8], data: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data);
    let client_key = sign(&salted, b"Client Key");
    let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
    let nonce = server_first.strip_prefix("r=").unwrap().split(',').next().unwrap();
    let without_proof = format!("c={},r={nonce}", STANDARD.encode(binding));
    let message = format!("{first_bare},{server_first},{without_proof}");
    let signature = sign(stored_key.as_ref(), message.as_bytes());
    let proof: Vec<u8> = client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
    format!("{without_proof},p={}", STANDARD.encode(proof))
}

#[test]
fn the_exchange_of_the_rfc_is_the_same_to_the_byte() {
    // RFC 7677 §3.
    let (server_first, awaits) =
        answer(Mechanism::ScramSha256, &Bindings::default(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
    assert_eq!(
        server_first,
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    );
    let last = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                 p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    let all = [keys("other"), keys("pencil"), keys("third")];
    let verified = awaits.verify(last, &all).unwrap();
    assert_eq!(verified.server_final, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    assert_eq!(verified.index, 1);
    assert!(matches!(awaits.verify(last, &[keys("other")]), Err(Refusal::WrongCredentials)));
    assert!(matches!(awaits.verify(last, &[]), Err(Refusal::WrongCredentials)));
}

#[test]
fn a_bound_exchange_holds_only_on_its_own_connection() {
    let other = Bindings { tls_exporter: Some([9; 32]), ..bindings() };
    let cases: [(&str, &[u8], &Bindings, bool); 4] = [
        ("tls-exporter", &[7; 32], &bindings(), true),
        ("tls-server-end-point", &[8; 48], &bindings(), true),
        ("tls-exporter", &[7; 32], &other, false),
        ("tls-exporter", b"", &bindings(), false),
    ];
    for (name, data, connection, opens) in cases {
        let (header, bare) = (format!("p={name},,"), format!("n=user,r={CLIENT_NONCE}"));
        let (server_first, awaits) =
            answer(Mechanism::ScramSha256Plus, connection, &format!("{header}{bare}")).unwrap();
        let last = client_final("pencil", &bare, &server_first, &[header.as_bytes(), data].concat());
        assert_eq!(awaits.verify(last.as_bytes(), &[keys("pencil")]).is_ok(), opens, "{name} {data:?}");
    }
}

#[test]
fn a_removed_plus_is_noticed_and_flags_go_with_the_mechanism() {
    let (none, some) = (Bindings::default(), bindings());
    let (bare, plus) = (Mechanism::ScramSha256, Mechanism::ScramSha256Plus);
    let cases = [
        ("n,", bare, &none, "ok"),
        ("n,", bare, &some, "ok"),
        ("y,", bare, &none, "ok"),
        ("y,", bare, &some, "wrong"),
        ("p=tls-exporter,", bare, &some, "malformed"),
        ("p=tls-exporter,", plus, &some, "ok"),
        ("p=tls-unique,", plus, &some, "wrong"),
        ("n,", plus, &some, "malformed"),
        ("y,", plus, &some, "malformed"),
    ];
    for (flag, mechanism, bindings, expected) in cases {
        let answered = answer(mechanism, bindings, &format!("{flag},n=user,r=abc"));
        let outcome = answered.map_or_else(|refusal| refusal.outcome(), |_| "ok");
        assert_eq!(outcome, expected, "{flag} {mechanism:?} {bindings:?}");
    }
}

#[test]
fn first_messages_are_taken_apart() {
    let parsed = |message: &str| {
        ClientFirst::parse(message.as_bytes()).ok().map(|first| (first.authzid, first.username, first.nonce))
    };
    let some = |authzid: &str, name: &str| Some((authzid.to_owned(), name.to_owned(), "abc".to_owned()));
    let cases = [
        ("n,,n=user,r=abc", some("", "user")),
        ("y,a=bob,n=user,r=abc", some("bob", "user")),
        ("n,a=b=2Cb,n=us=3Der,r=abc,x=future", some("b,b", "us=er")),
        ("n,,n=\u{fc}ser,r=abc", some("", "\u{fc}ser")),
        ("n,,n=us=er,r=abc", None),
        ("n,,n=us=2cer,r=abc", None),
        ("n,,n=,r=abc", None),
        ("n,,n=user,r=", None),
        ("n,,n=user,r=a b", None),
        ("n,,n=user", None),
        ("n,,m=must,n=user,r=abc", None),
        ("n,,n=user,r=abc,m=must", None),
        ("n,,n=user,r=abc,", None),
        ("n,,r=abc,n=user", None),
        ("n,bob,n=user,r=abc", None),
        ("x,,n=user,r=abc", None),
        ("p=,,n=user,r=abc", None),
        ("p=tls_unique,,n=user,r=abc", None),
        ("n,,n=us\0er,r=abc", None),
        ("", None),
    ];
    for (message, expected) in cases {
        assert_eq!(parsed(message), expected, "{message}");
    }
}

#[test]
fn last_messages_that_were_tampered_with_are_refused() {
    let bare = format!("n=user,r={CLIENT_NONCE}");
    let (server_first, awaits) =
        answer(Mechanism::ScramSha256, &Bindings::default(), &format!("n,,{bare}")).unwrap();
    let good = client_final("pencil", &bare, &server_first, b"n,,");
    let verify = |message: &str| awaits.verify(message.as_bytes(), &[keys("pencil")]);
    assert!(verify(&good).is_ok());
    let cases = [
        (good.replacen("c=biws", "c=eSws", 1), "wrong"),
        (good.replacen("rOprN", "rOprM", 1), "wrong"),
        (good.replacen(",p=", ",x=1,p=", 1), "wrong"),
        (good.replacen(",p=", ",m=1,p=", 1), "malformed"),
        (good.replacen(",p=", ",q=", 1), "malformed"),
        (good.replacen("p=", "p=AAAA", 1), "malformed"),
        (good.replacen("c=", "d=", 1), "malformed"),
        (format!("{good},x=1"), "malformed"),
        (String::new(), "malformed"),
    ];
    for (message, expected) in cases {
        assert_eq!(verify(&message).unwrap_err().outcome(), expected, "{message}");
    }
}

proptest! {
    #[test]
    fn names_survive_being_written(name in "[^\0]{1,12}", authzid in "[^\0]{1,12}") {
        let written = |text: &str| text.replace('=', "=3D").replace(',', "=2C");
        let message = format!("n,a={},n={},r=abc", written(&authzid), written(&name));
        let first = ClientFirst::parse(message.as_bytes()).unwrap();
        prop_assert_eq!((first.authzid, first.username), (authzid, name));
    }

    #[test]
    fn no_first_message_breaks_the_parser(message in "[nyp]?(=|,|a=|n=|r=|m=|=2C|=3D|[ -~]|\\PC){0,12}") {
        if let Ok(first) = ClientFirst::parse(message.as_bytes()) {
            let whole = format!("{}{}", first.gs2_header, first.bare);
            prop_assert_eq!(whole, message);
        }
    }

    #[test]
    fn no_bytes_break_the_parsers(bytes in proptest::collection::vec(any::<u8>(), 0..96)) {
        let _ = ClientFirst::parse(&bytes);
        let (_, awaits) = answer(Mechanism::ScramSha256, &Bindings::default(), "n,,n=user,r=abc").unwrap();
        let keys = ScramKeys { stored_key: [1; 32], server_key: [2; 32] };
        prop_assert!(awaits.verify(&bytes, &[keys]).is_err());
    }
}
