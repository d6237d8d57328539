use super::*;

#[test]
fn a_public_url_is_an_http_origin() {
    let cases = [
        ("https://push.example", Some("https://push.example")),
        ("https://push.example/", Some("https://push.example")),
        ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
        ("https://push.example:443", Some("https://push.example")),
        ("https://PUSH.example", Some("https://push.example")),
        ("https://push.example/path", None),
        ("https://push.example/?q", None),
        ("https://push.example/#f", None),
        ("https://user@push.example", None),
        ("ftp://push.example", None),
        ("push.example", None),
        ("", None),
    ];
    for (text, expected) in cases {
        let parsed = PublicUrl::parse(text);
        assert_eq!(parsed.as_ref().ok().map(PublicUrl::origin), expected, "{text}");
    }
}

#[test]
fn impossible_limits_are_refused_by_name() {
    let good = Config::new(PublicUrl::parse("https://push.example").unwrap());
    assert_eq!(good.check(), Ok(()));

    // RFC 8030 §7.2
    let mut small_bodies = good.clone();
    small_bodies.body_bytes_max = 4095;
    assert_eq!(small_bodies.check(), Err(ConfigError::BodyBytesMax));

    let mut no_window = good.clone();
    no_window.websocket.window_messages = 0;
    assert_eq!(no_window.check(), Err(ConfigError::Zero("websocket.window_messages")));

    let mut no_sweep = good;
    no_sweep.sweep_interval = Duration::ZERO;
    assert_eq!(no_sweep.check(), Err(ConfigError::Zero("sweep_interval")));
}

#[test]
fn a_bearer_token_is_long_enough_and_compared_as_a_whole() {
    let token = BearerToken::parse("0123456789abcdef").unwrap();
    assert!(token.is("0123456789abcdef"));
    for other in ["", "0123456789abcde", "0123456789abcdeF", "0123456789abcdef0"] {
        assert!(!token.is(other), "{other}");
    }
    for bad in ["", "0123456789abcde", "0123456789 abcdef", "0123456789abcdeé", &"x".repeat(257)] {
        assert_eq!(BearerToken::parse(bad).unwrap_err(), ConfigError::Token, "{bad}");
    }
    assert_eq!(format!("{token:?}"), "BearerToken(..)");
}
