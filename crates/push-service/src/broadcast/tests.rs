use super::*;

fn id(text: &str) -> BroadcastId {
    BroadcastId::parse(text).unwrap()
}

#[test]
fn names_and_versions_are_checked() {
    let long = "x".repeat(64);
    for good in ["a/b", "remote-settings/monitor_changes", "a.b~c/d-1", &format!("{long}/{long}")] {
        assert_eq!(id(good).as_str(), good);
    }
    for bad in ["", "/", "a", "a/", "/b", "a/b/c", "a b/c", "ä/b", "a%20/b", "errors", &format!("{long}x/b")]
    {
        assert_eq!(BroadcastId::parse(bad), None, "{bad:?}");
    }
    let longest = "v".repeat(200);
    for good in ["1", "\"1732300000000\"", " ", &longest] {
        assert_eq!(Version::parse(good).unwrap().as_str(), good);
    }
    for bad in ["", "a\nb", "\u{7f}", "ä", &format!("{longest}v")] {
        assert_eq!(Version::parse(bad), None, "{bad:?}");
    }
}

#[tokio::test]
async fn who_watches_is_woken_by_later_changes_only() {
    let version = |text: &str| Version::parse(text).unwrap();
    let broadcasts = Broadcasts::new(BTreeMap::from([(id("a/b"), version("1"))]));
    broadcasts.follow(id("a/c"), Some(version("1")));
    let mut watch = broadcasts.watch();
    assert!(!watch.has_changed().unwrap());

    broadcasts.follow(id("a/b"), Some(version("2")));
    broadcasts.follow(id("a/c"), None);
    watch.changed().await.unwrap();
    assert!(!watch.has_changed().unwrap());
    assert_eq!(broadcasts.all(), BTreeMap::from([(id("a/b"), version("2"))]));
    assert_eq!(broadcasts.find(&id("a/b")), Some((id("a/b"), version("2"))));
    assert_eq!(broadcasts.find(&id("a/c")), None);
}
