//! Every class of answer.

use std::time::UNIX_EPOCH;

use http::HeaderValue;

use super::*;

/// The outcome of a status with one header field, at 31 December 1999, 23:59:00 UTC.
fn outcome(status: u16, name: header::HeaderName, value: &str) -> Outcome {
    let endpoint = Url::parse("https://push.example.net/p/1").expect("a URL");
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
    let now = UNIX_EPOCH + Duration::from_secs(946_684_740);
    Outcome::of_response(&endpoint, StatusCode::from_u16(status).expect("a status"), &headers, now)
}

#[test]
fn each_status_has_its_class() {
    let cases = [
        (200, "accepted"),
        (201, "accepted"),
        (202, "accepted"),
        (204, "accepted"),
        (301, "redirected"),
        (307, "redirected"),
        (400, "rejected"),
        (401, "unauthorized"),
        (403, "unauthorized"),
        (404, "gone"),
        (410, "gone"),
        (413, "too-large"),
        (418, "rejected"),
        (429, "unavailable"),
        (500, "unavailable"),
        (503, "unavailable"),
        (599, "unavailable"),
        (600, "redirected"),
        (999, "redirected"),
    ];
    for (status, expected) in cases {
        let outcome = outcome(status, header::SERVER, "x");
        assert_eq!((outcome.class(), outcome.status()), (expected, Some(status)));
    }
}

#[test]
fn retry_after_counts_in_both_forms_up_to_a_day() {
    let cases = [
        ("120", Some(120)),
        ("Fri, 31 Dec 1999 23:59:59 GMT", Some(59)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
        ("99999999999999999999", Some(86_400)),
        ("soon", None),
        ("\u{e9}", None),
    ];
    for status in [429, 503] {
        for (value, seconds) in cases {
            let expected = match seconds.map(Duration::from_secs) {
                Some(wait) => Outcome::RetryAfter { wait, status },
                None => Outcome::Unavailable { status },
            };
            assert_eq!(outcome(status, header::RETRY_AFTER, value), expected, "{value}");
        }
    }
    assert_eq!(outcome(500, header::RETRY_AFTER, "120"), Outcome::Unavailable { status: 500 });
}

#[test]
fn the_location_of_a_message_is_absolute_and_does_not_print() {
    let long = "/".repeat(3000);
    let cases = [
        ("/d/qDIYHNcfAIPP", Some("https://push.example.net/d/qDIYHNcfAIPP")),
        ("https://push.example.net/d/1", Some("https://push.example.net/d/1")),
        ("https://[", None),
        (long.as_str(), None),
    ];
    for (value, expected) in cases {
        let Outcome::Accepted { status: 201, location } = outcome(201, header::LOCATION, value) else {
            panic!("not accepted");
        };
        assert_eq!(location.as_ref().map(|location| location.url().as_str()), expected);
        assert!(!format!("{location:?}").contains("push.example.net"));
    }
}
