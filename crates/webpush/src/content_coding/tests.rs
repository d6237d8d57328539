//! Known answers of RFC 8188, bodies of every shape, and bodies that were tampered with.

use proptest::prelude::*;

use super::*;
use crate::base64url;

fn bytes(text: &str) -> Vec<u8> {
    base64url::decode(text).expect("base64url")
}

fn parse_and_decrypt(keying_material: &[u8], body: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let (header, records) = Header::parse(body)?;
    decrypt(keying_material, &header, records).map(|clear| clear.to_vec())
}

/// Splits `data` into records of `record_size`, each with `padding` bytes of padding where the data goes on.
fn split(data: &[u8], record_size: u32, padding: usize) -> Vec<Record<'_>> {
    let room = record_size as usize - RECORD_OVERHEAD - padding;
    let mut records: Vec<_> = data.chunks(room).map(|data| Record { data, padding }).collect();
    match records.last_mut() {
        Some(last) => last.padding = 0,
        None => records.push(Record { data, padding: 0 }),
    }
    records
}

#[test]
fn the_examples_of_rfc_8188_come_out_byte_for_byte() {
    let walrus: &[u8] = b"I am the walrus";
    // RFC 8188 §3.1: one record. RFC 8188 §3.2: two records, the first with one byte of padding.
    let cases = [
        (
            "yqdlZ-tYemfogSmv7Ws5PQ",
            Header { salt: [0; SALT_BYTES], record_size: 4096, key_id: b"" },
            vec![Record { data: walrus, padding: 0 }],
            "I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg",
        ),
        (
            "BO3ZVPxUlnLORbVGMpbT1Q",
            Header { salt: [0; SALT_BYTES], record_size: 25, key_id: b"a1" },
            vec![Record { data: &walrus[..7], padding: 1 }, Record { data: &walrus[7..], padding: 0 }],
            "uNCkWiNYzKTnBN9ji3-qWAAAABkCYTHOG8chz_gnvgOqdGYovxyjuqRyJFjEDyoF1Fvkj6hQPdPHI51OEUKEpgz3SsLWIqS_uA",
        ),
    ];
    for (key, mut header, records, body) in cases {
        let (key, body) = (bytes(key), bytes(body));
        header.salt.copy_from_slice(&body[..SALT_BYTES]);
        assert_eq!(Header::parse(&body).expect("a header").0, header);
        assert_eq!(encrypt(&key, &header, &records).expect("encrypted"), body);
        assert_eq!(parse_and_decrypt(&key, &body).expect("decrypted"), walrus);
    }
}

#[test]
fn the_derived_values_of_rfc_8188_3_1_match() {
    let salt: [u8; SALT_BYTES] = bytes("I1BsxtFttlv3u_Oo94xnmw").try_into().expect("16 bytes");
    let secret = HkdfSalt::new(HKDF_SHA256, &salt).extract(&bytes("yqdlZ-tYemfogSmv7Ws5PQ"));
    let key: Zeroizing<[u8; 16]> = expand(&secret, &[b"Content-Encoding: aes128gcm\0"]).expect("a key");
    let nonce: Zeroizing<[u8; 12]> = expand(&secret, &[b"Content-Encoding: nonce\0"]).expect("a nonce");
    assert_eq!(base64url::encode(&*key), "_wniytB-ofscZDh4tbSjHw");
    assert_eq!(base64url::encode(&*nonce), "Bcs8gkIRKLI8GeI8");
}

#[test]
fn records_must_match_the_record_size() {
    let header = |record_size| Header { salt: [7; SALT_BYTES], record_size, key_id: b"" };
    let record = |length, padding| Record { data: &[b'x'; 64][..length], padding };
    let cases = [
        (header(17), vec![record(0, 0)], Err(EncodeError::RecordSize)),
        (header(18), vec![], Err(EncodeError::Records)),
        (header(18), vec![record(1, 0)], Ok(())),
        (header(18), vec![record(2, 0)], Err(EncodeError::Records)),
        (header(18), vec![record(1, 1)], Err(EncodeError::Records)),
        (header(18), vec![record(1, usize::MAX)], Err(EncodeError::Records)),
        (header(25), vec![record(7, 0), record(3, 0)], Err(EncodeError::Records)),
        (header(25), vec![record(7, 1), record(3, 0)], Ok(())),
        (Header { key_id: &[0; 256], ..header(25) }, vec![record(1, 0)], Err(EncodeError::KeyId)),
        (Header { key_id: &[0; 255], ..header(25) }, vec![record(1, 0)], Ok(())),
    ];
    for (header, records, expected) in cases {
        assert_eq!(encrypt(b"key", &header, &records).map(|_| ()), expected, "{header:?} {records:?}");
    }
}

#[test]
fn a_body_that_is_not_whole_is_refused() {
    let header = Header { salt: [7; SALT_BYTES], record_size: 25, key_id: b"id" };
    let body = encrypt(b"key", &header, &split(b"0123456789abcdefgh", 25, 0)).expect("three records");
    let start = header.length();
    assert_eq!(body.len(), start + 25 + 25 + 19);
    let swapped =
        [&body[..start], &body[start + 25..start + 50], &body[start..start + 25], &body[start + 50..]];
    let too_small = [&body[..SALT_BYTES], &17_u32.to_be_bytes(), &body[SALT_BYTES + 4..]].concat();
    let cases = [
        (body[..start - 1].to_vec(), DecodeError::Header),
        (too_small, DecodeError::Header),
        (Vec::new(), DecodeError::Header),
        (body[..start].to_vec(), DecodeError::Truncated),
        (body[..start + 25].to_vec(), DecodeError::Truncated),
        (body[..start + 50].to_vec(), DecodeError::Truncated),
        (body[..start + 66].to_vec(), DecodeError::Truncated),
        (body[..body.len() - 1].to_vec(), DecodeError::Authentication),
        (swapped.concat(), DecodeError::Authentication),
        ([&body[..], &[0; 25]].concat(), DecodeError::Authentication),
    ];
    for (body, expected) in cases {
        assert_eq!(parse_and_decrypt(b"key", &body), Err(expected), "{} bytes", body.len());
    }
    assert_eq!(parse_and_decrypt(b"another", &body), Err(DecodeError::Authentication));
}

#[test]
fn delimiters_must_match_their_place() {
    let header = Header { salt: [7; SALT_BYTES], record_size: 25, key_id: b"" };
    let cipher = Cipher::derive(b"key", &header.salt).expect("a cipher");
    let sealed = |number, clear: &[u8]| {
        let mut record = clear.to_vec();
        cipher.key.seal_in_place_append_tag(cipher.nonce(number), Aad::empty(), &mut record).expect("sealed");
        record
    };
    let cases = [
        (vec![sealed(0, b"\x02")], Ok(Vec::new())),
        (vec![sealed(0, b"a\x02\0\0\0\0\0\0\0")], Ok(b"a".to_vec())),
        (vec![sealed(0, b"\x01")], Err(DecodeError::Truncated)),
        (vec![sealed(0, b"\0\0\0")], Err(DecodeError::Delimiter)),
        (vec![sealed(0, b"a\x03")], Err(DecodeError::Delimiter)),
        (vec![sealed(0, b"1234567\x02\0"), sealed(1, b"8\x02")], Err(DecodeError::Delimiter)),
        (vec![sealed(0, b"1234567\x01\0"), sealed(1, b"8\x02")], Ok(b"12345678".to_vec())),
    ];
    for (records, expected) in cases {
        let decrypted = decrypt(b"key", &header, &records.concat()).map(|clear| clear.to_vec());
        assert_eq!(decrypted, expected, "{records:?}");
    }
}

proptest! {
    #[test]
    fn decryption_inverts_encryption(
        data in prop::collection::vec(any::<u8>(), 0..300),
        record_size in 34_u32..120,
        padding in 0_usize..16,
        key_id in prop::collection::vec(any::<u8>(), 0..40),
        salt in any::<[u8; SALT_BYTES]>(),
    ) {
        let header = Header { salt, record_size, key_id: &key_id };
        let records = split(&data, record_size, padding);
        let body = encrypt(b"key", &header, &records).expect("encrypted");
        prop_assert_eq!(parse_and_decrypt(b"key", &body), Ok(data));
    }

    #[test]
    fn a_changed_bit_is_always_found(
        data in prop::collection::vec(any::<u8>(), 0..100),
        position in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let header = Header { salt: [1; SALT_BYTES], record_size: 40, key_id: b"" };
        let mut body = encrypt(b"key", &header, &split(&data, 40, 0)).expect("encrypted");
        // All but the record size, which is not authenticated: one record fits many sizes.
        let position = (position.index(body.len() - 4) + 20) % body.len();
        body[position] ^= 1 << bit;
        prop_assert!(parse_and_decrypt(b"key", &body).is_err());
    }

    #[test]
    fn garbage_never_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(parse_and_decrypt(b"key", &body).is_err());
    }
}
