//! RFC 8621 §6 to §8: identities, submissions, the reply while away.

use std::time::Duration;

use jmap::Sending;
use serde_json::{Value, json};
use store::{Fate, RecipientOutcome, UnixTime};

use crate::home::{CORE, Home, MAIL};

const SUBMISSION: &str = "urn:ietf:params:jmap:submission";
const VACATION: &str = "urn:ietf:params:jmap:vacationresponse";
const SENDING: Sending = Sending {
    recipients: 3,
    message_bytes: 10_000,
    delay_max: Duration::from_secs(3600),
    waiting: 20,
    dsn: true,
};

async fn run(home: &Home, calls: Value) -> Vec<Value> {
    let using = [CORE, MAIL, SUBMISSION, VACATION];
    let answer = home.api(json!({ "using": using, "methodCalls": calls })).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.json()["methodResponses"].as_array().unwrap().clone()
}

/// The arguments of the one response to one call.
async fn one(home: &Home, method: &str, mut arguments: Value) -> Value {
    arguments["accountId"] = json!(home.account());
    let mut responses = run(home, json!([[method, arguments, "c"]])).await;
    assert_eq!(responses.len(), 1, "{responses:?}");
    responses.remove(0)[1].take()
}

/// The identity of alice's address.
async fn identity(home: &Home) -> String {
    let got = one(home, "Identity/get", json!({})).await;
    got["list"][0]["id"].as_str().unwrap().to_owned()
}

const HEADER: &str = "From: alice@mail.test\r\nDate: Mon, 23 Nov 2026 00:00:00 +0000\r\n";

async fn draft(home: &Home, rest: &str) -> String {
    home.deliver(&format!("{HEADER}{rest}\r\nHello\r\n")).await.id()
}

/// What becomes of one submission.
async fn submit(home: &Home, object: Value) -> Value {
    one(home, "EmailSubmission/set", json!({ "create": { "s": object } })).await
}

async fn sent(home: &Home) -> String {
    let (email, identity) = (draft(home, "To: bob@b.test\r\n").await, identity(home).await);
    let set = submit(home, json!({ "emailId": email, "identityId": identity })).await;
    set["created"]["s"]["id"].as_str().unwrap_or_else(|| panic!("{set}")).to_owned()
}

/// Has the smarthost take what waits.
async fn relay(home: &Home) {
    for queued in home.store.due_submissions(UnixTime(i64::MAX), Vec::new(), 10).await.unwrap() {
        let outcome = |fate| RecipientOutcome { position: 0, fate, reply: Some("250 taken".to_owned()) };
        assert!(home.store.commit_submission(queued.id, vec![outcome(Fate::InDoubt)]).await.unwrap());
        home.store.settle_submission(queued.id, vec![outcome(Fate::Relayed)], UnixTime(0)).await.unwrap();
    }
}

#[tokio::test]
async fn sending_is_offered_only_where_there_is_a_smarthost() {
    let home = Home::sending(SENDING).await;
    let session = home.send("GET", "/jmap/session", "", "").await.json();
    let account = &session["accounts"][home.account()]["accountCapabilities"];
    assert_eq!(session["capabilities"][SUBMISSION], json!({}));
    assert_eq!(session["primaryAccounts"][VACATION], home.account());
    assert_eq!(account[SUBMISSION]["maxDelayedSend"], 3600);
    let extensions = json!({ "FUTURERELEASE": ["3600"], "SIZE": ["10000"], "DSN": [] });
    assert_eq!(account[SUBMISSION]["submissionExtensions"], extensions);
    assert_eq!(account[VACATION], json!({}));

    let without = Home::new().await;
    let session = without.send("GET", "/jmap/session", "", "").await.json();
    assert_eq!(session["capabilities"].get(SUBMISSION), None);
    assert_eq!(session["accounts"][without.account()]["accountCapabilities"].get(VACATION), None);
    for capability in [SUBMISSION, VACATION] {
        let refused = without.api(json!({ "using": [capability], "methodCalls": [] })).await.json();
        assert_eq!(refused["type"], "urn:ietf:params:jmap:error:unknownCapability");
    }
    let called = without.run(json!([["EmailSubmission/get", {}, "c"]])).await;
    assert_eq!(called[0][1]["type"], "unknownMethod");
}

#[tokio::test]
async fn each_address_has_an_identity_and_clients_make_more_of_them() {
    let home = Home::sending(SENDING).await;
    let first = one(&home, "Identity/get", json!({})).await;
    let of_address = json!({ "id": first["list"][0]["id"], "name": "", "email": "alice@mail.test", "replyTo": null,
        "bcc": null, "textSignature": "", "htmlSignature": "", "mayDelete": false });
    assert_eq!(first["list"], json!([of_address]));
    home.store.add_alias(home.alice.owner(), "sales@b.test").await.unwrap();
    let changes = one(&home, "Identity/changes", json!({ "sinceState": first["state"] })).await;
    assert_eq!(changes["created"].as_array().unwrap().len(), 1, "{changes}");
    let own = first["list"][0]["id"].as_str().unwrap();
    let set = one(
        &home,
        "Identity/set",
        json!({
            "create": {
                "a": { "email": "Sales@b.test", "name": "Shop", "bcc": [{ "email": "x@c.test" }] },
                "b": { "email": "bob@mail.test" }, "c": { "name": "no address" }, "d": { "email": "sales@b.test", "x": 1 },
                "e": { "email": "sales@b.test", "replyTo": [{ "email": "nothing" }] },
                "f": { "email": "sales@b.test", "name": "a\nb" }, "g": { "email": "*@b.test" },
            },
            "update": { own: { "name": "Alice", "textSignature": "-- \nA", "replyTo": [{ "name": "N", "email": "y@c.test" }] },
                "I99": {}, "#a": { "htmlSignature": "<b>A</b>" } },
            "destroy": [own, "I98"],
        }),
    )
    .await;
    assert_eq!(set["notUpdated"][own]["type"], "willDestroy");
    let made = &set["created"]["a"];
    assert_eq!(
        (&made["mayDelete"], &made["textSignature"], made.get("name")),
        (&json!(true), &json!(""), None)
    );
    for (key, kind) in [
        ("b", "forbiddenFrom"),
        ("c", "invalidProperties"),
        ("d", "invalidProperties"),
        ("e", "invalidProperties"),
        ("f", "invalidProperties"),
        ("g", "forbiddenFrom"),
    ] {
        assert_eq!(set["notCreated"][key]["type"], kind, "{key}: {set}");
    }
    assert_eq!(set["updated"], json!({ "#a": null }));
    assert_eq!(set["notUpdated"]["I99"]["type"], "notFound");
    assert_eq!(
        (&set["notDestroyed"][own]["type"], &set["notDestroyed"]["I98"]["type"]),
        (&json!("forbidden"), &json!("notFound"))
    );
    let wrong = one(&home, "Identity/set", json!({ "update": { own: { "email": "sales@b.test" } } })).await;
    assert_eq!(wrong["notUpdated"][own]["type"], "invalidProperties");
    let id = made["id"].as_str().unwrap();
    let got = one(
        &home,
        "Identity/get",
        json!({ "ids": [id, "I99"], "properties": ["email", "bcc", "htmlSignature"] }),
    )
    .await;
    let shown = json!({ "id": id, "email": "Sales@b.test", "bcc": [{ "name": null, "email": "x@c.test" }], "htmlSignature": "<b>A</b>" });
    assert_eq!((&got["list"], &got["notFound"]), (&json!([shown]), &json!(["I99"])));
    let gone = one(&home, "Identity/set", json!({ "destroy": [id] })).await;
    assert_eq!(gone["destroyed"], json!([id]));
    let changes = one(&home, "Identity/changes", json!({ "sinceState": got["state"] })).await;
    assert_eq!(changes["destroyed"], json!([id]));
}

#[tokio::test]
async fn an_email_is_sent_to_its_readers_and_moved_when_that_has_succeeded() {
    let home = Home::sending(SENDING).await;
    let identity = identity(&home).await;
    let email =
        draft(&home, "To: Bob <bob@b.test>, BOB@b.test\r\nCc: g: c@b.test;\r\nBcc: d@b.test\r\n").await;
    let calls = json!([["EmailSubmission/set", {
        "accountId": home.account(),
        "create": { "s": { "emailId": email, "identityId": identity }, "x": { "emailId": "M99", "identityId": identity } },
        "onSuccessUpdateEmail": { "#s": { "keywords/$seen": true }, "#x": { "keywords/$flagged": true } },
    }, "c"]]);
    let responses = run(&home, calls).await;
    let names: Vec<_> = responses.iter().map(|response| (&response[0], &response[2])).collect();
    assert_eq!(names, [(&json!("EmailSubmission/set"), &json!("c")), (&json!("Email/set"), &json!("c"))]);
    assert_eq!(responses[1][1]["updated"], json!({ &email: null }));
    assert_eq!(responses[0][1]["notCreated"]["x"]["properties"], json!(["emailId"]));
    let created = &responses[0][1]["created"]["s"];
    let address = |email: &str| json!({ "email": email, "parameters": null });
    let envelope = json!({ "mailFrom": address("alice@mail.test"),
        "rcptTo": [address("bob@b.test"), address("c@b.test"), address("d@b.test")] });
    assert_eq!((&created["envelope"], &created["undoStatus"]), (&envelope, &json!("pending")));
    let id = created["id"].as_str().unwrap();
    let got = one(&home, "EmailSubmission/get", json!({ "ids": [id, "S99"] })).await;
    let submission = &got["list"][0];
    assert_eq!((&submission["emailId"], &submission["identityId"]), (&json!(email), &json!(identity)));
    assert_eq!(submission["threadId"], created["threadId"]);
    let status = json!({ "smtpReply": "250 2.1.5 Queued", "delivered": "queued", "displayed": "unknown" });
    assert_eq!(submission["deliveryStatus"]["c@b.test"], status);
    assert_eq!((&submission["dsnBlobIds"], &got["notFound"]), (&json!([]), &json!(["S99"])));
    let calls = json!([["EmailSubmission/set", {
        "accountId": home.account(), "destroy": [id], "onSuccessDestroyEmail": [id] }, "c"]]);
    let responses = run(&home, calls).await;
    assert_eq!(responses[1][1]["destroyed"], json!([email]));
    assert_eq!(
        home.store.due_submissions(UnixTime(i64::MAX), Vec::new(), 10).await.unwrap().len(),
        1,
        "it is sent all the same"
    );
}

#[tokio::test]
async fn an_envelope_of_ones_own_is_taken_as_it_is() {
    let home = Home::sending(SENDING).await;
    let (email, identity) =
        (draft(&home, "To: bob@b.test\r\nSender: alice@mail.test\r\n").await, identity(&home).await);
    let envelope = json!({
        "mailFrom": { "email": "ALICE@mail.test", "parameters": { "HOLDFOR": "600", "RET": "HDRS" } },
        "rcptTo": [{ "email": "other@b.test", "parameters": { "NOTIFY": "SUCCESS" } }],
    });
    let set = submit(&home, json!({ "emailId": email, "identityId": identity, "envelope": envelope })).await;
    let created = &set["created"]["s"];
    assert_eq!(created.get("envelope"), None, "{set}");
    let got = one(&home, "EmailSubmission/get", json!({ "ids": [created["id"]] })).await;
    let shown = &got["list"][0]["envelope"];
    assert_eq!(shown["mailFrom"]["parameters"], json!({ "HOLDFOR": "600", "RET": "HDRS" }));
    assert_eq!(shown["rcptTo"], json!([{ "email": "other@b.test", "parameters": { "NOTIFY": "SUCCESS" } }]));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let soon = i64::try_from(now + 500).unwrap();
    assert!(
        home.store.due_submissions(UnixTime(soon), Vec::new(), 1).await.unwrap().is_empty(),
        "it is held"
    );
    let (next, waiting) = home.store.submission_queue(UnixTime(soon)).await.unwrap();
    assert!(next.is_some_and(|next| next.0 <= soon + 200) && waiting == 1);
    let set = submit(&home, json!({ "emailId": email, "identityId": identity, "envelope": null })).await;
    assert!(set["created"]["s"]["envelope"].is_object(), "{set}");
    let bounce = json!({ "mailFrom": { "email": "" }, "rcptTo": [{ "email": "other@b.test" }] });
    let set = submit(&home, json!({ "emailId": email, "identityId": identity, "envelope": bounce })).await;
    assert!(set["created"]["s"]["id"].is_string(), "{set}");
}

#[tokio::test]
async fn what_may_not_be_sent_is_refused_by_its_name() {
    let home = Home::sending(SENDING).await;
    let id = identity(&home).await;
    let email = draft(&home, "To: bob@b.test\r\n").await;
    let foreign = home.deliver("From: bob@b.test\r\nDate: x\r\nTo: alice@mail.test\r\n\r\n").await.id();
    let undated = home.deliver("From: alice@mail.test, bob@mail.test\r\n\r\n").await.id();
    let (empty, many) = (draft(&home, "").await, draft(&home, "To: a@b, c@d, e@f, g@h\r\n").await);
    let (invalid, large) = (
        draft(&home, "To: nobody, a@b\r\n").await,
        draft(&home, &format!("X: {}\r\n", "x".repeat(9_990))).await,
    );
    let rcpt = |email: &str| json!([{ "email": email }]);
    let given = |from: &str, rcpt: Value| json!({ "emailId": email, "identityId": id, "envelope": { "mailFrom": { "email": from }, "rcptTo": rcpt } });
    let plain = |email: &str| json!({ "emailId": email, "identityId": id });
    for (object, kind, name, said) in [
        (plain(&foreign), "forbiddenFrom", "", json!(null)),
        (plain(&undated), "invalidEmail", "properties", json!(["sender", "sentAt"])),
        (plain(&empty), "noRecipients", "", json!(null)),
        (plain(&many), "tooManyRecipients", "maxRecipients", json!(3)),
        (plain(&invalid), "invalidRecipients", "invalidRecipients", json!(["nobody"])),
        (plain(&large), "tooLarge", "maxSize", json!(10_000)),
        (plain("M99"), "invalidProperties", "properties", json!(["emailId"])),
        (json!({ "emailId": email }), "invalidProperties", "properties", json!(["identityId"])),
        (
            json!({ "emailId": email, "identityId": "I99" }),
            "invalidProperties",
            "properties",
            json!(["identityId"]),
        ),
        (
            json!({ "emailId": email, "identityId": id, "undoStatus": "final" }),
            "invalidProperties",
            "properties",
            json!(["undoStatus"]),
        ),
        (
            json!({ "emailId": email, "identityId": id, "envelope": 1 }),
            "invalidProperties",
            "properties",
            json!(["envelope"]),
        ),
        (given("bob@mail.test", rcpt("a@b")), "forbiddenMailFrom", "", json!(null)),
        (given("alice@mail.test", json!([])), "noRecipients", "", json!(null)),
        (
            given("alice@mail.test", rcpt("a@b\r\nDATA")),
            "invalidRecipients",
            "invalidRecipients",
            json!(["a@b\r\nDATA"]),
        ),
    ] {
        let set = submit(&home, object.clone()).await;
        let error = &set["notCreated"]["s"];
        assert_eq!((&error["type"], &error[name]), (&json!(kind), &said), "{object}: {set}");
        assert_eq!(set["oldState"], set["newState"]);
    }
    let theirs = json!([["EmailSubmission/set", { "accountId": format!("A{}", home.bob.owner()) }, "c"]]);
    assert_eq!(run(&home, theirs).await[0][1]["type"], "accountNotFound");
    assert!(home.store.due_submissions(UnixTime(i64::MAX), Vec::new(), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_email_that_the_same_request_makes_is_sent() {
    let home = Home::sending(SENDING).await;
    let mailboxes = home.one("Mailbox/query", json!({ "filter": { "role": "drafts" } })).await;
    let drafts = mailboxes["ids"][0].as_str().unwrap();
    let account = home.account();
    let calls = json!([
        ["Identity/set", { "accountId": account, "create": { "i": { "email": "alice@mail.test", "name": "A" } } }, "0"],
        ["Email/set", { "accountId": account, "create": { "e": { "mailboxIds": { drafts: true }, "keywords": { "$draft": true },
            "from": [{ "email": "alice@mail.test" }], "to": [{ "email": "bob@b.test" }],
            "bodyValues": { "1": { "value": "Hi" } }, "textBody": [{ "partId": "1", "type": "text/plain" }] } } }, "1"],
        ["EmailSubmission/set", { "accountId": account, "create": { "s": { "emailId": "#e", "identityId": "#i" } },
            "onSuccessUpdateEmail": { "#s": { "keywords/$draft": null } } }, "2"],
    ]);
    let responses = run(&home, calls).await;
    assert!(responses[2][1]["created"]["s"]["id"].is_string(), "{responses:?}");
    assert_eq!(responses[3][1]["updated"].as_object().unwrap().len(), 1, "{responses:?}");
}

#[tokio::test]
async fn a_submission_is_stopped_while_it_waits_and_not_after() {
    let home = Home::sending(SENDING).await;
    let stopped = sent(&home).await;
    let cancel = json!({ "undoStatus": "canceled" });
    let set = one(&home, "EmailSubmission/set", json!({ "update": { &stopped: cancel } })).await;
    assert_eq!(set["updated"], json!({ &stopped: null }));
    let relayed = sent(&home).await;
    relay(&home).await;
    let update =
        json!({ "update": { &relayed: cancel, "S99": cancel, &stopped: { "undoStatus": "pending" } } });
    let set = one(&home, "EmailSubmission/set", update).await;
    for (id, kind) in [(&*relayed, "cannotUnsend"), ("S99", "notFound"), (&*stopped, "invalidProperties")] {
        assert_eq!(set["notUpdated"][id]["type"], kind, "{set}");
    }
    let got = one(
        &home,
        "EmailSubmission/get",
        json!({ "ids": [stopped, relayed], "properties": ["undoStatus", "deliveryStatus"] }),
    )
    .await;
    let shown: Vec<_> = got["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["undoStatus"].clone(), one["deliveryStatus"]["bob@b.test"]["delivered"].clone()))
        .collect();
    assert_eq!(shown, [(json!("canceled"), json!("no")), (json!("final"), json!("unknown"))]);
    assert_eq!(got["list"][1]["deliveryStatus"]["bob@b.test"]["smtpReply"], "250 taken");
}

#[tokio::test]
async fn submissions_are_found_and_their_changes_told() {
    let home = Home::sending(SENDING).await;
    let (first, second) = (sent(&home).await, sent(&home).await);
    let got = one(&home, "EmailSubmission/get", json!({})).await;
    let emails: Vec<&Value> = got["list"].as_array().unwrap().iter().map(|one| &one["emailId"]).collect();
    let cases = [
        (json!({}), json!([{ "property": "emailId", "isAscending": false }]), vec![&second, &first]),
        (json!({ "emailIds": [emails[1]] }), json!([]), vec![&second]),
        (
            json!({ "undoStatus": "pending" }),
            json!([{ "property": "sentAt" }, { "property": "threadId" }]),
            vec![&first, &second],
        ),
        (json!({ "undoStatus": "final" }), json!([]), vec![]),
        (json!({ "identityIds": ["I99"] }), json!([]), vec![]),
        (json!({ "after": "2020-01-01T00:00:00Z" }), json!([]), vec![&first, &second]),
        (
            json!({ "operator": "NOT", "conditions": [{ "before": "2020-01-01T00:00:00Z" }, { "emailIds": [emails[0]] }] }),
            json!([]),
            vec![&second],
        ),
    ];
    for (filter, sort, ids) in cases {
        let found = one(
            &home,
            "EmailSubmission/query",
            json!({ "filter": filter, "sort": sort, "calculateTotal": true }),
        )
        .await;
        assert_eq!((&found["ids"], &found["total"]), (&json!(ids), &json!(ids.len())), "{filter}");
    }
    let wrong = one(&home, "EmailSubmission/query", json!({ "sort": [{ "property": "size" }] })).await;
    assert_eq!(wrong["type"], "unsupportedSort");
    let wrong = one(&home, "EmailSubmission/query", json!({ "filter": { "subject": "x" } })).await;
    assert_eq!(wrong["type"], "unsupportedFilter");

    let pending = json!({ "undoStatus": "pending" });
    let before = one(&home, "EmailSubmission/query", json!({ "filter": pending })).await["queryState"].take();
    let third = sent(&home).await;
    let update = json!({ "update": { &first: { "undoStatus": "canceled" } }, "destroy": [second] });
    one(&home, "EmailSubmission/set", update).await;
    let changes = one(&home, "EmailSubmission/changes", json!({ "sinceState": got["state"] })).await;
    for (name, id) in [("created", &third), ("updated", &first), ("destroyed", &second)] {
        assert_eq!(changes[name], json!([id]), "{changes}");
    }
    let page =
        one(&home, "EmailSubmission/changes", json!({ "sinceState": got["state"], "maxChanges": 1 })).await;
    assert_eq!(page["hasMoreChanges"], true);
    let moved =
        one(&home, "EmailSubmission/queryChanges", json!({ "filter": pending, "sinceQueryState": before }))
            .await;
    let mut removed = [&first, &second];
    removed.sort();
    assert_eq!(
        (&moved["removed"], &moved["added"]),
        (&json!(removed), &json!([{ "id": third, "index": 0 }]))
    );
    let unknown = one(&home, "EmailSubmission/changes", json!({ "sinceState": "x" })).await;
    assert_eq!(unknown["type"], "cannotCalculateChanges");
}

#[tokio::test]
async fn there_is_one_reply_while_away_and_it_can_only_be_changed() {
    let home = Home::sending(SENDING).await;
    let got = one(&home, "VacationResponse/get", json!({ "ids": ["singleton", "x"] })).await;
    let unset = json!({ "id": "singleton", "isEnabled": false, "fromDate": null, "toDate": null, "subject": null,
        "textBody": null, "htmlBody": null });
    assert_eq!((&got["list"], &got["notFound"]), (&json!([unset]), &json!(["x"])));
    let patch = json!({ "isEnabled": true, "fromDate": "2026-01-01T00:00:00Z", "toDate": "2027-01-01T00:00:00Z",
        "subject": "Away", "textBody": "Back in January" });
    let update = json!({ "ifInState": got["state"], "update": { "singleton": patch, "other": {} },
        "create": { "a": {} }, "destroy": ["singleton", "b"] });
    let set = one(&home, "VacationResponse/set", update).await;
    assert_eq!(set["updated"], json!({ "singleton": null }));
    assert_ne!(set["oldState"], set["newState"]);
    for (list, key, kind) in [
        ("notCreated", "a", "singleton"),
        ("notUpdated", "other", "notFound"),
        ("notDestroyed", "singleton", "singleton"),
        ("notDestroyed", "b", "notFound"),
    ] {
        assert_eq!(set[list][key]["type"], kind, "{set}");
    }
    let got =
        one(&home, "VacationResponse/get", json!({ "properties": ["isEnabled", "toDate", "textBody"] }))
            .await;
    let shown = json!({ "id": "singleton", "isEnabled": true, "toDate": "2027-01-01T00:00:00Z", "textBody": "Back in January" });
    assert_eq!(got["list"], json!([shown]));
    for wrong in [
        json!({ "isEnabled": 1 }),
        json!({ "toDate": "2025-01-01T00:00:00Z" }),
        json!({ "fromDate": "soon" }),
        json!({ "subject": "a\r\nBcc: x@y" }),
        json!({ "textBody": 1 }),
        json!({ "days": 3 }),
    ] {
        let set = one(&home, "VacationResponse/set", json!({ "update": { "singleton": wrong } })).await;
        assert_eq!(set["notUpdated"]["singleton"]["type"], "invalidProperties", "{wrong}");
    }
    assert!(home.store.may_be_away(home.alice.owner()).await.unwrap());
}
