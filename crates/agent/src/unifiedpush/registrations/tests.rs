use super::*;

const KEY: &str = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";

fn request(service: &str, token: &str) -> Request {
    Request::parse(Version::Two, [service, token, "what for"], Some(KEY)).unwrap()
}

#[test]
fn registrations_survive_a_restart_and_keep_their_subscription() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("unifiedpush.json");
    let mut registrations = Registrations::load(&path).unwrap();
    let first = registrations.put(&request("org.example.App", "t1")).unwrap();
    let other = registrations.put(&request("org.example.App", "t2")).unwrap();
    assert_ne!(first.subscription, other.subscription);
    assert!(first.subscription.starts_with("org.example.App-"));
    let mut again = Registrations::load(&path).unwrap();
    assert_eq!(again.put(&request("org.example.App", "t1")).unwrap().subscription, first.subscription);
    assert_eq!(again.remove("t1").unwrap().unwrap().subscription, first.subscription);
    assert!(again.remove("t1").unwrap().is_none());
    let left: Vec<String> =
        Registrations::load(&path).unwrap().iter().map(|(token, _)| token.clone()).collect();
    assert_eq!(left, ["t2"]);
}

#[test]
fn a_token_belongs_to_the_application_that_registered_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut registrations = Registrations::load(&dir.path().join("r")).unwrap();
    registrations.put(&request("org.example.App", "t1")).unwrap();
    assert_eq!(registrations.put(&request("org.example.Other", "t1")).err(), Some(Refusal::Unauthorized));
}

#[test]
fn what_could_not_be_kept_is_not_taken_for_known() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r");
    let mut registrations = Registrations::load(&path).unwrap();
    let kept = registrations.put(&request("org.example.App", "t1")).unwrap();
    // A directory in the way of the new file: nothing can be written.
    let obstacle = path.with_extension("new");
    std::fs::create_dir(&obstacle).unwrap();
    for _ in 0..2 {
        let refused = registrations.put(&request("org.example.App", "t2")).err();
        assert_eq!(refused, Some(Refusal::InternalError));
        assert!(registrations.remove("t1").is_err());
    }
    std::fs::remove_dir(&obstacle).unwrap();
    registrations.put(&request("org.example.App", "t2")).unwrap();
    assert!(registrations.remove("t1").unwrap() == Some(kept));
    let left: Vec<String> =
        Registrations::load(&path).unwrap().iter().map(|(token, _)| token.clone()).collect();
    assert_eq!(left, ["t2"]);
}

#[test]
fn there_is_a_limit_on_registrations() {
    let dir = tempfile::tempdir().unwrap();
    let mut registrations = Registrations::load(&dir.path().join("r")).unwrap();
    let one = registrations.put(&request("org.example.App", "t")).unwrap();
    for number in 1..REGISTRATIONS_MAX {
        registrations.by_token.insert(format!("t{number}"), one.clone());
    }
    assert_eq!(
        registrations.put(&request("org.example.App", "one more")).err(),
        Some(Refusal::ActionRequired)
    );
    registrations.put(&request("org.example.App", "t")).unwrap();
}

#[test]
fn what_breaks_the_specification_is_refused() {
    let long = "x".repeat(101);
    let cases = [
        (["org.example.App", "t", ""], None, true),
        (["org.example.App", "t", ""], Some(""), true),
        (["org.example.App", "t", long.as_str()], Some(KEY), true),
        (["org.example.App", "", ""], None, false),
        (["org.example.App", long.as_str(), ""], None, false),
        (["nodots", "t", ""], None, false),
        ([":1.5", "t", ""], None, false),
        (["", "t", ""], None, false),
        (["org.example.App", "t", ""], Some("BP4"), false),
    ];
    for (words, vapid, is_good) in cases {
        let parsed = Request::parse(Version::One, words, vapid);
        assert_eq!(parsed.as_ref().err(), (!is_good).then_some(&Refusal::InternalError), "{words:?}");
    }
}

#[test]
fn a_damaged_file_is_an_error_and_not_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r");
    std::fs::write(&path, "{").unwrap();
    assert!(Registrations::load(&path).is_err());
}
