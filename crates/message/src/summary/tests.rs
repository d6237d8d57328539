use super::Summary;
use crate::{Parsed, SentDate};

const RAW: &str = "Date: Thu, 13 Feb 1969 23:32 -0330\r\nSubject: Re: Hello\r\nMessage-ID: <3@x>\r\n\
    In-Reply-To: <2@x>\r\nReferences: <1@x>\r\n <2@x>\r\n\r\nText";

#[test]
fn threads_find_identifiers_and_the_base_subject() {
    let summary = Parsed::parse(RAW.as_bytes()).summary;
    assert_eq!(summary.message_id.as_deref(), Some("3@x"));
    assert_eq!(summary.in_reply_to, ["2@x"]);
    assert_eq!(summary.references, ["1@x", "2@x"]);
    assert_eq!(
        (summary.base_subject.text.as_str(), summary.base_subject.is_reply_or_forward),
        ("Hello", true)
    );
    assert_eq!(summary.sent, Some(SentDate { unix_seconds: -27_723_480, offset_minutes: -210 }));
    assert!(!summary.has_attachment);
}

#[test]
fn what_was_encoded_is_decoded() {
    for raw in [RAW, "", "\r\n", "Date: never\r\nSubject: [a]\r\n\r\n\u{e9}"] {
        let summary = Parsed::parse(raw.as_bytes()).summary;
        assert_eq!(Summary::decode(&summary.encode()), Ok(summary));
    }
}

#[test]
fn bytes_that_are_no_summary_are_refused() {
    let encoded = Parsed::parse(RAW.as_bytes()).summary.encode();
    for length in 0..encoded.len() {
        assert!(Summary::decode(&encoded[..length]).is_err(), "{length} bytes of {}", encoded.len());
    }
    assert!(Summary::decode(&[&encoded[..], b"x"].concat()).is_err());
}
