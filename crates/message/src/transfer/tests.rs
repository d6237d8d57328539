use super::{TransferEncoding, decode};

fn check(encoding: &str, body: &str, expected: &str, is_damaged: bool) {
    let decoded = decode(body.as_bytes(), TransferEncoding::named(encoding.as_bytes()));
    assert_eq!(
        (String::from_utf8_lossy(&decoded.bytes).as_ref(), decoded.is_damaged),
        (expected, is_damaged),
        "{encoding} {body:?}"
    );
}

#[test]
fn base64_is_decoded() {
    // RFC 4648 §10.
    let vectors = [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
    ];
    for (content, body) in vectors {
        check("BASE64", body, content, false);
    }
    check("base64", "Zm9v\r\nYmFy\r\n", "foobar", false);
    check("base64", "Zm9vYg", "foob", false);
    check("base64", "Zg==Zm8=", "ffo", false);
}

#[test]
fn broken_base64_gives_what_can_be_read() {
    check("base64", "Zm9v!YmFy", "foobar", true);
    check("base64", "Zm9vY", "foo", true);
    check("base64", "Zm9vY===", "foo", true);
    check("base64", "\u{e9}", "", true);
}

#[test]
fn quoted_printable_is_decoded() {
    check("Quoted-Printable", "caf=C3=A9", "caf\u{e9}", false);
    check("quoted-printable", "caf=c3=a9", "caf\u{e9}", false);
    check("quoted-printable", "one=\r\n two=\n three", "one two three", false);
    check("quoted-printable", "soft= \t\r\nbreak", "softbreak", false);
    check("quoted-printable", "blanks  \t\r\nkept=20\r\n", "blanks\r\nkept \r\n", false);
    check("quoted-printable", "end=", "end", false);
}

#[test]
fn broken_quoted_printable_stays_as_it_stands() {
    check("quoted-printable", "a=b", "a=b", true);
    check("quoted-printable", "a=4", "a=4", true);
    check("quoted-printable", "=XY=41", "=XYA", true);
}

#[test]
fn other_encodings_leave_the_body_as_it_is() {
    for encoding in ["7bit", "8BIT", "binary"] {
        check(encoding, "as=20is", "as=20is", false);
    }
    check("x-uuencode", "as is", "as is", true);
}
