use store::{AccountId, CredentialId, CursorsElsewhere, ModSeq, PushAttempts, PushSubscriptionId};

use super::*;

const NOW: UnixTime = UnixTime(1_700_000_000);

fn listed(attempts: PushAttempts, name: &str, silenced_until: Option<UnixTime>) -> (String, String) {
    let account = Account {
        id: AccountId(1),
        name: "alice".to_owned(),
        aliases: Vec::new(),
        created_at: NOW,
        modseq: ModSeq(9),
        used_bytes: 0,
        quota_bytes: None,
    };
    let subscription = PushSubscription {
        id: PushSubscriptionId(1),
        account: AccountId(1),
        credential: CredentialId(1),
        kind: PushKind::ImapWebPush,
        client_id: "phone-7f3a".to_owned(),
        name: name.to_owned(),
        endpoint: "https://push.example/secret".to_owned(),
        public_key: Vec::new(),
        auth: Vec::new(),
        enabled: Vec::new(),
        state: PushState::Active { vapid_key: String::new() },
        updated_at: NOW,
        silenced_until,
        cursor: ModSeq(7),
        elsewhere: CursorsElsewhere::default(),
        silenced_at: None,
        vapid_notice: None,
        request: String::new(),
        device: String::new(),
        code: String::new(),
        expires_at: None,
        attempts,
    };
    (as_text(&account, &subscription, NOW), as_json(&account, &subscription))
}

#[test]
fn a_line_says_what_went_well_and_what_did_not() {
    let at = |seconds| Some(UnixTime(NOW.0 + seconds));
    let taken = PushAttempts {
        last_push_at: at(-60),
        last_answer: Some("201".to_owned()),
        last_answer_at: at(-60),
        ..PushAttempts::default()
    };
    let failing = PushAttempts {
        failures: 3,
        next_attempt_at: at(60),
        last_answer: Some("timeout".to_owned()),
        last_answer_at: at(0),
        ..taken.clone()
    };
    let cases = [
        (PushAttempts::default(), "", None, "last push never"),
        (taken.clone(), "", at(-1), "last push Tue, 14 Nov 2023 22:12:20 GMT, last answer 201"),
        (
            failing,
            "Phone",
            at(3600),
            "last push Tue, 14 Nov 2023 22:12:20 GMT, last answer timeout Tue, 14 Nov 2023 22:13:20 GMT, \
             3 failures in a row, next attempt Tue, 14 Nov 2023 22:14:20 GMT, \
             silent until Tue, 14 Nov 2023 23:13:20 GMT, called Phone",
        ),
    ];
    for (attempts, name, silenced_until, expected) in cases {
        let (text, _) = listed(attempts, name, silenced_until);
        let (head, rest) = text.split_at(text.find("last push").unwrap());
        assert_eq!(
            head.split_whitespace().collect::<Vec<_>>(),
            ["alice", "webpush", "phone-7f3a", "active", "https://push.example"]
        );
        assert_eq!(rest, expected);
    }
}

#[test]
fn json_has_every_fact_and_no_endpoint() {
    let attempts = PushAttempts {
        failures: 1,
        next_attempt_at: Some(UnixTime(5)),
        last_push_at: Some(UnixTime(3)),
        last_answer: Some("429".to_owned()),
        last_answer_at: Some(UnixTime(4)),
    };
    let (_, json) = listed(attempts, "Phone", None);
    assert!(!json.contains("secret"), "{json}");
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let facts = ["last_push_at", "last_answer_at", "next_attempt_at", "failures", "behind"];
    assert_eq!(facts.map(|fact| value[fact].as_i64()), [3, 4, 5, 1, 2].map(Some));
    assert_eq!((&value["name"], &value["last_answer"]), (&"Phone".into(), &"429".into()));
}
