use std::os::unix::fs::PermissionsExt;

use super::*;

fn state() -> State {
    let subscription = StoredSubscription {
        channel: "c".into(),
        application_server_key: Some("k".into()),
        endpoint: "https://push.example/wpush/secret".into(),
        private_key: "p".into(),
        auth_secret: "a".into(),
        form: Form::Ciphertext,
    };
    State {
        instance: "00c0ffee".into(),
        service: "wss://push.example/".into(),
        uaid: Some("u".into()),
        subscriptions: BTreeMap::from([("alice".into(), subscription)]),
    }
}

#[test]
fn a_state_comes_back_from_a_private_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.json");
    let store = StateStore::file(&path);
    assert_eq!(store.load().unwrap(), State::default());
    for _ in 0..2 {
        store.save(&state()).unwrap();
        assert_eq!(store.load().unwrap(), state());
    }
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_state_from_before_there_were_forms_is_one_of_cleartext() {
    let text = r#"{"service":"s","uaid":null,"subscriptions":{"alice":{"channel":"c","application_server_key":null,
        "endpoint":"e","private_key":"p","auth_secret":"a"}}}"#;
    let state: State = serde_json::from_str(text).unwrap();
    assert_eq!(state.subscriptions["alice"].form, Form::Cleartext);
}

#[test]
fn a_damaged_or_oversized_file_is_an_error_and_not_an_empty_state() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.json");
    std::fs::write(&path, r#"{"service":"#).unwrap();
    assert!(matches!(StateStore::file(&path).load(), Err(StateError::Damaged { .. })));
    std::fs::write(&path, vec![b' '; 17 << 20]).unwrap();
    assert!(matches!(StateStore::file(&path).load(), Err(StateError::File { .. })));
}

#[test]
fn a_state_does_not_print_its_secrets() {
    assert_eq!(format!("{:?}", state()), "State { subscriptions: 1, .. }");
}

#[test]
fn a_state_in_memory_is_forgotten() {
    StateStore::Memory.save(&state()).unwrap();
    assert_eq!(StateStore::Memory.load().unwrap(), State::default());
}

#[test]
fn what_belongs_to_another_service_is_left_behind() {
    assert_eq!(state().for_service("wss://push.example/"), state());
    let moved = state().for_service("wss://other.example/");
    assert_eq!((moved.instance.as_str(), moved.uaid, moved.subscriptions.len()), ("00c0ffee", None, 0));
    assert_eq!(State::default().for_service("wss://push.example/").instance.len(), 8);
}
