use aws_lc_rs::digest;
use proptest::prelude::*;

use super::server_end_point;

fn certificate(algorithm: &'static rcgen::SignatureAlgorithm) -> Vec<u8> {
    let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
    let parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    parameters.self_signed(&key).unwrap().der().to_vec()
}

#[test]
fn the_end_point_is_the_hash_that_the_certificates_signature_uses() {
    let cases: [(&rcgen::SignatureAlgorithm, Option<&digest::Algorithm>); 4] = [
        (&rcgen::PKCS_ECDSA_P256_SHA256, Some(&digest::SHA256)),
        (&rcgen::PKCS_ECDSA_P384_SHA384, Some(&digest::SHA384)),
        (&rcgen::PKCS_RSA_SHA512, Some(&digest::SHA512)),
        (&rcgen::PKCS_ED25519, None),
    ];
    for (algorithm, hash) in cases {
        let der = certificate(algorithm);
        let expected = hash.map(|hash| digest::digest(hash, &der).as_ref().to_vec());
        assert_eq!(server_end_point(&der).map(|bytes| bytes.to_vec()), expected, "{algorithm:?}");
    }
}

#[test]
fn pss_names_its_hash_in_the_parameters_and_sha_1_becomes_sha_256() {
    let signed_with = |algorithm: &[u8]| {
        let mut der = vec![0x30, 0x82, 0, u8::try_from(algorithm.len() + 4).unwrap(), 0x30, 0];
        der.extend([0x30, u8::try_from(algorithm.len()).unwrap()]);
        der.extend(algorithm);
        server_end_point(&der).map(|hash| hash.len())
    };
    let pss = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
    let sha384 = [0xa0, 0x0d, 0x30, 0x0b, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2];
    let with_hash = [pss.as_slice(), &[0x30, 15], &sha384].concat();
    assert_eq!(signed_with(&with_hash), Some(48));
    assert_eq!(signed_with(&[pss.as_slice(), &[0x30, 0]].concat()), Some(32));
    assert_eq!(signed_with(&[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5, 5, 0]), Some(32));
    assert_eq!(signed_with(&[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1]), Some(32));
    assert_eq!(signed_with(&[6, 3, 0x2b, 0x65, 0x70]), None);
}

proptest! {
    #[test]
    fn no_bytes_break_the_reading_of_certificates(bytes in proptest::collection::vec(any::<u8>(), 0..96)) {
        let _ = server_end_point(&bytes);
    }
}
