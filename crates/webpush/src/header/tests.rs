//! The grammar of each header field, at its edges.

use std::time::UNIX_EPOCH;

use proptest::prelude::*;

use super::*;

#[test]
fn a_ttl_is_a_number_of_seconds() {
    let cases = [
        ("0", Some(0)),
        ("604800", Some(604_800)),
        ("0015", Some(15)),
        ("4294967295", Some(u32::MAX)),
        ("99999999999999999999999", Some(u32::MAX)),
        ("", None),
        ("-1", None),
        ("+1", None),
        (" 1", None),
        ("1.5", None),
        ("١", None),
    ];
    for (text, expected) in cases {
        assert_eq!(text.parse::<Ttl>().ok().map(Ttl::seconds), expected, "{text}");
    }
    assert_eq!(Ttl::from_seconds(15).to_string(), "15");
    assert_eq!(Ttl::from_seconds(15).duration(), Duration::from_secs(15));
}

#[test]
fn urgencies_are_ordered_and_round_trip() {
    assert!(Urgency::ALL.is_sorted());
    for urgency in Urgency::ALL {
        assert_eq!(urgency.to_string().parse(), Ok(urgency));
        assert_eq!(urgency.as_str().to_uppercase().parse(), Ok(urgency));
    }
    assert_eq!(Urgency::default(), Urgency::Normal);
    for text in ["", "very_low", "urgent", "high "] {
        assert_eq!(text.parse::<Urgency>(), Err(MalformedHeader { field: "Urgency" }), "{text}");
    }
}

#[test]
fn a_topic_is_up_to_32_characters_of_base64url() {
    let longest = "-_09azAZ".repeat(4);
    for text in ["a", "upd", &longest] {
        assert_eq!(text.parse::<Topic>().map(|topic| topic.to_string()), Ok(text.to_owned()));
    }
    for text in ["", "a b", "a=", "a+b", "a/b", "ä", &(longest.clone() + "a")] {
        assert_eq!(text.parse::<Topic>(), Err(MalformedHeader { field: "Topic" }), "{text}");
    }
}

#[test]
fn retry_after_is_read_in_both_forms() {
    // 31 December 1999, 23:59:00 UTC; the dates are those of RFC 9110 §10.2.3 and §5.6.7.
    let now = UNIX_EPOCH + Duration::from_secs(946_684_740);
    let cases = [
        ("120", Some(120)),
        (" 0\t", Some(0)),
        ("99999999999999999999999", Some(u64::MAX)),
        ("Fri, 31 Dec 1999 23:59:59 GMT", Some(59)),
        ("Friday, 31-Dec-99 23:59:59 GMT", Some(59)),
        ("Fri Dec 31 23:59:59 1999", Some(59)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("Fri, 99 Dec 1999 23:59:59 GMT", None),
    ];
    for (text, expected) in cases {
        assert_eq!(RetryAfter::parse(text, now).ok().map(|wait| wait.0.as_secs()), expected, "{text}");
    }
    assert_eq!(RetryAfter(Duration::from_millis(1500)).to_string(), "2");
    assert_eq!(RetryAfter(Duration::from_secs(2)).to_string(), "2");
}

proptest! {
    #[test]
    fn garbage_never_panics(text in "\\PC{0,40}", seconds in 0_u64..4_000_000_000) {
        let now = UNIX_EPOCH + Duration::from_secs(seconds);
        let _ = (text.parse::<Ttl>(), text.parse::<Urgency>(), text.parse::<Topic>(), RetryAfter::parse(&text, now));
    }
}
