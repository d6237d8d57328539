//! From creation to the end of a subscription, whoever brings it about.

use std::time::Duration;

use jmap::RegistrarLimits;
use serde_json::{Value, json};
use webpush::vapid::key::SigningKey;

use super::world::{Pushing, Sink, device};
use crate::home::Home;

const PLAIN: &str = "From: zoe@a.test\r\nSubject: one\r\n\r\nHello\r\n";

fn phone(sink: &Sink) -> Value {
    json!({ "deviceClientId": "phone", "url": sink.url("/phone") })
}

async fn ids(home: &Home) -> Vec<String> {
    let list = home.push("get", json!({})).await["list"].clone();
    list.as_array().unwrap().iter().map(|shown| shown["id"].as_str().unwrap().to_owned()).collect()
}

/// Waits until alice has no subscription any more.
async fn none_left(home: &Home) {
    let ended = async {
        while !ids(home).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ended).await.expect("removed");
}

#[tokio::test]
async fn nothing_but_the_code_is_pushed_before_it_has_been_shown() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    let created = home.create(phone(&sink)).await.unwrap();
    assert!(created.get("url").is_none() && created.get("verificationCode").is_none(), "{created}");
    let pushed = sink.next().await;
    let verification = pushed.json();
    assert_eq!(
        verification,
        json!({
            "@type": "PushVerification",
            "pushSubscriptionId": created["id"],
            "verificationCode": verification["verificationCode"],
        })
    );
    assert_eq!((pushed.path.as_str(), pushed.header("content-type")), ("/phone", "application/json"));
    assert_eq!((pushed.header("urgency"), pushed.header("content-encoding")), ("high", ""));
    assert_eq!(pushed.vapid_key(), home.registrar.keys.current_id());
    home.deliver(PLAIN).await;
    let shown = home.push("get", json!({})).await["list"][0].clone();
    assert_eq!(shown["verificationCode"], Value::Null);
    let id = created["id"].as_str().unwrap();
    let code = &verification["verificationCode"];
    assert_eq!(home.update(id, json!({ "verificationCode": code })).await, Ok(Value::Null));
    let shown = home.push("get", json!({})).await["list"][0].clone();
    assert_eq!(shown["verificationCode"], *code, "so that a client can tell");
    assert_eq!(home.update(id, json!({ "verificationCode": code })).await, Ok(Value::Null), "again");
    home.deliver(PLAIN).await;
    // What came before is no news; the first push is about the second message.
    let change = sink.next().await.json();
    let state = home.one("Email/get", json!({ "ids": [] })).await["state"].clone();
    assert_eq!(
        (&change["@type"], &change["changed"][home.account()]["Email"]),
        (&json!("StateChange"), &state)
    );
}

#[tokio::test]
async fn five_wrong_codes_end_a_subscription() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    let created = home.create(phone(&sink)).await.unwrap();
    let id = created["id"].as_str().unwrap();
    let right = sink.next().await.json()["verificationCode"].clone();
    for wrong in ["", "wrong", "Wrong", right.as_str().unwrap().get(1..).unwrap()] {
        let error =
            home.update(id, json!({ "verificationCode": wrong, "types": ["Email"] })).await.unwrap_err();
        assert_eq!(error["properties"], json!(["verificationCode"]), "{wrong:?}");
    }
    assert_eq!(home.push("get", json!({})).await["list"][0]["types"], Value::Null, "nothing of it was done");
    home.update(id, json!({ "verificationCode": "wrong" })).await.unwrap_err();
    let error = home.update(id, json!({ "verificationCode": right })).await.unwrap_err();
    assert_eq!(error["type"], "notFound");
}

#[tokio::test]
async fn a_push_service_that_refuses_or_is_not_there_makes_the_creation_fail_and_says_no_more() {
    let home = Home::new().await;
    let sink = Sink::new().await;
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut errors = Vec::new();
    for status in [400, 401, 403, 404, 410, 413] {
        sink.will_answer(status, None);
        errors.push(home.create(phone(&sink)).await.unwrap_err());
    }
    errors.dedup();
    let [refused] = errors.as_slice() else { panic!("the status shows: {errors:?}") };
    assert_eq!((&refused["type"], &refused["properties"]), (&json!("invalidProperties"), &json!(["url"])));
    home.names.tell("inside.test", &["10.0.0.1"]);
    home.names.tell("loopback.test", &["127.0.0.2"]);
    let mut errors = Vec::new();
    for url in [
        format!("http://127.0.0.1:{gone}/"),
        "https://inside.test/".to_owned(),
        "https://loopback.test/".to_owned(),
        "https://nobody.test/".to_owned(),
    ] {
        errors.push(home.create(json!({ "deviceClientId": "phone", "url": url })).await.unwrap_err());
    }
    errors.dedup();
    assert_eq!(errors.len(), 1, "who is there shows: {errors:?}");
    assert_eq!(ids(&home).await, [""; 0]);
}

#[tokio::test]
async fn a_name_that_changes_its_address_leads_nowhere_else() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    home.names.tell("push.test", &["127.0.0.1", "127.0.0.2"]);
    let inside = tokio::net::TcpListener::bind(("127.0.0.2", sink.port)).await.unwrap();
    let given = json!({ "deviceClientId": "phone", "url": format!("http://push.test:{}/", sink.port) });
    home.create(given.clone()).await.unwrap();
    sink.next().await;
    // Whoever has to connect anew looks the name up anew: another server does.
    let other = Home::new().await;
    other.names.tell("push.test", &["127.0.0.2"]);
    assert_eq!(other.create(given).await.unwrap_err()["properties"], json!(["url"]));
    let reached = tokio::time::timeout(Duration::from_millis(50), inside.accept()).await;
    assert!(reached.is_err(), "connected to what was not allowed");
}

#[tokio::test]
async fn a_push_service_that_is_busy_gets_the_code_later() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    sink.will_answer(503, Some("1"));
    let created = home.create(phone(&sink)).await.unwrap();
    let (first, second) = (sink.next().await.json(), sink.next().await.json());
    assert_eq!(first, second);
    assert_eq!(first["pushSubscriptionId"], created["id"]);
}

#[tokio::test]
async fn several_creations_are_verified_each_by_a_code_of_its_own() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    let of = |device: &str| json!({ "deviceClientId": device, "url": sink.url(&format!("/{device}")) });
    let create = json!({ "a": of("a"), "b": of("b"), "c": of("c"), "d": { "deviceClientId": "d" } });
    let answer = home.push("set", json!({ "create": create })).await;
    assert_eq!(answer["created"].as_object().unwrap().len(), 3);
    assert_eq!(answer["notCreated"].as_object().unwrap().len(), 1);
    let mut codes = Vec::new();
    for _ in 0..3 {
        let pushed = sink.next().await;
        let key = pushed.path.trim_start_matches('/').to_owned();
        let said = pushed.json();
        assert_eq!(said["pushSubscriptionId"], answer["created"][&key]["id"]);
        codes.push(said["verificationCode"].as_str().unwrap().to_owned());
    }
    codes.sort();
    codes.dedup();
    assert_eq!(codes.len(), 3);
}

#[tokio::test]
async fn a_subscription_is_nothing_to_other_credentials_and_ends_with_its_own() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    let app = home.store.add_app_password(home.alice.owner(), "phone", "app").await.unwrap();
    let (main, app_login) = (("alice", "secret"), ("alice", "app"));
    let main_id = home.subscribed(phone(&sink), &mut sink, None).await;
    let made = home.push_as(app_login, "set", json!({ "create": { "k": phone(&sink) } })).await;
    let app_id = made["created"]["k"]["id"].as_str().unwrap().to_owned();
    let code = sink.next().await.json()["verificationCode"].clone();
    let update = json!({ "update": { &app_id: { "verificationCode": code } } });
    assert!(home.push_as(app_login, "set", update).await["notUpdated"].is_null());
    for (login, own, other) in
        [(main, &main_id, &app_id), (app_login, &app_id, &main_id), (("bob", "secret"), &main_id, &app_id)]
    {
        let is_bob = login.0 == "bob";
        let listed = home.push_as(login, "get", json!({})).await["list"].clone();
        let listed: Vec<_> = listed.as_array().unwrap().iter().map(|shown| shown["id"].clone()).collect();
        assert_eq!(listed, if is_bob { vec![] } else { vec![json!(own)] }, "{login:?}");
        let touched = json!({ "update": { other: { "types": ["Email"] } }, "destroy": [other] });
        let touched = home.push_as(login, "set", json!({ "update": touched["update"] })).await;
        assert_eq!(touched["notUpdated"][other]["type"], "notFound", "{login:?}");
        let touched = home.push_as(login, "set", json!({ "destroy": [other] })).await;
        assert_eq!(touched["notDestroyed"][other]["type"], "notFound", "{login:?}");
    }
    home.store.revoke_credential(home.alice.owner(), app.id).await.unwrap();
    home.deliver(PLAIN).await;
    sink.next().await;
    let mailbox = json!({ "create": { "m": { "name": "new" } } });
    home.one("Mailbox/set", mailbox).await;
    sink.next().await;
    let left = home.store.account_push_subscriptions(home.alice.owner()).await.unwrap();
    assert_eq!(left.iter().map(|row| row.client_id.clone()).collect::<Vec<_>>(), [main_id]);
}

#[tokio::test]
async fn a_verified_subscription_takes_the_place_of_what_its_device_had() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    let first = home.subscribed(phone(&sink), &mut sink, None).await;
    let tablet = json!({ "deviceClientId": "tablet", "url": sink.url("/tablet") });
    let tablet = home.subscribed(tablet, &mut sink, None).await;
    let created = home.create(phone(&sink)).await.unwrap();
    let second = created["id"].as_str().unwrap().to_owned();
    assert_eq!(
        ids(&home).await,
        [first.clone(), tablet.clone(), second.clone()],
        "both, until it is verified"
    );
    let code = sink.next().await.json()["verificationCode"].clone();
    assert_eq!(home.update(&second, json!({ "verificationCode": code })).await, Ok(Value::Null));
    assert_eq!(ids(&home).await, [tablet, second]);
}

#[tokio::test]
async fn what_is_too_much_is_refused_by_name() {
    let limits = RegistrarLimits { subscriptions: 2, creations_per_hour: 4 };
    let home = Home::pushing(Pushing { limits, ..Pushing::default() }).await;
    let sink = Sink::new().await;
    let kind = async || match home.create(phone(&sink)).await {
        Ok(_) => String::new(),
        Err(error) => error["type"].as_str().unwrap().to_owned(),
    };
    let mut kinds = Vec::new();
    for _ in 0..5 {
        kinds.push(kind().await);
    }
    assert_eq!(kinds, ["", "", "overQuota", "overQuota", "rateLimit"]);
}

#[tokio::test]
async fn what_is_destroyed_is_pushed_to_no_more() {
    let home = Home::new().await;
    let (mut sink, mut other) = (Sink::new().await, Sink::new().await);
    let id = home.subscribed(phone(&sink), &mut sink, None).await;
    let tablet = json!({ "deviceClientId": "tablet", "url": other.url("/") });
    home.subscribed(tablet, &mut other, None).await;
    let both = json!({ "update": { &id: { "types": null } }, "destroy": [id, "nothing"] });
    let answer = home.push("set", both).await;
    assert_eq!(answer["destroyed"], json!([id]));
    assert_eq!(answer["notUpdated"][&id]["type"], "willDestroy");
    assert_eq!(answer["notDestroyed"]["nothing"]["type"], "notFound");
    home.deliver(PLAIN).await;
    other.next().await;
    assert_eq!(sink.waiting().len(), 0);
}

#[tokio::test]
async fn a_creation_is_named_by_its_key_later_in_the_request() {
    let home = Home::new().await;
    let sink = Sink::new().await;
    let calls = json!([
        ["PushSubscription/set", { "create": { "k": phone(&sink) } }, "0"],
        ["PushSubscription/get", { "ids": ["#k"] }, "1"],
        ["PushSubscription/set", { "destroy": ["#k"] }, "2"],
    ]);
    let responses = home.run(calls).await;
    let id = &responses[0][1]["created"]["k"]["id"];
    assert_eq!(responses[1][1]["list"][0]["id"], *id);
    assert_eq!(responses[2][1]["destroyed"], json!([id]));
}

#[tokio::test]
async fn a_push_service_that_says_gone_ends_the_subscription() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    for status in [404, 410, 400] {
        home.subscribed(phone(&sink), &mut sink, None).await;
        sink.will_answer(status, None);
        home.deliver(PLAIN).await;
        sink.next().await;
        none_left(&home).await;
    }
}

// RFC 9749 §5
#[tokio::test]
async fn a_new_key_shows_in_the_session_and_older_subscriptions_keep_theirs_until_it_is_dropped() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    let session = async || {
        let session = home.send("GET", "/jmap/session", "", "").await.json();
        let key =
            session["capabilities"]["urn:ietf:params:jmap:webpush-vapid"]["applicationServerKey"].clone();
        (key, session["state"].clone())
    };
    let (old, before) = session().await;
    assert_eq!(old, json!(home.registrar.keys.current_id()));
    home.subscribed(phone(&sink), &mut sink, None).await;
    let pending = json!({ "deviceClientId": "pending", "url": sink.url("/pending") });
    let pending = home.create(pending).await.unwrap();
    let code = sink.next().await.json()["verificationCode"].clone();
    home.registrar.keys.rotate(&home.store, SigningKey::generate().unwrap()).await.unwrap();
    let (new, after) = session().await;
    assert!(new != old && after != before, "{new} {after}");
    let answer = home.api(json!({ "using": [], "methodCalls": [] })).await.json();
    assert_eq!(answer["sessionState"], after);
    // What was made under the old key can be verified still.
    let verify = json!({ "verificationCode": code });
    assert_eq!(home.update(pending["id"].as_str().unwrap(), verify).await, Ok(Value::Null));
    let tablet = json!({ "deviceClientId": "tablet", "url": sink.url("/tablet") });
    home.subscribed(tablet, &mut sink, None).await;
    home.deliver(PLAIN).await;
    let mut keys = Vec::new();
    for _ in 0..3 {
        let pushed = sink.next().await;
        keys.push((pushed.path.clone(), json!(pushed.vapid_key())));
    }
    keys.sort_by(|a, b| a.0.cmp(&b.0));
    let of = |path: &str, key: &Value| (path.to_owned(), key.clone());
    assert_eq!(keys, [of("/pending", &old), of("/phone", &old), of("/tablet", &new)]);
    assert_eq!(home.registrar.keys.drop_old(&home.store, old.as_str().unwrap()).await.unwrap(), 2);
    let left = home.push("get", json!({ "properties": ["deviceClientId"] })).await["list"].clone();
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(left[0]["deviceClientId"], "tablet");
}

#[tokio::test]
async fn a_subscription_with_keys_is_verified_in_cipher() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    let (agent, keys) = device();
    let given = json!({ "deviceClientId": "phone", "url": sink.url("/"), "keys": keys });
    let id = home.subscribed(given, &mut sink, Some(&agent)).await;
    assert_eq!(ids(&home).await, [id]);
}
