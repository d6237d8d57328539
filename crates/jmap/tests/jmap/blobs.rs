//! RFC 9404: blobs in requests; RFC 8620 §5.4 and §6.3: what is not copied.

use jmap::Limits;
use serde_json::{Value, json};

use crate::home::{BLOB, CORE, From, Home};

const MIXED: &str = "From: bob@b.test\r\nSubject: with a file\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\n\r\nhello\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b--\r\n";

#[tokio::test]
async fn blobs_are_put_together_from_texts_base64_and_each_other() {
    let home = Home::new().await;
    let account = home.account();
    let made = home
        .run(json!([
            ["Blob/upload", { "accountId": account, "create": { "fox": {
                "data": [{ "data:asText": "The quick " }, { "data:asBase64": "YnJvd24gZm94" }], "type": "text/plain" } } }, "0"],
            ["Blob/upload", { "accountId": account, "create": {
                "a": { "data": [{ "blobId": "#b" }, { "data:asText": "!" }] },
                "b": { "data": [{ "blobId": "#fox", "offset": 4, "length": 5 }, { "data:asText": " cat" }] } } }, "1"],
            ["Blob/get", { "accountId": account, "ids": ["#a", "#fox"], "properties": ["data", "size", "digest:sha"] }, "2"],
            ["Blob/get", { "accountId": account, "ids": ["#fox"], "offset": 10, "length": 50,
                "properties": ["data:asText", "data:asBase64", "size", "digest:sha-256"] }, "3"],
        ]))
        .await;
    let fox = &made[0][1]["created"]["fox"];
    assert_eq!((&fox["type"], &fox["size"]), (&json!("text/plain"), &json!(19)));
    assert_eq!(made[1][1]["created"]["a"]["type"], "application/octet-stream");
    let list = &made[2][1]["list"];
    assert_eq!(list[0]["data:asText"], "quick cat!");
    // The digests are those of coreutils.
    let whole = json!({ "id": fox["id"], "data:asText": "The quick brown fox", "size": 19,
        "digest:sha": "xRnBoGzb6yvEmeIhN/tIaDhYs0U=" });
    assert_eq!(list[1], whole);
    let part = &made[3][1]["list"][0];
    assert_eq!((&part["data:asText"], &part["data:asBase64"]), (&json!("brown fox"), &json!("YnJvd24gZm94")));
    assert_eq!((&part["isTruncated"], &part["size"]), (&json!(true), &json!(19)));
    assert_eq!(part["digest:sha-256"], "PQJjTsRTZrzmG+WgLYktFMUtjHVQ+IGHg4/CuV7k3e4=");
}

#[tokio::test]
async fn what_is_no_text_is_shown_in_base64_and_says_so() {
    let home = Home::new().await;
    let made = home
        .one("Blob/upload", json!({ "create": { "k": { "data": [{ "data:asBase64": "/wA=" }] } } }))
        .await;
    let id = &made["created"]["k"]["id"];
    let show = async |properties: Value| {
        home.one("Blob/get", json!({ "ids": [id, "U0", "B99"], "properties": properties })).await
    };
    let got = show(json!(null)).await;
    assert_eq!(
        got["list"],
        json!([{ "id": id, "data:asBase64": "/wA=", "isEncodingProblem": true, "size": 2 }])
    );
    assert_eq!(got["notFound"], json!(["U0", "B99"]));
    let got = show(json!(["data:asText"])).await;
    assert_eq!(got["list"], json!([{ "id": id, "data:asText": null, "isEncodingProblem": true }]));
    assert_eq!(show(json!(["digest:md5"])).await["type"], "invalidArguments");
    assert_eq!(show(json!(["x"])).await["type"], "invalidArguments");
}

#[tokio::test]
async fn what_cannot_be_put_together_is_named() {
    let home = Home::with(Limits { upload_bytes: 10, ..Limits::default() }, From::Here).await;
    let many = vec![json!({ "data:asText": "" }); 65];
    let cases = [
        (json!({ "data": [{ "data:asText": "12345678901" }] }), "tooLarge"),
        (json!({ "data": many }), "tooLarge"),
        (json!({ "data": [{ "blobId": "#none" }] }), "blobNotFound"),
        (json!({ "data": [{ "blobId": "B1" }] }), "blobNotFound"),
        (json!({ "data": [{ "blobId": "#self" }] }), "blobNotFound"),
        (json!({ "data": [{ "data:asBase64": "%" }] }), "invalidProperties"),
        (json!({ "data": [{ "data:asText": "a", "data:asBase64": "" }] }), "invalidProperties"),
        (json!({ "data": [{ "data:asText": "a", "offset": 0 }] }), "invalidProperties"),
        (json!({ "data": [{}] }), "invalidProperties"),
        (json!({ "data": {} }), "invalidProperties"),
        (json!([]), "invalidProperties"),
    ];
    for (blob, kind) in cases {
        let made = home.one("Blob/upload", json!({ "create": { "self": blob } })).await;
        assert_eq!(made["notCreated"]["self"]["type"], kind, "{blob}");
        assert_eq!(made["created"], Value::Null, "{blob}");
    }
    let circle =
        json!({ "create": { "x": { "data": [{ "blobId": "#y" }] }, "y": { "data": [{ "blobId": "#x" }] } } });
    let made = home.one("Blob/upload", circle).await;
    assert_eq!(made["notCreated"]["x"]["notFound"], json!(["#y"]));
    assert_eq!(made["notCreated"].as_object().unwrap().len(), 2);
    let short = json!({ "create": { "a": { "data": [{ "data:asText": "abc" }] },
        "b": { "data": [{ "blobId": "#a", "offset": 2, "length": 2 }] } } });
    assert_eq!(home.one("Blob/upload", short).await["notCreated"]["b"]["type"], "invalidProperties");
}

#[tokio::test]
async fn a_blob_made_in_a_request_is_imported_in_it() {
    let home = Home::new().await;
    let inbox = home.deliver(MIXED).await.mailbox;
    let account = home.account();
    let done = home
        .run(json!([
            ["Blob/upload", { "accountId": account, "create": { "m": {
                "data": [{ "data:asText": "From: a@b.test\r\nSubject: made\r\n\r\nHi\r\n" }] } } }, "0"],
            ["Email/import", { "accountId": account, "emails": { "e": {
                "blobId": "#m", "mailboxIds": { format!("F{inbox}"): true } } } }, "1"],
            ["Email/get", { "accountId": account, "ids": ["#e"], "properties": ["subject"] }, "2"],
        ]))
        .await;
    assert_eq!(done[2][1]["list"][0]["subject"], "made");
}

#[tokio::test]
async fn it_is_found_which_emails_hold_a_blob() {
    let home = Home::new().await;
    let arrived = home.deliver(MIXED).await;
    let part = format!("B{}-2", arrived.message);
    let (upload, theirs) = (format!("U{}", "0".repeat(32)), "B77");
    let got = home
        .one(
            "Blob/lookup",
            json!({ "typeNames": ["Mailbox", "Thread", "Email"], "ids": [part, upload, theirs, "x"] }),
        )
        .await;
    let nothing = json!({ "Mailbox": [], "Thread": [], "Email": [] });
    let expected = json!([
        { "id": part, "matchedIds": { "Mailbox": [format!("F{}", arrived.mailbox)],
            "Thread": [format!("T{}", arrived.message)], "Email": [arrived.id()] } },
        { "id": upload, "matchedIds": nothing },
        { "id": theirs, "matchedIds": nothing },
    ]);
    assert_eq!((&got["list"], &got["notFound"]), (&expected, &json!(["x"])));
    let unknown = home.one("Blob/lookup", json!({ "typeNames": ["Todo"], "ids": [part] })).await;
    assert_eq!(unknown["type"], "unknownDataType");
    let without_mail = home
        .api(json!({ "using": [CORE, BLOB], "methodCalls": [
            ["Blob/lookup", { "accountId": home.account(), "typeNames": ["Email"], "ids": [part] }, "0"]] }))
        .await;
    assert_eq!(without_mail.json()["methodResponses"][0][1]["type"], "unknownDataType");
}

#[tokio::test]
async fn nothing_is_copied_within_an_account_or_from_anothers() {
    let home = Home::new().await;
    let arrived = home.deliver(MIXED).await;
    let (own, theirs) = (home.account(), format!("A{}", home.bob.owner()));
    for (from, to, kind) in [
        (&own, &own, "invalidArguments"),
        (&theirs, &own, "fromAccountNotFound"),
        (&own, &theirs, "accountNotFound"),
        (&theirs, &theirs, "fromAccountNotFound"),
    ] {
        let email = json!({ "id": arrived.id(), "mailboxIds": { format!("F{}", arrived.mailbox): true } });
        let answers = home
            .run(json!([
                ["Blob/copy", { "fromAccountId": from, "accountId": to, "blobIds": [format!("B{}", arrived.message)] }, "0"],
                ["Email/copy", { "fromAccountId": from, "accountId": to, "create": { "k": email } }, "1"],
            ]))
            .await;
        for answer in answers {
            assert_eq!(answer[1]["type"], kind, "{from} {to}");
        }
    }
}

#[tokio::test]
async fn one_request_reads_makes_and_shows_a_bounded_number_of_octets_over_all_its_calls() {
    let home = Home::with(Limits { upload_bytes: 1000, ..Limits::default() }, From::Here).await;
    let account = home.account();
    let half = json!({ "data": [{ "data:asText": "x".repeat(500) }] });
    let made = home.one("Blob/upload", json!({ "create": { "half": half } })).await;
    let id = &made["created"]["half"]["id"];
    // A request has room for four of the largest uploads: eight halves.
    let size = json!(["Blob/get", { "accountId": account, "ids": [id], "properties": ["size"] }, "r"]);
    let answers = home.run(json!(vec![size; 9])).await;
    let refused = |answer: &Value| answer[1]["type"] == "requestTooLarge";
    assert!(answers[..8].iter().all(|answer| answer[1]["list"][0]["size"] == 500), "{answers:?}");
    assert!(refused(&answers[8]), "{answers:?}");
    // Twice 500 are read for each, and 1,000 made.
    let create: serde_json::Map<String, Value> = (0..3)
        .map(|number| (format!("k{number}"), json!({ "data": [{ "blobId": id }, { "blobId": id }] })))
        .collect();
    let made = home.one("Blob/upload", json!({ "create": create })).await;
    assert_eq!(made["created"].as_object().unwrap().len(), 2, "{made}");
    assert_eq!(made["notCreated"]["k2"]["type"], "tooLarge", "{made}");
    // The next request has room again.
    assert_eq!(home.one("Blob/get", json!({ "ids": [id] })).await["list"][0]["size"], 500);
}

#[tokio::test]
async fn one_response_shows_16_mib_of_blobs_over_all_its_calls() {
    let home = Home::new().await;
    let account = home.account();
    let path = format!("/jmap/upload/{account}");
    let large = home.send("POST", &path, "text/plain", vec![b'x'; 6 << 20]).await.json()["blobId"].clone();
    let get =
        json!(["Blob/get", { "accountId": account, "ids": [large], "properties": ["data:asText"] }, "r"]);
    let answers = home.run(json!(vec![get; 3])).await;
    let shown = |answer: &Value| answer[1]["list"][0]["data:asText"].as_str().map(str::len);
    assert_eq!([shown(&answers[0]), shown(&answers[1])], [Some(6 << 20), Some(6 << 20)]);
    assert_eq!(answers[2][1]["type"], "requestTooLarge");
}
