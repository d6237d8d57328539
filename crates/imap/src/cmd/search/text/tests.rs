use message::Parsed;

use super::*;

const MESSAGE: &str = "From: =?utf-8?q?J=C3=BCrgen?= <juergen@example.org>\r\n\
     To: a@example.org,\r\n b@example.net\r\n\
     Subject: =?utf-8?b?R3LDvMOfZQ==?= from\r\n afar\r\n\
     Content-Type: multipart/mixed; boundary=b\r\n\r\n\
     --b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
     Caf=E9 at n=\r\noon\r\n\
     --b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nc2VjcmV0\r\n--b--\r\n";

#[test]
fn text_is_found_as_people_read_it() {
    let parsed = Parsed::parse(MESSAGE.as_bytes());
    let stored = parsed.envelope.encode();
    let envelope = EnvelopeRef::decode(&stored).unwrap();
    let field = |field, text: &str| field_holds(&envelope, field, &Needle::new(text));
    assert!(field(EnvelopeField::From, "JÜRGEN"));
    assert!(field(EnvelopeField::From, "<juergen@EXAMPLE.org>"));
    assert!(field(EnvelopeField::To, "b@example"));
    assert!(!field(EnvelopeField::To, "jürgen"));
    assert!(!field(EnvelopeField::Cc, ""), "no Cc, nothing in it");
    assert!(field(EnvelopeField::Subject, "grüße FROM"));

    let raw = MESSAGE.as_bytes();
    let header = |name, text: &str| header_holds(&parsed.structure, raw, name, &Needle::new(text));
    assert!(header(Some("subject"), "from afar"));
    assert!(header(Some("Content-Type"), ""), "an empty text asks for the field alone");
    assert!(!header(Some("X-None"), ""));
    assert!(header(None, "subject: grü"));

    let body = |text: &str| body_holds(&parsed.structure, raw, &Needle::new(text));
    assert!(body("café at noon"));
    assert!(!body("secret"), "an attachment is not text");
    assert!(!body("Subject"));
}
