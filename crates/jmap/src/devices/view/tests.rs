use store::{
    AccountId, CredentialId, CredentialKind, CursorsElsewhere, ModSeq, PushAttempts, PushSubscriptionId,
};

use super::*;

/// 2023-11-14T22:13:20Z
const NOW: UnixTime = UnixTime(1_700_000_000);

fn subscription() -> PushSubscription {
    PushSubscription {
        id: PushSubscriptionId(7),
        account: AccountId(1),
        credential: CredentialId(2),
        kind: PushKind::ImapWebPush,
        client_id: "phone-7f3a".to_owned(),
        name: String::new(),
        endpoint: "https://push.example:8443/secret?of=alice".to_owned(),
        public_key: vec![4; 65],
        auth: vec![9; 16],
        enabled: Vec::new(),
        state: PushState::Active { vapid_key: "a key".to_owned() },
        updated_at: NOW,
        silenced_until: None,
        cursor: ModSeq(1),
        elsewhere: CursorsElsewhere::default(),
        silenced_at: None,
        vapid_notice: None,
        request: "request".to_owned(),
        device: String::new(),
        code: String::new(),
        expires_at: None,
        attempts: PushAttempts::default(),
    }
}

fn shown(subscription: &PushSubscription) -> Value {
    let credential = Credential {
        id: CredentialId(2),
        kind: CredentialKind::App,
        name: "phone".to_owned(),
        created_at: NOW,
        last_used_at: None,
    };
    device(subscription, &[credential], NOW)
}

#[test]
fn a_device_is_shown_without_what_its_client_keeps_secret() {
    let pending = PushState::Pending {
        token: "token".to_owned(),
        expires_at: NOW,
        sent: true,
        vapid_key: String::new(),
    };
    for state in [subscription().state, pending, PushState::Inactive] {
        let device = shown(&PushSubscription { state, ..subscription() });
        assert_eq!(device["id"], "D7");
        assert_eq!(device["pushService"], "https://push.example:8443");
        assert_eq!((&device["credential"], &device["clientId"]), (&json!("phone"), &json!("phone-7f3a")));
        assert_eq!(device["updatedAt"], "2023-11-14T22:13:20Z");
        let text = device.to_string();
        for secret in ["secret", "alice", "token", "a key", "request", "9,9", "4,4"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

#[test]
fn times_that_have_passed_hold_nothing_up() {
    for (seconds, expected) in [(-1, Value::Null), (0, Value::Null), (60, json!("2023-11-14T22:14:20Z"))] {
        let time = Some(UnixTime(NOW.0 + seconds));
        let attempts = PushAttempts { next_attempt_at: time, last_push_at: Some(NOW), ..Default::default() };
        let device = shown(&PushSubscription { silenced_until: time, attempts, ..subscription() });
        assert_eq!((&device["silentUntil"], &device["nextAttemptAt"]), (&expected, &expected), "{seconds}");
        assert_eq!(device["lastPushAt"], "2023-11-14T22:13:20Z");
    }
}

#[test]
fn an_answer_has_one_word_for_everybody_and_its_status_for_whose_endpoint_it_is() {
    let cases = [
        ("201", "accepted", json!(201)),
        ("429", "busy", json!(429)),
        ("503", "busy", json!(503)),
        ("deferred", "busy", Value::Null),
        ("410", "refused", json!(410)),
        ("302", "unreachable", json!(302)),
        ("timeout", "unreachable", Value::Null),
        ("refused", "unreachable", Value::Null),
    ];
    for (said, outcome, status) in cases {
        let attempts = PushAttempts {
            last_answer: Some(said.to_owned()),
            last_answer_at: Some(NOW),
            ..PushAttempts::default()
        };
        let active = PushSubscription { attempts: attempts.clone(), ..subscription() };
        let at = "2023-11-14T22:13:20Z";
        let full = json!({ "outcome": outcome, "status": status, "text": said, "at": at });
        assert_eq!(shown(&active)["lastAnswer"], full);
        let unproven = PushSubscription { state: PushState::Inactive, attempts, ..subscription() };
        let word = json!({ "outcome": outcome, "status": null, "text": null, "at": at });
        assert_eq!(shown(&unproven)["lastAnswer"], word);
    }
    assert_eq!(shown(&subscription())["lastAnswer"], Value::Null);
}

#[test]
fn a_name_and_an_id_are_shown_where_there_are_any() {
    let named = PushSubscription { name: "Phone".to_owned(), kind: PushKind::Apple, ..subscription() };
    let device = shown(&named);
    assert_eq!((&device["name"], &device["clientId"]), (&json!("Phone"), &Value::Null));
    assert_eq!(shown(&subscription())["name"], Value::Null);
}
