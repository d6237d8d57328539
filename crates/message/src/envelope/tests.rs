use super::{Envelope, EnvelopeRef};
use crate::codec::DecodeError;
use crate::header::fields;

fn envelope(raw: &str) -> Envelope {
    let envelope = Envelope::from_fields(&fields(raw.as_bytes()), raw.as_bytes());
    let encoded = envelope.encode();
    assert_eq!(EnvelopeRef::decode(&encoded).unwrap().to_owned(), envelope);
    envelope
}

#[test]
fn strings_are_unfolded_and_not_decoded() {
    let envelope = envelope(
        "Date: Mon, 2 Nov 2026 10:00:00 +0100\r\nSubject: =?utf-8?q?a?=\r\n b\r\n\
         Message-Id: <1@example.org>\r\nIn-Reply-To: <0@example.org>\r\n\r\n",
    );
    assert_eq!(envelope.date.as_deref(), Some(&b"Mon, 2 Nov 2026 10:00:00 +0100"[..]));
    assert_eq!(envelope.subject.as_deref(), Some(&b"=?utf-8?q?a?= b"[..]));
    assert_eq!(envelope.message_id.as_deref(), Some(&b"<1@example.org>"[..]));
    assert_eq!(envelope.in_reply_to.as_deref(), Some(&b"<0@example.org>"[..]));
}

#[test]
fn absent_fields_are_nil_and_empty_ones_are_empty() {
    assert_eq!(envelope("X: y\r\n\r\n"), Envelope::default());
    assert_eq!(envelope("Subject:\r\n\r\n").subject.as_deref(), Some(&b""[..]));
}

/// RFC 9051 §7.5.2.
#[test]
fn from_stands_in_for_sender_and_reply_to() {
    let alone = envelope("From: a@b\r\n\r\n");
    assert_eq!((&alone.sender, &alone.reply_to), (&alone.from, &alone.from));
    let empty = envelope("From: a@b\r\nSender: \r\nReply-To:\r\n\r\n");
    assert_eq!((&empty.sender, &empty.reply_to), (&empty.from, &empty.from));
    let own = envelope("From: a@b\r\nSender: c@d\r\nReply-To: e@f, g@h\r\n\r\n");
    assert_eq!((own.sender.len(), own.reply_to.len()), (1, 2));
    assert_ne!(own.sender, own.from);
}

#[test]
fn of_two_fields_the_last_counts() {
    let envelope = envelope("From: a@b\r\nSubject: 1\r\nFrom: c@d\r\nSubject: 2\r\n\r\n");
    assert_eq!(envelope.from.len(), 1);
    assert_eq!(envelope.from[0].mailbox.as_deref(), Some(&b"c"[..]));
    assert_eq!(envelope.subject.as_deref(), Some(&b"2"[..]));
}

#[test]
fn bytes_that_are_no_envelope_are_refused() {
    let encoded = envelope("From: a@b\r\nTo: G: c@d;\r\nSubject: x\r\n\r\n").encode();
    for length in 0..encoded.len() {
        assert!(EnvelopeRef::decode(&encoded[..length]).is_err(), "{length} bytes of {}", encoded.len());
    }
    let longer = [&encoded[..], b"x"].concat();
    assert_eq!(EnvelopeRef::decode(&longer).unwrap_err(), DecodeError::Malformed("trailing bytes"));
    assert_eq!(EnvelopeRef::decode(b"\xff").unwrap_err(), DecodeError::Version(0xff));
}

#[test]
fn names_are_decoded_on_demand() {
    let encoded = envelope("From: =?utf-8?q?Zo=C3=AB?= <zoe@example.org>\r\n\r\n").encode();
    let envelope = EnvelopeRef::decode(&encoded).unwrap();
    assert!(!envelope.from.is_empty() && envelope.to.is_empty());
    assert_eq!(envelope.from.iter().next().unwrap().decoded_name().as_deref(), Some("Zo\u{eb}"));
}
