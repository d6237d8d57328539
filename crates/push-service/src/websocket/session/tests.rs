use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use webpush::header::Urgency;
use webpush::vapid::key::SigningKey;

use super::*;
use crate::config::{Config, PublicUrl, Rate};
use crate::id::SubscriptionId;
use crate::message::{Content, Encoding};

const NOW: Instant = Instant::from_micros(1_800_000_000_000_000);
const CHANNEL: &str = "d9b74644-4f97-46aa-b8fa-9393985cd6cd";

fn agent_id() -> AgentId {
    AgentId::from_bytes([7; 16])
}

fn limits() -> WebSocketLimits {
    let mut limits = Config::new(PublicUrl::parse("https://push.example").unwrap()).websocket;
    limits.window_messages = 3;
    limits.client_pings = Rate { interval: Duration::from_secs(45), burst: 2 };
    limits.client_changes = Rate { interval: Duration::from_secs(1), burst: 2 };
    limits.client_messages = Rate { interval: Duration::from_secs(1), burst: 5 };
    limits
}

fn agent() -> Agent {
    Agent::new(agent_id(), &limits(), NOW)
}

fn message(number: i64, keeping: Keeping) -> Arc<Message> {
    Arc::new(Message {
        id: MessageId::from_number(number),
        agent: agent_id(),
        subscription: SubscriptionId::from_bytes([2; 16]),
        channel: ChannelId::parse(CHANNEL).unwrap(),
        urgency: Urgency::Normal,
        expires: NOW.plus_seconds(60),
        keeping,
        content: Content { encoding: Encoding::Aes128gcm, media_type: None, body: Bytes::from_static(b"x") },
    })
}

fn hello(agent: Option<&str>) -> AgentMessage {
    AgentMessage::Hello { agent: agent.map(str::to_owned), use_webpush: true, broadcasts: BTreeMap::new() }
}

fn ack(numbers: &[i64], code: u16) -> AgentMessage {
    let update =
        |number: &i64| Update { version: MessageId::from_number(*number).version(), code: Some(code) };
    AgentMessage::Ack { updates: numbers.iter().map(update).collect() }
}

#[test]
fn a_session_opens_with_hello_for_web_push() {
    let old = AgentMessage::Hello { agent: None, use_webpush: false, broadcasts: BTreeMap::new() };
    let register = AgentMessage::Register { channel: CHANNEL.into(), key: None };
    for first in [old, register, AgentMessage::Ping, ack(&[1], 100)] {
        assert_eq!(UnidentifiedAgent.hello(first.clone()), Err(Close::NotHello), "{first:?}");
    }
    let claims =
        [(None, None), (Some(agent_id().reveal()), Some(agent_id())), (Some("nonsense".into()), None)];
    for (text, claimed) in claims {
        let greeting = UnidentifiedAgent.hello(hello(text.as_deref())).unwrap();
        assert_eq!(greeting.claimed, claimed, "{text:?}");
    }
}

#[test]
fn each_message_has_its_reaction() {
    let key = *SigningKey::generate().unwrap().public_key();
    let channel = ChannelId::parse(CHANNEL).unwrap();
    let register =
        |channel: &str, key: Option<String>| AgentMessage::Register { channel: channel.into(), key };
    let refused = |channel: &str| {
        let answer =
            ServiceMessage::Register { channel: channel.into(), status: 400, endpoint: String::new() };
        Reaction::Send(answer)
    };
    let unregister = |channel: &str| AgentMessage::Unregister { channel: channel.into(), code: Some(200) };
    let cases = [
        (hello(None), Reaction::Close(Close::SecondHello)),
        (register(CHANNEL, None), Reaction::Register { channel, restricted_to: None }),
        (register(CHANNEL, Some(String::new())), Reaction::Register { channel, restricted_to: None }),
        (
            register(CHANNEL, Some(format!("{}=", key.to_base64url()))),
            Reaction::Register { channel, restricted_to: Some(key) },
        ),
        (register(CHANNEL, Some("AAAA".into())), refused(CHANNEL)),
        (register("nonsense", None), refused("nonsense")),
        (unregister(CHANNEL), Reaction::Unregister { channel, code: Some(200) }),
        (
            unregister("nonsense"),
            Reaction::Send(ServiceMessage::Unregister { channel: "nonsense".into(), status: 400 }),
        ),
        (AgentMessage::Nack { version: "x".into(), code: Some(301) }, Reaction::Nothing),
        (
            AgentMessage::BroadcastSubscribe { broadcasts: BTreeMap::new() },
            Reaction::Listen { broadcasts: BTreeMap::new() },
        ),
        (AgentMessage::Ping, Reaction::Send(ServiceMessage::Pong)),
    ];
    for (received, expected) in cases {
        assert_eq!(agent().receive(received.clone(), NOW), expected, "{received:?}");
    }
}

#[test]
fn acknowledgements_of_every_code_count_and_foreign_versions_do_not() {
    let id = MessageId::from_number;
    let mut agent = agent();
    let delivered = Reaction::Acknowledge {
        ids: vec![id(1), id(2)],
        rejected: vec![],
        codes: Codes { delivered: 2, ..Codes::default() },
    };
    assert_eq!(agent.receive(ack(&[1, 2], 100), NOW), delivered);
    let cases = [
        (101, Codes { undecryptable: 1, ..Codes::default() }),
        (102, Codes { unshowable: 1, ..Codes::default() }),
        (399, Codes { other: 1, ..Codes::default() }),
    ];
    for (code, codes) in cases {
        let expected = Reaction::Acknowledge { ids: vec![], rejected: vec![id(3)], codes };
        assert_eq!(agent.receive(ack(&[3], code), NOW), expected);
    }
    let foreign =
        AgentMessage::Ack { updates: vec![Update { version: "gAAAAA-not-ours".into(), code: None }] };
    assert_eq!(agent.receive(foreign, NOW.plus_seconds(1)), Reaction::Nothing);
}

#[test]
fn the_window_is_bounded_and_opens_with_acknowledgements() {
    let mut agent = agent();
    for number in 1..=3 {
        assert_eq!(agent.room(), usize::try_from(4 - number).unwrap());
        assert!(matches!(agent.offer(&message(number, Keeping::Stored), NOW), Offer::Send(_)));
    }
    assert_eq!(agent.room(), 0);
    agent.receive(ack(&[2, 99], 100), NOW);
    assert_eq!(agent.room(), 1);
    agent.receive(ack(&[2, 1, 3], 100), NOW);
    assert_eq!(agent.room(), 3);
}

#[test]
#[should_panic(expected = "the window is full")]
fn nothing_is_sent_beyond_the_window() {
    let mut agent = agent();
    for number in 1..=4 {
        agent.offer(&message(number, Keeping::Stored), NOW);
    }
}

#[test]
fn a_stored_message_is_sent_once_and_moves_the_cursor_but_one_with_ttl_0_does_not() {
    let mut agent = agent();
    assert_eq!(agent.cursor(), MessageId::START);
    // (number, keeping, whether it is sent, cursor afterwards)
    let cases = [
        (5, Keeping::Stored, true, 5),
        (5, Keeping::Stored, false, 5),
        (4, Keeping::Stored, false, 5),
        (9, Keeping::NowOrNever, true, 5),
        (8, Keeping::Stored, true, 8),
    ];
    for (number, keeping, sent, cursor) in cases {
        let offer = agent.offer(&message(number, keeping), NOW);
        assert_eq!(matches!(offer, Offer::Send(_)), sent, "{number}");
        assert_eq!(agent.cursor().number(), cursor, "{number}");
    }
}

// RFC 8030 §5.2
#[test]
fn an_expired_message_is_passed_over() {
    let mut agent = agent();
    let expired = message(1, Keeping::Stored);
    assert_eq!(agent.offer(&expired, expired.expires), Offer::Skip);
    assert_eq!((agent.room(), agent.cursor().number()), (3, 1));
}

#[test]
fn floods_are_hung_up_on() {
    let mut agent = agent();
    for _ in 0..2 {
        assert_eq!(agent.receive(AgentMessage::Ping, NOW), Reaction::Send(ServiceMessage::Pong));
    }
    assert_eq!(agent.receive(AgentMessage::Ping, NOW), Reaction::Close(Close::PingFlood));
    let later = NOW.plus_seconds(45);
    assert_eq!(agent.receive(AgentMessage::Ping, later), Reaction::Send(ServiceMessage::Pong));

    let unregister = || AgentMessage::Unregister { channel: CHANNEL.into(), code: None };
    let register = || AgentMessage::Register { channel: CHANNEL.into(), key: None };
    assert!(!matches!(agent.receive(register(), NOW), Reaction::Close(_)));
    assert!(!matches!(agent.receive(unregister(), NOW), Reaction::Close(_)));
    assert_eq!(agent.receive(register(), NOW), Reaction::Close(Close::ChangeFlood));
}

#[test]
fn what_the_service_did_not_ask_for_is_limited_and_acknowledgements_that_it_waits_for_are_not() {
    let mut receiving = agent();
    for number in 1..=100 {
        assert!(matches!(receiving.offer(&message(number, Keeping::Stored), NOW), Offer::Send(_)));
        assert!(!matches!(receiving.receive(ack(&[number], 100), NOW), Reaction::Close(_)), "{number}");
    }
    let nack = || AgentMessage::Nack { version: "x".into(), code: Some(303) };
    let listen = || AgentMessage::BroadcastSubscribe { broadcasts: BTreeMap::new() };
    // (message, how many are taken)
    let cases = [
        (nack(), 5),
        (listen(), 5),
        (ack(&[1], 100), 5),
        (ack(&[1, 2, 3], 100), 1),
        (AgentMessage::Ack { updates: Vec::new() }, 5),
    ];
    for (message, taken) in cases {
        let mut agent = agent();
        for _ in 0..taken {
            assert!(!matches!(agent.receive(message.clone(), NOW), Reaction::Close(_)), "{message:?}");
        }
        let flood = Reaction::Close(Close::MessageFlood);
        assert_eq!(agent.receive(message.clone(), NOW), flood, "{message:?}");
    }
}
