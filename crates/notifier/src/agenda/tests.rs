use store::{
    AccountId, CredentialId, CursorsElsewhere, ModSeq, PushAttempts, PushKind, PushSubscriptionId, UnixTime,
};

use super::*;

const NOW: i64 = 1_000;

fn active() -> PushSubscription {
    PushSubscription {
        id: PushSubscriptionId(1),
        account: AccountId(1),
        credential: CredentialId(1),
        kind: PushKind::ImapWebPush,
        client_id: "phone".to_owned(),
        name: String::new(),
        endpoint: "https://push.example.net/1".to_owned(),
        public_key: Vec::new(),
        auth: Vec::new(),
        enabled: Vec::new(),
        state: PushState::Active { vapid_key: "key".to_owned() },
        updated_at: UnixTime(0),
        silenced_until: None,
        cursor: ModSeq(1),
        elsewhere: CursorsElsewhere::default(),
        silenced_at: None,
        vapid_notice: None,
        request: String::new(),
        device: String::new(),
        code: String::new(),
        expires_at: None,
        attempts: PushAttempts::default(),
    }
}

fn pending(expires_at: i64, sent: bool) -> PushState {
    PushState::Pending {
        token: "token".to_owned(),
        expires_at: UnixTime(expires_at),
        sent,
        vapid_key: String::new(),
    }
}

fn situation() -> Situation {
    Situation {
        now: Now { tick: Tick(50_000), unix: UnixTime(NOW) },
        session_silent: false,
        key_at_hand: true,
        detail: Detail::Full,
    }
}

fn tell(detail: Detail, ends_silence: bool) -> Agenda {
    Agenda::Tell { detail, ends_silence, notice: None }
}

type Case = (&'static str, fn(&mut PushSubscription, &mut Situation), Agenda);

#[test]
fn each_state_of_a_subscription_needs_exactly_one_thing() {
    let verify = || Agenda::Verify { token: "token".to_owned() };
    let cases: [Case; 19] = [
        ("active", |_, _| (), tell(Detail::Full, false)),
        ("found too large before", |_, s| s.detail = Detail::Summary, tell(Detail::Summary, false)),
        ("inactive", |p, _| p.state = PushState::Inactive, Agenda::Nothing),
        ("token unsent", |p, _| p.state = pending(NOW + 1, false), verify()),
        ("token sent", |p, _| p.state = pending(NOW + 1, true), Agenda::Nothing),
        ("token expired unsent", |p, _| p.state = pending(NOW, false), Agenda::Deactivate),
        (
            "token waits for its retry",
            |p, _| {
                p.state = pending(NOW + 600, false);
                p.attempts.next_attempt_at = Some(UnixTime(NOW + 30));
            },
            Agenda::Wait(Tick(80_000)),
        ),
        (
            "a token is sent although a connection lives",
            |p, s| {
                p.state = pending(NOW + 600, false);
                s.session_silent = true;
            },
            verify(),
        ),
        ("not ended yet", |p, _| p.expires_at = Some(UnixTime(NOW + 1)), tell(Detail::Full, false)),
        ("ended", |p, _| p.expires_at = Some(UnixTime(NOW)), Agenda::Deactivate),
        ("its key is gone", |_, s| s.key_at_hand = false, Agenda::Deactivate),
        ("silent for the session", |_, s| s.session_silent = true, Agenda::Nothing),
        ("silent until", |p, _| p.silenced_until = Some(UnixTime(NOW + 10)), Agenda::Wait(Tick(60_000))),
        ("silence over", |p, _| p.silenced_until = Some(UnixTime(NOW)), tell(Detail::Summary, true)),
        ("silence ended by hand", |p, _| p.silenced_at = Some(ModSeq(5)), tell(Detail::Summary, true)),
        (
            "waits for a retry",
            |p, _| p.attempts.next_attempt_at = Some(UnixTime(NOW + 1)),
            Agenda::Wait(Tick(51_000)),
        ),
        (
            "waits for the later of retry and silence",
            |p, _| {
                p.attempts.next_attempt_at = Some(UnixTime(NOW + 20));
                p.silenced_until = Some(UnixTime(NOW + 10));
            },
            Agenda::Wait(Tick(70_000)),
        ),
        (
            "a retry whose time has come",
            |p, _| p.attempts.next_attempt_at = Some(UnixTime(NOW)),
            tell(Detail::Full, false),
        ),
        (
            "a new VAPID key to tell of",
            |p, _| p.vapid_notice = Some("new".to_owned()),
            Agenda::Tell { detail: Detail::Full, ends_silence: false, notice: Some("new".to_owned()) },
        ),
    ];
    for (what, alter, expected) in cases {
        let (mut subscription, mut situation) = (active(), situation());
        alter(&mut subscription, &mut situation);
        assert_eq!(agenda(&subscription, &situation), expected, "{what}");
    }
}

#[test]
fn a_token_is_not_printed() {
    assert_eq!(format!("{:?}", Agenda::Verify { token: "secret".to_owned() }), "Verify");
}
