//! RFC 8621 §5: where the words stand that were looked for.

use serde_json::{Value, json};

use crate::home::Home;

const PLAIN: &str = "From: zoe@a.test\r\nSubject: =?utf-8?q?Caf=C3=A9?= & <Bar>\r\n\r\nMeet me in the\r\ncaf\u{e9} at noon, or at the bar\r\n";
const HTML: &str = "From: zoe@a.test\r\nSubject: other\r\nContent-Type: text/html\r\n\r\n\
    <style>noon</style><p class=noon>Lunch at <b>no</b>on &amp; later</p>\r\n";

async fn snippet(home: &Home, filter: Value, id: &str) -> (Value, Value) {
    let got = home.one("SearchSnippet/get", json!({ "filter": filter, "emailIds": [id] })).await;
    assert_eq!(got["notFound"], Value::Null, "{filter}");
    assert_eq!(got["list"][0]["emailId"], id, "{filter}");
    (got["list"][0]["subject"].clone(), got["list"][0]["preview"].clone())
}

#[tokio::test]
async fn words_are_marked_where_they_were_looked_for() {
    let home = Home::new().await;
    let (plain, html) = (home.deliver(PLAIN).await.id(), home.deliver(HTML).await.id());
    let subject = json!("<mark>Café</mark> &amp; &lt;Bar&gt;");
    let preview = json!("Meet me in the <mark>café</mark> at noon, or at the bar");
    let both = |inner: Value| json!({ "operator": "AND", "conditions": [inner, { "hasAttachment": false }] });
    for (filter, expected) in [
        (json!({ "text": "CAFÉ" }), (subject.clone(), preview.clone())),
        (json!({ "subject": "café" }), (subject.clone(), Value::Null)),
        (both(json!({ "body": "café" })), (Value::Null, preview)),
        (
            json!({ "body": "\"in the caf\u{e9}\" bar" }),
            (Value::Null, json!("Meet me <mark>in the café</mark> at noon, or at the <mark>bar</mark>")),
        ),
        (json!({ "operator": "NOT", "conditions": [{ "text": "café" }] }), (Value::Null, Value::Null)),
        (json!({ "from": "zoe" }), (Value::Null, Value::Null)),
        (json!({ "text": "nowhere" }), (Value::Null, Value::Null)),
        (json!(null), (Value::Null, Value::Null)),
    ] {
        assert_eq!(snippet(&home, filter.clone(), &plain).await, expected, "{filter}");
    }
    let shown = snippet(&home, json!({ "text": "noon" }), &html).await;
    assert_eq!(shown, (Value::Null, json!("Lunch at <mark>noon</mark> &amp; later")));
}

#[tokio::test]
async fn emails_that_are_not_there_are_named_and_filters_are_checked() {
    let home = Home::new().await;
    let plain = home.deliver(PLAIN).await.id();
    let got = home
        .one("SearchSnippet/get", json!({ "filter": { "text": "x" }, "emailIds": ["M99", plain, "x"] }))
        .await;
    assert_eq!((&got["notFound"], got["list"].as_array().map(Vec::len)), (&json!(["M99", "x"]), Some(1)));
    let wrong =
        home.one("SearchSnippet/get", json!({ "filter": { "nothing": 1 }, "emailIds": [plain] })).await;
    assert_eq!(wrong["type"], "unsupportedFilter");
    let wrong = home.one("SearchSnippet/get", json!({ "filter": null })).await;
    assert_eq!(wrong["type"], "invalidArguments");
    let many: Vec<String> = (0..1001).map(|number| format!("M{number}")).collect();
    let large = home.one("SearchSnippet/get", json!({ "emailIds": many })).await;
    assert_eq!(large["type"], "requestTooLarge");
}
