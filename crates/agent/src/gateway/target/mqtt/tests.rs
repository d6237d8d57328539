use super::*;

fn broker() -> Arc<Broker> {
    Broker::new(BrokerOptions {
        address: Address { host: "127.0.0.1".into(), port: 1 },
        tls: None,
        client_id: "gateway".into(),
        login: None,
        message_bytes_max: 4,
        patience: Duration::from_secs(5),
    })
}

fn message(body: &[u8]) -> Message {
    Message {
        subscription: "door".into(),
        id: "1".into(),
        urgency: None,
        received_at: std::time::UNIX_EPOCH,
        encryption: None,
        body: body.to_vec(),
    }
}

#[tokio::test]
async fn a_topic_to_publish_to_has_no_wildcards() {
    let broker = broker();
    for (name, is_good) in
        [("home/door", true), ("Tür", true), ("", false), ("home/+", false), ("#", false), ("a\0b", false)]
    {
        assert_eq!(Topic::new(Arc::clone(&broker), name).is_ok(), is_good, "{name:?}");
    }
    let longest = "x".repeat(65_535);
    assert!(Topic::new(Arc::clone(&broker), &longest).is_ok());
    assert!(Topic::new(broker, &format!("{longest}x")).is_err());
}

#[tokio::test]
async fn a_message_that_is_too_long_can_never_be_taken_and_others_may_be_later() {
    let topic = Topic::new(broker(), "home/door").unwrap();
    let long = topic.publish(&message(b"12345")).await;
    assert!(matches!(long, Err(MqttError::TooLarge { bytes: 5, most: 4 })));
    assert!(matches!(topic.publish(&message(b"1234")).await, Err(MqttError::Broker(_))));
}

#[test]
fn packet_identifiers_are_never_0_and_never_in_use() {
    let mut unacknowledged = Unacknowledged { last: 65_534, ..Unacknowledged::default() };
    for taken in [65_535, 2] {
        unacknowledged.waiting.insert(taken, (Instant::now(), oneshot::channel().0));
    }
    assert_eq!([unacknowledged.free(), unacknowledged.free()], [1, 3]);
}
