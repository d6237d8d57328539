//! Keys in and out of their text forms, and what is refused.

use super::*;

/// RFC 8291 §5: the user agent's key pair and secret.
const PUBLIC: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const PRIVATE: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

#[test]
fn a_private_key_has_its_public_key() {
    let pair = KeyPair::from_private_base64url(PRIVATE).expect("a key pair");
    assert_eq!(pair.public_key().to_base64url(), PUBLIC);
    assert_eq!(pair.private_base64url().expect("exportable").as_str(), PRIVATE);
    let fresh = KeyPair::generate().expect("a key pair");
    assert_ne!(fresh.public_key(), pair.public_key());
    assert_eq!(PublicKey::from_bytes(fresh.public_key().as_bytes()).as_ref(), Ok(fresh.public_key()));
}

#[test]
fn only_points_of_the_curve_are_public_keys() {
    let good = *PublicKey::from_base64url(PUBLIC).expect("a key").as_bytes();
    let with = |index: usize, byte: u8| {
        let mut bytes = good;
        bytes[index] = byte;
        bytes.to_vec()
    };
    let mut compressed = good[..33].to_vec();
    compressed[0] = 2;
    let cases = [
        (good.to_vec(), None),
        (with(64, good[64] ^ 1), Some(KeyError::NotOnCurve)),
        (with(0, 6), Some(KeyError::NotOnCurve)),
        (with(0, 0), Some(KeyError::NotOnCurve)),
        (vec![0; 65], Some(KeyError::NotOnCurve)),
        (vec![255; 65], Some(KeyError::NotOnCurve)),
        (compressed, Some(KeyError::Encoding)),
        (vec![0], Some(KeyError::Encoding)),
        (Vec::new(), Some(KeyError::Encoding)),
    ];
    for (bytes, expected) in cases {
        assert_eq!(PublicKey::from_bytes(&bytes).err(), expected, "{bytes:?}");
    }
}

#[test]
fn the_text_forms_are_strict_unless_padding_is_asked_for() {
    let padded = format!("{PUBLIC}=");
    let cases = [
        (PUBLIC.to_owned(), true, true),
        (padded.clone(), false, true),
        (format!("{padded}="), false, false),
        (PUBLIC.replace('-', "+"), false, false),
        (format!(" {PUBLIC}"), false, false),
        (PUBLIC[..86].to_owned(), false, false),
        ("A".repeat(1_000_000), false, false),
        (String::new(), false, false),
    ];
    for (text, strict, lenient) in cases {
        assert_eq!(PublicKey::from_base64url(&text).is_ok(), strict, "{text:.100}");
        assert_eq!(PublicKey::from_base64url_maybe_padded(&text).is_ok(), lenient, "{text:.100}");
    }
    // The last character of `AUTH` encodes two bits of data; another one with the same two is not canonical.
    for (text, strict, lenient) in [
        (AUTH, true, true),
        ("BTBZMqHH6r4Tts7J_aSIgg==", false, true),
        ("BTBZMqHH6r4Tts7J_aSIgg=", false, false),
        ("BTBZMqHH6r4Tts7J_aSIgh", false, false),
        ("BTBZMqHH6r4Tts7J_aSI", false, false),
        ("", false, false),
    ] {
        assert_eq!(AuthSecret::from_base64url(text).is_ok(), strict, "{text}");
        assert_eq!(AuthSecret::from_base64url_maybe_padded(text).is_ok(), lenient, "{text}");
    }
}

#[test]
fn secrets_compare_and_round_trip_but_do_not_print() {
    let secret = AuthSecret::from_base64url(AUTH).expect("a secret");
    assert_eq!(secret.to_base64url().as_str(), AUTH);
    assert_eq!(secret, AuthSecret::from_bytes(*secret.expose()));
    assert_ne!(secret, AuthSecret::generate().expect("a secret"));
    let pair = KeyPair::from_private_base64url(PRIVATE).expect("a key pair");
    assert_eq!(
        format!("{secret:?} {pair:?}"),
        format!("AuthSecret([redacted]) KeyPair({PUBLIC}, [redacted])")
    );
}
