use std::sync::Arc;

use message::Parsed;

use super::*;

fn raw(text: &str) -> Raw {
    let bytes = Bytes::from(text.to_owned());
    let parsed = Arc::new(Parsed::parse(&bytes));
    Raw { bytes, parsed }
}

fn own() -> Vec<String> {
    ["alice@mail.test", "sales@mail.test"].map(str::to_owned).to_vec()
}

fn judged(sender: &str, header: &str) -> Result<String, &'static str> {
    let raw = raw(&format!("From: {sender}\r\n{header}\r\nHello\r\n"));
    judge(&raw, sender, &own()).map(str::to_owned)
}

#[test]
fn people_who_write_to_the_owner_get_a_reply_from_the_address_they_wrote_to() {
    for (header, from) in [
        ("To: Alice <alice@mail.test>\r\n", "alice@mail.test"),
        ("To: x@y.test\r\nCc: \"a, b\" <z@y.test>, SALES@mail.test\r\n", "sales@mail.test"),
        ("Resent-To: alice@mail.test\r\nTo: x@y.test\r\n", "alice@mail.test"),
        ("To: alice@mail.test\r\nAuto-Submitted: no\r\nPrecedence: special-delivery\r\n", "alice@mail.test"),
    ] {
        assert_eq!(judged("bob@other.test", header).as_deref(), Ok(from), "{header:?}");
    }
}

#[test]
fn lists_machines_and_oneself_get_none() {
    let to = "To: alice@mail.test\r\n";
    for (sender, header, why) in [
        ("Alice@mail.test", "", "own"),
        ("MAILER-DAEMON@other.test", "", "machine"),
        ("owner-people@other.test", "", "machine"),
        ("people-request@other.test", "", "machine"),
        ("people-bounces@other.test", "", "machine"),
        ("no-reply@other.test", "", "machine"),
        ("NoReply.shop@other.test", "", "machine"),
        ("bob@other.test", "Auto-Submitted: auto-replied; owner-email=x\r\n", "automatic"),
        ("bob@other.test", "Auto-Submitted:\r\n auto-generated\r\n", "automatic"),
        ("bob@other.test", "Precedence: BULK\r\n", "bulk"),
        ("bob@other.test", "Precedence: list\r\n", "bulk"),
        ("bob@other.test", "List-Id: <people.other.test>\r\n", "list"),
        ("bob@other.test", "List-Unsubscribe: <https://other.test/>\r\n", "list"),
        ("bob@other.test", "X-Auto-Response-Suppress: DR, OOF, AutoReply\r\n", "automatic"),
        (
            "bob@other.test",
            "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nHi\r\n--b--\r\n",
            "automatic",
        ),
    ] {
        assert_eq!(judged(sender, &format!("{to}{header}")), Err(why), "{sender} {header:?}");
    }
    assert_eq!(judged("bob@other.test", "To: somebody@else.test\r\n"), Err("not_named"));
    assert_eq!(judged("bob@other.test", ""), Err("not_named"));
}

#[test]
fn a_reply_says_what_is_set_and_belongs_to_its_thread() {
    let original = raw("From: bob@other.test\r\nTo: alice@mail.test\r\nSubject: =?utf-8?q?Caf=C3=A9?=\r\n\
                        Message-ID: <2@other.test>\r\nReferences: <1@other.test>\r\n\r\nHello\r\n");
    let letter = Letter {
        raw: &original,
        from: "alice@mail.test",
        to: "bob@other.test",
        id: "3@mail.test".to_owned(),
        now: UnixTime(1_700_000_000),
    };
    let composed = |vacation: &Vacation| Parsed::parse(&compose(vacation, &letter));
    let plain = composed(&Vacation::default());
    assert_eq!(decode_encoded_words(plain.envelope.subject.as_deref().unwrap()), "Auto: Café");
    assert_eq!(plain.summary.references, ["1@other.test", "2@other.test"]);
    assert_eq!(plain.summary.in_reply_to, ["2@other.test"]);
    assert_eq!(plain.summary.message_id.as_deref(), Some("3@mail.test"));
    assert_eq!(plain.summary.sent.unwrap().unix_seconds, 1_700_000_000);
    assert!(plain.summary.preview.starts_with("I am away"));
    let set = Vacation {
        subject: Some("Gone\u{fc}".to_owned()),
        text_body: Some("Until Monday".to_owned()),
        html_body: Some("<p>Until Monday</p>".to_owned()),
        ..Vacation::default()
    };
    let bytes = compose(&set, &letter);
    let parsed = Parsed::parse(&bytes);
    assert_eq!(decode_encoded_words(parsed.envelope.subject.as_deref().unwrap()), "Goneü");
    assert!(parsed.structure.root().part.is_type("multipart", "alternative"));
    let automatic = message::header_value(&bytes, "Auto-Submitted");
    assert_eq!(automatic.as_deref(), Some(&b"auto-replied"[..]));
    assert_eq!(
        judge(&Raw { bytes, parsed: Arc::new(parsed) }, "alice@mail.test", &["bob@other.test".to_owned()]),
        Err("automatic")
    );
}
