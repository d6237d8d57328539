use super::*;

#[test]
fn what_services_send_is_understood() {
    let cases = [
        ("{}", ServiceMessage::Other),
        (r#"{"messageType":"broadcast","broadcasts":{"a":"b"}}"#, ServiceMessage::Other),
        (
            r#"{"messageType":"hello","uaid":"u","status":200,"use_webpush":true,"broadcasts":{}}"#,
            ServiceMessage::Hello { uaid: "u".into(), status: 200 },
        ),
        (
            r#"{"messageType":"register","channelID":"c","status":200,"pushEndpoint":"https://e"}"#,
            ServiceMessage::Register { channel: "c".into(), status: 200, endpoint: "https://e".into() },
        ),
        (
            r#"{"messageType":"register","channelID":"c","status":409}"#,
            ServiceMessage::Register { channel: "c".into(), status: 409, endpoint: String::new() },
        ),
        (
            r#"{"messageType":"unregister","channelID":"c","status":200}"#,
            ServiceMessage::Unregister { channel: "c".into(), status: 200 },
        ),
        (
            r#"{"messageType":"notification","channelID":"c","version":"v"}"#,
            ServiceMessage::Notification {
                channel: "c".into(),
                version: "v".into(),
                data: None,
                headers: Headers::default(),
            },
        ),
        (
            r#"{"messageType":"notification","channelID":"c","version":"v","data":"eA",
                "headers":{"encoding":"aes128gcm","urgency":"high"}}"#,
            ServiceMessage::Notification {
                channel: "c".into(),
                version: "v".into(),
                data: Some("eA".into()),
                headers: Headers {
                    encoding: Some("aes128gcm".into()),
                    urgency: Some("high".into()),
                    ..Headers::default()
                },
            },
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(decode(text).unwrap(), expected, "{text}");
    }
    for text in ["", "[]", "x", r#"{"messageType":"hello"}"#, r#"{"a":1}"#] {
        assert!(decode(text).is_err(), "{text}");
    }
}

#[test]
fn what_the_agent_sends_is_what_services_expect() {
    let cases = [
        (AgentMessage::hello(None), r#"{"messageType":"hello","use_webpush":true,"broadcasts":{}}"#),
        (
            AgentMessage::hello(Some("u".into())),
            r#"{"messageType":"hello","uaid":"u","use_webpush":true,"broadcasts":{}}"#,
        ),
        (
            AgentMessage::Register { channel: "c".into(), key: Some("k".into()) },
            r#"{"messageType":"register","channelID":"c","key":"k"}"#,
        ),
        (
            AgentMessage::Unregister { channel: "c".into(), code: 200 },
            r#"{"messageType":"unregister","channelID":"c","code":200}"#,
        ),
        (
            AgentMessage::ack("c".into(), "v".into(), DELIVERED),
            r#"{"messageType":"ack","updates":[{"channelID":"c","version":"v","code":100}]}"#,
        ),
    ];
    for (message, expected) in cases {
        assert_eq!(message.encode(), expected);
    }
}
