//! Aggregates over real sockets.

use serde_json::{Value, json};
use webpush::vapid::key::SigningKey;

use super::*;
use crate::clock::{Clock, Instant};
use crate::config::Rate;
use crate::id::{AgentId, ChannelId};
use crate::storage::{Registered, Registration};
use crate::testing::{
    CHANNEL, OTHER_CHANNEL, TestAgent, TestServer, authorization, channel, subscribe, until,
};

const FORM: (&str, &str) = ("content-type", "application/push-aggregation+json");
const ENCRYPTED: (&str, &str) = ("content-encoding", "aes128gcm");

fn status(response: &Response<Bytes>) -> u16 {
    response.status().as_u16()
}

fn field<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn document(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

/// A server with connected agents, each with one open endpoint.
async fn agents(server: &TestServer, count: usize) -> Vec<(TestAgent, String)> {
    let mut agents = Vec::new();
    for _ in 0..count {
        let mut agent = server.agent(None).await;
        let endpoint = agent.register(CHANNEL, None).await;
        agents.push((agent, endpoint));
    }
    agents
}

async fn create(server: &TestServer, members: &Value) -> Response<Bytes> {
    server.call(("POST", "/aggregate"), &[FORM], members.to_string()).await
}

// draft-thomson-webpush-aggregate-00 §3.1, §4
#[tokio::test]
async fn one_message_reaches_all_members_and_each_acknowledges_its_own() {
    let server = TestServer::start().await;
    let mut agents = agents(&server, 3).await;
    let [first, second, third] = [0, 1, 2].map(|index: usize| agents[index].1.clone());
    let created = create(&server, &json!({first: {}, second: {}, third: {}})).await;
    assert_eq!((status(&created), document(&created)), (201, json!({"members": 3, "refused": []})));
    let aggregate = field(&created, "location").to_owned();
    assert!(aggregate.starts_with(&format!("{}/a/", server.origin)));

    let pushed = server.push(&aggregate, &[ENCRYPTED, ("urgency", "high")], "one for all").await;
    assert_eq!((status(&pushed), document(&pushed)), (201, json!({"taken": 3, "refused": []})));
    assert_eq!(field(&pushed, "ttl"), "60");
    for (agent, _) in &mut agents[..2] {
        let notification = agent.next().await;
        assert_eq!(notification["data"], "b25lIGZvciBhbGw");
        assert_eq!(notification["headers"], json!({"encoding": "aes128gcm", "urgency": "high"}));
        agent.acknowledge(&notification).await;
    }
    until("two have acknowledged", || server.server.stats().totals.messages == 1).await;
    // The message's resource takes back what is left of it.
    assert_eq!(status(&server.send("DELETE", field(&pushed, "location")).await), 204);
    assert_eq!(server.server.stats().totals.messages, 0);
    assert_eq!(status(&server.send("DELETE", field(&pushed, "location")).await), 410);
}

#[tokio::test]
async fn members_are_authorised_by_their_own_rules_when_they_join_and_with_each_message() {
    let server = TestServer::start().await;
    let [key, other] = [SigningKey::generate().unwrap(), SigningKey::generate().unwrap()];
    let mut agent = server.agent(None).await;
    let mine = agent.register(CHANNEL, Some(&key.public_key().to_base64url())).await;
    let open = agent.register(OTHER_CHANNEL, None).await;
    let in_an_hour = server.clock.now().plus_seconds(3600);
    let [signed, foreign] = [&key, &other].map(|key| authorization(key, &server.origin, in_an_hour));
    let forged = format!("{}/wpush/{}", server.origin, "A".repeat(43));
    let members =
        json!({mine.as_str(): {}, open.as_str(): {}, forged.as_str(): {}, "https://push.example/x": {}});
    let unknown = [
        json!({"resource": forged, "status": 404}),
        json!({"resource": "https://push.example/x", "status": 404}),
    ];
    let refusing = |status: u16| {
        let mut refused = unknown.to_vec();
        refused.push(json!({"resource": mine, "status": status}));
        json!({"members": 1, "refused": refused})
    };
    let mut aggregates = Vec::new();
    let cases = [
        (Some(&signed), json!({"members": 2, "refused": unknown})),
        (Some(&foreign), refusing(403)),
        (None, refusing(401)),
    ];
    for (credentials, expected) in cases {
        let mut fields = vec![FORM];
        fields.extend(credentials.map(|credentials| ("authorization", credentials.as_str())));
        let created = server.call(("POST", "/aggregate"), &fields, members.to_string()).await;
        assert_eq!((status(&created), document(&created)), (201, expected), "{credentials:?}");
        aggregates.push(field(&created, "location").to_owned());
    }
    // (aggregate, credentials, answer): what was made with a key is for that key.
    let cases = [
        (0, Some(&signed), 201),
        (0, Some(&foreign), 403),
        (0, None, 401),
        (1, Some(&signed), 403),
        (2, Some(&signed), 201),
        (2, None, 201),
    ];
    for (aggregate, credentials, expected) in cases {
        let aggregate = &aggregates[aggregate];
        let fields: Vec<_> =
            credentials.iter().map(|credentials| ("authorization", credentials.as_str())).collect();
        let pushed = server.push(aggregate, &fields, "").await;
        assert_eq!(status(&pushed), expected, "{aggregate} {credentials:?}");
        for method in ["GET", "PATCH"] {
            let fields = [fields.clone(), vec![FORM]].concat();
            let answer = status(&server.call((method, aggregate), &fields, "{}").await);
            assert_eq!(answer, if expected == 201 { 200 } else { expected }, "{method}");
        }
    }
    let fields = [("authorization", foreign.as_str())];
    assert_eq!(status(&server.call(("DELETE", &aggregates[0]), &fields, "").await), 403);
}

// draft §3.2, §3.3, §3.4
#[tokio::test]
async fn members_are_listed_changed_and_leave_when_they_expire() {
    let server = TestServer::start().await;
    let mut agents = agents(&server, 3).await;
    let [first, second, third] = [0, 1, 2].map(|index: usize| agents[index].1.clone());
    let soon = Instant::from_micros(0).plus_seconds(server.clock.now().seconds() + 30);
    let soon = timestamp::format(soon);
    let created = create(&server, &json!({first.as_str(): {"expires": soon}, second.as_str(): {}})).await;
    let aggregate = field(&created, "location").to_owned();
    let list = async || document(&server.send("GET", &aggregate).await);
    assert_eq!(list().await, json!({first.as_str(): {"expires": soon}, second.as_str(): {}}));

    let patch = json!({first.as_str(): {"ttl": 5}, second.as_str(): null, third.as_str(): {"ttl": 7}});
    let merge = ("content-type", "application/merge-patch+json");
    let patched = server.call(("PATCH", &aggregate), &[merge], patch.to_string()).await;
    assert_eq!((status(&patched), document(&patched)), (200, json!({"members": 2, "refused": []})));
    let expected = json!({first.as_str(): {"expires": soon, "ttl": 5}, third.as_str(): {"ttl": 7}});
    assert_eq!(list().await, expected);

    server.clock.advance(30);
    let pushed = server.push(&aggregate, &[], "").await;
    assert_eq!(document(&pushed), json!({"taken": 1, "refused": []}));
    assert_eq!(agents[2].0.next().await["messageType"], "notification");
    assert!(agents[0].0.nothing_waits().await);
    assert!(agents[1].0.nothing_waits().await);
    assert_eq!(list().await, json!({third.as_str(): {"ttl": 7}}));

    assert_eq!(status(&server.send("DELETE", &aggregate).await), 204);
    for (method, expected) in [("GET", 410), ("DELETE", 410)] {
        assert_eq!(status(&server.send(method, &aggregate).await), expected, "{method}");
    }
    assert_eq!(status(&server.push(&aggregate, &[], "").await), 410);
    assert_eq!(status(&server.send("GET", &format!("/a/{}", "A".repeat(43))).await), 404);
}

#[tokio::test]
async fn each_member_has_its_own_ttl() {
    let server = TestServer::start().await;
    let mut agents = agents(&server, 3).await;
    let uaids: Vec<_> = agents.iter().map(|(agent, _)| agent.uaid.clone()).collect();
    let [first, second, third] = [0, 1, 2].map(|index: usize| agents[index].1.clone());
    let members = json!({first: {"ttl": 10}, second: {"ttl": 1000}, third: {"ttl": 0}});
    let aggregate = field(&create(&server, &members).await, "location").to_owned();
    let (mut third, _) = agents.remove(2);
    third.nothing_waits().await;
    drop(agents);
    until("the agents are gone", || server.server.stats().connected == 1).await;
    assert_eq!(field(&server.push(&aggregate, &[("ttl", "100")], "x").await, "ttl"), "100");
    // RFC 8030 §5.2: a TTL of 0 is now or never.
    assert_eq!(third.next().await["messageType"], "notification");
    assert_eq!(server.server.stats().totals.messages, 2);

    server.clock.advance(50);
    for (uaid, expected) in uaids.iter().zip([false, true]) {
        let mut agent = server.agent(Some(uaid)).await;
        if expected {
            assert_eq!(agent.next().await["messageType"], "notification");
        }
        assert!(agent.nothing_waits().await);
    }
}

#[tokio::test]
async fn members_that_take_nothing_are_reported_and_no_obstacle() {
    let slow = Rate { interval: std::time::Duration::from_secs(3600), burst: 1 };
    let server = TestServer::with(|config| config.subscription_rate = slow).await;
    let mut agents = agents(&server, 3).await;
    let [gone, rated, free] = [0, 1, 2].map(|index: usize| agents[index].1.clone());
    let members = json!({gone.as_str(): {}, rated.as_str(): {}, free.as_str(): {}});
    let aggregate = field(&create(&server, &members).await, "location").to_owned();
    let unregister = json!({"messageType": "unregister", "channelID": CHANNEL});
    agents[0].0.send(unregister).await;
    assert_eq!(agents[0].0.next().await["status"], 200);
    server.push(&rated, &[], "uses up its rate").await;

    let pushed = server.push(&aggregate, &[], "x").await;
    assert_eq!((status(&pushed), &document(&pushed)["taken"]), (201, &json!(1)));
    let mut refused = document(&pushed)["refused"].as_array().unwrap().clone();
    refused.sort_by_key(|refused| refused["status"].as_u64());
    let expected = [json!({"resource": gone, "status": 410}), json!({"resource": rated, "status": 429})];
    assert_eq!(refused, expected);
    assert_eq!(agents[2].0.next().await["data"], "eA");

    // Whoever is gone is reported once; when nobody takes it, that is the answer.
    let nobody = server.push(&aggregate, &[], "x").await;
    assert_eq!((status(&nobody), &document(&nobody)["taken"]), (429, &json!(0)));
    assert_eq!(document(&nobody)["refused"].as_array().unwrap().len(), 2);
    assert_ne!(field(&nobody, "retry-after"), "");
}

// RFC 8030 §5.1
#[tokio::test]
async fn receipts_of_an_aggregates_message_can_be_told_apart() {
    let server = TestServer::start().await;
    let agents = agents(&server, 2).await;
    let members = json!({agents[0].1.as_str(): {}, agents[1].1.as_str(): {}});
    let aggregate = field(&create(&server, &members).await, "location").to_owned();
    let pushed = server.push(&aggregate, &[("prefer", "respond-async")], "x").await;
    assert_eq!(status(&pushed), 202);
    assert!(field(&pushed, "link").contains("urn:ietf:params:push:receipt"));
    let messages = document(&pushed)["messages"].clone();
    for (_, endpoint) in &agents {
        let message = messages[endpoint].as_str().unwrap();
        assert_eq!(status(&server.send("DELETE", message).await), 204);
    }
    assert_eq!(status(&server.send("DELETE", field(&pushed, "location")).await), 410);
}

#[tokio::test]
async fn what_is_no_aggregate_is_refused() {
    let server = TestServer::with(|config| {
        config.retention.aggregate_members_max = 2;
        config.retention.sender_aggregates_max = 1;
    })
    .await;
    let agents = agents(&server, 3).await;
    let [first, second, third] = [0, 1, 2].map(|index: usize| agents[index].1.clone());
    let three = json!({first.as_str(): {}, second.as_str(): {}, third.as_str(): {}}).to_string();
    let large = format!("{{{}}}", " ".repeat(2000));
    // Fields, document, answer.
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, u16);
    let cases: [Case<'_>; 6] = [
        (&[], "{}", 400),
        (&[("content-type", "text/plain")], "{}", 400),
        (&[FORM, ("content-encoding", "gzip")], "{}", 400),
        (&[FORM], "[]", 400),
        (&[FORM], &three, 413),
        (&[FORM], &large, 413),
    ];
    for (fields, body, expected) in cases {
        let answer = server.call(("POST", "/aggregate"), fields, body.to_owned()).await;
        assert_eq!(status(&answer), expected, "{fields:?} {body:.30}");
    }
    let created = create(&server, &json!({first.as_str(): {}, second.as_str(): {}})).await;
    assert_eq!(status(&created), 201);
    let aggregate = field(&created, "location").to_owned();
    let patch = json!({third.as_str(): {}}).to_string();
    assert_eq!(status(&server.call(("PATCH", &aggregate), &[FORM], patch).await), 413);
    let again = create(&server, &json!({first.as_str(): {}})).await;
    assert_eq!((status(&again), field(&again, "retry-after")), (429, "3600"));
    for (url, method, allow) in [
        ("/aggregate", "GET", "POST, OPTIONS"),
        (aggregate.as_str(), "PUT", "GET, POST, PATCH, DELETE, OPTIONS"),
    ] {
        let refused = server.send(method, url).await;
        assert_eq!((status(&refused), field(&refused, "allow")), (405, allow));
    }
}

#[tokio::test]
async fn each_member_counts_as_a_message_of_the_sender() {
    let slow = Rate { interval: std::time::Duration::from_secs(60), burst: 7 };
    let server = TestServer::with(|config| config.sender_rate = slow).await;
    let agents = agents(&server, 3).await;
    let members = json!({agents[0].1.as_str(): {}, agents[1].1.as_str(): {}, agents[2].1.as_str(): {}});
    let aggregate = field(&create(&server, &members).await, "location").to_owned();
    // 7 units: 3 for the document, 3 for the first message, 1 that is too little for the second.
    let first = server.push(&aggregate, &[], "").await;
    let second = server.push(&aggregate, &[], "").await;
    assert_eq!((status(&first), status(&second)), (201, 429));
    assert_eq!(field(&second, "retry-after"), "120");
}

#[tokio::test]
async fn a_large_aggregate_is_distributed_in_steps_and_whole() {
    let server = TestServer::start().await;
    let service = server.server.service();
    let now = server.clock.now();
    let mut members = serde_json::Map::new();
    for number in 0..3 {
        let agent = AgentId::random().unwrap();
        for channel_number in 0..u8::try_from(MANY / 3).unwrap() {
            let subscription = subscribe(service.storage.as_ref(), agent, channel(channel_number), now).await;
            let terms = if number == 0 { json!({"ttl": 30}) } else { json!({}) };
            members.insert(service.push_resource(subscription.id), terms);
        }
    }
    let created = create(&server, &Value::Object(members)).await;
    assert_eq!(document(&created)["members"], json!(MANY));
    let pushed = server.push(field(&created, "location"), &[], "x").await;
    assert_eq!(document(&pushed), json!({"taken": MANY, "refused": []}));
    assert_eq!(server.server.stats().totals.messages, u64::try_from(MANY).unwrap());
    assert_eq!(status(&server.send("DELETE", field(&pushed, "location")).await), 204);
    assert_eq!(server.server.stats().totals.messages, 0);
}

/// The default limits, at which an answer and a message still have to be whole.
#[tokio::test]
async fn an_aggregate_has_as_many_members_as_it_may_and_no_more() {
    let server = TestServer::start().await;
    let service = server.server.service();
    let now = server.clock.now();
    let members_max = usize::try_from(service.config.retention.aggregate_members_max).unwrap();
    let mut resources = Vec::new();
    for agent in 0..=members_max / 1000 {
        let id = AgentId::random().unwrap();
        let wishes = (0..1000).map(|channel| Registration {
            agent: id,
            channel: ChannelId::from_bytes(
                (agent * 1000 + channel).to_be_bytes().repeat(2).try_into().unwrap(),
            ),
            restricted_to: None,
            now,
        });
        for registered in join_all(wishes.map(|wish| service.storage.register(wish))).await {
            match registered.unwrap() {
                Registered::Subscription(subscription) => {
                    resources.push(service.push_resource(subscription.id));
                }
                Registered::TooManyChannels => panic!("a channel too many"),
            }
        }
    }
    let one_more = resources.swap_remove(members_max);
    let some = resources.into_iter().take(members_max).map(|resource| (resource, json!({})));
    let mut members: serde_json::Map<_, _> = some.collect();
    let members_now = json!(members_max);
    let created = create(&server, &Value::Object(members.clone())).await;
    assert_eq!((status(&created), &document(&created)["members"]), (201, &members_now));
    let aggregate = field(&created, "location").to_owned();
    // Each member costs the sender's rate one message.
    server.clock.advance(60);
    let patch = json!({one_more.as_str(): {}}).to_string();
    assert_eq!(status(&server.call(("PATCH", &aggregate), &[FORM], patch).await), 413);
    server.clock.advance(60);
    let pushed = server.push(&aggregate, &[("prefer", "respond-async")], "x").await;
    assert_eq!((status(&pushed), &document(&pushed)["taken"]), (202, &members_now));
    assert_eq!(document(&pushed)["messages"].as_object().unwrap().len(), members_max);
    assert_eq!(server.server.stats().totals.messages, u64::try_from(members_max).unwrap());
    server.clock.advance(60);
    assert_eq!(document(&server.send("GET", &aggregate).await), Value::Object(members.clone()));
    members.insert(one_more, json!({}));
    server.clock.advance(60);
    assert_eq!(status(&create(&server, &Value::Object(members)).await), 413);
}

/// RFC 7396: what is removed from nothing is nothing.
#[tokio::test]
async fn a_new_aggregate_reports_its_members_and_not_the_changes() {
    let server = TestServer::start().await;
    let agents = agents(&server, 3).await;
    let [first, second, third] = [0, 1, 2].map(|index: usize| agents[index].1.clone());
    let created = create(&server, &json!({first: {}, second: null, third: null})).await;
    assert_eq!((status(&created), document(&created)), (201, json!({"members": 1, "refused": []})));
    let empty = create(&server, &json!({})).await;
    assert_eq!((status(&empty), document(&empty)), (201, json!({"members": 0, "refused": []})));
}

/// More than the steps of creating, distributing and revoking take at once.
const MANY: usize = 750;
