use bytes::Bytes;

use super::*;
use crate::wire::command::Command;
use crate::wire::mailbox::Names;
use crate::wire::parse::parse;

const KEY: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";
const ID: &str = "a8282bf9-6102-4e1b-bb61-d26d0e532e65";

fn command(line: &str) -> Result<Command, String> {
    let frame = Bytes::copy_from_slice(format!("a {line}").as_bytes());
    parse(&frame, Names::ModifiedUtf7).map(|request| request.command).map_err(|bad| {
        assert!(bad.tag.is_some(), "the tag is known, so that the BAD is tagged");
        bad.to_string()
    })
}

#[test]
fn a_subscription_is_put_with_its_three_arguments() {
    let Ok(Command::WebPush(WebPush::Put(put))) =
        command(&format!("WEBPUSH {ID} https://push.example.net/push/Random1 {KEY} {AUTH}"))
    else {
        panic!("not a WEBPUSH")
    };
    assert_eq!(put.id.as_str(), ID);
    assert_eq!(put.endpoint, "https://push.example.net/push/Random1");
    assert_eq!((put.public_key[0], put.public_key[64]), (4, 14));
    assert_eq!(put.auth[0], 5);
    assert!(!format!("{put:?}").contains("push.example.net"), "an endpoint does not print");
}

#[test]
fn the_other_commands_take_their_arguments() {
    assert_eq!(command("getvapid"), Ok(Command::GetVapid));
    assert!(
        matches!(command(&format!("WEBPUSH {ID} nil")), Ok(Command::WebPush(WebPush::Delete(id))) if id.as_str() == ID)
    );
    assert!(matches!(command("ACKWEBPUSH T-1"), Ok(Command::AckWebPush(token)) if token.as_str() == "T-1"));
    let silence = |line: &str| match command(line) {
        Ok(Command::SilenceWebPush { duration, .. }) => Some(duration),
        _ => None,
    };
    assert_eq!(silence("SILWEBPUSH x 0"), Some(SilenceFor::Seconds(0)));
    assert_eq!(silence("SILWEBPUSH x 4294967295"), Some(SilenceFor::Seconds(u32::MAX)));
    assert_eq!(silence("SILWEBPUSH x Session"), Some(SilenceFor::Session));
}

#[test]
fn broken_arguments_are_tagged_bad() {
    let put =
        |id: &str, endpoint: &str, key: &str, auth: &str| format!("WEBPUSH {id} {endpoint} {key} {auth}");
    let endpoint = "https://push.example.net/p";
    let long = format!("https://{}", "x".repeat(ENDPOINT_BYTES_MAX - 7));
    let lines = [
        "GETVAPID x".to_owned(),
        "GETVAPID ".to_owned(),
        "WEBPUSH".to_owned(),
        "WEBPUSH x".to_owned(),
        "WEBPUSH x NIL y".to_owned(),
        put("x", "http://push.example.net/p", KEY, AUTH),
        put("x", "https://", KEY, AUTH),
        put("x", "\"https://push.example.net/p\"", KEY, AUTH),
        put("x", "https://push.example.net/p q", KEY, AUTH),
        put("x", "https://push.example.net/\u{fc}", KEY, AUTH),
        put("x", &long, KEY, AUTH),
        put("\"x\"", endpoint, KEY, AUTH),
        put("x*", endpoint, KEY, AUTH),
        put(&"x".repeat(ID_BYTES_MAX + 1), endpoint, KEY, AUTH),
        put("x", endpoint, &KEY[1..], AUTH),
        put("x", endpoint, &format!("{KEY}="), AUTH),
        put("x", endpoint, &KEY.replace('_', "/"), AUTH),
        put("x", endpoint, KEY, &format!("{AUTH}A")),
        put("x", endpoint, KEY, "BTBZMqHH6r4Tts7J_aSIgh"),
        format!("WEBPUSH x {endpoint} {KEY}"),
        format!("WEBPUSH x {endpoint} {KEY} {AUTH} more"),
        "ACKWEBPUSH".to_owned(),
        "ACKWEBPUSH a b".to_owned(),
        "ACKWEBPUSH \"a\"".to_owned(),
        "LWEBPUSH".to_owned(),
        "LWEBPUSH a b".to_owned(),
        "SILWEBPUSH x".to_owned(),
        "SILWEBPUSH x -1".to_owned(),
        "SILWEBPUSH x 4294967296".to_owned(),
        "SILWEBPUSH x sessions".to_owned(),
        "SILWEBPUSH x 1 2".to_owned(),
    ];
    for line in lines {
        assert!(command(&line).is_err(), "{line}");
    }
}

#[test]
fn a_pattern_matches_with_wildcards() {
    let cases = [
        ("*", "", true),
        ("*", "anything", true),
        ("%", "anything", true),
        ("a*", "abc", true),
        ("a*", "bac", false),
        ("*c", "abc", true),
        ("a*c", "abcbc", true),
        ("a*c", "abcb", false),
        ("a%%b*", "axxb", true),
        ("abc", "abc", true),
        ("abc", "ABC", false),
        ("abc", "abcd", false),
    ];
    for (pattern, id, expected) in cases {
        let Ok(Command::ListWebPush(parsed)) = command(&format!("LWEBPUSH {pattern}")) else {
            panic!("{pattern} is not taken")
        };
        assert_eq!(parsed.matches(id), expected, "{pattern} against {id}");
    }
}
