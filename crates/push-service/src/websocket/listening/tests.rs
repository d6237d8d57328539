use serde_json::{Value, json};

use super::*;

fn broadcasts(versions: &[(&str, &str)]) -> Broadcasts {
    let entry =
        |(id, version): &(&str, &str)| (BroadcastId::parse(id).unwrap(), Version::parse(version).unwrap());
    Broadcasts::new(versions.iter().map(entry).collect())
}

fn ask(listening: &mut Listening, asked: &[(&str, &str)], present: &Broadcasts) -> Value {
    let asked = asked.iter().map(|(id, version)| ((*id).to_owned(), (*version).to_owned())).collect();
    serde_json::to_value(listening.ask(asked, present)).unwrap()
}

fn news(listening: &mut Listening, present: &Broadcasts) -> Value {
    serde_json::to_value(listening.news(present)).unwrap()
}

fn set(present: &Broadcasts, id: &str, version: Option<&str>) {
    let version = version.map(|version| Version::parse(version).unwrap());
    present.follow(BroadcastId::parse(id).unwrap(), version);
}

#[test]
fn an_agent_is_told_where_it_is_behind() {
    let present = broadcasts(&[("a/b", "2"), ("a/c", "\"7\"")]);
    let cases = [
        (&[("a/b", "1")][..], json!({"a/b": "2"})),
        (&[("a/b", "2")], json!({})),
        (&[("a/b", "3"), ("a/c", "\"7\"")], json!({"a/b": "2"})),
        (&[("a/b", "1"), ("a/d", "1")], json!({"a/b": "2", "errors": {"a/d": "Broadcast not found"}})),
        (&[("errors", "1")], json!({"errors": {"errors": "Broadcast not found"}})),
        (&[], json!({})),
    ];
    for (asked, answer) in cases {
        assert_eq!(ask(&mut Listening::default(), asked, &present), answer, "{asked:?}");
    }
}

#[test]
fn news_is_told_once() {
    let present = broadcasts(&[("a/b", "1"), ("x/y", "1")]);
    let mut listening = Listening::default();
    ask(&mut listening, &[("a/b", "1"), ("a/new", "0")], &present);
    assert_eq!(news(&mut listening, &present), json!({}));
    // (what is set, the news)
    let steps = [
        ("a/b", Some("2"), json!({"a/b": "2"})),
        ("x/y", Some("2"), json!({})),
        ("a/new", Some("5"), json!({"a/new": "5"})),
        ("a/b", None, json!({})),
        ("a/b", Some("2"), json!({})),
        ("a/b", Some("1"), json!({"a/b": "1"})),
    ];
    for (id, version, expected) in steps {
        set(&present, id, version);
        assert_eq!(news(&mut listening, &present), expected, "{id} {version:?}");
        assert_eq!(news(&mut listening, &present), json!({}), "{id} {version:?} again");
    }
}

#[test]
fn what_one_agent_may_listen_to_is_bounded() {
    let present = broadcasts(&[]);
    let mut listening = Listening::default();
    for number in 0..16 {
        let answer = ask(&mut listening, &[(&format!("a/{number}"), "1")], &present);
        assert_eq!(answer, json!({"errors": {format!("a/{number}"): "Broadcast not found"}}));
    }
    let refused = json!({"errors": {"a/17": "Too many broadcasts"}});
    assert_eq!(ask(&mut listening, &[("a/17", "1")], &present), refused);
    set(&present, "a/3", Some("1"));
    set(&present, "a/17", Some("1"));
    assert_eq!(news(&mut listening, &present), json!({"a/3": "1"}));
    assert_eq!(ask(&mut listening, &[("a/3", "0")], &present), json!({"a/3": "1"}));
}
