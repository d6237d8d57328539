//! RFC 9425: what is used of what may be.

use serde_json::{Value, json};

use crate::home::{CORE, Home, QUOTA};

const PLAIN: &str = "From: zoe@a.test\r\nSubject: one\r\n\r\nHello\r\n";

#[tokio::test]
async fn a_limit_is_shown_with_what_is_used_of_it_and_changes_are_told() {
    let home = Home::new().await;
    let none = home.one("Quota/get", json!({ "ids": null })).await;
    assert_eq!((&none["list"], &none["notFound"]), (&json!([]), &json!([])));
    home.store.set_quota(home.alice.owner(), Some(5000)).await.unwrap();
    let limited = home.one("Quota/get", json!({ "ids": null })).await;
    let quota = &limited["list"][0];
    let shown = ["id", "resourceType", "used", "hardLimit", "scope", "types"].map(|name| quota[name].clone());
    let expected =
        [json!("octets"), json!("octets"), json!(0), json!(5000), json!("account"), json!(["Email"])];
    assert_eq!(shown, expected);
    let since = |state: &Value| json!({ "sinceState": state });
    let changes = home.one("Quota/changes", since(&none["state"])).await;
    assert_eq!((&changes["created"], &changes["newState"]), (&json!(["octets"]), &limited["state"]));
    home.deliver(PLAIN).await;
    let account = home.account();
    let reference = |path: &str| json!({ "resultOf": "0", "name": "Quota/changes", "path": path });
    let answers = home
        .run(json!([
            ["Quota/changes", { "accountId": account, "sinceState": limited["state"] }, "0"],
            ["Quota/get", { "accountId": account, "#ids": reference("/updated"),
                "#properties": reference("/updatedProperties") }, "1"],
        ]))
        .await;
    assert_eq!(answers[0][1]["updatedProperties"], json!(["used"]));
    assert_eq!(answers[1][1]["list"], json!([{ "id": "octets", "used": PLAIN.len() }]));
    home.store.set_quota(home.alice.owner(), None).await.unwrap();
    let gone = home.one("Quota/changes", since(&limited["state"])).await;
    assert_eq!((&gone["destroyed"], &gone["updatedProperties"]), (&json!(["octets"]), &Value::Null));
    let missing = home.one("Quota/get", json!({ "ids": ["octets", "x"] })).await;
    assert_eq!(missing["notFound"], json!(["octets", "x"]));
    assert_eq!(home.one("Quota/changes", since(&json!("1"))).await["type"], "cannotCalculateChanges");
}

#[tokio::test]
async fn quotas_are_found_by_what_they_limit() {
    let home = Home::new().await;
    home.store.set_quota(home.alice.owner(), Some(5000)).await.unwrap();
    for (filter, found) in [
        (json!(null), true),
        (json!({ "scope": "account", "resourceType": "octets", "type": "Email", "name": "Ma" }), true),
        (json!({ "scope": "domain" }), false),
        (json!({ "type": "Calendar" }), false),
        (json!({ "operator": "NOT", "conditions": [{ "name": "x" }] }), true),
    ] {
        let sort = json!([{ "property": "used", "isAscending": false }, { "property": "name" }]);
        let got =
            home.one("Quota/query", json!({ "filter": filter, "sort": sort, "calculateTotal": true })).await;
        assert_eq!(
            (&got["ids"].as_array().unwrap().len(), &got["total"]),
            (&usize::from(found), &json!(usize::from(found))),
            "{filter}"
        );
    }
    assert_eq!(home.one("Quota/query", json!({ "filter": { "x": 1 } })).await["type"], "unsupportedFilter");
    assert_eq!(
        home.one("Quota/query", json!({ "sort": [{ "property": "x" }] })).await["type"],
        "unsupportedSort"
    );
    let before = home.one("Quota/query", json!({})).await["queryState"].clone();
    home.deliver(PLAIN).await;
    let changes = home.one("Quota/queryChanges", json!({ "sinceQueryState": before })).await;
    assert_eq!(
        (&changes["removed"], &changes["added"]),
        (&json!(["octets"]), &json!([{ "id": "octets", "index": 0 }]))
    );
}

#[tokio::test]
async fn a_client_that_does_not_know_mail_is_shown_no_quota_of_it() {
    let home = Home::new().await;
    home.store.set_quota(home.alice.owner(), Some(5000)).await.unwrap();
    let request = json!({ "using": [CORE, QUOTA], "methodCalls": [["Quota/get", { "accountId": home.account() }, "0"]] });
    assert_eq!(home.api(request).await.json()["methodResponses"][0][1]["list"], json!([]));
}
