//! What one delivery and one FETCH ENVELOPE cost in this crate.
//!
//! `cargo bench -p message`

#![expect(clippy::unwrap_used, reason = "decodes what was encoded right before")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use message::{EnvelopeRef, Parsed, Structure};

const HEADER: &str = "Received: from mx.example.net (mx.example.net [192.0.2.1]) by mail.example.org\r\n\
    \twith LMTP id 4711; Mon, 2 Nov 2026 10:00:00 +0100\r\n\
    DKIM-Signature: v=1; a=rsa-sha256; d=example.net; s=mail; h=from:to:subject:date;\r\n\
    \tbh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; b=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n\
    From: =?utf-8?q?Zo=C3=AB?= Example <zoe@example.net>\r\n\
    To: Alice <alice@example.org>, bob@example.org, \"Carol, C.\" <carol@example.org>\r\n\
    Cc: dave@example.org\r\n\
    Subject: Re: [list] The quick brown fox\r\n\
    Date: Mon, 2 Nov 2026 10:00:00 +0100\r\n\
    Message-ID: <4711@example.net>\r\n\
    In-Reply-To: <4710@example.org>\r\n\
    References: <4700@example.org> <4705@example.net> <4710@example.org>\r\n\
    MIME-Version: 1.0\r\n";

fn plain_4_kib() -> Vec<u8> {
    let mut raw = format!("{HEADER}Content-Type: text/plain; charset=utf-8\r\n\r\n").into_bytes();
    while raw.len() < 4 * 1024 {
        raw.extend_from_slice(b"The quick brown fox jumps over the lazy dog, again and again.\r\n");
    }
    raw
}

fn multipart_40_kib() -> Vec<u8> {
    let mut raw = format!("{HEADER}Content-Type: multipart/mixed; boundary=\"outer\"\r\n\r\n").into_bytes();
    raw.extend_from_slice(b"--outer\r\nContent-Type: multipart/alternative; boundary=\"inner\"\r\n\r\n");
    raw.extend_from_slice(b"--inner\r\nContent-Type: text/plain\r\n\r\nThe quick brown fox\r\n");
    raw.extend_from_slice(
        b"--inner\r\nContent-Type: text/html\r\n\r\n<p>The quick brown fox</p>\r\n--inner--\r\n",
    );
    raw.extend_from_slice(b"--outer\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\n");
    raw.extend_from_slice(b"Content-Disposition: attachment; filename=\"a.pdf\"\r\n");
    raw.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n\r\n");
    while raw.len() < 40 * 1024 {
        raw.extend_from_slice(
            b"VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZy4gVGhlIHF1aWNr\r\n",
        );
    }
    raw.extend_from_slice(b"--outer--\r\n");
    raw
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for (name, raw) in [("plain 4 KiB", plain_4_kib()), ("multipart 40 KiB", multipart_40_kib())] {
        group.throughput(Throughput::Bytes(raw.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| Parsed::parse(black_box(&raw))));
    }
}

fn decode(criterion: &mut Criterion) {
    let parsed = Parsed::parse(&multipart_40_kib());
    let (envelope, structure) = (parsed.envelope.encode(), parsed.structure.encode());
    criterion.bench_function("decode and walk an envelope", |bencher| {
        bencher.iter(|| {
            let envelope = EnvelopeRef::decode(black_box(&envelope)).unwrap();
            let lists =
                [envelope.from, envelope.sender, envelope.reply_to, envelope.to, envelope.cc, envelope.bcc];
            let addresses = lists.iter().flat_map(|list| list.iter());
            addresses.filter_map(|address| address.mailbox).map(<[u8]>::len).sum::<usize>()
        });
    });
    criterion.bench_function("decode a structure", |bencher| {
        bencher.iter(|| Structure::decode(black_box(&structure)).unwrap());
    });
}

criterion_group!(benches, parse, decode);
criterion_main!(benches);
