//! RFC 8620 §7.1: what is said of changes, to whom, how urgently, and how often.

use std::time::Duration;

use serde_json::{Value, json};

use super::world::{Posted, Pushing, Sink, device};
use crate::home::{Home, basic};

const PLAIN: &str = "From: zoe@a.test\r\nSubject: one\r\n\r\nHello\r\n";

/// A phone that wants these types.
fn phone(sink: &Sink, types: &Value) -> Value {
    json!({ "deviceClientId": "phone", "url": sink.url("/phone"), "types": types })
}

fn types(home: &Home, said: &Value) -> Vec<String> {
    assert_eq!(said["@type"], "StateChange", "{said}");
    assert_eq!(said["changed"].as_object().unwrap().len(), 1);
    said["changed"][home.account()].as_object().unwrap().keys().cloned().collect()
}

async fn flag(home: &Home, id: &str, keyword: &str, password: &str) {
    let arguments =
        json!({ "accountId": home.account(), "update": { id: { format!("keywords/{keyword}"): true } } });
    let request = json!({ "using": [crate::home::MAIL], "methodCalls": [["Email/set", arguments, "c"]] });
    let headers =
        [("authorization", basic("alice", password)), ("content-type", "application/json".to_owned())];
    let answer = home.send_with("POST", "/jmap/api", &headers, request.to_string()).await.json();
    assert_eq!(answer["methodResponses"][0][1]["updated"], json!({ id: null }), "{answer}");
}

#[tokio::test]
async fn a_change_is_told_with_the_states_that_get_tells_encrypted_for_the_device() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    let (agent, keys) = device();
    let given = json!({ "deviceClientId": "phone", "url": sink.url("/phone"), "keys": keys });
    home.subscribed(given, &mut sink, Some(&agent)).await;
    home.deliver(PLAIN).await;
    let pushed = sink.next().await;
    let said = pushed.decrypted(&agent);
    assert_eq!(types(&home, &said), ["Email", "EmailDelivery", "Mailbox", "Thread"]);
    for name in ["Email", "Mailbox", "Thread"] {
        let state = home.one(&format!("{name}/get"), json!({ "ids": [] })).await["state"].clone();
        assert_eq!(said["changed"][home.account()][name], state, "{name}");
    }
    assert_eq!((pushed.header("ttl"), pushed.header("urgency")), ("86400", "high"));
    assert_eq!(pushed.header("topic").len(), 32);
    assert_eq!((pushed.body.len() - 86 - 17) % 128, 0, "padded, so that its length says little");
    assert_eq!(pushed.vapid_key(), home.registrar.keys.current_id());
}

#[tokio::test]
async fn without_keys_a_change_is_plain_json() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    home.subscribed(phone(&sink, &Value::Null), &mut sink, None).await;
    home.deliver(PLAIN).await;
    let pushed = sink.next().await;
    assert_eq!((pushed.header("content-type"), pushed.header("content-encoding")), ("application/json", ""));
    assert_eq!(types(&home, &pushed.json()).len(), 4);
}

#[tokio::test]
async fn each_device_is_told_of_the_types_that_it_wants_as_urgently_as_they_are() {
    let home = Home::new().await;
    let email = home.deliver(PLAIN).await.id();
    let mut sinks = Vec::new();
    for wanted in
        [json!(["Email"]), json!(["EmailDelivery"]), json!(["Mailbox"]), json!(["Mailbox", "Thread"])]
    {
        let mut sink = Sink::new().await;
        let given = json!({ "deviceClientId": wanted.to_string(), "url": sink.url("/"), "types": wanted });
        home.subscribed(given, &mut sink, None).await;
        sinks.push(sink);
    }
    // Neither a thread nor a count changes with this, and nothing has come.
    flag(&home, &email, "$flagged", "secret").await;
    let pushed = sinks[0].next().await;
    assert_eq!(
        (types(&home, &pushed.json()), pushed.header("urgency")),
        (vec!["Email".to_owned()], "normal")
    );
    home.one("Mailbox/set", json!({ "create": { "m": { "name": "new" } } })).await;
    for at in [2, 3] {
        let pushed = sinks[at].next().await;
        assert_eq!(
            (types(&home, &pushed.json()), pushed.header("urgency")),
            (vec!["Mailbox".to_owned()], "low")
        );
    }
    home.deliver(PLAIN).await;
    let mut told = Vec::new();
    for sink in &mut sinks {
        let pushed = sink.next().await;
        told.push((types(&home, &pushed.json()).join(" "), pushed.header("urgency").to_owned()));
        assert_eq!(sink.waiting().len(), 0);
    }
    let expected =
        [("Email", "normal"), ("EmailDelivery", "high"), ("Mailbox", "low"), ("Mailbox Thread", "normal")];
    assert_eq!(told, expected.map(|(types, urgency)| (types.to_owned(), urgency.to_owned())));
}

#[tokio::test]
async fn only_a_change_of_the_same_types_replaces_one_that_has_not_been_fetched() {
    let home = Home::new().await;
    let (mut phone_sink, mut tablet_sink) = (Sink::new().await, Sink::new().await);
    home.subscribed(phone(&phone_sink, &Value::Null), &mut phone_sink, None).await;
    let tablet = json!({ "deviceClientId": "tablet", "url": tablet_sink.url("/") });
    home.subscribed(tablet, &mut tablet_sink, None).await;
    let email = home.deliver(PLAIN).await.id();
    let topic = |pushed: &Posted| pushed.header("topic").to_owned();
    let delivery = topic(&phone_sink.next().await);
    assert_ne!(delivery, topic(&tablet_sink.next().await), "it is keyed");
    let mut flags = Vec::new();
    for keyword in ["$flagged", "$answered"] {
        flag(&home, &email, keyword, "secret").await;
        flags.push(topic(&phone_sink.next().await));
    }
    assert!(flags[0] == flags[1] && flags[0] != delivery, "{flags:?} {delivery}");
    home.deliver(PLAIN).await;
    assert_eq!(topic(&phone_sink.next().await), delivery);
}

#[tokio::test]
async fn the_first_change_is_told_at_once_and_those_after_it_together() {
    let home = Home::pushing(Pushing { interval: Duration::from_secs(2), ..Pushing::default() }).await;
    let mut sink = Sink::new().await;
    home.subscribed(phone(&sink, &json!(["Email"])), &mut sink, None).await;
    let email = home.deliver(PLAIN).await.id();
    sink.next().await;
    for keyword in 0..30 {
        flag(&home, &email, &format!("k{keyword}"), "secret").await;
    }
    let last = home.one("Email/get", json!({ "ids": [] })).await["state"].clone();
    let mut pushes = 0;
    loop {
        pushes += 1;
        if sink.next().await.json()["changed"][home.account()]["Email"] == last {
            break;
        }
    }
    assert!(pushes < 15, "{pushes} pushes for 30 changes");
}

#[tokio::test]
async fn a_busy_push_service_is_told_the_newest_state_when_it_is_ready() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    home.subscribed(phone(&sink, &json!(["Email"])), &mut sink, None).await;
    sink.will_answer(429, Some("2"));
    home.deliver(PLAIN).await;
    sink.next().await;
    home.deliver(PLAIN).await;
    let state = home.one("Email/get", json!({ "ids": [] })).await["state"].clone();
    assert_eq!(sink.next().await.json()["changed"][home.account()]["Email"], state);
    let rows = home.store.account_push_subscriptions(home.alice.owner()).await.unwrap();
    assert_eq!(rows.len(), 1);
}

#[tokio::test]
async fn what_a_client_does_itself_is_not_told_to_it_if_it_asks_for_that() {
    let home = Home::new().await;
    let email = home.deliver(PLAIN).await.id();
    home.store.add_app_password(home.alice.owner(), "tablet", "app").await.unwrap();
    let mut sink = Sink::new().await;
    let given = json!({ "deviceClientId": "phone", "url": sink.url("/"), "types": ["Email"], "ignoreOwnChanges": true });
    home.subscribed(given, &mut sink, None).await;
    flag(&home, &email, "$flagged", "secret").await;
    flag(&home, &email, "$answered", "app").await;
    let state = async || home.one("Email/get", json!({ "ids": [] })).await["state"].clone();
    assert_eq!(sink.next().await.json()["changed"][home.account()]["Email"], state().await);
    // What has come is news, also if it was touched before that could be told.
    let second = home.deliver(PLAIN).await.id();
    let delivered = state().await;
    flag(&home, &second, "$flagged", "secret").await;
    let told = sink.next().await.json()["changed"][home.account()]["Email"].clone();
    assert!([delivered, state().await].contains(&told), "{told}");
    assert_eq!(sink.waiting().len(), 0);
}

#[tokio::test]
async fn an_account_is_told_of_itself_alone() {
    let home = Home::new().await;
    let (mut alice, mut bob) = (Sink::new().await, Sink::new().await);
    home.subscribed(phone(&alice, &Value::Null), &mut alice, None).await;
    let create = json!({ "create": { "k": phone(&bob, &Value::Null) } });
    let created = home.push_as(("bob", "secret"), "set", create).await;
    let id = created["created"]["k"]["id"].as_str().unwrap();
    let code = bob.next().await.json()["verificationCode"].clone();
    let verify = json!({ "update": { id: { "verificationCode": code } } });
    assert!(home.push_as(("bob", "secret"), "set", verify).await["notUpdated"].is_null());
    home.deliver(PLAIN).await;
    assert_eq!(types(&home, &alice.next().await.json()).len(), 4);
    assert_eq!(bob.waiting().len(), 0);
}
