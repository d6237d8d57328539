//! draft-ietf-jmap-emailpush: new emails that are told of with what they say.

use serde_json::{Value, json};
use webpush::message::UserAgent;

use super::world::{Sink, device};
use crate::home::Home;

/// A device that wants emails, and nothing else unless it names types.
async fn subscribed(home: &Home, sink: &mut Sink, email_push: Value, types: Value) -> UserAgent {
    let (agent, keys) = device();
    let given = json!({
        "deviceClientId": "phone", "url": sink.url("/"), "keys": keys, "types": types, "emailPush": email_push,
    });
    home.subscribed(given, sink, Some(&agent)).await;
    agent
}

fn email(subject: &str, body: &str) -> String {
    format!("From: Zoe <zoe@a.test>\r\nSubject: {subject}\r\n\r\n{body}\r\n")
}

#[tokio::test]
async fn a_matching_email_is_told_with_the_properties_that_were_asked_for() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    let config = json!({ "properties": ["subject", "from", "preview", "id"], "urgency": "high" });
    let agent = subscribed(&home, &mut sink, json!({ home.account(): config }), json!([])).await;
    let arrived = home.deliver(&email("Lunch?", "At noon")).await;
    let pushed = sink.next().await;
    let state = home.one("Email/get", json!({ "ids": [] })).await["state"].clone();
    assert_eq!(
        pushed.decrypted(&agent),
        json!({
            "@type": "EmailPush",
            "accountId": home.account(),
            "state": state,
            "emails": [{
                "id": arrived.id(),
                "subject": "Lunch?",
                "from": [{ "name": "Zoe", "email": "zoe@a.test" }],
                "preview": "At noon",
            }],
        })
    );
    assert_eq!((pushed.header("urgency"), pushed.header("topic")), ("high", ""));
    // A flag is no new email.
    let flagged = json!({ "update": { arrived.id(): { "keywords/$seen": true } } });
    home.one("Email/set", flagged).await;
    home.deliver(&email("Second", "x")).await;
    let second = sink.next().await.decrypted(&agent);
    assert_eq!(second["emails"].as_array().unwrap().len(), 1, "each email once: {second}");
    assert_eq!(second["emails"][0]["subject"], "Second");
}

#[tokio::test]
async fn only_what_passes_the_filter_is_told_whatever_it_looks_at() {
    let home = Home::new().await;
    let inbox = home.deliver(&email("first", "x")).await.mailbox;
    let inbox = format!("F{inbox}");
    let filters = [
        json!({ "inMailbox": inbox, "subject": "ring" }),
        json!({ "from": "zoe", "body": "ring" }),
        json!({ "text": "ring", "notKeyword": "$seen" }),
        json!({ "header": ["Subject", "ring"] }),
        json!({ "operator": "NOT", "conditions": [{ "subject": "quiet" }, { "inMailbox": "F99" }] }),
        json!({ "operator": "AND", "conditions": [{ "noneInThreadHaveKeyword": "$seen" }, { "subject": "ring" }] }),
        json!({ "operator": "OR", "conditions": [{ "hasAttachment": true }, { "subject": "ring" }] }),
    ];
    for filter in filters {
        let mut sink = Sink::new().await;
        let config = json!({ "properties": ["subject"], "filter": filter });
        let agent = subscribed(&home, &mut sink, json!({ home.account(): config }), json!([])).await;
        home.deliver(&email("quiet", "nothing")).await;
        home.deliver(&email("ring", "ring")).await;
        let told = sink.next().await.decrypted(&agent);
        assert_eq!(told["emails"], json!([{ "subject": "ring" }]), "{filter}");
        let listed = home.push("get", json!({})).await;
        home.push("set", json!({ "destroy": [listed["list"][0]["id"]] })).await;
    }
}

#[tokio::test]
async fn types_are_told_beside_emails_and_not_instead() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    let config = json!({ "properties": ["subject"], "filter": { "subject": "ring" } });
    let agent =
        subscribed(&home, &mut sink, json!({ home.account(): config }), json!(["EmailDelivery"])).await;
    home.deliver(&email("ring", "x")).await;
    let (first, second) = (sink.next().await, sink.next().await);
    assert_eq!(first.decrypted(&agent)["@type"], "EmailPush");
    assert_eq!(first.header("urgency"), "normal", "the default of the draft");
    assert_eq!(second.decrypted(&agent)["@type"], "StateChange");
    home.deliver(&email("quiet", "x")).await;
    assert_eq!(sink.next().await.decrypted(&agent)["@type"], "StateChange");
    assert_eq!(sink.waiting().len(), 0);
}

#[tokio::test]
async fn an_account_that_is_not_there_does_not_keep_others_from_being_told() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    let config = json!({ "properties": ["subject"] });
    let bob = format!("A{}", home.bob.owner());
    let both = json!({ "A999": config, bob: config, home.account(): config });
    let agent = subscribed(&home, &mut sink, both, json!([])).await;
    home.deliver(&email("ring", "x")).await;
    assert_eq!(sink.next().await.decrypted(&agent)["accountId"], home.account());
}

#[tokio::test]
async fn what_does_not_fit_is_left_out_in_the_order_of_the_properties() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    let config = json!({ "properties": ["subject", "header:X-Long", "preview", "id"] });
    let agent = subscribed(&home, &mut sink, json!({ home.account(): config }), json!([])).await;
    let long = format!("X-Long: {}\r\n", "x".repeat(900));
    home.deliver(&format!("{long}{}", email("fits", "text"))).await;
    let told = sink.next().await.decrypted(&agent);
    assert!(told["emails"][0]["header:X-Long"].as_str().unwrap().len() >= 900);
    let long = format!("X-Long: {}\r\n", vec!["y".repeat(900); 6].join("\r\n "));
    home.deliver(&format!("{long}{}", email("is too long", "text"))).await;
    let pushed = sink.next().await;
    assert!(pushed.body.len() <= 4096, "{}", pushed.body.len());
    let told = pushed.decrypted(&agent);
    let names: Vec<_> = told["emails"][0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["id", "preview", "subject"]);
}

#[tokio::test]
async fn a_push_that_is_too_large_is_sent_again_smaller() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    let config = json!({ "properties": ["subject", "id"] });
    let agent = subscribed(&home, &mut sink, json!({ home.account(): config }), json!([])).await;
    sink.will_answer(413, None);
    let arrived = home.deliver(&email("ring", "x")).await;
    assert_eq!(sink.next().await.decrypted(&agent)["emails"][0]["subject"], "ring");
    assert_eq!(sink.next().await.decrypted(&agent)["emails"], json!([{ "id": arrived.id() }]));
}

#[tokio::test]
async fn what_is_told_can_be_changed_in_parts() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    let config = json!({ "properties": ["subject"] });
    let agent = subscribed(&home, &mut sink, json!({ home.account(): config }), json!([])).await;
    let id = home.push("get", json!({})).await["list"][0]["id"].as_str().unwrap().to_owned();
    let patch = json!({ format!("emailPush/{}/properties", home.account()): ["id"] });
    assert_eq!(home.update(&id, patch).await, Ok(Value::Null));
    let arrived = home.deliver(&email("ring", "x")).await;
    assert_eq!(sink.next().await.decrypted(&agent)["emails"], json!([{ "id": arrived.id() }]));
    let shown = home.push("get", json!({})).await["list"][0]["emailPush"].clone();
    assert_eq!(shown, json!({ home.account(): { "properties": ["id"] } }));
    let nothing = json!({ "emailPush": null });
    assert_eq!(
        home.update(&id, nothing).await.unwrap_err()["properties"],
        json!(["types"]),
        "nothing is left"
    );
}
