use bytes::Bytes;
use proptest::prelude::*;
use webpush::header::Urgency;

use super::*;
use crate::clock::Instant;
use crate::id::{MessageId, SubscriptionId};
use crate::message::{Content, Keeping};

const CHANNEL: &str = "d9b74644-4f97-46aa-b8fa-9393985cd6cd";

#[test]
fn what_agents_send_is_understood() {
    let broadcasts = BTreeMap::from([("a/b".to_owned(), "\"0\"".to_owned())]);
    let cases = [
        ("{}", AgentMessage::Ping),
        (" { } ", AgentMessage::Ping),
        (r#"{"messageType":"ping"}"#, AgentMessage::Ping),
        (
            r#"{"messageType":"hello","broadcasts":{"a/b":"\"0\""},"use_webpush":true,"channelIDs":["x"]}"#,
            AgentMessage::Hello { agent: None, use_webpush: true, broadcasts: broadcasts.clone() },
        ),
        (
            r#"{"messageType":"hello","uaid":"abc"}"#,
            AgentMessage::Hello {
                agent: Some("abc".into()),
                use_webpush: false,
                broadcasts: BTreeMap::new(),
            },
        ),
        (
            r#"{"messageType":"hello","uaid":"","use_webpush":true}"#,
            AgentMessage::Hello { agent: None, use_webpush: true, broadcasts: BTreeMap::new() },
        ),
        (
            r#"{"messageType":"register","channelID":"c","key":"k="}"#,
            AgentMessage::Register { channel: "c".into(), key: Some("k=".into()) },
        ),
        (
            r#"{"messageType":"unregister","channelID":"c","code":202}"#,
            AgentMessage::Unregister { channel: "c".into(), code: Some(202) },
        ),
        (
            r#"{"messageType":"ack","updates":[{"channelID":"c","version":"v","code":100},{"version":"w"}]}"#,
            AgentMessage::Ack {
                updates: vec![
                    Update { version: "v".into(), code: Some(100) },
                    Update { version: "w".into(), code: None },
                ],
            },
        ),
        (
            r#"{"messageType":"nack","version":"v","code":301}"#,
            AgentMessage::Nack { version: "v".into(), code: Some(301) },
        ),
        (
            r#"{"messageType":"broadcast_subscribe","broadcasts":{"a/b":"\"0\""}}"#,
            AgentMessage::BroadcastSubscribe { broadcasts },
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(decode(text).unwrap(), expected, "{text}");
    }
}

#[test]
fn what_is_no_message_is_refused() {
    let cases = [
        "",
        "null",
        "[]",
        "1",
        "\"hello\"",
        "{",
        "{}{}",
        r#"{"uaid":"x"}"#,
        r#"{"messageType":"purge"}"#,
        r#"{"messageType":1}"#,
        r#"{"messageType":"register"}"#,
        r#"{"messageType":"register","channelID":1}"#,
        r#"{"messageType":"unregister"}"#,
        r#"{"messageType":"ack"}"#,
        r#"{"messageType":"ack","updates":[{}]}"#,
        r#"{"messageType":"ack","updates":{}}"#,
        r#"{"messageType":"nack"}"#,
        r#"{"messageType":"broadcast_subscribe"}"#,
        r#"{"messageType":"hello","broadcasts":{"a":{}}}"#,
        r#"{"messageType":"unregister","channelID":"c","code":-1}"#,
        r#"{"messageType":"hello","messageType":"ping"}"#,
    ];
    for text in cases {
        assert!(decode(text).is_err(), "{text}");
    }
    assert!(decode(&"[".repeat(100_000)).is_err());
}

#[test]
fn answers_are_written_as_agents_expect_them() {
    let agent = AgentId::from_bytes([0xab; 16]);
    let broadcasts = Broadcasts {
        versions: BTreeMap::from([("a/b".to_owned(), "\"1\"".to_owned())]),
        errors: BTreeMap::from([("a/c".to_owned(), "Broadcast not found")]),
    };
    let cases = [
        (ServiceMessage::Pong, "{}".to_owned()),
        (
            ServiceMessage::hello(agent, Broadcasts::default()),
            format!(
                r#"{{"messageType":"hello","uaid":"{}","status":200,"use_webpush":true,"broadcasts":{{}}}}"#,
                "ab".repeat(16)
            ),
        ),
        (
            ServiceMessage::Register { channel: "c".into(), status: 200, endpoint: "https://e".into() },
            r#"{"messageType":"register","channelID":"c","status":200,"pushEndpoint":"https://e"}"#.into(),
        ),
        (
            ServiceMessage::Register { channel: "c\"".into(), status: 400, endpoint: String::new() },
            r#"{"messageType":"register","channelID":"c\"","status":400}"#.into(),
        ),
        (
            ServiceMessage::Unregister { channel: "c".into(), status: 200 },
            r#"{"messageType":"unregister","channelID":"c","status":200}"#.into(),
        ),
        (
            ServiceMessage::Broadcast { broadcasts },
            concat!(
                r#"{"messageType":"broadcast","broadcasts":{"a/b":"\"1\"","#,
                r#""errors":{"a/c":"Broadcast not found"}}}"#
            )
            .into(),
        ),
    ];
    for (message, expected) in cases {
        assert_eq!(message.encode(), expected);
    }
}

#[test]
fn a_notification_names_its_encryption_and_omits_what_is_empty() {
    let aesgcm = Encoding::Aesgcm { encryption: "salt=s".into(), crypto_key: "dh=d".into() };
    let cases = [
        (Encoding::Unnamed, "", ""),
        (Encoding::Aes128gcm, "", ""),
        (
            Encoding::Aes128gcm,
            "\u{0}\u{1}?",
            r#","data":"AAE_","headers":{"encoding":"aes128gcm","urgency":"normal"}"#,
        ),
        (Encoding::Unnamed, "plain", r#","data":"cGxhaW4","headers":{"urgency":"normal"}"#),
        (
            aesgcm,
            "x",
            r#","data":"eA","headers":{"encoding":"aesgcm","encryption":"salt=s","crypto_key":"dh=d","urgency":"normal"}"#,
        ),
    ];
    for (encoding, body, expected) in cases {
        let message = Message {
            id: MessageId::from_number(1),
            agent: AgentId::from_bytes([1; 16]),
            subscription: SubscriptionId::from_bytes([2; 16]),
            channel: ChannelId::parse(CHANNEL).unwrap(),
            urgency: Urgency::Normal,
            expires: Instant::from_micros(0),
            keeping: Keeping::Stored,
            content: Content { encoding, media_type: None, body: Bytes::copy_from_slice(body.as_bytes()) },
        };
        assert_eq!(
            ServiceMessage::notification(&message).encode(),
            format!(
                r#"{{"messageType":"notification","channelID":"{CHANNEL}","version":"AAAAAAAAAAE"{expected}}}"#
            )
        );
    }
}

/// The seeds and finds of `fuzz/fuzz_targets/push_frame.rs`.
#[test]
fn the_fuzz_corpus_does_not_make_the_decoder_panic() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/push_frame");
    let mut messages = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        messages += usize::from(std::str::from_utf8(&bytes).is_ok_and(|text| decode(text).is_ok()));
    }
    assert!(messages >= 7, "every kind of message is among the seeds");
}

proptest! {
    #[test]
    fn no_text_makes_the_decoder_panic(text in "\\PC{0,200}") {
        let _judged = decode(&text);
    }

    #[test]
    fn any_channel_and_version_survive_the_way_in(channel in "\\PC{0,40}", version in "\\PC{0,40}") {
        let text = serde_json::json!({"messageType": "register", "channelID": channel}).to_string();
        prop_assert_eq!(decode(&text).unwrap(), AgentMessage::Register { channel, key: None });
        let text = serde_json::json!({"messageType": "nack", "version": version}).to_string();
        prop_assert_eq!(decode(&text).unwrap(), AgentMessage::Nack { version, code: None });
    }
}
