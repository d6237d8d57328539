//! Any bytes at all: nothing panics, every invariant holds, decoding rejects what encoding did not write.

mod invariants;

use message::{Content, EnvelopeRef, Structure, Summary};
use proptest::prelude::*;

/// Pieces that mail is made of, so that random messages reach deep into the parser.
const PIECES: &[&[u8]] = &[
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n",
    b"Content-Type: multipart/digest; boundary=\"c\"\n\n",
    b"Content-Type: multipart/alternative; boundary*0=b; boundary*1=c\r\n\r\n",
    b"Content-Type: message/rfc822\r\n\r\n",
    b"Content-Type: text/html; charset=iso-2022-jp\r\n\r\n",
    b"Content-Type: text/plain; charset=utf-7\r\nContent-Transfer-Encoding: base64\r\n\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Disposition: attachment; filename*=utf-8''%C3%A9\r\n",
    b"Subject: Re: [a] =?utf-8?q?=C3?= =?utf-8?b?qQ==?=\r\n",
    b"From: \"A, B\" <@r:a@b> (c), G: c@d;\r\n",
    b"Date: 6 Nov 94 08:49:37 -0330\r\n",
    b"References: <a@b> <c@d\r\n <e@f>\r\n",
    b"--b\r\n",
    b"--b--\r\n",
    b"--c\n",
    b"--bc\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\xff",
    b"=E9=\r\n",
    b"<p>&eacute;<!--",
    b"<blockquote>",
    b"> quoted\r\n",
    b"-- \r\n",
    b"From x\r\n",
    b":",
    b"\"",
    b"(",
];

fn mail() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        9 => prop::sample::select(PIECES).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_message(raw in prop::collection::vec(any::<u8>(), 0..2_000)) {
        invariants::check(&raw);
    }

    #[test]
    fn broken_mail_is_a_message(raw in mail()) {
        invariants::check(&raw);
    }

    #[test]
    fn encoded_bytes_that_were_changed_are_refused_or_keep_the_invariants(
        raw in mail(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let parsed = message::Parsed::parse(&raw);
        let mut bytes = parsed.structure.encode();
        let at = place.index(bytes.len());
        bytes[at] = byte;
        if let Ok(structure) = Structure::decode(&bytes) {
            prop_assert_eq!(Structure::decode(&structure.encode()), Ok(structure.clone()));
            let messages = structure.nodes().filter(|node| matches!(node.content(), Content::Message(..)));
            prop_assert!(messages.count() < structure.nodes().count());
            structure.body_lists();
        }
        let mut bytes = parsed.envelope.encode();
        let at = place.index(bytes.len());
        bytes[at] = byte;
        if let Ok(envelope) = EnvelopeRef::decode(&bytes) {
            prop_assert!(envelope.to.iter().count() <= bytes.len());
        }
        let mut bytes = parsed.summary.encode();
        let at = place.index(bytes.len());
        bytes[at] = byte;
        drop(Summary::decode(&bytes));
    }

    #[test]
    fn any_bytes_can_be_decoded_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let versioned = [&[1], &bytes[..]].concat();
        if let Ok(envelope) = EnvelopeRef::decode(&versioned) {
            prop_assert!(envelope.from.iter().count() < bytes.len());
        }
        if let Ok(structure) = Structure::decode(&versioned) {
            prop_assert_eq!(Structure::decode(&structure.encode()), Ok(structure));
        }
        drop(Summary::decode(&versioned));
    }
}
