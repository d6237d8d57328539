use std::sync::Arc;

use bytes::Bytes;
use message::Parsed;

use super::*;

fn read_text(text: &str) -> Option<Read> {
    let bytes = Bytes::from(text.replace('\n', "\r\n"));
    let parsed = Arc::new(Parsed::parse(&bytes));
    read(&Raw { bytes, parsed })
}

fn reported(kind: &str, body: &str, returned: &str) -> String {
    format!(
        "From: mailer@other.test\nContent-Type: multipart/report; report-type={kind}; boundary=b\n\n--b\n\nWords\n--b\n\
         Content-Type: message/{kind}\n\n{body}\n--b\n{returned}--b--\n"
    )
}

#[test]
fn a_delivery_report_says_what_became_of_each_recipient() {
    let body = "Reporting-MTA: dns; mx.other.test\nOriginal-Envelope-Id: abc\n\n\
                Original-Recipient: rfc822;a@x.test\nFinal-Recipient: rfc822; A2@x.test\nAction: failed\n\
                Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no such\n user\n\n\
                Final-Recipient: rfc822;b@x.test\nAction: Delivered\n\n\
                Final-Recipient: rfc822;c@x.test\nAction: delayed\nDiagnostic-Code: x; words";
    let returned = "Content-Type: text/rfc822-headers\n\nSubject: x\nMessage-ID: <1@mail.test>\n\n";
    let read = read_text(&reported("delivery-status", body, returned)).unwrap();
    assert_eq!((read.envelope_id.as_deref(), read.message_id.as_deref()), (Some("abc"), Some("1@mail.test")));
    let failed = Some("550 5.1.1 no such user".to_owned());
    let expected = [
        ("a@x.test", Some(Fate::Failed), failed.clone()),
        ("A2@x.test", Some(Fate::Failed), failed),
        ("b@x.test", Some(Fate::Delivered), None),
        ("c@x.test", None, None),
    ];
    let expected = expected.map(|(email, fate, reply)| (email.to_owned(), fate, reply));
    assert_eq!(read.said, Said::Delivery(expected.to_vec()));
}

#[test]
fn a_whole_message_that_is_returned_names_it_too() {
    let body = "Reporting-MTA: dns; mx.other.test\n\nFinal-Recipient: rfc822;b@x.test\nAction: delivered";
    let returned = "Content-Type: message/rfc822\n\nMessage-ID: <2@mail.test>\nSubject: x\n\nHello\n";
    let read = read_text(&reported("delivery-status", body, returned)).unwrap();
    assert_eq!((read.envelope_id, read.message_id.as_deref()), (None, Some("2@mail.test")));
}

#[test]
fn a_notification_says_whether_the_message_was_shown() {
    for (disposition, said) in [
        ("manual-action/MDN-sent-manually; displayed", Said::Displayed("b@x.test".to_owned())),
        ("automatic-action/MDN-sent-automatically; Displayed/error", Said::Displayed("b@x.test".to_owned())),
        ("manual-action/MDN-sent-manually; deleted", Said::Disposed),
    ] {
        let body = format!(
            "Final-Recipient: rfc822;b@x.test\nOriginal-Message-ID: <3@mail.test>\nDisposition: {disposition}"
        );
        let read = read_text(&reported("disposition-notification", &body, "")).unwrap();
        assert_eq!((read.message_id.as_deref(), &read.said), (Some("3@mail.test"), &said), "{disposition}");
    }
}

#[test]
fn what_is_no_report_or_names_nothing_is_passed_over() {
    let nameless = reported("delivery-status", "Final-Recipient: rfc822;b@x.test\nAction: failed", "");
    for text in
        ["From: a@b\n\nMessage-ID: <1@mail.test>\n", &nameless, &reported("x-other", "Action: failed", "")]
    {
        assert_eq!(read_text(text), None, "{text:?}");
    }
}
