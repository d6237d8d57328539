use bytes::Bytes;
use webpush::header::Urgency;

use super::*;
use crate::clock::Instant;
use crate::id::ChannelId;
use crate::message::{Content, Encoding};
use crate::testing::within;

const PATIENCE: Duration = Duration::from_secs(10);

const SUBSCRIPTION: SubscriptionId = SubscriptionId::from_bytes([3; 16]);

fn agent() -> AgentId {
    AgentId::from_bytes([1; 16])
}

fn message(number: usize, keeping: Keeping) -> Arc<Message> {
    Arc::new(Message {
        id: MessageId::from_number(i64::try_from(number).unwrap()),
        agent: agent(),
        subscription: SUBSCRIPTION,
        channel: ChannelId::from_bytes([2; 16]),
        urgency: Urgency::Normal,
        expires: Instant::from_micros(0),
        keeping,
        content: Content { encoding: Encoding::Unnamed, media_type: None, body: Bytes::new() },
    })
}

fn stored(agents: &ConnectedAgents, numbers: std::ops::Range<usize>) {
    for number in numbers {
        agents.stored(&message(number, Keeping::Stored));
    }
}

fn numbers(waiting: &Waiting) -> Vec<i64> {
    waiting.messages.iter().map(|message| message.id.number()).collect()
}

/// An agent that has read the storage and found nothing.
async fn caught_up(agents: &ConnectedAgents) -> Arc<DeliveryQueue> {
    let queue = agents.connect(Selection::all(agent()), PATIENCE).await;
    queue.catch_up();
    queue
}

#[tokio::test]
async fn a_new_connection_is_behind_until_it_has_read_the_storage() {
    let agents = ConnectedAgents::default();
    let queue = agents.connect(Selection::all(agent()), PATIENCE).await;
    stored(&agents, 1..2);
    assert!(!agents.deliver_now(&message(2, Keeping::NowOrNever)));
    assert_eq!(queue.take(9), Waiting { messages: vec![], behind: true, ended: None });
    queue.catch_up();
    stored(&agents, 3..5);
    within(queue.changed()).await;
    let waiting = queue.take(9);
    assert_eq!((numbers(&waiting), waiting.behind), (vec![3, 4], false));
}

#[tokio::test]
async fn a_connection_takes_no_more_than_it_has_room_for() {
    let agents = ConnectedAgents::default();
    let queue = caught_up(&agents).await;
    stored(&agents, 1..6);
    assert_eq!(numbers(&queue.take(2)), [1, 2]);
    assert_eq!(numbers(&queue.take(0)), [0_i64; 0]);
    assert_eq!(numbers(&queue.take(9)), [3, 4, 5]);
}

#[tokio::test]
async fn a_full_queue_is_given_up_for_the_storage() {
    let agents = ConnectedAgents::default();
    let queue = caught_up(&agents).await;
    stored(&agents, 0..WAITING_MESSAGES_MAX);
    assert!(!agents.deliver_now(&message(500, Keeping::NowOrNever)), "now or never finds no room");
    assert!(!queue.take(0).behind, "and takes nobody's place");
    stored(&agents, WAITING_MESSAGES_MAX..WAITING_MESSAGES_MAX + 1);
    assert_eq!(queue.take(9), Waiting { messages: vec![], behind: true, ended: None });
    // Nothing is taken out of order while the storage has not been read.
    stored(&agents, 600..601);
    assert!(queue.take(9).messages.is_empty());
}

#[tokio::test]
async fn a_withdrawn_message_is_not_delivered() {
    let agents = ConnectedAgents::default();
    let queue = caught_up(&agents).await;
    stored(&agents, 1..4);
    agents.withdrawn(agent(), MessageId::from_number(2));
    assert_eq!(numbers(&queue.take(9)), [1, 3]);
}

#[tokio::test]
async fn a_second_connection_ends_the_first_and_waits_for_it() {
    let agents = Arc::new(ConnectedAgents::default());
    let first = caught_up(&agents).await;
    let both = Arc::clone(&agents);
    let second = tokio::spawn(async move { both.connect(Selection::all(agent()), PATIENCE).await });
    within(first.changed()).await;
    assert_eq!(first.take(0).ended, Some(Ended::Superseded));
    assert!(!second.is_finished());

    agents.disconnect(&first);
    let second = within(second).await.unwrap();
    second.catch_up();
    stored(&agents, 1..2);
    assert_eq!(numbers(&second.take(9)), [1], "the end of the first did not remove the second");
    assert_eq!(agents.count(), 1);
    agents.disconnect(&second);
    assert_eq!(agents.count(), 0);
}

#[tokio::test]
async fn a_first_connection_that_does_not_end_is_not_waited_for_longer_than_agreed() {
    let agents = ConnectedAgents::default();
    let _first = caught_up(&agents).await;
    let second = within(agents.connect(Selection::all(agent()), Duration::from_millis(10))).await;
    second.catch_up();
    stored(&agents, 1..2);
    assert_eq!(numbers(&second.take(9)), [1]);
}

#[tokio::test]
async fn a_removed_agent_is_told() {
    let agents = ConnectedAgents::default();
    let queue = caught_up(&agents).await;
    agents.agent_removed(agent());
    within(queue.changed()).await;
    assert_eq!(queue.take(9).ended, Some(Ended::Removed));
}

async fn reader(agents: &ConnectedAgents, scope: Scope, least_urgency: Urgency) -> Arc<DeliveryQueue> {
    let queue = agents.connect(Selection { agent: agent(), scope, least_urgency }, PATIENCE).await;
    queue.catch_up();
    queue
}

// RFC 8030 §5.3, §6, §6.1
#[tokio::test]
async fn each_reader_gets_what_its_scope_and_urgency_select() {
    let agents = ConnectedAgents::default();
    let other = SubscriptionId::from_bytes([4; 16]);
    let set = reader(&agents, Scope::Set, Urgency::VeryLow).await;
    let urgent = reader(&agents, Scope::Subscription(SUBSCRIPTION), Urgency::High).await;
    let elsewhere = reader(&agents, Scope::Subscription(other), Urgency::VeryLow).await;
    agents.stored(&message(1, Keeping::Stored));
    let high = Message { urgency: Urgency::High, ..Message::clone(&message(2, Keeping::Stored)) };
    agents.stored(&Arc::new(high));
    let to_other = Message { subscription: other, ..Message::clone(&message(3, Keeping::NowOrNever)) };
    assert!(agents.deliver_now(&Arc::new(to_other)));
    assert_eq!(numbers(&set.take(9)), [1, 2, 3]);
    assert_eq!(numbers(&urgent.take(9)), [2]);
    assert_eq!(numbers(&elsewhere.take(9)), [3]);
    assert_eq!(agents.count(), 1, "it is one agent");

    agents.subscription_removed(agent(), other);
    assert_eq!(elsewhere.take(9).ended, Some(Ended::Removed));
    assert_eq!((set.take(9).ended, urgent.take(9).ended), (None, None));
}

#[tokio::test]
async fn what_one_reader_acknowledged_no_other_delivers_and_its_place_is_free() {
    let agents = ConnectedAgents::default();
    let set = caught_up(&agents).await;
    let one = reader(&agents, Scope::Subscription(SUBSCRIPTION), Urgency::VeryLow).await;
    stored(&agents, 1..3);
    let delivered = |step| matches!(step, Step::Deliver(_));
    assert!(delivered(set.next(2)) && delivered(set.next(2)));
    within(set.changed()).await;
    stored(&agents, 3..4);
    within(set.changed()).await;
    assert_eq!(set.next(2), Step::Wait, "the window is full");
    let since = set.unacknowledged_since();
    assert!(agents.acknowledge(agent(), MessageId::from_number(1)));
    within(set.changed()).await;
    assert!(!agents.acknowledge(agent(), MessageId::from_number(1)), "only once");
    assert!(set.unacknowledged_since() >= since);
    assert!(delivered(set.next(2)));
    agents.withdrawn(agent(), MessageId::from_number(3));
    assert_eq!(numbers(&one.take(9)), [2]);
    agents.withdrawn(agent(), MessageId::from_number(2));
    assert_eq!(set.unacknowledged_since(), None);
}

#[tokio::test]
async fn what_was_read_from_the_storage_comes_before_what_was_stored_since() {
    let agents = ConnectedAgents::default();
    for all in [false, true] {
        let queue = agents.connect(Selection::all(agent()), Duration::ZERO).await;
        assert_eq!(queue.next(9), Step::CatchUp);
        queue.catch_up();
        stored(&agents, 5..6);
        queue.refill(vec![message(1, Keeping::Stored), message(2, Keeping::Stored)], all);
        agents.withdrawn(agent(), MessageId::from_number(2));
        let mut steps = Vec::new();
        while let Step::Deliver(message) = queue.next(9) {
            steps.push(message.id.number());
        }
        assert_eq!(steps, if all { vec![1, 5] } else { vec![1] });
        assert_eq!(queue.next(9), if all { Step::Wait } else { Step::CatchUp });
    }
}

#[tokio::test]
async fn an_agent_has_a_bounded_number_of_readers() {
    let agents = ConnectedAgents::default();
    let mut readers = Vec::new();
    for number in 0..=u8::try_from(AGENT_READERS_MAX).unwrap() {
        let scope = Scope::Subscription(SubscriptionId::from_bytes([number; 16]));
        let selection = Selection { agent: agent(), scope, least_urgency: Urgency::Normal };
        readers.push(agents.connect(selection, Duration::ZERO).await);
    }
    let ended: Vec<_> = readers.iter().filter_map(|reader| reader.take(0).ended).collect();
    assert_eq!(ended, [Ended::Superseded]);
    assert!(readers[0].take(0).ended.is_some(), "the oldest gives way");
}
