//! Readers that meet a removal or another reader's acknowledgement.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use webpush::header::Urgency;

use super::*;
use crate::clock::Clock;
use crate::http::delivery::feed::{End, Next};
use crate::http::delivery::{Feed, Monitoring, Subject, Wait};
use crate::id::AgentId;
use crate::message::{Scope, Selection};
use crate::testing::{channel, subscribe, within};

/// Between the look at the storage that comes with the request and the reader's place nobody would be told.
#[tokio::test]
async fn a_reader_of_what_was_removed_just_before_is_ended() {
    let server = TestServer::start().await;
    let service = Arc::clone(server.server.service());
    let now = server.clock.now();
    for of_set in [false, true] {
        let agent = AgentId::random().unwrap();
        let subscription = subscribe(service.storage.as_ref(), agent, channel(1), now).await;
        let scope = if of_set { Scope::Set } else { Scope::Subscription(subscription.id) };
        if of_set {
            assert!(service.storage.remove(agent).await.unwrap());
        } else {
            service.storage.unregister(agent, channel(1)).await.unwrap();
        }
        let selection = Selection { agent, scope, least_urgency: Urgency::VeryLow };
        let wish =
            Monitoring { subject: Subject::Messages(selection), wait: Wait::Unlimited, form: Form::Promises };
        let mut feed = Feed::open(Arc::clone(&service), &wish, CancellationToken::new()).await;
        let next = within(feed.next()).await;
        assert!(matches!(next, Next::End(End::Removed)), "{next:?}");
    }
}

// RFC 8030 §5.2, §6.2
#[tokio::test]
async fn a_message_with_ttl_0_that_is_acknowledged_over_websocket_waits_for_no_other_reader() {
    let server = TestServer::with(|config| config.delivery.window_messages = 1).await;
    let mut websocket = server.agent(None).await;
    let endpoint = websocket.register(CHANNEL, None).await;
    let service = server.server.service();
    let id = service.tokens.open_endpoint(&path_of(&endpoint).replace("/wpush/", "")).unwrap();
    let mut agent = UserAgent::connect(&server).await;
    let mut reading = agent.read(&service.subscription_resource(id), &[]);
    // Once it has got this, it takes what is not stored too.
    server.push(&endpoint, &[], "stored").await;
    let stored = reading.next().await;
    assert_eq!(agent.acknowledge(&stored).await, 204);
    websocket.next().await;
    server.push(&endpoint, &[("ttl", "0")], "now").await;
    assert_eq!(reading.bodies(1).await, ["now"]);
    let notification = websocket.next().await;
    websocket.acknowledge(&notification).await;
    server.push(&endpoint, &[], "next").await;
    assert_eq!(reading.bodies(1).await, ["next"], "the window has room again");
}

#[tokio::test]
async fn an_id_that_is_not_known_is_not_taken_over_and_leaves_no_place_behind() {
    let server = TestServer::start().await;
    let unknown = AgentId::random().unwrap().reveal();
    let agent = server.agent(Some(&unknown)).await;
    assert_ne!(agent.uaid, unknown);
    assert_eq!(server.server.stats().connected, 1);
}
