use bytes::Bytes;

use super::*;
use crate::id::{ChannelId, SubscriptionId};
use crate::message::{Content, Encoding, Keeping};

fn agent(number: u8) -> AgentId {
    AgentId::from_bytes([number; 16])
}

fn message(id: i64, of: u8) -> Arc<Message> {
    Arc::new(Message {
        id: MessageId::from_number(id),
        agent: agent(of),
        subscription: SubscriptionId::from_bytes([of; 16]),
        channel: ChannelId::from_bytes([of; 16]),
        urgency: webpush::header::Urgency::Normal,
        expires: crate::clock::Instant::from_micros(9),
        keeping: Keeping::Stored,
        content: Content { encoding: Encoding::Unnamed, media_type: None, body: Bytes::new() },
    })
}

fn numbers(young: &Young) -> Vec<i64> {
    young.messages.keys().map(|id| id.number()).collect()
}

#[test]
fn a_message_is_taken_by_its_agent_only() {
    let mut young = Young::default();
    young.put(message(1, 1));
    let id = MessageId::from_number(1);
    assert!(young.take(id, Some(agent(2))).is_none());
    assert!(young.has(agent(1)) && !young.has(agent(2)));
    assert_eq!(young.take(id, Some(agent(1))).unwrap().id, id);
    assert!(young.take(id, None).is_none());
    assert!(!young.has(agent(1)));
}

#[test]
fn what_a_failed_batch_did_is_undone() {
    let mut young = Young::default();
    for (id, of) in [(1, 1), (2, 1), (3, 2)] {
        young.put(message(id, of));
    }
    young.commit();
    let batches: [fn(&mut Young); 4] = [
        |young| young.put(message(4, 3)),
        |young| drop(young.take(MessageId::from_number(2), None)),
        |young| drop(young.take_all()),
        |young| {
            young.put(message(4, 3));
            young.take(MessageId::from_number(4), None);
            young.take(MessageId::from_number(1), None);
            young.put(message(5, 1));
            young.take_all();
        },
    ];
    for batch in batches {
        batch(&mut young);
        young.roll_back();
        assert_eq!(numbers(&young), [1, 2, 3]);
        let has = [1, 2, 3].map(|number| young.has(agent(number)));
        assert_eq!(has, [true, true, false]);
    }
}

#[test]
fn many_are_due_at_once_and_few_after_a_while() {
    let mut young = Young::default();
    assert_eq!(young.due_in(), None);
    young.put(message(0, 1));
    young.commit();
    let patience = young.due_in().unwrap();
    assert!(patience <= SETTLED_AFTER && !patience.is_zero());
    for id in 1..i64::try_from(YOUNG_MAX).unwrap() {
        young.put(message(id, 1));
    }
    assert_eq!(young.due_in(), Some(Duration::ZERO));
    young.take_all();
    young.commit();
    assert_eq!(young.due_in(), None);
}
