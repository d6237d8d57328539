//! A whole RFC 8291 message beside the bare primitives that it can't do without, in the same run.
//!
//! The primitives are one P-256 key generation and agreement, the two HKDFs (three expansions) and AES-128-GCM, on the
//! same library, with nothing checked, copied or allocated beyond what they ask for. The aim is 85% of their rate.

#![expect(clippy::expect_used, reason = "a benchmark that can't run has nothing to report")]

use std::hint::black_box;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::rand;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use webpush::message::{Sender, UserAgent, encrypt};
use webpush::padding::Padding;

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(secret: &Prk, info: &[&[u8]]) -> [u8; N] {
    let mut output = [0; N];
    secret.expand(info, Bytes(N)).and_then(|okm| okm.fill(&mut output)).expect("expanded");
    output
}

/// The cryptographic operations of one message, and nothing else.
fn primitives(peer: &[u8; 65], auth: &[u8; 16], body: &mut [u8]) {
    let mut salt = [0; 16];
    rand::fill(&mut salt).expect("random bytes");
    let private = PrivateKey::generate(&ECDH_P256).expect("a key");
    let public = private.compute_public_key().expect("a key");
    let input: [u8; 32] =
        agreement::agree(&private, UnparsedPublicKey::new(&ECDH_P256, peer.as_slice()), (), |secret| {
            let combined = Salt::new(HKDF_SHA256, auth).extract(secret);
            Ok(expand(&combined, &[b"WebPush: info\0", peer, public.as_ref()]))
        })
        .expect("agreed");
    let secret = Salt::new(HKDF_SHA256, &salt).extract(&input);
    let key: [u8; 16] = expand(&secret, &[b"Content-Encoding: aes128gcm\0"]);
    let nonce: [u8; 12] = expand(&secret, &[b"Content-Encoding: nonce\0"]);
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).expect("a key"));
    let tag = key
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), body)
        .expect("sealed");
    let _ = black_box(tag);
}

fn messages(criterion: &mut Criterion) {
    let user_agent = UserAgent::generate().expect("keys");
    let recipient = user_agent.recipient();
    for length in [303, 3993] {
        let mut group = criterion.benchmark_group(format!("{length} bytes"));
        group.throughput(Throughput::Elements(1));
        let clear = vec![b'x'; length];
        group.bench_function("bare primitives", |bencher| {
            let (peer, auth) = (recipient.public_key.as_bytes(), recipient.auth_secret.expose());
            bencher.iter_batched_ref(
                || clear.clone(),
                |body| primitives(peer, auth, body),
                BatchSize::SmallInput,
            );
        });
        group.bench_function("whole message", |bencher| {
            bencher.iter(|| {
                let sender = Sender::generate().expect("a sender");
                encrypt(sender, &recipient, &clear, Padding::None).expect("encrypted")
            });
        });
        group.bench_function("decryption", |bencher| {
            let sender = Sender::generate().expect("a sender");
            let body = encrypt(sender, &recipient, &clear, Padding::None).expect("encrypted");
            bencher.iter(|| user_agent.decrypt(&body).expect("decrypted"));
        });
        group.finish();
    }
}

criterion_group!(benches, messages);
criterion_main!(benches);
