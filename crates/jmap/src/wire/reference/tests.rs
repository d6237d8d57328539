use serde_json::json;

use super::*;

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(fields) = value else { panic!("{value} is no object") };
    fields
}

/// What `#x` with this path finds in a response with these arguments.
fn found(arguments: Value, path: &str) -> Result<Value, ReferenceError> {
    let responses = [Invocation { name: "A/get".into(), arguments: object(arguments), id: "c0".into() }];
    let reference = json!({ "#x": { "resultOf": "c0", "name": "A/get", "path": path } });
    resolve(object(reference), &responses).map(|mut resolved| resolved.remove("x").unwrap())
}

#[test]
fn a_path_finds_what_it_points_to() {
    let arguments = json!({ "ids": ["a", "b"], "list": [{ "t": "1", "e": ["x", "y"] }, { "t": "2", "e": ["z"] }],
        "a/b": { "m~n": 5 }, "": 1, "none": null, "empty": [], "nested": [[[1], [2]], [[3]]] });
    let cases = [
        ("/ids", json!(["a", "b"])),
        ("/ids/1", json!("b")),
        ("/list/*/t", json!(["1", "2"])),
        ("/list/*/e", json!(["x", "y", "z"])),
        ("/list/0/e/*", json!(["x", "y"])),
        ("/a~1b/m~0n", json!(5)),
        ("/", json!(1)),
        ("/none", json!(null)),
        ("/empty/*/x", json!([])),
        ("/nested/*", json!([[1], [2], [3]])),
        ("/nested/*/*", json!([1, 2, 3])),
    ];
    for (path, expected) in cases {
        assert_eq!(found(arguments.clone(), path), Ok(expected), "{path}");
    }
    for path in
        ["ids", "/ids/2", "/ids/01", "/ids/-1", "/ids/x", "/x", "/ids/0/0", "/list/*/q", "/a~2b", "/a~", "/*"]
    {
        assert_eq!(found(arguments.clone(), path), Err(ReferenceError::Unresolved("x".into())), "{path}");
    }
}

#[test]
fn a_reference_names_an_earlier_response_by_id_and_name() {
    let response = |name: &str, id: &str, value: u32| Invocation {
        name: name.into(),
        arguments: object(json!({ "v": value })),
        id: id.into(),
    };
    let responses = [response("A/get", "c", 1), response("A/get", "c", 2), response("error", "d", 3)];
    let cases = [
        (json!({ "resultOf": "c", "name": "A/get", "path": "/v" }), Some(json!(1))),
        (json!({ "resultOf": "d", "name": "A/get", "path": "/v" }), None),
        (json!({ "resultOf": "e", "name": "A/get", "path": "/v" }), None),
        (json!({ "resultOf": "c", "name": "B/get", "path": "/v" }), None),
        (json!({ "resultOf": "c", "name": "A/get" }), None),
        (json!({ "resultOf": 1, "name": "A/get", "path": "/v" }), None),
        (json!("c"), None),
    ];
    for (reference, expected) in cases {
        let resolved = resolve(object(json!({ "#x": &reference })), &responses).ok();
        assert_eq!(resolved.map(|mut all| all.remove("x").unwrap()), expected, "{reference}");
    }
}

#[test]
fn an_argument_is_not_given_twice() {
    let arguments = object(json!({ "ids": [], "#ids": {} }));
    assert_eq!(resolve(arguments, &[]), Err(ReferenceError::Both("ids".into())));
}

#[test]
fn references_do_not_grow_without_end() {
    let many: Vec<u32> = (0..1000).collect();
    let list: Vec<Value> = (0..101).map(|_| json!({ "many": many })).collect();
    let arguments = json!({ "list": list });
    assert!(found(arguments.clone(), "/list/0/many").is_ok());
    assert!(found(arguments, "/list/*/many").is_err());
}
