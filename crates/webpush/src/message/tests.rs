//! Known answers of RFC 8291, both directions against an independent implementation, limits and hostile input.

use std::num::NonZeroU16;

use proptest::prelude::*;
use web_push_native::p256::SecretKey;
use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint;

use super::*;
use crate::base64url;

/// RFC 8291 §5 and appendix A.
const CLEARTEXT: &[u8] = b"When I grow up, I want to be a watermelon";
const UA_PRIVATE: &str = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94";
const UA_PUBLIC: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
const AS_PRIVATE: &str = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
const AS_PUBLIC: &str =
    "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
const SALT: &str = "DGv6ra1nlYgDCS1FRnbzlw";
const ECDH_SECRET: &str = "kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs";
const IKM: &str = "S4lYMb_L0FxCeq0WhDx813KgSYqU26kOyzWUdsXYyrg";
const CEK: &str = "oIhVW04MRdy2XN9CiKLxTg";
const NONCE: &str = "4h_95klXJ5E_qnoN";
const BODY: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";

fn rfc_sender() -> Sender {
    let salt = base64url::decode(SALT).expect("a salt").try_into().expect("16 bytes");
    Sender { key_pair: KeyPair::from_private_base64url(AS_PRIVATE).expect("a key"), salt }
}

fn rfc_user_agent() -> UserAgent {
    UserAgent {
        key_pair: KeyPair::from_private_base64url(UA_PRIVATE).expect("a key"),
        auth_secret: AuthSecret::from_base64url(AUTH).expect("a secret"),
    }
}

fn sealed(recipient: &Recipient, clear: &[u8], padding: Padding) -> Vec<u8> {
    encrypt(Sender::generate().expect("a sender"), recipient, clear, padding).expect("encrypted")
}

#[test]
fn the_example_of_rfc_8291_5_comes_out_byte_for_byte() {
    let user_agent = rfc_user_agent();
    let body = encrypt(rfc_sender(), &user_agent.recipient(), CLEARTEXT, Padding::None).expect("encrypted");
    assert_eq!(base64url::encode(&body), BODY);
    assert_eq!(user_agent.decrypt(&body).expect("decrypted").as_slice(), CLEARTEXT);
}

#[test]
fn the_intermediate_values_of_rfc_8291_appendix_a_match() {
    let (user_agent, sender) = (rfc_user_agent(), rfc_sender());
    assert_eq!(user_agent.key_pair.public_key().to_base64url(), UA_PUBLIC);
    assert_eq!(sender.key_pair.public_key().to_base64url(), AS_PUBLIC);
    let secret = sender.key_pair.agree(user_agent.key_pair.public_key(), <[u8]>::to_vec).expect("agreed");
    assert_eq!(base64url::encode(&secret), ECDH_SECRET);
    let keys = PublicKeys {
        user_agent: user_agent.key_pair.public_key(),
        application_server: sender.key_pair.public_key(),
    };
    let input = keying_material(&secret, &user_agent.auth_secret, &keys).expect("derived");
    assert_eq!(base64url::encode(&*input), IKM);
    let combined = HkdfSalt::new(HKDF_SHA256, &sender.salt).extract(input.as_slice());
    let key: Zeroizing<[u8; 16]> =
        content_coding::expand(&combined, &[b"Content-Encoding: aes128gcm\0"]).expect("a key");
    let nonce: Zeroizing<[u8; 12]> =
        content_coding::expand(&combined, &[b"Content-Encoding: nonce\0"]).expect("a nonce");
    assert_eq!((base64url::encode(&*key).as_str(), base64url::encode(&*nonce).as_str()), (CEK, NONCE));
}

#[test]
fn bodies_fit_what_every_push_service_takes() {
    let user_agent = UserAgent::generate().expect("keys");
    let cases = [
        (0, Padding::None, 103),
        (0, Padding::TO_128, 103 + 128),
        (303, Padding::TO_128, 103 + 384),
        (3969, Padding::TO_128, BODY_BYTES_MAX),
        (CLEARTEXT_BYTES_MAX, Padding::TO_128, BODY_BYTES_MAX),
        (CLEARTEXT_BYTES_MAX, Padding::None, BODY_BYTES_MAX),
        (1, Padding::ToMultipleOf(NonZeroU16::MAX), BODY_BYTES_MAX),
    ];
    for (length, padding, expected) in cases {
        let clear = vec![b'x'; length];
        let body = sealed(&user_agent.recipient(), &clear, padding);
        assert_eq!(body.len(), expected, "{length} {padding:?}");
        assert_eq!(*user_agent.decrypt(&body).expect("decrypted"), clear);
    }
    let sender = Sender::generate().expect("a sender");
    let clear = [0; CLEARTEXT_BYTES_MAX + 1];
    let refused = encrypt(sender, &user_agent.recipient(), &clear, Padding::TO_128);
    assert_eq!(refused, Err(EncryptError::TooLong));
}

#[test]
fn a_message_of_several_records_is_decrypted() {
    let (user_agent, sender) = (rfc_user_agent(), rfc_sender());
    let keys = PublicKeys {
        user_agent: user_agent.key_pair.public_key(),
        application_server: sender.key_pair.public_key(),
    };
    let input = sender
        .key_pair
        .agree(keys.user_agent, |secret| keying_material(secret, &user_agent.auth_secret, &keys))
        .expect("agreed")
        .expect("derived");
    let header = Header { salt: sender.salt, record_size: 27, key_id: keys.application_server.as_bytes() };
    let mut records: Vec<_> = CLEARTEXT.chunks(8).map(|data| Record { data, padding: 2 }).collect();
    records.last_mut().expect("a record").padding = 0;
    let body = content_coding::encrypt(input.as_slice(), &header, &records).expect("encrypted");
    assert_eq!(user_agent.decrypt(&body).expect("decrypted").as_slice(), CLEARTEXT);
}

#[test]
fn only_the_recipient_can_decrypt() {
    let user_agent = UserAgent::generate().expect("keys");
    let body = sealed(&user_agent.recipient(), b"hello", Padding::TO_128);
    let other_key = UserAgent {
        key_pair: KeyPair::generate().expect("keys"),
        auth_secret: user_agent.auth_secret.clone(),
    };
    let private = user_agent.key_pair.private_base64url().expect("exportable");
    let other_secret = UserAgent {
        key_pair: KeyPair::from_private_base64url(&private).expect("a key"),
        auth_secret: AuthSecret::generate().expect("a secret"),
    };
    for eavesdropper in [other_key, other_secret] {
        let refused = eavesdropper.decrypt(&body).map(|_| ());
        assert_eq!(refused, Err(DecryptError::Coding(DecodeError::Authentication)));
    }
}

#[test]
fn a_sender_key_that_is_no_point_is_refused() {
    let user_agent = rfc_user_agent();
    let good = base64url::decode(BODY).expect("a body");
    let (mut bent, mut short) = (good.clone(), good.clone());
    bent[30] ^= 1;
    short[20] = 64;
    let cases = [
        (bent, DecryptError::SenderKey(KeyError::NotOnCurve)),
        (short, DecryptError::SenderKey(KeyError::Encoding)),
        (good[..20].to_vec(), DecryptError::Coding(DecodeError::Header)),
    ];
    for (body, expected) in cases {
        assert_eq!(user_agent.decrypt(&body).map(|_| ()), Err(expected));
    }
}

#[test]
fn secrets_of_sender_and_user_agent_do_not_print() {
    let printed = format!("{:?} {:?} {:?}", rfc_sender(), rfc_user_agent(), rfc_user_agent().recipient());
    for secret in [UA_PRIVATE, AS_PRIVATE, AUTH, SALT] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[test]
fn web_push_native_decrypts_what_we_encrypt() {
    let user_agent = UserAgent::generate().expect("keys");
    let private = user_agent.key_pair.private_base64url().expect("exportable");
    let theirs = SecretKey::from_slice(&base64url::decode(&private).expect("bytes")).expect("their key");
    let auth = web_push_native::Auth::clone_from_slice(user_agent.auth_secret.expose());
    for padding in [Padding::None, Padding::TO_128] {
        for clear in [&b""[..], b"hello", &[0; 3993]] {
            let body = sealed(&user_agent.recipient(), clear, padding);
            assert_eq!(web_push_native::decrypt(body, &theirs, &auth).expect("decrypted"), clear);
        }
    }
}

#[test]
fn we_decrypt_what_web_push_native_encrypts() {
    let theirs = SecretKey::from_slice(&base64url::decode(UA_PRIVATE).expect("bytes")).expect("their key");
    let auth = web_push_native::Auth::clone_from_slice(rfc_user_agent().auth_secret.expose());
    assert_eq!(
        theirs.public_key().to_encoded_point(false).as_bytes(),
        base64url::decode(UA_PUBLIC).expect("key")
    );
    for clear in [&b"x"[..], CLEARTEXT, &[7; 3993]] {
        let body = web_push_native::encrypt(clear.to_vec(), &theirs.public_key(), &auth).expect("encrypted");
        assert_eq!(rfc_user_agent().decrypt(&body).expect("decrypted").as_slice(), clear);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn decryption_inverts_encryption(clear in prop::collection::vec(any::<u8>(), 0..=CLEARTEXT_BYTES_MAX), step in any::<u16>()) {
        let user_agent = rfc_user_agent();
        let padding = NonZeroU16::new(step).map_or(Padding::None, Padding::ToMultipleOf);
        let body = sealed(&user_agent.recipient(), &clear, padding);
        prop_assert!(body.len() <= BODY_BYTES_MAX);
        prop_assert_eq!(&*user_agent.decrypt(&body).expect("decrypted"), &clear);
    }

    #[test]
    fn garbage_never_panics(body in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(rfc_user_agent().decrypt(&body).is_err());
    }

    #[test]
    fn garbage_behind_a_good_header_never_panics(records in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut body = base64url::decode(BODY).expect("a body");
        body.truncate(86);
        body.extend_from_slice(&records);
        prop_assert!(rfc_user_agent().decrypt(&body).is_err());
    }
}
