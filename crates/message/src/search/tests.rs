use super::*;
use crate::Parsed;

fn all_texts(raw: &str) -> Vec<String> {
    let parsed = Parsed::parse(raw.as_bytes());
    let envelope = parsed.envelope.encode();
    let mut found = Vec::new();
    texts(&EnvelopeRef::decode(&envelope).unwrap(), &parsed.structure, raw.as_bytes(), |text| {
        found.push(text.to_owned())
    });
    found
}

#[test]
fn folding_keeps_parts_parts() {
    let cases = [
        ("GRÜẞE an Zoë", "grüße"),
        ("ΣΑΣ ΚΑΙ", "σας"),
        ("ΣΑΣΑ", "ΣΑΣ"),
        ("Straße", "STRAẞE"),
        ("ABC", "b"),
        ("", ""),
    ];
    for (text, part) in cases {
        assert!(fold(text).contains(&fold(part)), "{part} in {text}");
    }
    assert!(!fold("abc").contains(&fold("ac")));
}

#[test]
fn every_text_that_a_search_looks_at_is_handed_over() {
    let raw = "From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n\
        --b\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        <b>caf=E9</b>\r\n--b\r\nContent-Type: image/png\r\n\r\nnot text\r\n--b--\r\n";
    let found = all_texts(raw);
    for expected in [
        "From: J\u{fc}rgen <j@example.org>",
        "Subject: Gr\u{fc}\u{df}e",
        "Gr\u{fc}\u{df}e",
        "J\u{fc}rgen <j@example.org>",
        "hello",
        "<b>caf\u{e9}</b>",
    ] {
        assert!(found.iter().any(|text| text == expected), "{expected} in {found:?}");
    }
    assert!(!found.iter().any(|text| text.contains("not text")));
}
