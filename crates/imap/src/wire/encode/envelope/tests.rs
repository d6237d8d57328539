use message::Parsed;

use super::*;

fn envelope_of(message: &str, quoting: Quoting) -> String {
    let stored = Parsed::parse(message.as_bytes()).envelope.encode();
    let mut out = BytesMut::new();
    push_envelope(&mut out, &EnvelopeRef::decode(&stored).unwrap(), quoting);
    String::from_utf8(out.to_vec()).unwrap()
}

#[test]
fn the_example_of_rfc_3501_is_written_as_there() {
    // RFC 3501 §8.
    let message = "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n\
         From: Terry Gray <gray@cac.washington.edu>\r\n\
         Subject: IMAP4rev1 WG mtg summary and minutes\r\n\
         To: imap@cac.washington.edu\r\n\
         cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n\
         Message-Id: <B27397-0100000@cac.washington.edu>\r\n\r\n";
    let gray = r#"(("Terry Gray" NIL "gray" "cac.washington.edu"))"#;
    let expected = format!(
        "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" {gray} {gray} {gray} \
         ((NIL NIL \"imap\" \"cac.washington.edu\")) \
         ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) \
         NIL NIL \"<B27397-0100000@cac.washington.edu>\")"
    );
    assert_eq!(envelope_of(message, Quoting::Ascii), expected);
}

#[test]
fn a_message_without_header_has_an_envelope_of_nils() {
    assert_eq!(envelope_of("\r\nhi", Quoting::Ascii), "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
}

#[test]
fn a_group_has_its_markers() {
    let envelope = envelope_of("To: friends: a@x.example, b@y.example;\r\n\r\n", Quoting::Ascii);
    let group =
        r#"((NIL NIL "friends" NIL)(NIL NIL "a" "x.example")(NIL NIL "b" "y.example")(NIL NIL NIL NIL))"#;
    assert!(envelope.contains(group), "{envelope}");
}

#[test]
fn raw_utf8_is_a_literal_until_the_client_takes_it_in_quotes() {
    let message = "Subject: Grüße\r\n\r\n";
    assert!(envelope_of(message, Quoting::Ascii).starts_with("(NIL {7}\r\nGrüße NIL"));
    assert!(envelope_of(message, Quoting::Utf8).starts_with("(NIL \"Grüße\" NIL"));
}
