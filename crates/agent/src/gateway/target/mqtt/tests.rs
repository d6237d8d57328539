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

#[tokio::test]
async fn a_broker_that_takes_nothing_does_not_hold_the_first_message_for_ever() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // More than the kernel's buffers take.
    let body = vec![b'x'; 64 << 20];
    let broker = Broker::new(BrokerOptions {
        address: Address { host: "127.0.0.1".into(), port },
        message_bytes_max: body.len(),
        patience: Duration::from_secs(1),
        tls: None,
        client_id: "gateway".into(),
        login: None,
    });
    let accepting = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut connect = [0; 14];
        stream.read_exact(&mut connect).await.unwrap();
        // CONNACK, accepted (MQTT 3.1.1 §3.2).
        stream.write_all(&[0x20, 2, 0, 0]).await.unwrap();
        stream
    };
    let (topic, message) = (Topic::new(broker, "home/door").unwrap(), message(&body));
    let both = async { tokio::join!(accepting, topic.publish(&message)) };
    let (_still_open, published) = timeout(Duration::from_secs(30), both).await.expect("an answer");
    assert!(matches!(published, Err(MqttError::Broker(_))), "{published:?}");
}

#[test]
fn packet_identifiers_are_never_0_and_never_in_use() {
    let mut unacknowledged = Unacknowledged { last: 65_534, ..Unacknowledged::default() };
    for taken in [65_535, 2] {
        unacknowledged.waiting.insert(taken, (Instant::now(), oneshot::channel().0));
    }
    assert_eq!([unacknowledged.free(), unacknowledged.free()], [1, 3]);
}
