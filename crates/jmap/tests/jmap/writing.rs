//! RFC 8621: mailboxes and emails as they are changed, uploads, and events that tell of it.

use std::time::Duration;

use http_body_util::BodyExt as _;
use jmap::Limits;
use serde_json::{Value, json};

use crate::home::{From, Home, basic};

const PLAIN: &str = "From: zoe@a.test\r\nSubject: one\r\n\r\nHello\r\n";

async fn mailbox(home: &Home, role: &str) -> String {
    let found = home.one("Mailbox/query", json!({ "filter": { "role": role } })).await;
    found["ids"][0].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn keywords_and_mailboxes_of_an_email_are_set_and_patched() {
    let home = Home::new().await;
    let email = home.deliver(PLAIN).await.id();
    let (inbox, archive) = (mailbox(&home, "inbox").await, mailbox(&home, "archive").await);
    let steps = [
        (
            json!({ "keywords/$seen": true, "keywords/Own": true }),
            json!({ "$seen": true, "own": true }),
            vec![&inbox],
        ),
        (
            json!({ "keywords/own": null, "keywords/$flagged": true }),
            json!({ "$seen": true, "$flagged": true }),
            vec![&inbox],
        ),
        (json!({ "keywords": { "$draft": true } }), json!({ "$draft": true }), vec![&inbox]),
        (json!({ format!("mailboxIds/{archive}"): true }), json!({ "$draft": true }), vec![&inbox, &archive]),
        (json!({ "mailboxIds": { &archive: true }, "keywords": {} }), json!({}), vec![&archive]),
    ];
    for (patch, keywords, mailboxes) in steps {
        let before = home.one("Email/get", json!({ "ids": [] })).await["state"].take();
        let set = home.one("Email/set", json!({ "ifInState": before, "update": { &email: patch } })).await;
        assert_eq!(
            (&set["updated"], &set["notUpdated"]),
            (&json!({ &email: null }), &Value::Null),
            "{patch}"
        );
        assert_ne!(set["newState"], before);
        let got =
            home.one("Email/get", json!({ "ids": [email], "properties": ["keywords", "mailboxIds"] })).await;
        let wanted: serde_json::Map<String, Value> =
            mailboxes.into_iter().map(|id| (id.clone(), json!(true))).collect();
        assert_eq!(
            got["list"][0],
            json!({ "id": email, "keywords": keywords, "mailboxIds": wanted }),
            "{patch}"
        );
    }
    let destroyed = home.one("Email/set", json!({ "destroy": [email, "M99", "x"] })).await;
    assert_eq!(destroyed["destroyed"], json!([email]));
    assert_eq!(destroyed["notDestroyed"]["M99"]["type"], "notFound");
    assert!(home.store.check().await.unwrap().problems.is_empty());
}

#[tokio::test]
async fn what_cannot_be_set_is_named_and_left_alone() {
    let home = Home::new().await;
    let email = home.deliver(PLAIN).await.id();
    let inbox = mailbox(&home, "inbox").await;
    let cases = [
        (json!({ "subject": "x" }), "invalidProperties"),
        (json!({ "mailboxIds": {} }), "invalidProperties"),
        (json!({ format!("mailboxIds/{inbox}"): null }), "invalidProperties"),
        (json!({ "mailboxIds": { "F999": true } }), "invalidProperties"),
        (json!({ "mailboxIds": { "x": true } }), "invalidProperties"),
        (json!({ "keywords/a b": true }), "invalidProperties"),
        (json!({ "keywords": { "a": 1 } }), "invalidProperties"),
        (json!({ "keywords": {}, "keywords/a": true }), "invalidPatch"),
    ];
    for (patch, kind) in cases {
        let set = home.one("Email/set", json!({ "update": { &email: patch } })).await;
        assert_eq!(set["notUpdated"][&email]["type"], kind, "{patch}");
        assert_eq!(set["oldState"], set["newState"], "{patch}");
    }
    let both = json!({ "update": { &email: {} }, "destroy": [email], "ifInState": "x" });
    assert_eq!(home.one("Email/set", both).await["type"], "stateMismatch");
    let theirs = home
        .run_as(
            "bob",
            json!([["Email/set", { "accountId": format!("A{}", home.bob.owner()),
        "destroy": [email], "update": { "M77": { "keywords/$seen": true } } }, "c"]]),
        )
        .await;
    assert_eq!(theirs[0][1]["notDestroyed"][&email]["type"], "notFound");
    assert_eq!(theirs[0][1]["notUpdated"]["M77"]["type"], "notFound");
    assert_eq!(home.one("Email/get", json!({ "ids": [email] })).await["notFound"], json!([]));
}

#[tokio::test]
async fn mailboxes_are_made_renamed_moved_and_destroyed() {
    let home = Home::new().await;
    let inbox = mailbox(&home, "inbox").await;
    let made = home
        .one(
            "Mailbox/set",
            json!({ "create": {
        "b": { "name": "Below", "parentId": "#a" },
        "a": { "name": "Above", "sortOrder": 7, "isSubscribed": true },
        "c": { "name": "In/box" }, "d": { "name": "Above", "parentId": "F999" }, "e": { "name": "Junk" },
        "f": { "name": "Other", "role": "junk" }, "g": { "nothing": 1 },
    } }),
        )
        .await;
    let id = |key: &str| made["created"][key]["id"].as_str().unwrap().to_owned();
    let (above, below) = (id("a"), id("b"));
    let refused = made["notCreated"].as_object().unwrap();
    assert_eq!(refused.keys().collect::<Vec<_>>(), ["c", "d", "e", "f", "g"]);
    let junk = mailbox(&home, "junk").await;
    for (key, error) in refused {
        let expected = if key == "e" { "alreadyExists" } else { "invalidProperties" };
        assert_eq!(error["type"], expected, "{key}");
    }
    assert_eq!(refused["e"]["existingId"], junk);
    let update = json!({ "update": { &below: { "name": "Alone", "parentId": null }, &inbox: { "name": "Other" },
        &above: { "parentId": above, "sortOrder": 9 } } });
    let set = home.one("Mailbox/set", update).await;
    assert_eq!(set["updated"], json!({ &below: null }));
    assert_eq!(set["notUpdated"][&inbox]["type"], "forbidden");
    assert_eq!(set["notUpdated"][&above]["type"], "invalidProperties");
    let properties = json!(["name", "parentId", "sortOrder", "isSubscribed"]);
    let got = home.one("Mailbox/get", json!({ "ids": [above, below], "properties": properties })).await;
    assert_eq!(
        got["list"],
        json!([
            { "id": above, "name": "Above", "parentId": null, "sortOrder": 7, "isSubscribed": true },
            { "id": below, "name": "Alone", "parentId": null, "sortOrder": 0, "isSubscribed": false },
        ])
    );
    let email = home.deliver(PLAIN).await.id();
    home.one("Email/set", json!({ "update": { &email: { "mailboxIds": { &above: true } } } })).await;
    home.one("Mailbox/set", json!({ "update": { &below: { "parentId": above } } })).await;
    let destroyed = home.one("Mailbox/set", json!({ "destroy": [above] })).await;
    assert_eq!(destroyed["notDestroyed"][&above]["type"], "mailboxHasChild");
    let destroyed = home.one("Mailbox/set", json!({ "destroy": [above, below] })).await;
    assert_eq!(destroyed["destroyed"], json!([below]));
    assert_eq!(destroyed["notDestroyed"][&above]["type"], "mailboxHasEmail");
    let destroyed =
        home.one("Mailbox/set", json!({ "destroy": [above], "onDestroyRemoveEmails": true })).await;
    assert_eq!(destroyed["destroyed"], json!([above]));
    assert_eq!(home.one("Email/get", json!({ "ids": [email] })).await["notFound"], json!([email]));
}

#[tokio::test]
async fn what_is_uploaded_is_imported_and_belongs_to_its_account() {
    let home = Home::with(Limits { upload_bytes: 10_000, ..Limits::default() }, From::Here).await;
    let path = format!("/jmap/upload/{}", home.account());
    let sent = home.send("POST", &path, "message/rfc822", "From: a@b.test\nSubject: up\n\nHi\n").await;
    assert_eq!(sent.status, 201);
    let sent = sent.json();
    assert_eq!((&sent["type"], &sent["size"]), (&json!("message/rfc822"), &json!(31)));
    let blob = sent["blobId"].as_str().unwrap().to_owned();
    let down = home.send("GET", &format!("/jmap/download/{}/{blob}/x", home.account()), "", "").await;
    assert_eq!(down.body.len(), 31);
    let bobs = [("authorization", basic("bob", "secret"))];
    let path_of_bob = format!("/jmap/download/A{}/{blob}/x", home.bob.owner());
    assert_eq!(home.send_with("GET", &path_of_bob, &bobs, "").await.status, 404);
    assert_eq!(home.send_with("POST", &path, &bobs, "x").await.status, 404);
    let large = home.send("POST", &path, "text/plain", "x".repeat(10_001)).await.json();
    assert_eq!(large["limit"], "maxSizeUpload");
    let inbox = mailbox(&home, "inbox").await;
    let import = |email: Value| home.one("Email/import", json!({ "emails": { "k": email } }));
    let date = "2020-01-02T03:04:05Z";
    let made = import(json!({ "blobId": blob, "mailboxIds": { &inbox: true }, "keywords": { "$seen": true },
        "receivedAt": date }))
    .await;
    let id = made["created"]["k"]["id"].as_str().unwrap();
    let got = home
        .one("Email/get", json!({ "ids": [id], "properties": ["subject", "keywords", "receivedAt"] }))
        .await;
    let expected = json!({ "id": id, "subject": "up", "keywords": { "$seen": true }, "receivedAt": date });
    assert_eq!(got["list"][0], expected);
    for wrong in [
        json!({ "blobId": format!("U{}", "0".repeat(32)), "mailboxIds": { &inbox: true } }),
        json!({ "blobId": blob, "mailboxIds": {} }),
        json!({ "blobId": blob, "mailboxIds": { "F999": true } }),
        json!({ "blobId": blob }),
        json!({ "blobId": blob, "mailboxIds": { &inbox: true }, "receivedAt": "x" }),
    ] {
        assert_eq!(import(wrong.clone()).await["notCreated"]["k"]["type"], "invalidProperties", "{wrong}");
    }
    assert!(home.store.check().await.unwrap().problems.is_empty());
}

#[tokio::test]
async fn an_email_is_made_of_its_properties() {
    let home = Home::new().await;
    let drafts = mailbox(&home, "drafts").await;
    let file = home
        .send("POST", &format!("/jmap/upload/{}", home.account()), "image/png", &b"\x89PNG\r\n"[..])
        .await;
    let made = home.one("Email/set", json!({ "create": { "k": {
        "mailboxIds": { &drafts: true }, "keywords": { "$draft": true, "$seen": true },
        "from": [{ "name": "Zoë \"Z\"", "email": "zoe@a.test" }], "to": [{ "email": "b@b.test" }, { "name": "C", "email": "c@b.test" }],
        "subject": "käse ".repeat(30), "inReplyTo": ["x@a.test"], "sentAt": "2018-07-10T01:03:11+10:00",
        "header:X-Own:asText": "own",
        "textBody": [{ "partId": "t" }], "htmlBody": [{ "partId": "h", "type": "text/html" }],
        "attachments": [{ "blobId": file.json()["blobId"], "type": "image/png", "name": "pünkt.png", "cid": "dot@a" }],
        "bodyValues": { "t": { "value": "Grüße\nund so" }, "h": { "value": "<p>plain</p>" } },
    } } })).await;
    let id = made["created"]["k"]["id"].as_str().unwrap_or_else(|| panic!("{made}"));
    let got = home.one("Email/get", json!({ "ids": [id], "fetchAllBodyValues": true, "properties": ["from", "to", "subject",
        "inReplyTo", "sentAt", "header:X-Own:asText", "keywords", "bodyValues", "textBody", "htmlBody", "attachments",
        "messageId", "header:MIME-Version"], "bodyProperties": ["partId", "type", "name", "cid", "size"] })).await["list"][0].take();
    assert_eq!(got["from"], json!([{ "name": "Zoë \"Z\"", "email": "zoe@a.test" }]));
    assert_eq!(
        got["to"],
        json!([{ "name": null, "email": "b@b.test" }, { "name": "C", "email": "c@b.test" }])
    );
    assert_eq!(got["subject"], "käse ".repeat(30).trim());
    assert_eq!(
        (&got["inReplyTo"], &got["sentAt"]),
        (&json!(["x@a.test"]), &json!("2018-07-10T01:03:11+10:00"))
    );
    assert_eq!((&got["header:X-Own:asText"], &got["header:MIME-Version"]), (&json!("own"), &json!(" 1.0")));
    let value = |list: &str| {
        let part = got[list][0]["partId"].as_str().unwrap();
        got["bodyValues"][part]["value"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        (value("textBody"), value("htmlBody")),
        ("Grüße\nund so".to_owned(), "<p>plain</p>".to_owned())
    );
    let file = &got["attachments"][0];
    assert_eq!(
        (&file["name"], &file["cid"], &file["size"]),
        (&json!("pünkt.png"), &json!("dot@a"), &json!(6))
    );
    let drafts = json!({ &drafts: true });
    for (wrong, kind) in [
        (json!({ "mailboxIds": drafts, "headers": [] }), "invalidProperties"),
        (json!({ "mailboxIds": drafts, "header:Content-Type": "text/plain" }), "invalidProperties"),
        (json!({ "mailboxIds": drafts, "subject": "a", "header:Subject:asText": "b" }), "invalidProperties"),
        (
            json!({ "mailboxIds": drafts, "subject": "a\r\nBcc: x@y" , "header:X-A": "a\r\nb" }),
            "invalidProperties",
        ),
        (json!({ "mailboxIds": drafts, "from": [{ "email": "a@b>\r\nX: y" }] }), "invalidProperties"),
        (json!({ "mailboxIds": drafts, "textBody": [{ "partId": "x" }] }), "invalidProperties"),
        (json!({ "mailboxIds": drafts, "attachments": [{ "blobId": "B99" }] }), "blobNotFound"),
        (json!({ "subject": "a" }), "invalidProperties"),
    ] {
        let made = home.one("Email/set", json!({ "create": { "k": &wrong } })).await;
        assert_eq!(made["notCreated"]["k"]["type"], kind, "{wrong}");
    }
}

#[tokio::test]
async fn an_event_source_tells_what_changed_and_what_was_missed() {
    let home = Home::new().await;
    let listen = async |query: &str, last: Option<&str>| {
        let mut headers = vec![("authorization", basic("alice", "secret"))];
        headers.extend(last.map(|last| ("last-event-id", last.to_owned())));
        let answer = home.open("GET", &format!("/jmap/events?{query}"), &headers, "").await;
        assert_eq!(answer.headers()["content-type"], "text/event-stream; charset=utf-8");
        answer.into_body()
    };
    let mut all = listen("types=*&closeafter=no&ping=0", None).await;
    let mut threads = listen("types=Thread&closeafter=state&ping=0", None).await;
    let next = async |body: &mut hyper::body::Incoming| {
        let frame = tokio::time::timeout(Duration::from_secs(20), body.frame()).await.expect("an event");
        let bytes = frame.unwrap().unwrap().into_data().unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    };
    let email = home.deliver(PLAIN).await.id();
    let event = next(&mut all).await;
    let changed = |event: &str| {
        let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        let change: Value = serde_json::from_str(data).unwrap();
        assert_eq!(change["@type"], "StateChange");
        change["changed"][home.account()].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(changed(&event), ["Email", "EmailDelivery", "Mailbox", "Thread"]);
    assert_eq!(changed(&next(&mut threads).await), ["Thread"]);
    assert!(threads.frame().await.is_none(), "closed after the state");
    drop(all);
    home.one("Email/set", json!({ "update": { &email: { "keywords/$answered": true } } })).await;
    let id = event.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    let mut again = listen("types=*&closeafter=no&ping=0", Some(&id)).await;
    assert_eq!(changed(&next(&mut again).await), ["Email"], "a flag that no count depends on");
    let state = home.one("Email/get", json!({ "ids": [] })).await["state"].take();
    home.one("Email/set", json!({ "destroy": [email] })).await;
    let event = next(&mut again).await;
    assert_eq!(changed(&event), ["Email", "Mailbox", "Thread"]);
    assert!(!event.contains(&format!("\"Email\":{state}")));
}
