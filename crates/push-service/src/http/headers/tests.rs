use http::HeaderValue;

use super::*;

fn fields(text: &[(&'static str, &str)]) -> Result<PushFields, Refusal> {
    let mut headers = HeaderMap::new();
    for (name, value) in text {
        headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    read(&headers)
}

fn is_malformed(text: &[(&'static str, &str)]) -> bool {
    matches!(fields(text), Err(Refusal::Field(_)))
}

#[test]
fn a_message_without_further_fields_is_normal_and_of_no_topic() {
    let expected = PushFields {
        ttl: Duration::from_secs(5),
        urgency: Urgency::Normal,
        topic: None,
        encoding: Encoding::Unnamed,
        media_type: None,
    };
    assert_eq!(fields(&[("ttl", "5")]), Ok(expected));
}

// RFC 8030 §5.2
#[test]
fn ttl_is_required_and_a_number() {
    assert!(is_malformed(&[]));
    for wrong in ["", "-1", "1.5", "soon", "1 2", "0x10", "ÿ"] {
        assert!(is_malformed(&[("ttl", wrong)]), "{wrong}");
    }
    assert!(is_malformed(&[("ttl", "1"), ("ttl", "1")]));
    for (text, seconds) in [("0", 0), ("60", 60), ("99999999999999999999", u64::from(u32::MAX))] {
        assert_eq!(fields(&[("ttl", text)]).unwrap().ttl, Duration::from_secs(seconds), "{text}");
    }
}

// RFC 8030 §5.3
#[test]
fn an_unknown_urgency_is_malformed() {
    let known = [
        ("very-low", Urgency::VeryLow),
        ("low", Urgency::Low),
        ("normal", Urgency::Normal),
        ("high", Urgency::High),
    ];
    for (text, urgency) in known {
        assert_eq!(fields(&[("ttl", "1"), ("urgency", text)]).unwrap().urgency, urgency);
    }
    for wrong in ["", "urgent", "high, low", "very low"] {
        assert!(is_malformed(&[("ttl", "1"), ("urgency", wrong)]), "{wrong}");
    }
    assert!(is_malformed(&[("ttl", "1"), ("urgency", "low"), ("urgency", "high")]));
}

// RFC 8030 §5.4
#[test]
fn a_topic_has_at_most_32_characters_of_base64url() {
    let longest = "0123456789abcdefABCDEF-_01234567";
    assert_eq!(fields(&[("ttl", "1"), ("topic", longest)]).unwrap().topic.unwrap().as_str(), longest);
    for wrong in ["", "with space", "a+b", "a=", &format!("{longest}8")] {
        assert!(is_malformed(&[("ttl", "1"), ("topic", wrong)]), "{wrong}");
    }
}

#[test]
fn the_content_coding_is_one_that_agents_understand() {
    assert_eq!(
        fields(&[("ttl", "1"), ("content-encoding", "AES128GCM")]).unwrap().encoding,
        Encoding::Aes128gcm
    );
    assert_eq!(fields(&[("ttl", "1"), ("content-encoding", "gzip")]), Err(Refusal::Encoding));
    let (salt, key) = (("encryption", "salt=abc"), ("crypto-key", "dh=def;p256ecdsa=ghi"));
    let aesgcm = ("content-encoding", "aesgcm");
    assert_eq!(
        fields(&[("ttl", "1"), aesgcm, salt, key]).unwrap().encoding,
        Encoding::Aesgcm { encryption: salt.1.into(), crypto_key: key.1.into() }
    );
    assert!(is_malformed(&[("ttl", "1"), aesgcm, salt]));
    assert!(is_malformed(&[("ttl", "1"), aesgcm, key]));
    assert!(is_malformed(&[("ttl", "1"), aesgcm, salt, ("crypto-key", &"x".repeat(1025))]));
}

// RFC 9110 §8.3
#[test]
fn the_media_type_is_taken_as_it_came_when_it_is_one() {
    let longest = format!("a/b;{}", "x".repeat(251));
    for good in ["text/plain", "Text/Plain; charset=\"utf8\"", "application/vnd.a+json ;b=c", &longest] {
        let taken = fields(&[("ttl", "1"), ("content-type", good)]).unwrap().media_type;
        assert_eq!(taken.as_deref(), Some(good));
    }
    assert_eq!(fields(&[("ttl", "1"), ("content-type", " ")]).unwrap().media_type, None);
    for wrong in
        ["text", "/", "text/", "/plain", "a b/c", "text/plain, text/html", "ä/b", &format!("{longest}x")]
    {
        assert!(is_malformed(&[("ttl", "1"), ("content-type", wrong)]), "{wrong}");
    }
    assert!(is_malformed(&[("ttl", "1"), ("content-type", "a/b"), ("content-type", "a/b")]));
}
