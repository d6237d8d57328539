use webpush::vapid::key::SigningKey;

use super::*;

const NOW: UnixTime = UnixTime(1_000_000);

fn registrar() -> Registrar {
    let keys = VapidKeys::new(SigningKey::generate().expect("a key"), []);
    let policy = Policy { allow_addresses: Vec::new(), allow_http: false, own_service: None, contact: None };
    let limits = RegistrarLimits {
        commands_per_minute: 3,
        tokens_per_host: 3,
        tokens_per_account: 2,
        subscriptions_per_account: 5,
    };
    Registrar::new(Handle::new(), keys, policy, limits)
}

fn endpoint(host: &str) -> Url {
    Url::parse(&format!("https://{host}/abc")).expect("a URL")
}

fn later(seconds: i64) -> UnixTime {
    UnixTime(NOW.0 + seconds)
}

#[test]
fn an_account_may_send_so_many_commands_in_a_minute() {
    let registrar = registrar();
    let admit = |account, host: &str, now| registrar.admit(AccountId(account), &endpoint(host), now);
    for host in ["a.example", "b.example", "c.example"] {
        assert_eq!(admit(1, host, NOW), Ok(()));
    }
    assert_eq!(admit(1, "d.example", later(59)), Err(TooMany::Commands));
    assert_eq!(admit(2, "d.example", later(59)), Ok(()), "another account");
    assert_eq!(admit(1, "d.example", later(60)), Ok(()), "a minute later");
}

type Case = (&'static str, fn(&Registrar), i64, bool);

#[test]
fn tokens_to_one_host_count_until_they_are_acknowledged_given_up_or_expired() {
    let cases: [Case; 4] = [
        ("under way", |_| (), 1, false),
        ("one acknowledged", |r| r.acknowledged(PushSubscriptionId(0)), 1, true),
        ("of another subscription", |r| r.acknowledged(PushSubscriptionId(7)), 1, false),
        ("expired", |_| (), TOKEN_SECONDS, true),
    ];
    for (what, change, after, admitted) in cases {
        let registrar = registrar();
        for account in 0..3 {
            registrar.admit(AccountId(account), &endpoint("push.example"), NOW).expect("admitted");
            registrar.pushed(AccountId(account), &endpoint("push.example"), PushSubscriptionId(account));
        }
        change(&registrar);
        let result = registrar.admit(AccountId(9), &endpoint("PUSH.example"), later(after));
        assert_eq!(result.is_ok(), admitted, "{what}");
    }
}

#[test]
fn a_command_that_pushes_no_token_leaves_room_for_others() {
    let registrar = registrar();
    for account in 0..5 {
        assert_eq!(registrar.admit(AccountId(account), &endpoint("push.example"), NOW), Ok(()));
        registrar.not_pushed(AccountId(account), &endpoint("push.example"));
    }
}

#[test]
fn no_account_can_keep_the_others_from_registering_at_a_host() {
    let registrar = registrar();
    let admit = |account| registrar.admit(AccountId(account), &endpoint("push.example"), NOW);
    assert_eq!((admit(1), admit(1)), (Ok(()), Ok(())));
    assert_eq!(admit(1), Err(TooMany::Tokens));
    assert_eq!(admit(2), Ok(()), "another account");
    assert_eq!(admit(3), Err(TooMany::Tokens), "of all accounts together there are enough");
}
