//! Bad input and bad manners: each is bounded, and answered as the RFCs say.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::StatusCode;
use jmap::Limits;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::home::{From, Home, basic};
use crate::sockets::Socket;

/// A call of every method, with every argument that it has.
fn calls(home: &Home, email: &str, mailbox: &str) -> Vec<(&'static str, Value)> {
    let mut all = reading(email, mailbox);
    all.extend(queries(email, mailbox));
    all.extend(writing(mailbox));
    all.extend(of_blobs_and_quotas());
    for (_, arguments) in &mut all {
        arguments["accountId"] = json!(home.account());
        if arguments.get("fromAccountId").is_some() {
            arguments["fromAccountId"] = json!(home.account());
        }
    }
    all
}

fn changes() -> Value {
    json!({ "sinceState": "1-1", "maxChanges": 5 })
}

fn query_changes(filter: &Value) -> Value {
    json!({ "filter": filter, "sort": [{ "property": "name" }], "sinceQueryState": "1-1", "maxChanges": 5,
        "upToId": "x", "calculateTotal": true })
}

fn reading(email: &str, mailbox: &str) -> Vec<(&'static str, Value)> {
    vec![
        ("Mailbox/get", json!({ "ids": [mailbox], "properties": ["name"] })),
        ("Mailbox/changes", changes()),
        ("Thread/get", json!({ "ids": ["T1"], "properties": ["emailIds"] })),
        ("Thread/changes", changes()),
        (
            "Email/get",
            json!({ "ids": [email], "properties": ["header:From:asText", "bodyStructure"], "bodyProperties": ["partId"],
                "fetchTextBodyValues": true, "fetchHTMLBodyValues": true, "fetchAllBodyValues": true,
                "maxBodyValueBytes": 5 }),
        ),
        ("Email/changes", changes()),
        ("Email/parse", json!({ "blobIds": ["B1"], "properties": ["subject"] })),
    ]
}

fn queries(email: &str, mailbox: &str) -> Vec<(&'static str, Value)> {
    let condition = json!({ "inMailbox": mailbox, "inMailboxOtherThan": ["F9"], "before": "2030-01-02T03:04:05Z",
        "after": "2001-01-02T03:04:05Z", "minSize": 1, "maxSize": 2, "allInThreadHaveKeyword": "a",
        "someInThreadHaveKeyword": "a", "noneInThreadHaveKeyword": "a", "hasKeyword": "a", "notKeyword": "b",
        "hasAttachment": true, "text": "a", "from": "a", "to": "a", "cc": "a", "bcc": "a", "subject": "a", "body": "a",
        "header": ["a", "b"] });
    let filter = json!({ "operator": "OR", "conditions": [condition] });
    let sort = json!([{ "property": "hasKeyword", "keyword": "a", "isAscending": true, "collation": "i;ascii-casemap" }]);
    vec![
        (
            "Mailbox/query",
            json!({ "filter": { "parentId": null, "name": "a", "role": null, "hasAnyRole": false, "isSubscribed": true },
                "sort": [{ "property": "name" }], "sortAsTree": true, "filterAsTree": true, "position": 0, "limit": 5,
                "calculateTotal": true }),
        ),
        ("Mailbox/queryChanges", query_changes(&json!({ "name": "a" }))),
        (
            "Email/query",
            json!({ "filter": filter, "sort": sort, "position": 0, "anchor": email, "anchorOffset": 0, "limit": 5,
                "calculateTotal": true, "collapseThreads": true }),
        ),
        ("Email/queryChanges", query_changes(&condition)),
        ("SearchSnippet/get", json!({ "filter": filter, "emailIds": [email] })),
    ]
}

fn writing(mailbox: &str) -> Vec<(&'static str, Value)> {
    let body = json!({ "mailboxIds": { mailbox: true }, "keywords": { "a": true }, "receivedAt": "2001-01-02T03:04:05Z",
        "from": [{ "name": "a", "email": "a@b" }], "subject": "a", "messageId": ["a@b"], "sentAt": "2001-01-02T03:04:05Z",
        "header:X-A:asText": "a", "bodyStructure": { "type": "multipart/mixed", "subParts": [
            { "partId": "1", "type": "text/plain", "disposition": "inline", "name": "a", "cid": "a" },
            { "blobId": "B1", "type": "text/plain", "charset": "utf-8" }] },
        "bodyValues": { "1": { "value": "a", "isTruncated": false, "isEncodingProblem": false } } });
    vec![
        (
            "Mailbox/set",
            json!({ "ifInState": "1-1", "create": { "k": { "name": "a", "parentId": null, "role": null, "sortOrder": 1,
                "isSubscribed": true } }, "update": { "F99": { "name": "a" } }, "destroy": ["F98"],
                "onDestroyRemoveEmails": false }),
        ),
        (
            "Email/set",
            json!({ "ifInState": "1-1", "create": { "k": body }, "destroy": ["M98"],
                "update": { "M99": { "keywords/a": true, "mailboxIds": { mailbox: true } } } }),
        ),
        (
            "Email/import",
            json!({ "ifInState": "1-1", "emails": { "k": { "blobId": "B1", "mailboxIds": { mailbox: true },
                "keywords": { "a": true }, "receivedAt": "2001-01-02T03:04:05Z" } } }),
        ),
        (
            "Email/copy",
            json!({ "fromAccountId": "", "create": { "k": { "id": "M1" } }, "ifInState": "1-1",
                "ifFromInState": "1-1", "onSuccessDestroyOriginal": false }),
        ),
    ]
}

fn of_blobs_and_quotas() -> Vec<(&'static str, Value)> {
    vec![
        ("Blob/copy", json!({ "fromAccountId": "", "blobIds": ["B1"] })),
        (
            "Blob/upload",
            json!({ "create": { "k": { "type": "a/b", "data": [{ "blobId": "B1", "offset": 0, "length": 1 },
                { "data:asText": "a" }, { "data:asBase64": "YQ==" }] } } }),
        ),
        (
            "Blob/get",
            json!({ "ids": ["B1"], "properties": ["data", "digest:sha"], "offset": 0, "length": 5 }),
        ),
        ("Blob/lookup", json!({ "typeNames": ["Email"], "ids": ["B1"] })),
        ("Quota/get", json!({ "ids": ["octets"], "properties": ["used"] })),
        ("Quota/changes", changes()),
        (
            "Quota/query",
            json!({ "filter": { "name": "a", "scope": "a", "resourceType": "a", "type": "a" },
                "sort": [{ "property": "used" }] }),
        ),
        ("Quota/queryChanges", query_changes(&json!({ "name": "a" }))),
    ]
}

/// The value with each place in it, one at a time, taken by each of these.
fn spoilt(value: &Value, wrong: &[Value]) -> Vec<Value> {
    let mut all: Vec<Value> = wrong.to_vec();
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                all.extend(spoilt(inner, wrong).into_iter().map(|inner| {
                    let mut whole = value.clone();
                    whole[name] = inner;
                    whole
                }));
            }
            let mut more = value.clone();
            more["unknown"] = json!(1);
            all.push(more);
        }
        Value::Array(elements) => {
            for (at, inner) in elements.iter().enumerate() {
                all.extend(spoilt(inner, wrong).into_iter().map(|inner| {
                    let mut whole = value.clone();
                    whole[at] = inner;
                    whole
                }));
            }
        }
        _ => {}
    }
    all
}

#[tokio::test]
async fn a_wrong_type_at_any_place_is_refused_and_breaks_nothing() {
    let home = Home::new().await;
    let arrived = home.deliver("From: a@b.test\r\nSubject: one\r\n\r\nHello\r\n").await;
    let (email, mailbox) = (arrived.id(), format!("F{}", arrived.mailbox));
    let wrong = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(9_007_199_254_740_992_u64),
        json!(""),
        json!("#k"),
        json!("\u{0}\u{fffd}"),
        json!([]),
        json!([[]]),
        json!({}),
        json!({ "": null }),
    ];
    for (method, good) in calls(&home, &email, &mailbox) {
        let spoilt: Vec<Value> = spoilt(&good, &wrong).into_iter().filter(Value::is_object).collect();
        assert!(spoilt.len() > 20, "{method}");
        for chunk in spoilt.chunks(32) {
            let calls: Vec<Value> = chunk.iter().map(|arguments| json!([method, arguments, "c"])).collect();
            for (answer, asked) in home.run(json!(calls)).await.iter().zip(chunk) {
                let kind = answer[1]["type"].as_str().unwrap_or_default();
                let is_told = answer[0] == method || (answer[0] == "error" && !kind.is_empty());
                assert!(
                    is_told && kind != "serverFail" && kind != "serverUnavailable",
                    "{method} {asked}: {answer}"
                );
            }
        }
    }
    assert_eq!(home.store.check().await.unwrap().problems, [""; 0]);
}

#[tokio::test]
async fn numbers_beyond_2_to_the_53_and_fractions_are_no_integers() {
    let home = Home::new().await;
    for (method, argument) in [
        ("Email/query", "position"),
        ("Email/query", "limit"),
        ("Email/get", "maxBodyValueBytes"),
        ("Email/changes", "maxChanges"),
    ] {
        for number in ["9007199254740992", "-9007199254740992", "1e400", "18446744073709551616", "0.5"] {
            let body = format!(
                "{{\"using\":[\"urn:ietf:params:jmap:core\",\"urn:ietf:params:jmap:mail\"],\"methodCalls\":[[\"{method}\",\
                 {{\"accountId\":\"{}\",\"ids\":[],\"{argument}\":{number}}},\"c\"]]}}",
                home.account()
            );
            let answer = home.send("POST", "/jmap/api", "application/json", body).await;
            let json = answer.json();
            // What no double holds is no I-JSON; what it holds but is no Int is a wrong argument.
            let kind = if number == "1e400" { &json["type"] } else { &json["methodResponses"][0][1]["type"] };
            let expected =
                if number == "1e400" { "urn:ietf:params:jmap:error:notJSON" } else { "invalidArguments" };
            assert_eq!(kind, expected, "{method} {argument} {number}: {json}");
        }
    }
}

#[tokio::test]
async fn a_million_ids_are_too_many_for_every_method() {
    let home = Home::new().await;
    let body = |count: usize| {
        let ids = vec!["M1"; count];
        json!({ "using": ["urn:ietf:params:jmap:mail"], "methodCalls": [["Email/get", { "accountId": home.account(), "ids": ids }, "c"]] })
    };
    let answer = home.api(body(1_000_000)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let many: Vec<String> = (0..100_000).map(|number| format!("M{number}")).collect();
    let create = |value: Value| {
        many.iter().take(5000).map(|id| (id.clone(), value.clone())).collect::<serde_json::Map<_, _>>()
    };
    for (method, arguments) in [
        ("Email/get", json!({ "ids": many })),
        ("Thread/get", json!({ "ids": many })),
        ("Mailbox/get", json!({ "ids": many })),
        ("Quota/get", json!({ "ids": many })),
        ("Email/set", json!({ "destroy": many })),
        ("Email/set", json!({ "update": create(json!({})) })),
        ("Email/import", json!({ "emails": create(json!({})) })),
        ("Email/parse", json!({ "blobIds": many })),
        ("Mailbox/set", json!({ "create": create(json!({})) })),
        ("SearchSnippet/get", json!({ "emailIds": many })),
        ("Blob/get", json!({ "ids": many })),
        ("Blob/lookup", json!({ "typeNames": [], "ids": many })),
        ("Blob/upload", json!({ "create": create(json!({})) })),
    ] {
        assert_eq!(home.one(method, arguments).await["type"], "requestTooLarge", "{method}");
    }
    let conditions = vec![json!({ "text": "a" }); 1001];
    let wide =
        home.one("Email/query", json!({ "filter": { "operator": "OR", "conditions": conditions } })).await;
    assert_eq!(wide["type"], "unsupportedFilter");
}

#[tokio::test]
async fn references_in_a_circle_refer_to_nothing() {
    let home = Home::new().await;
    let circle = json!({ "create": { "a": { "name": "a", "parentId": "#b" }, "b": { "name": "b", "parentId": "#a" },
        "c": { "name": "c", "parentId": "#c" } } });
    let made = home.one("Mailbox/set", circle).await;
    assert_eq!(made["created"], Value::Null);
    for key in ["a", "b", "c"] {
        assert_eq!(made["notCreated"][key]["properties"], json!(["parentId"]), "{key}");
    }
    let made = home
        .one(
            "Mailbox/set",
            json!({ "create": { "a": { "name": "a" }, "b": { "name": "b", "parentId": "#a" } } }),
        )
        .await;
    let (a, b) = (&made["created"]["a"]["id"], &made["created"]["b"]["id"]);
    let below = json!({ "update": { a.as_str().unwrap(): { "parentId": b } } });
    let moved = home.one("Mailbox/set", below).await;
    assert_eq!(moved["notUpdated"][a.as_str().unwrap()]["type"], "invalidProperties", "{moved}");
    let growing: Vec<Value> = (0..20)
        .map(|call| json!(["Core/echo", { "#x": { "resultOf": (call - 1).to_string(), "name": "Core/echo", "path": "" },
            "y": vec![0; 20_000] }, call.to_string()]))
        .collect();
    let answers = home.run(json!(growing)).await;
    assert!(answers.iter().any(|answer| answer[1]["type"] == "invalidResultReference"));
}

#[tokio::test]
async fn uploads_that_stop_half_way_take_no_place_for_ever() {
    let home = Home::with(Limits { uploads: 2, ..Limits::default() }, From::Here).await;
    let path = format!("/jmap/upload/{}", home.account());
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\nhalf",
        basic("alice", "secret")
    );
    let mut halves = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(home.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        halves.push(stream);
    }
    let upload = async || home.send("POST", &path, "text/plain", "whole").await;
    let until = async |status: StatusCode| {
        let waiting = async {
            while upload().await.status != status {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting)
            .await
            .unwrap_or_else(|_| panic!("no {status}"));
    };
    until(StatusCode::BAD_REQUEST).await;
    assert_eq!(upload().await.json()["limit"], "maxConcurrentUpload");
    drop(halves);
    until(StatusCode::CREATED).await;
}

#[tokio::test]
async fn an_account_has_fifty_event_sources_and_sockets_and_no_more() {
    let home = Home::new().await;
    let headers = [("authorization", basic("alice", "secret"))];
    let mut open = Vec::new();
    for _ in 0..50 {
        let source = home.open("GET", "/jmap/events?types=*&closeafter=no&ping=0", &headers, "").await;
        assert_eq!(source.status(), StatusCode::OK);
        open.push(source);
    }
    assert_eq!(home.send("GET", "/jmap/events", "", "").await.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(Socket::open(&home, "jmap", "secret").await.is_err());
    let bob = [("authorization", basic("bob", "secret"))];
    assert_eq!(
        home.open("GET", "/jmap/events", &bob, "").await.status(),
        StatusCode::OK,
        "others have their own"
    );
}

#[tokio::test]
async fn an_event_source_that_is_not_read_is_told_less_often() {
    let home = Home::new().await;
    let mut stream = TcpStream::connect(home.address).await.unwrap();
    let request = format!(
        "GET /jmap/events?types=*&closeafter=no&ping=0 HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\n\r\n",
        basic("alice", "secret")
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    // The head of the answer: from here on changes are told.
    let mut heard = vec![0; 4096];
    let count = stream.read(&mut heard).await.unwrap();
    heard.truncate(count);
    // Nobody reads while all of this happens; then the last state is told, however many came before.
    let email = home.deliver("Subject: one\r\n\r\nHello\r\n").await.id();
    for round in 0..300 {
        let flag = if round % 2 == 0 { json!(true) } else { Value::Null };
        home.one("Email/set", json!({ "update": { &email: { "keywords/$flagged": flag } } })).await;
    }
    let last = home.one("Email/get", json!({ "ids": [] })).await["state"].as_str().unwrap().to_owned();
    let reading = async {
        while !String::from_utf8_lossy(&heard).contains(&format!("\"Email\":\"{last}\"")) {
            let mut piece = vec![0; 65_536];
            let count = stream.read(&mut piece).await.unwrap();
            assert!(count > 0, "the event source ended");
            heard.extend_from_slice(&piece[..count]);
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading).await.expect("the last state");
}

#[tokio::test]
async fn a_flood_of_requests_over_a_socket_is_answered_in_order() {
    let home = Home::new().await;
    let socket = Socket::open(&home, "jmap", "secret").await.unwrap();
    let (mut tell, mut hear) = socket.0.split();
    let padding = "x".repeat(10_000);
    let flood = async {
        for number in 0..500 {
            let calls = json!([["Core/echo", { "padding": padding }, "c"]]);
            let request = json!({ "@type": "Request", "id": number.to_string(), "using": ["urn:ietf:params:jmap:core"], "methodCalls": calls });
            tell.send(Message::text(request.to_string())).await.unwrap();
            tell.send(Message::Ping(bytes::Bytes::new())).await.unwrap();
        }
    };
    let answers = async {
        let mut heard = 0;
        while heard < 500 {
            if let Message::Text(text) = hear.next().await.unwrap().unwrap() {
                let answer: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(answer["requestId"], heard.to_string());
                heard += 1;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(flood, answers) })
        .await
        .expect("all answers");
}
