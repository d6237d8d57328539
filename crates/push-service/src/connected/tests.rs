use bytes::Bytes;
use webpush::header::Urgency;

use super::*;
use crate::clock::Instant;
use crate::id::ChannelId;
use crate::message::{Content, Encoding};
use crate::testing::within;

const PATIENCE: Duration = Duration::from_secs(10);

fn agent() -> AgentId {
    AgentId::from_bytes([1; 16])
}

fn message(number: usize, keeping: Keeping) -> Arc<Message> {
    Arc::new(Message {
        id: MessageId::from_number(i64::try_from(number).unwrap()),
        agent: agent(),
        channel: ChannelId::from_bytes([2; 16]),
        urgency: Urgency::Normal,
        expires: Instant::from_micros(0),
        keeping,
        content: Content { encoding: Encoding::Unnamed, body: Bytes::new() },
    })
}

fn stored(agents: &ConnectedAgents, numbers: std::ops::Range<usize>) {
    for number in numbers {
        agents.stored(message(number, Keeping::Stored));
    }
}

fn numbers(waiting: &Waiting) -> Vec<i64> {
    waiting.messages.iter().map(|message| message.id.number()).collect()
}

/// An agent that has read the storage and found nothing.
async fn caught_up(agents: &ConnectedAgents) -> Arc<DeliveryQueue> {
    let queue = agents.connect(agent(), PATIENCE).await;
    queue.catch_up();
    queue
}

#[tokio::test]
async fn a_new_connection_is_behind_until_it_has_read_the_storage() {
    let agents = ConnectedAgents::default();
    let queue = agents.connect(agent(), PATIENCE).await;
    stored(&agents, 1..2);
    assert!(!agents.deliver_now(message(2, Keeping::NowOrNever)));
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
    assert!(!agents.deliver_now(message(500, Keeping::NowOrNever)), "now or never finds no room");
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
    let second = tokio::spawn(async move { both.connect(agent(), PATIENCE).await });
    within(first.changed()).await;
    assert_eq!(first.take(0).ended, Some(Ended::Superseded));
    assert!(!second.is_finished());

    agents.disconnect(agent(), &first);
    let second = within(second).await.unwrap();
    second.catch_up();
    stored(&agents, 1..2);
    assert_eq!(numbers(&second.take(9)), [1], "the end of the first did not remove the second");
    assert_eq!(agents.count(), 1);
    agents.disconnect(agent(), &second);
    assert_eq!(agents.count(), 0);
}

#[tokio::test]
async fn a_first_connection_that_does_not_end_is_not_waited_for_longer_than_agreed() {
    let agents = ConnectedAgents::default();
    let _first = caught_up(&agents).await;
    let second = within(agents.connect(agent(), Duration::from_millis(10))).await;
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
