use super::{UnknownTransferEncoding, content, text};
use crate::Parsed;

fn check_text(header: &str, body: &[u8], expected: &str, is_damaged: bool) {
    let raw = [header.as_bytes(), b"\r\n\r\n", body].concat();
    let parsed = Parsed::parse(&raw);
    let found = text(parsed.structure.root().part, &raw);
    assert_eq!((found.text.as_ref(), found.is_damaged), (expected, is_damaged), "{header}");
}

#[test]
fn text_is_decoded_and_turned_into_utf_8() {
    check_text("Content-Type: text/plain; charset=iso-8859-1", b"caf\xe9", "caf\u{e9}", false);
    check_text(
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64",
        b"Y2Fmw6k=",
        "caf\u{e9}",
        false,
    );
    check_text(
        "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: Quoted-Printable",
        b"caf=E9=\r\n!",
        "caf\u{e9}!",
        false,
    );
    check_text("Content-Transfer-Encoding: x-own", b"as is", "as is", true);
    check_text("Content-Transfer-Encoding: base64", b"YQ==!", "a", true);
}

#[test]
fn an_unknown_transfer_encoding_is_an_error_for_leaves_only() {
    let leaf = b"Content-Transfer-Encoding: x-own\r\n\r\nbody";
    let parsed = Parsed::parse(leaf);
    assert_eq!(content(parsed.structure.root().part, leaf), Err(UnknownTransferEncoding));
    let message =
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: x-own\r\n\r\nSubject: x\r\n\r\nbody";
    let parsed = Parsed::parse(message);
    let decoded = content(parsed.structure.root().part, message).unwrap();
    assert_eq!((&decoded.bytes[..], decoded.is_damaged), (&b"Subject: x\r\n\r\nbody"[..], false));
}

#[test]
fn a_structure_of_another_message_reads_nothing() {
    let raw = b"A: 1\r\n\r\nbody of some length";
    let parsed = Parsed::parse(raw);
    assert!(content(parsed.structure.root().part, b"short").unwrap().bytes.is_empty());
}
