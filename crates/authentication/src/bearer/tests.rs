use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::{Advice, Bearer};
use crate::Mechanism;

/// User and token.
type Fields<'m> = Option<(&'m str, &'m str)>;

fn fields(message: &[u8]) -> Fields<'_> {
    Bearer::parse(message).ok().map(|bearer| (bearer.user, bearer.token))
}

#[test]
fn the_rfcs_messages_are_read() {
    // RFC 7628 §4.1, as it stands there in base64.
    let imap = "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyI\
                HZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB";
    let message = STANDARD.decode(imap).unwrap();
    assert_eq!(fields(&message), Some(("user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==")));
}

#[test]
fn the_rfcs_refusal_is_the_same_to_the_byte() {
    // RFC 7628 §4.3.
    let expected = "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3BlIiwib3BlbmlkLWNvbmZpZ3VyYX\
                    Rpb24iOiJodHRwczovL2V4YW1wbGUuY29tLy53ZWxsLWtub3duL29wZW5pZC1jb25maWd1cmF0aW9uIn0=";
    let advice = Advice {
        status: "invalid_token",
        scope: "example_scope",
        openid_configuration: "https://example.com/.well-known/openid-configuration",
    };
    assert_eq!(STANDARD.encode(advice.challenge(Mechanism::OAuthBearer)), expected);
    let xoauth2 = br#"{"status":"401","schemes":"bearer","scope":"example_scope"}"#;
    assert_eq!(advice.challenge(Mechanism::XOAuth2), xoauth2);
}

#[test]
fn bearer_messages_are_taken_apart() {
    let cases: [(&[u8], Fields<'_>); 16] = [
        (b"n,,\x01auth=Bearer abc\x01\x01", Some(("", "abc"))),
        (b"y,,\x01auth=bearer  abc\x01\x01", Some(("", "abc"))),
        (b"n,a=bob,\x01host=h\x01port=1\x01auth=BEARER abc\x01future=x\x01\x01", Some(("bob", "abc"))),
        (b"\x01", Some(("", ""))),
        (b"n,,\x01\x01", Some(("", ""))),
        (b"n,a=bob,\x01auth=\x01\x01", Some(("bob", ""))),
        (b"p=tls-exporter,,\x01auth=Bearer abc\x01\x01", None),
        (b"n,bob,\x01auth=Bearer abc\x01\x01", None),
        (b"n,\x01auth=Bearer abc\x01\x01", None),
        (b"n,,\x01auth=Bearer abc\x01", Some(("", "abc"))),
        (b"n,,\x01auth=Bearer abc", None),
        (b"n,,\x01auth=Basic abc\x01\x01", None),
        (b"n,,\x01auth=Bearer a b\x01\x01", None),
        (b"n,,\x01auth=Bearer a\x01auth=Bearer b\x01\x01", None),
        (b"n,,\x01auth\x01\x01", None),
        (b"", None),
    ];
    for (message, expected) in cases {
        assert_eq!(fields(message), expected, "{:?}", message.escape_ascii().to_string());
    }
}

#[test]
fn the_message_of_xoauth2_is_read() {
    let read = |message: &'static [u8]| {
        Bearer::parse_xoauth2(message).ok().map(|bearer| (bearer.user, bearer.token))
    };
    // The example of Google's description of the mechanism.
    let message =
        b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01";
    assert_eq!(
        read(message),
        Some(("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"))
    );
    assert_eq!(read(b"n,,\x01auth=Bearer abc\x01\x01"), None);
    assert_eq!(read(b"user=bob"), None);
}

proptest! {
    #[test]
    fn what_is_written_is_read(user in "[a-z@.]{0,9}", token in "[A-Za-z0-9._~+/-]{1,20}={0,2}") {
        let header = if user.is_empty() { "n,,".to_owned() } else { format!("n,a={user},") };
        let message = format!("{header}\x01host=h\x01auth=Bearer {token}\x01\x01");
        prop_assert_eq!(fields(message.as_bytes()), Some((user.as_str(), token.as_str())));
        let message = format!("user={user}\x01auth=Bearer {token}\x01\x01");
        let read = Bearer::parse_xoauth2(message.as_bytes()).ok().map(|bearer| (bearer.user, bearer.token));
        prop_assert_eq!(read, Some((user.as_str(), token.as_str())));
    }

    #[test]
    fn no_message_breaks_the_parsers(message in "(\x01|n,|a=|user=|auth=|Bearer |[ -~]|\\PC){0,16}") {
        for read in [Bearer::parse(message.as_bytes()), Bearer::parse_xoauth2(message.as_bytes())] {
            prop_assert!(read.is_err() || message.contains('\x01'));
        }
    }

    #[test]
    fn no_bytes_break_the_parsers(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        for read in [Bearer::parse(&bytes), Bearer::parse_xoauth2(&bytes)] {
            prop_assert!(read.is_err() || bytes.contains(&1));
        }
    }
}
