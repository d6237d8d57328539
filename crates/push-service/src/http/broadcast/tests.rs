use serde_json::{Value, json};

use super::*;
use crate::config::BearerToken;
use crate::testing::TestServer;

const TOKEN: &str = "a-token-of-the-operator";
const BROADCAST: &str = "/v1/broadcasts/remote-settings/monitor_changes";

async fn server() -> TestServer {
    TestServer::with(|config| config.broadcast_token = Some(BearerToken::parse(TOKEN).unwrap())).await
}

async fn ask(server: &TestServer, method: &str, path: &str, token: &str, body: &str) -> (u16, Bytes) {
    let mut request = Request::builder().method(method).uri(path).header("host", "push.test");
    if !token.is_empty() {
        request = request.header("authorization", token);
    }
    let response = server.request(request.body(Full::from(body.to_owned())).unwrap()).await;
    (response.status().as_u16(), response.into_body())
}

async fn set(server: &TestServer, version: &str) -> u16 {
    ask(server, "PUT", BROADCAST, &format!("Bearer {TOKEN}"), version).await.0
}

#[tokio::test]
async fn the_operator_sets_lists_and_removes_broadcasts() {
    let server = server().await;
    let token = format!("bearer {TOKEN}");
    let longest = "v".repeat(200);
    // (method, path, body, status)
    let steps = [
        ("PUT", BROADCAST, "\"1\"", 201),
        ("PUT", BROADCAST, "\"2\"\n", 200),
        ("PUT", "/v1/broadcasts/a/b", longest.as_str(), 201),
        ("PUT", BROADCAST, "", 400),
        ("PUT", BROADCAST, "two\nlines", 400),
        ("PUT", BROADCAST, &"v".repeat(201), 400),
        ("PUT", BROADCAST, &"v".repeat(1025), 413),
        ("PUT", "/v1/broadcasts/a", "1", 404),
        ("PUT", "/v1/broadcasts/a/b/c", "1", 404),
        ("PUT", "/v1/broadcasts/a/%20", "1", 404),
        ("POST", BROADCAST, "1", 405),
        ("DELETE", "/v1/broadcasts/a/b", "", 204),
        ("DELETE", "/v1/broadcasts/a/b", "", 404),
        ("POST", "/v1/broadcasts", "", 405),
        ("GET", "/v1/broadcastsx", "", 404),
    ];
    for (method, path, body, status) in steps {
        assert_eq!(ask(&server, method, path, &token, body).await.0, status, "{method} {path} {body}");
    }
    let (status, listed) = ask(&server, "GET", "/v1/broadcasts", &token, "").await;
    let listed: Value = serde_json::from_slice(&listed).unwrap();
    let expected = json!({"code": 200, "broadcasts": {"remote-settings/monitor_changes": "\"2\""}});
    assert_eq!((status, listed), (200, expected));
}

// RFC 6750 §3
#[tokio::test]
async fn nobody_else_may_and_without_a_token_there_is_nothing() {
    let with = server().await;
    for token in ["", "Bearer", "Bearer ", "Bearer a-token-of-the-operatoR", "Basic a-token-of-the-operator"]
    {
        for (method, path) in [("PUT", BROADCAST), ("DELETE", BROADCAST), ("GET", "/v1/broadcasts")] {
            assert_eq!(ask(&with, method, path, token, "1").await.0, 401, "{method} with {token:?}");
        }
    }
    let request = Request::get("/v1/broadcasts").header("host", "push.test");
    let refused = with.request(request.body(Full::default()).unwrap()).await;
    assert_eq!(refused.headers()["www-authenticate"], "Bearer");
    assert!(with.server.service().storage.broadcasts().all().is_empty());

    let without = TestServer::start().await;
    let token = format!("Bearer {TOKEN}");
    assert_eq!(ask(&without, "PUT", BROADCAST, &token, "1").await.0, 404);
    assert_eq!(ask(&without, "GET", "/v1/broadcasts", &token, "").await.0, 404);
}

#[tokio::test]
async fn agents_are_told_at_hello_when_they_ask_and_when_it_changes() {
    let server = server().await;
    assert_eq!(set(&server, "\"1\"").await, 201);
    let asked = |version: &str| json!({"remote-settings/monitor_changes": version});
    let hello = |version| json!({"messageType": "hello", "use_webpush": true, "broadcasts": asked(version)});
    let told = |version: &str| json!({"messageType": "broadcast", "broadcasts": asked(version)});

    let mut behind = server.socket().await;
    behind.send(hello("\"0\"")).await;
    assert_eq!(behind.next().await["broadcasts"], asked("\"1\""));
    let mut up_to_date = server.socket().await;
    up_to_date.send(hello("\"1\"")).await;
    assert_eq!(up_to_date.next().await["broadcasts"], json!({}));
    let mut deaf = server.agent(None).await;

    assert_eq!(set(&server, "\"2\"").await, 200);
    assert_eq!(behind.next().await, told("\"2\""));
    assert_eq!(up_to_date.next().await, told("\"2\""));
    assert!(deaf.nothing_waits().await);

    // What an agent knows already is not answered, so the ping's answer comes first.
    for (version, answer) in [("\"0\"", told("\"2\"")), ("\"2\"", json!({}))] {
        deaf.send(json!({"messageType": "broadcast_subscribe", "broadcasts": asked(version)})).await;
        if version == "\"2\"" {
            deaf.send(json!({})).await;
        }
        assert_eq!(deaf.next().await, answer);
    }
    assert_eq!(set(&server, "\"3\"").await, 200);
    assert_eq!(deaf.next().await, told("\"3\""));
}
