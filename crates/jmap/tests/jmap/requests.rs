//! RFC 8620 §3: requests to the API, and what is wrong with them.

use http::StatusCode;
use jmap::Limits;
use serde_json::{Value, json};

use crate::home::{CORE, From, Home, MAIL};

fn error(kind: &str) -> String {
    format!("urn:ietf:params:jmap:error:{kind}")
}

#[tokio::test]
async fn an_echo_answers_what_was_said() {
    let home = Home::new().await;
    let said = json!({ "hello": true, "high": 5, "deep": { "list": [1.5, null, "\u{1f600}"] } });
    let answers = home.run(json!([["Core/echo", &said, "b3ff"], ["Core/echo", {}, "b3ff"]])).await;
    assert_eq!(answers, [json!(["Core/echo", said, "b3ff"]), json!(["Core/echo", {}, "b3ff"])]);
}

#[tokio::test]
async fn a_request_that_is_none_is_answered_with_a_problem() {
    let home = Home::new().await;
    let cases: [(&str, &str, &[u8], &str); 7] = [
        ("not JSON", "application/json", b"{", "notJSON"),
        ("invalid UTF-8", "application/json", b"\"\xff\"", "notJSON"),
        ("a name twice", "application/json", br#"{"using":[],"using":[],"methodCalls":[]}"#, "notJSON"),
        ("not JSON by its type", "text/plain", br#"{"using":[],"methodCalls":[]}"#, "notJSON"),
        ("not a request", "application/json", b"[]", "notRequest"),
        (
            "wrong types",
            "application/json; charset=utf-8",
            br#"{"using":[],"methodCalls":[1]}"#,
            "notRequest",
        ),
        ("unknown", "application/json", br#"{"using":["urn:x"],"methodCalls":[]}"#, "unknownCapability"),
    ];
    for (what, media_type, body, kind) in cases {
        let answer = home.send("POST", "/jmap/api", media_type, body.to_vec()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{what}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
        let problem = answer.json();
        assert_eq!((&problem["type"], &problem["status"]), (&json!(error(kind)), &json!(400)), "{what}");
    }
    let deep = "[".repeat(100_000);
    let answer = home.send("POST", "/jmap/api", "application/json", deep).await;
    assert_eq!(answer.json()["type"], error("notJSON"));
}

#[tokio::test]
async fn limits_are_enforced_and_named() {
    let limits = Limits { request_bytes: 1000, calls: 3, ..Limits::default() };
    let home = Home::with(limits, From::Here).await;
    let call = json!(["Core/echo", {}, "c"]);
    let request = |calls: usize, padding: usize| json!({ "using": [CORE], "methodCalls": vec![call.clone(); calls], "padding": "x".repeat(padding) });
    assert_eq!(home.api(request(3, 0)).await.status, StatusCode::OK);
    for (what, request, limit) in
        [("calls", request(4, 0), "maxCallsInRequest"), ("octets", request(1, 1000), "maxSizeRequest")]
    {
        let problem = home.api(request).await.json();
        assert_eq!((&problem["type"], &problem["limit"]), (&json!(error("limit")), &json!(limit)), "{what}");
    }
    let home = Home::with(Limits { requests: 0, ..Limits::default() }, From::Here).await;
    let problem = home.api(request(1, 0)).await.json();
    assert_eq!(problem["limit"], "maxConcurrentRequests");
}

#[tokio::test]
async fn errors_of_one_call_leave_the_others_alone() {
    let home = Home::new().await;
    let reference = |id: &str, path: &str| json!({ "resultOf": id, "name": "Core/echo", "path": path });
    let answers = home
        .run(json!([
            ["Core/echo", { "ids": [{ "x": ["a"] }, { "x": ["b", "c"] }] }, "0"],
            ["Core/nothing", {}, "1"],
            ["Core/echo", { "#all": reference("0", "/ids/*/x") }, "2"],
            ["Core/echo", { "#all": reference("9", "/ids") }, "3"],
            ["Core/echo", { "#all": reference("1", "/type") }, "4"],
            ["Core/echo", { "#all": reference("0", "/ids"), "all": 1 }, "5"],
            ["Core/echo", { "#all": reference("6", "/ids") }, "6"],
            ["Core/echo", { "last": true }, "7"],
        ]))
        .await;
    let short: Vec<Value> = answers
        .into_iter()
        .map(|answer| match answer[1]["type"].as_str() {
            Some(kind) => json!([answer[0], kind, answer[2]]),
            None => answer,
        })
        .collect();
    let expected = json!([
        ["Core/echo", { "ids": [{ "x": ["a"] }, { "x": ["b", "c"] }] }, "0"],
        ["error", "unknownMethod", "1"],
        ["Core/echo", { "all": ["a", "b", "c"] }, "2"],
        ["error", "invalidResultReference", "3"],
        ["error", "invalidResultReference", "4"],
        ["error", "invalidArguments", "5"],
        ["error", "invalidResultReference", "6"],
        ["Core/echo", { "last": true }, "7"],
    ]);
    assert_eq!(Value::Array(short), expected);
}

#[tokio::test]
async fn a_method_needs_its_capability_to_be_used() {
    let home = Home::new().await;
    let request = json!({ "using": [MAIL], "methodCalls": [["Core/echo", {}, "c"]] });
    assert_eq!(home.api(request).await.json()["methodResponses"][0][1]["type"], "unknownMethod");
}

#[tokio::test]
async fn created_ids_come_back_if_they_were_given() {
    let home = Home::new().await;
    let with = json!({ "using": [], "methodCalls": [], "createdIds": { "k1": "M1" } });
    assert_eq!(home.api(with).await.json()["createdIds"], json!({ "k1": "M1" }));
    let without = json!({ "using": [], "methodCalls": [] });
    assert!(home.api(without).await.json().get("createdIds").is_none());
}
