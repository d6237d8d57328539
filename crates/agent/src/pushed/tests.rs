use serde_json::json;

use super::*;

fn as_json(push: &str) -> serde_json::Value {
    serde_json::to_value(parse(push.as_bytes())).unwrap()
}

#[test]
fn every_response_of_the_draft_has_a_readable_form() {
    let cases = [
        ("* SELECT INBOX\r\n", json!([{"response": "SELECT", "mailbox": "INBOX"}])),
        ("* SELECT \"Sent Items\"\r\n", json!([{"response": "SELECT", "mailbox": "Sent Items"}])),
        ("* SELECT {9}\r\nEntwürfe\r\n", json!([{"response": "SELECT", "mailbox": "Entwürfe"}])),
        ("* SYNC\r\n", json!([{"response": "SYNC"}])),
        ("* SYNC EXISTS\r\n", json!([{"response": "SYNC", "what": "EXISTS"}])),
        ("* VANISHED 3:5,9\r\n", json!([{"response": "VANISHED", "uids": "3:5,9"}])),
        (
            "* FLAGS (\\Seen $Forwarded)\r\n",
            json!([{"response": "FLAGS", "flags": ["\\Seen", "$Forwarded"]}]),
        ),
        ("* VAPID BNc\r\n", json!([{"response": "VAPID", "key": "BNc"}])),
        ("* ackwebpush abc-def\r\n", json!([{"response": "ACKWEBPUSH", "token": "abc-def"}])),
        (
            "* LIST () \"/\" New (\"OLDNAME\" (\"Old one\"))\r\n",
            json!([{
                "response": "LIST", "attributes": [], "delimiter": "/", "mailbox": "New", "old_name": "Old one"
            }]),
        ),
        (
            "* LIST (\\HasNoChildren) \"/\" New (OLDNAME (\"Old one\"))\r\n",
            json!([{
                "response": "LIST", "attributes": ["\\HasNoChildren"], "delimiter": "/", "mailbox": "New",
                "old_name": "Old one"
            }]),
        ),
        (
            "* LIST (\\NonExistent) NIL gone\r\n",
            json!([{"response": "LIST", "attributes": ["\\NonExistent"], "mailbox": "gone"}]),
        ),
        (
            "* 5 UIDFETCH (FLAGS (\\Seen))\r\n",
            json!([{"response": "UIDFETCH", "uid": 5, "flags": ["\\Seen"]}]),
        ),
    ];
    for (push, expected) in cases {
        assert_eq!(as_json(push), expected, "{push}");
    }
}

#[test]
fn new_mail_shows_its_envelope_and_its_text() {
    let push = "* SELECT INBOX\r\n\
        * 7 UIDFETCH (FLAGS () MODSEQ (12) EMAILID (M1) PREVIEW \"Hi\" INTERNALDATE \"x\" ENVELOPE (\"Mon\" \
        \"=?utf-8?Q?Gr=C3=BC=C3=9Fe?=\" ((\"=?utf-8?b?SsO8cmdlbg==?=\" NIL \"j\" \"a.example\")) NIL NIL \
        ((NIL NIL \"bob\" \"b.example\")(NIL NIL \"carol\" \"b.example\")) NIL NIL NIL \"<1@a>\") \
        BINARY[1]<0> {8}\r\nHi\r\n* ) \r\n)\r\n";
    // The literal ends after 8 bytes; what follows is not a response.
    let broken = parse(push.as_bytes());
    assert!(matches!(
        broken.as_slice(),
        [Response::Select { .. }, Response::Other { .. }, Response::Other { .. }]
    ));

    let push = push.replace("{8}", "{10}");
    let expected = json!([
        {"response": "SELECT", "mailbox": "INBOX"},
        {
            "response": "UIDFETCH", "uid": 7, "flags": [], "modseq": 12, "email_id": "M1", "preview": "Hi",
            "other": {"INTERNALDATE": "x"},
            "envelope": {
                "date": "Mon", "subject": "Grüße", "message_id": "<1@a>",
                "from": [{"name": "Jürgen", "address": "j@a.example"}],
                "to": [{"address": "bob@b.example"}, {"address": "carol@b.example"}]
            },
            "parts": [{"section": "BINARY[1]<0>", "text": "Hi\r\n* ) \r\n"}]
        }
    ]);
    assert_eq!(as_json(&push), expected);
}

#[test]
fn what_is_not_understood_is_passed_on_as_text() {
    let cases = [
        "ping",
        "* 5 EXISTS",
        "* SELECT",
        "* 5 UIDFETCH (FLAGS)",
        "* x UIDFETCH ()",
        "* VANISHED (EARLIER) 1",
        "* ((",
    ];
    for push in cases {
        let text = push.trim_start_matches("* ").to_owned();
        assert_eq!(parse(push.as_bytes()), [Response::Other { text }], "{push}");
    }
    assert!(parse(b"").is_empty());
    assert_eq!(parse(b"\xff\xfe").len(), 1);
}

/// The seeds and finds of `fuzz/fuzz_targets/pushed_response.rs`.
#[test]
fn the_fuzz_corpus_is_readable() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/pushed_response");
    let mut understood = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        let responses = parse(&std::fs::read(file.unwrap().path()).unwrap());
        serde_json::to_string(&responses).unwrap();
        understood +=
            usize::from(!responses.iter().any(|response| matches!(response, Response::Other { .. })));
    }
    assert!(understood >= 7, "every kind of response is among the seeds");
}
