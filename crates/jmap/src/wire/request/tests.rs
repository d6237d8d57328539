use serde_json::json;

use super::*;

// RFC 8620 §3.3.1
#[test]
fn the_example_of_the_rfc_is_read() {
    let body = br##"{
      "using": [ "urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail" ],
      "methodCalls": [
        [ "method1", { "arg1": "arg1data", "arg2": "arg2data" }, "c1" ],
        [ "method2", { "arg1": "arg1data" }, "c2" ],
        [ "method3", {}, "c3" ] ],
      "createdIds": { "k1": "M1" }, "somethingNew": 1 }"##;
    let request = Request::parse(body).unwrap();
    assert_eq!(request.using.len(), 2);
    let calls: Vec<_> = request.calls.iter().map(|call| (call.name.as_str(), call.id.as_str())).collect();
    assert_eq!(calls, [("method1", "c1"), ("method2", "c2"), ("method3", "c3")]);
    assert_eq!(request.calls[0].arguments["arg2"], "arg2data");
    assert_eq!(request.created_ids.unwrap()["k1"], "M1");
}

#[test]
fn any_other_shape_is_no_request() {
    let good = ["Core/echo".into(), json!({}), "c".into()];
    let call = |at: usize, value: Value| {
        let mut call = good.clone();
        call[at] = value;
        json!({ "using": [], "methodCalls": [call] })
    };
    let cases = [
        json!([]),
        json!("text"),
        json!({}),
        json!({ "using": [] }),
        json!({ "using": "core", "methodCalls": [] }),
        json!({ "using": [1], "methodCalls": [] }),
        json!({ "using": null, "methodCalls": [] }),
        json!({ "using": [], "methodCalls": {} }),
        json!({ "using": [], "methodCalls": [[]] }),
        json!({ "using": [], "methodCalls": [["Core/echo", {}, "c", "d"]] }),
        json!({ "using": [], "methodCalls": [], "createdIds": [] }),
        json!({ "using": [], "methodCalls": [], "createdIds": { "a": 1 } }),
        call(0, json!(1)),
        call(1, json!([])),
        call(1, json!(null)),
        call(2, json!(1)),
    ];
    for case in cases {
        let error = Request::parse(case.to_string().as_bytes()).unwrap_err();
        assert!(matches!(error, RequestError::NotRequest(_)), "{case}: {error}");
    }
    assert!(matches!(Request::parse(b"{"), Err(RequestError::NotJson(_))));
}

#[test]
fn the_corpus_of_the_fuzzer_does_not_make_the_decoder_panic() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/jmap");
    let mut requests = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        requests += usize::from(crate::wire::reference::replay(&bytes));
    }
    assert!(requests >= 3, "only {requests} seeds are requests");
}
