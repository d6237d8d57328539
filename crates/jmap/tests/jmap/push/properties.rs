//! What a subscription may be, and what is shown of it.

use std::time::{SystemTime, UNIX_EPOCH};

use jmap::wire::date;
use serde_json::{Value, json};

use super::world::{Pushing, Sink, device};
use crate::home::Home;

/// This many hours from now.
fn hours(hours: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    date::utc(i64::try_from(now).unwrap() + hours * 3600)
}

#[tokio::test]
async fn a_property_that_is_wrong_is_named() {
    let home = Home::new().await;
    let sink = Sink::new().await;
    let (_, keys) = device();
    let emails = json!({ "A1": { "properties": ["subject"] } });
    let cases = [
        ("deviceClientId", json!(null)),
        ("deviceClientId", json!("")),
        ("deviceClientId", json!(7)),
        ("deviceClientId", json!("x".repeat(256))),
        ("url", json!(null)),
        ("url", json!("")),
        ("url", json!("not a url")),
        ("url", json!("ftp://push.example/")),
        ("url", json!("https://user@push.example/")),
        ("url", json!(format!("https://push.example/{}", "x".repeat(2048)))),
        ("url", json!("https://10.0.0.1/")),
        ("url", json!("https://[::1]/")),
        ("url", json!("https://localhost/")),
        ("url", json!("https://push.example/\n")),
        ("keys", json!("none")),
        ("keys", json!({})),
        ("keys", json!({ "p256dh": keys["p256dh"] })),
        ("keys", json!({ "auth": keys["auth"] })),
        ("keys", json!({ "p256dh": "AAAA", "auth": keys["auth"] })),
        ("keys", json!({ "p256dh": keys["p256dh"], "auth": "AAAA" })),
        ("keys", json!({ "p256dh": keys["p256dh"], "auth": keys["auth"], "more": "" })),
        ("expires", json!("tomorrow")),
        ("expires", json!(hours(-1))),
        ("expires", json!(12)),
        ("types", json!([])),
        ("types", json!(["Email", "Kitten"])),
        ("types", json!("Email")),
        ("verificationCode", json!("code")),
        ("id", json!("P1")),
        ("kitten", json!(1)),
        ("emailPush", json!({ "A1": { "properties": ["kitten"] } })),
        ("emailPush", json!({ "A1": { "properties": ["id"], "filter": { "kitten": 1 } } })),
        ("ignoreOwnChanges", json!("yes")),
    ];
    for (property, value) in cases {
        let mut given = json!({ "deviceClientId": "phone", "url": sink.url("/") });
        given[property] = value.clone();
        let error = home.create(given).await.unwrap_err();
        assert_eq!(error["type"], "invalidProperties", "{property} {value}");
        assert_eq!(error["properties"], json!([property]), "{property} {value}");
    }
    let error =
        home.create(json!({ "deviceClientId": "phone", "url": sink.url("/"), "emailPush": emails })).await;
    assert_eq!(error.unwrap_err()["properties"], json!(["keys"]), "contents are not pushed in clear");
    assert_eq!(home.push("get", json!({})).await["list"], json!([]));
}

#[tokio::test]
async fn urls_are_https_where_nothing_else_is_allowed() {
    let home = Home::pushing(Pushing { allows_here: false, ..Pushing::default() }).await;
    for url in ["http://push.example/", "http://127.0.0.1/", "https://127.0.0.1/", "https://2130706433/"] {
        let error = home.create(json!({ "deviceClientId": "phone", "url": url })).await.unwrap_err();
        assert_eq!(error["properties"], json!(["url"]), "{url}");
    }
}

#[tokio::test]
async fn keys_are_taken_with_padding_and_without() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    let (agent, keys) = device();
    let padded = |key: &str| {
        let text = keys[key].as_str().unwrap();
        format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4))
    };
    for keys in [keys.clone(), json!({ "p256dh": padded("p256dh"), "auth": padded("auth") })] {
        let given = json!({ "deviceClientId": "phone", "url": sink.url("/"), "keys": keys });
        home.subscribed(given, &mut sink, Some(&agent)).await;
    }
}

#[tokio::test]
async fn what_lets_others_push_is_never_shown() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    let (agent, keys) = device();
    let given = json!({
        "deviceClientId": "phone", "url": sink.url("/secret"), "keys": keys, "types": ["Email"], "expires": hours(24),
    });
    let id = home.subscribed(given, &mut sink, Some(&agent)).await;
    let shown = home.push("get", json!({ "ids": [id] })).await["list"][0].clone();
    let names: Vec<_> = shown.as_object().unwrap().keys().cloned().collect();
    let all =
        ["deviceClientId", "emailPush", "expires", "id", "ignoreOwnChanges", "types", "verificationCode"];
    assert_eq!(names, all);
    assert_eq!((&shown["deviceClientId"], &shown["types"]), (&json!("phone"), &json!(["Email"])));
    assert_eq!((&shown["emailPush"], &shown["ignoreOwnChanges"]), (&Value::Null, &json!(false)));
    for property in ["url", "keys"] {
        let refused = home.push("get", json!({ "properties": ["id", property] })).await;
        assert_eq!(refused["type"], "forbidden", "{property}");
    }
    let unknown = home.push("get", json!({ "properties": ["kitten"] })).await;
    assert_eq!(unknown["type"], "invalidArguments");
    let one = home.push("get", json!({ "properties": ["expires"], "ids": [id, "nothing"] })).await;
    assert_eq!(one["list"], json!([{ "id": id, "expires": shown["expires"] }]));
    assert_eq!(one["notFound"], json!(["nothing"]));
    assert!(one.get("state").is_none() && one.get("accountId").is_none());
}

#[tokio::test]
async fn an_end_is_at_most_a_week_away_and_the_client_is_told() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    let (late, near) = (hours(24 * 30), hours(48));
    for asked in [json!(null), json!(late)] {
        let given = json!({ "deviceClientId": "phone", "url": sink.url("/"), "expires": asked });
        let created = home.create(given).await.unwrap();
        let told = created["expires"].as_str().unwrap().to_owned();
        assert!(told > hours(24 * 7 - 1) && told < hours(24 * 7 + 1), "{told}");
        sink.next().await;
    }
    let given = json!({ "deviceClientId": "phone", "url": sink.url("/"), "expires": near });
    let id = home.subscribed(given, &mut sink, None).await;
    let shown = async || home.push("get", json!({ "ids": [id] })).await["list"][0]["expires"].clone();
    assert_eq!(shown().await, json!(near));
    let later = hours(72);
    assert_eq!(home.update(&id, json!({ "expires": later })).await, Ok(Value::Null));
    assert_eq!(shown().await, json!(later));
    for asked in [json!(null), json!(late)] {
        let told = home.update(&id, json!({ "expires": asked })).await.unwrap();
        assert_eq!(told["expires"], shown().await, "{asked}");
        assert!(told["expires"].as_str().unwrap() < hours(24 * 7 + 1).as_str(), "{told}");
    }
    for wrong in [json!(hours(-1)), json!("soon"), json!(1)] {
        let error = home.update(&id, json!({ "expires": wrong })).await.unwrap_err();
        assert_eq!(error["properties"], json!(["expires"]), "{wrong}");
    }
}

#[tokio::test]
async fn only_what_may_change_is_changed() {
    let home = Home::new().await;
    let mut sink = Sink::new().await;
    let given = json!({ "deviceClientId": "phone", "url": sink.url("/") });
    let id = home.subscribed(given, &mut sink, None).await;
    let (_, keys) = device();
    for (property, value) in [
        ("url", json!(sink.url("/other"))),
        ("keys", keys),
        ("deviceClientId", json!("tablet")),
        ("id", json!("other")),
        ("types", json!([])),
        ("types", json!(["Kitten"])),
        ("emailPush", json!({ "A1": { "properties": ["id"] } })),
        ("verificationCode", json!(null)),
        ("kitten", json!(1)),
    ] {
        let error = home.update(&id, json!({ property: value })).await.unwrap_err();
        assert_eq!(error["properties"], json!([property]), "{property}");
    }
    let same = json!({ "id": id, "deviceClientId": "phone", "types": ["Mailbox"] });
    assert_eq!(home.update(&id, same).await, Ok(Value::Null));
    assert_eq!(home.push("get", json!({})).await["list"][0]["types"], json!(["Mailbox"]));
    assert_eq!(home.update("nothing", json!({})).await.unwrap_err()["type"], "notFound");
}

#[tokio::test]
async fn arguments_are_those_of_a_type_without_account_and_state() {
    let home = Home::new().await;
    for (method, arguments) in [
        ("get", json!({ "accountId": home.account() })),
        ("set", json!({ "accountId": home.account() })),
        ("set", json!({ "ifInState": "1" })),
        ("set", json!({ "create": { "no id!": {} } })),
        ("get", json!({ "ids": ["no id!"] })),
        ("get", json!({ "ids": "P1" })),
    ] {
        let answer = home.push(method, arguments.clone()).await;
        assert_eq!(answer["type"], "invalidArguments", "{method} {arguments}");
    }
    let nothing = home.push("set", json!({})).await;
    assert!(nothing["created"].is_null() && nothing.get("newState").is_none(), "{nothing}");
}
