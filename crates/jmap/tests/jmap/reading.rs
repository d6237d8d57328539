//! RFC 8621: mailboxes, threads and emails as they are read.

use serde_json::{Value, json};
use store::{FlagChange, Flags};

use crate::home::Home;

const PLAIN: &str = "From: Zoe <zoe@a.test>\r\nTo: alice@b.test\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\n\
    Date: Tue, 10 Jul 2018 01:03:11 +1000\r\nMessage-ID: <1@a.test>\r\n\r\nHello there\r\nand more\r\n";
const REPLY: &str = "From: bob@b.test\r\nSender: carl@b.test\r\nTo: Zoe <zoe@a.test>\r\nSubject: Re: caf=?utf-8?q?=C3=A9?=\r\n\
    In-Reply-To: <1@a.test>\r\nMessage-ID: <2@b.test>\r\n\r\nIndeed\r\n";
const MIXED: &str = "From: bob@b.test\r\nSubject: with a file\r\nX-Own: one\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>caf=C3=A9</p>\r\n\
    --b\r\nContent-Type: image/png; name=\"dot.png\"\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <dot@b>\r\n\
    Content-Disposition: attachment\r\n\r\niVBORw0KGgo=\r\n--b--\r\n";

#[tokio::test]
async fn mailboxes_have_roles_parents_and_counts() {
    let home = Home::new().await;
    home.deliver(PLAIN).await;
    home.deliver(REPLY).await;
    let made =
        home.store.create_mailbox(&home.alice, &store::MailboxName::new("Work/Plans").unwrap(), None).await;
    let plans = format!("F{}", made.unwrap().0.id);
    let got = home.one("Mailbox/get", json!({ "ids": null })).await;
    let list = got["list"].as_array().unwrap();
    let of_role = |role: &str| list.iter().find(|mailbox| mailbox["role"] == role).unwrap();
    for role in ["inbox", "drafts", "sent", "junk", "trash", "archive"] {
        assert_eq!(of_role(role)["parentId"], Value::Null, "{role}");
    }
    let inbox = of_role("inbox");
    let counts =
        ["totalEmails", "unreadEmails", "totalThreads", "unreadThreads"].map(|name| inbox[name].clone());
    assert_eq!((inbox["name"].as_str(), counts), (Some("Inbox"), [2, 2, 1, 1].map(Value::from)));
    let plans = list.iter().find(|mailbox| mailbox["id"] == *plans).unwrap();
    let work = list.iter().find(|mailbox| mailbox["id"] == plans["parentId"]).unwrap();
    assert_eq!((&plans["name"], &work["name"]), (&json!("Plans"), &json!("Work")));
    let some =
        home.one("Mailbox/get", json!({ "ids": [inbox["id"], "F999", "x"], "properties": ["name"] })).await;
    assert_eq!(some["list"], json!([{ "id": inbox["id"], "name": "Inbox" }]));
    assert_eq!(some["notFound"], json!(["F999", "x"]));
    let tree =
        json!({ "sort": [{ "property": "name" }], "sortAsTree": true, "filter": { "hasAnyRole": false } });
    assert_eq!(home.one("Mailbox/query", tree).await["ids"], json!([work["id"], plans["id"]]));
    let named = home.one(
        "Mailbox/query",
        json!({ "filter": { "parentId": null, "name": "INB" }, "calculateTotal": true }),
    );
    let named = named.await;
    assert_eq!((&named["ids"], &named["total"]), (&json!([inbox["id"]]), &json!(1)));
}

#[tokio::test]
async fn an_email_shows_what_its_headers_and_bodies_say() {
    let home = Home::new().await;
    let (plain, reply, mixed) =
        (home.deliver(PLAIN).await, home.deliver(REPLY).await, home.deliver(MIXED).await);
    let got = home.one("Email/get", json!({ "ids": [plain.id(), "M99", reply.id()] })).await;
    assert_eq!(got["notFound"], json!(["M99"]));
    let email = &got["list"][0];
    let expected = json!({
        "id": plain.id(), "blobId": format!("B{}", plain.message), "threadId": format!("T{}", plain.message),
        "mailboxIds": { format!("F{}", plain.mailbox): true }, "keywords": {}, "size": PLAIN.len(),
        "receivedAt": "2023-11-14T22:13:20Z", "messageId": ["1@a.test"], "inReplyTo": null, "references": null,
        "sender": null, "from": [{ "name": "Zoe", "email": "zoe@a.test" }], "to": [{ "name": null, "email": "alice@b.test" }],
        "cc": null, "bcc": null, "replyTo": null, "subject": "café", "sentAt": "2018-07-10T01:03:11+10:00",
        "hasAttachment": false, "preview": "Hello there and more", "bodyValues": {}, "attachments": [],
        "textBody": email["textBody"], "htmlBody": email["textBody"],
    });
    assert_eq!(*email, expected);
    assert_eq!(got["list"][1]["sender"], json!([{ "name": null, "email": "carl@b.test" }]));
    assert_eq!(got["list"][1]["threadId"], email["threadId"]);
    let part = &email["textBody"][0];
    assert_eq!(
        (&part["type"], &part["charset"], &part["size"]),
        (&json!("text/plain"), &json!("us-ascii"), &json!(23))
    );
    let wanted = json!({ "ids": [mixed.id()], "fetchHTMLBodyValues": true, "maxBodyValueBytes": 8,
        "properties": ["bodyStructure", "bodyValues", "attachments", "hasAttachment", "header:x-own:asText"],
        "bodyProperties": ["partId", "type", "size", "name", "cid", "disposition", "header:Content-Type"] });
    let got = home.one("Email/get", wanted).await["list"][0].take();
    let html = json!({ "partId": "1", "type": "text/html", "size": 12, "name": null, "cid": null, "disposition": null,
        "header:Content-Type": " text/html; charset=utf-8" });
    let file = json!({ "partId": "2", "type": "image/png", "size": 8, "name": "dot.png", "cid": "dot@b",
        "disposition": "attachment", "header:Content-Type": " image/png; name=\"dot.png\"" });
    assert_eq!(got["bodyStructure"]["subParts"], json!([html, file]));
    assert_eq!(got["bodyStructure"]["partId"], Value::Null);
    assert_eq!((&got["attachments"], &got["hasAttachment"]), (&json!([file]), &json!(true)));
    let value = json!({ "1": { "value": "<p>café", "isEncodingProblem": false, "isTruncated": true } });
    assert_eq!((&got["bodyValues"], &got["header:x-own:asText"]), (&value, &json!("one")));
}

#[tokio::test]
async fn emails_are_found_sorted_and_cut_out() {
    let home = Home::new().await;
    let (plain, reply, mixed) =
        (home.deliver(PLAIN).await, home.deliver(REPLY).await, home.deliver(MIXED).await);
    let change =
        FlagChange { add: Flags::SEEN, add_keywords: vec!["$Forwarded".into()], ..FlagChange::default() };
    let _ = home.store.store_flags(&home.alice, plain.mailbox, vec![plain.uid], change, None).await.unwrap();
    let inbox = format!("F{}", plain.mailbox);
    let (p, r, m) = (plain.id(), reply.id(), mixed.id());
    let cases = [
        (json!(null), vec![&m, &r, &p]),
        (json!({ "inMailbox": inbox }), vec![&m, &r, &p]),
        (json!({ "inMailbox": "F999" }), vec![]),
        (json!({ "inMailboxOtherThan": [inbox] }), vec![]),
        (json!({ "hasKeyword": "$seen" }), vec![&p]),
        (json!({ "hasKeyword": "$forwarded", "inMailbox": inbox }), vec![&p]),
        (json!({ "notKeyword": "$seen" }), vec![&m, &r]),
        (json!({ "someInThreadHaveKeyword": "$seen" }), vec![&r, &p]),
        (json!({ "allInThreadHaveKeyword": "$seen" }), vec![]),
        (json!({ "noneInThreadHaveKeyword": "$seen" }), vec![&m]),
        (json!({ "hasAttachment": true }), vec![&m]),
        (json!({ "from": "zoe" }), vec![&p]),
        (json!({ "to": "ZOE@a" }), vec![&r]),
        (json!({ "subject": "café" }), vec![&r, &p]),
        (json!({ "body": "indeed" }), vec![&r]),
        (json!({ "body": "café" }), vec![&m]),
        (json!({ "text": "café" }), vec![&m, &r, &p]),
        (json!({ "header": ["X-Own"] }), vec![&m]),
        (json!({ "header": ["x-own", "two"] }), vec![]),
        (json!({ "minSize": MIXED.len() }), vec![&m]),
        (json!({ "maxSize": REPLY.len() }), vec![]),
        (json!({ "after": "2023-11-14T22:13:20Z", "before": "2023-11-14T22:13:21Z" }), vec![&m, &r, &p]),
        (json!({ "before": "2023-11-14T22:13:20Z" }), vec![]),
        (
            json!({ "operator": "NOT", "conditions": [{ "body": "indeed" }, { "operator": "AND", "conditions": [
                { "hasKeyword": "$seen" }, { "from": "zoe" }] }] }),
            vec![&m],
        ),
        (
            json!({ "operator": "OR", "conditions": [{ "hasAttachment": true }, { "hasKeyword": "$seen" }] }),
            vec![&m, &p],
        ),
    ];
    for (filter, expected) in cases {
        let found = home.one("Email/query", json!({ "filter": &filter })).await;
        assert_eq!(found["ids"], json!(expected), "{filter}");
    }
    let sorts = [
        (json!([{ "property": "size" }]), vec![&r, &p, &m]),
        (
            json!([{ "property": "from" }, { "property": "receivedAt", "isAscending": false }]),
            vec![&m, &r, &p],
        ),
        (json!([{ "property": "subject", "isAscending": false }]), vec![&m, &r, &p]),
        (json!([{ "property": "hasKeyword", "keyword": "$seen", "isAscending": false }]), vec![&p, &m, &r]),
        (json!([{ "property": "sentAt" }]), vec![&p, &m, &r]),
    ];
    for (sort, expected) in sorts {
        let found = home.one("Email/query", json!({ "sort": &sort })).await;
        assert_eq!(found["ids"], json!(expected), "{sort}");
    }
    let window = json!({ "anchor": r, "anchorOffset": -1, "limit": 1, "calculateTotal": true });
    let found = home.one("Email/query", window).await;
    assert_eq!((&found["ids"], &found["position"], &found["total"]), (&json!([m]), &json!(0), &json!(3)));
    let collapsed = home.one("Email/query", json!({ "collapseThreads": true })).await;
    assert_eq!(collapsed["ids"], json!([m, r]));
    let thread = format!("T{}", plain.message);
    let got = home.one("Thread/get", json!({ "ids": [thread, "T77"] })).await;
    assert_eq!(got["list"], json!([{ "id": thread, "emailIds": [p, r] }]));
    assert_eq!(got["notFound"], json!(["T77"]));
}

#[tokio::test]
async fn what_is_deleted_in_imap_is_not_there() {
    let home = Home::new().await;
    let plain = home.deliver(PLAIN).await;
    let before = home.one("Email/get", json!({ "ids": [] })).await["state"].take();
    let change = FlagChange { add: Flags::DELETED, ..FlagChange::default() };
    let _ = home.store.store_flags(&home.alice, plain.mailbox, vec![plain.uid], change, None).await.unwrap();
    assert_eq!(home.one("Email/get", json!({ "ids": [plain.id()] })).await["notFound"], json!([plain.id()]));
    assert_eq!(home.one("Email/query", json!({})).await["ids"], json!([]));
    let inbox = home.one("Mailbox/get", json!({ "ids": [format!("F{}", plain.mailbox)] })).await;
    assert_eq!(inbox["list"][0]["totalEmails"], 0);
    let changes = home.one("Email/changes", json!({ "sinceState": before })).await;
    assert_eq!(changes["destroyed"], json!([plain.id()]));
    let then = changes["newState"].clone();
    let _ = home.store.expunge(&home.alice, plain.mailbox, None).await.unwrap();
    // It has been told already.
    let changes = home.one("Email/changes", json!({ "sinceState": then })).await;
    assert_eq!(changes["destroyed"], json!([]));
}

#[tokio::test]
async fn changes_say_what_became_of_each_type() {
    let home = Home::new().await;
    let plain = home.deliver(PLAIN).await;
    let states = home
        .run(json!([
            ["Email/get", { "accountId": home.account(), "ids": [] }, "e"],
            ["Thread/get", { "accountId": home.account(), "ids": [] }, "t"],
            ["Mailbox/get", { "accountId": home.account(), "ids": [] }, "m"],
            ["Email/query", { "accountId": home.account() }, "q"],
        ]))
        .await;
    let since = |at: usize| json!({ "sinceState": states[at][1]["state"] });
    let (reply, mixed) = (home.deliver(REPLY).await, home.deliver(MIXED).await);
    let seen = FlagChange { add: Flags::FLAGGED, ..FlagChange::default() };
    let _ = home.store.store_flags(&home.alice, plain.mailbox, vec![plain.uid], seen, None).await.unwrap();
    let emails = home.one("Email/changes", since(0)).await;
    assert_eq!(emails["created"], json!([reply.id(), mixed.id()]));
    assert_eq!(emails["updated"], json!([plain.id()]));
    let threads = home.one("Thread/changes", since(1)).await;
    assert_eq!(threads["created"], json!([format!("T{}", mixed.message)]));
    assert_eq!(threads["updated"], json!([format!("T{}", plain.message)]));
    let mailboxes = home.one("Mailbox/changes", since(2)).await;
    assert_eq!(mailboxes["updated"], json!([format!("F{}", plain.mailbox)]));
    let counts = json!(["totalEmails", "unreadEmails", "totalThreads", "unreadThreads"]);
    assert_eq!(mailboxes["updatedProperties"], counts);
    let query = json!({ "sinceQueryState": states[3][1]["queryState"], "calculateTotal": true });
    let query = home.one("Email/queryChanges", query).await;
    let added = json!([{ "id": mixed.id(), "index": 0 }, { "id": reply.id(), "index": 1 }, { "id": plain.id(), "index": 2 }]);
    assert_eq!(
        (&query["removed"], &query["added"], &query["total"]),
        (&json!([plain.id()]), &added, &json!(3))
    );
    // One at a time, to the end.
    let (mut state, mut told) = (states[0][1]["state"].clone(), Vec::new());
    loop {
        let page = home.one("Email/changes", json!({ "sinceState": state, "maxChanges": 1 })).await;
        told.extend(
            page["created"].as_array().unwrap().iter().chain(page["updated"].as_array().unwrap()).cloned(),
        );
        state = page["newState"].clone();
        if page["hasMoreChanges"] == false {
            break;
        }
        assert!(told.len() <= 3, "{told:?}");
    }
    assert_eq!(told, [json!(reply.id()), json!(mixed.id()), json!(plain.id())]);
    let flags = FlagChange { add: Flags::ANSWERED, ..FlagChange::default() };
    let _ = home.store.store_flags(&home.alice, plain.mailbox, vec![plain.uid], flags, None).await.unwrap();
    let mailboxes = home.one("Mailbox/changes", json!({ "sinceState": mailboxes["newState"] })).await;
    assert_eq!(mailboxes["updated"], json!([]), "a flag that is not counted");
    let threads = home.one("Thread/changes", json!({ "sinceState": threads["newState"] })).await;
    assert_eq!(threads["updated"], json!([]), "flags do not change threads");
}

#[tokio::test]
async fn wrong_arguments_are_named() {
    let home = Home::new().await;
    let cases = [
        ("Email/get", json!({ "ids": null }), "requestTooLarge"),
        ("Email/get", json!({ "ids": ["a b"] }), "invalidArguments"),
        ("Email/get", json!({ "ids": [1] }), "invalidArguments"),
        ("Email/get", json!({ "ids": [], "properties": ["nothing"] }), "invalidArguments"),
        ("Email/get", json!({ "ids": [], "properties": ["header:From:asDate"] }), "invalidArguments"),
        ("Email/get", json!({ "ids": [], "unknown": 1 }), "invalidArguments"),
        ("Email/get", json!({ "ids": [], "maxBodyValueBytes": -1 }), "invalidArguments"),
        ("Email/get", json!({ "ids": vec!["M1".to_owned(); 3] }), "ok"),
        (
            "Email/get",
            json!({ "ids": (0..1001).map(|id| format!("M{id}")).collect::<Vec<_>>() }),
            "requestTooLarge",
        ),
        ("Mailbox/get", json!({ "ids": [], "properties": ["nothing"] }), "invalidArguments"),
        ("Email/query", json!({ "filter": { "nothing": 1 } }), "unsupportedFilter"),
        ("Email/query", json!({ "filter": { "minSize": "x" } }), "invalidArguments"),
        ("Email/query", json!({ "filter": { "before": "x" } }), "invalidArguments"),
        ("Email/query", json!({ "filter": { "operator": "XOR", "conditions": [] } }), "invalidArguments"),
        ("Email/query", json!({ "filter": [] }), "invalidArguments"),
        ("Email/query", json!({ "sort": [{ "property": "nothing" }] }), "unsupportedSort"),
        ("Email/query", json!({ "sort": [{ "property": "size", "collation": "x" }] }), "unsupportedSort"),
        ("Email/query", json!({ "sort": [{ "property": "hasKeyword" }] }), "invalidArguments"),
        ("Email/query", json!({ "anchor": "M7" }), "anchorNotFound"),
        ("Email/query", json!({ "limit": -1 }), "invalidArguments"),
        ("Email/query", json!({ "position": 1u64 << 60 }), "invalidArguments"),
        ("Email/changes", json!({ "sinceState": "x" }), "cannotCalculateChanges"),
        ("Email/changes", json!({ "sinceState": "2-1" }), "cannotCalculateChanges"),
        ("Email/changes", json!({ "sinceState": "1-999999" }), "cannotCalculateChanges"),
        ("Email/changes", json!({ "sinceState": "1-0", "maxChanges": 0 }), "invalidArguments"),
        ("Email/changes", json!({}), "invalidArguments"),
        ("Email/queryChanges", json!({ "sinceQueryState": "x" }), "cannotCalculateChanges"),
        ("Mailbox/changes", json!({ "sinceState": "1-999999" }), "cannotCalculateChanges"),
        ("Thread/get", json!({ "ids": null }), "requestTooLarge"),
        ("Email/parse", json!({ "blobIds": ["B1"], "properties": ["x"] }), "invalidArguments"),
    ];
    for (method, arguments, expected) in cases {
        let response = home.one(method, arguments.clone()).await;
        assert_eq!(response["type"].as_str().unwrap_or("ok"), expected, "{method} {arguments}");
    }
}

#[tokio::test]
async fn what_is_somebody_elses_is_not_there() {
    let home = Home::new().await;
    let placed = home.deliver(PLAIN).await;
    let theirs = format!("A{}", home.bob.owner());
    let methods = ["Email/get", "Email/query", "Mailbox/get", "Mailbox/query", "Thread/get"];
    for (method, account) in
        methods.iter().flat_map(|method| [(method, &*theirs), (method, "A99"), (method, "x")])
    {
        let response = home.run(json!([[method, { "accountId": account }, "c"]])).await;
        assert_eq!(response[0][1]["type"], "accountNotFound", "{method} {account}");
    }
    let calls = json!([
        ["Email/get", { "accountId": theirs, "ids": [placed.id()] }, "0"],
        ["Email/parse", { "accountId": theirs, "blobIds": [format!("B{}", placed.message)] }, "1"],
    ]);
    let responses = home.run_as("bob", calls).await;
    assert_eq!(responses[0][1]["notFound"], json!([placed.id()]));
    assert_eq!(responses[1][1]["notFound"], json!([format!("B{}", placed.message)]));
    let headers = [("authorization", crate::home::basic("bob", "secret"))];
    for account in [home.account(), theirs] {
        let path = format!("/jmap/download/{account}/B{}/x", placed.message);
        assert_eq!(home.send_with("GET", &path, &headers, "").await.status, 404);
    }
}

#[tokio::test]
async fn a_blob_is_downloaded_whole_or_in_parts_and_parsed() {
    let home = Home::new().await;
    let mixed = home.deliver(MIXED).await;
    let blob = format!("B{}", mixed.message);
    let get = async |blob: &str, rest: &str| {
        home.send("GET", &format!("/jmap/download/{}/{blob}/{rest}", home.account()), "", "").await
    };
    let whole = get(&blob, "mail%20it.eml?accept=message%2Frfc822").await;
    assert_eq!((whole.status.as_u16(), &whole.body[..]), (200, MIXED.as_bytes()));
    assert_eq!(whole.header("content-type"), "message/rfc822");
    assert_eq!(whole.header("content-disposition"), "attachment; filename*=UTF-8''mail%20it.eml");
    assert!(whole.header("cache-control").contains("immutable"));
    assert_eq!(&get(&format!("{blob}-2"), "dot.png").await.body[..], b"\x89PNG\r\n\x1a\n");
    for missing in [format!("{blob}-9"), "B99".to_owned(), "x".to_owned(), format!("U{}", "0".repeat(32))] {
        assert_eq!(get(&missing, "x").await.status, 404, "{missing}");
    }
    let arguments = json!({ "blobIds": [blob, format!("{blob}-2"), "B99"], "properties": ["subject", "id", "hasAttachment"] });
    let parsed = home.one("Email/parse", arguments).await;
    assert_eq!(
        parsed["parsed"],
        json!({ &blob: { "subject": "with a file", "id": null, "hasAttachment": true } })
    );
    assert_eq!(
        (&parsed["notParsable"], &parsed["notFound"]),
        (&json!([format!("{blob}-2")]), &json!(["B99"]))
    );
}
